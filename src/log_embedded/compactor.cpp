#include "log_embedded/compactor.hpp"

#include <limits>

#include <tidemill/base/assert.hpp>

#include "base/crash_point.hpp"

namespace tidemill::embedded {
namespace {

constexpr std::size_t kWriteBytes = std::size_t{1} << 20;
/// The new file is synced every so many bytes, so that no commit waits behind a large one.
constexpr std::uint64_t kSyncEveryBytes = std::uint64_t{8} << 20;

std::string with_suffix(const Segment& segment, std::string_view suffix) {
  return segment.path.substr(0, segment.path.rfind('.')) + std::string(suffix);
}

Error stopped() { return Error{ErrorKind::kClosed, "compaction was stopped"}; }

struct Whole {
  std::uint64_t position = 0;
  BatchHeader header;
  std::shared_ptr<const Bytes> bytes;
};

/// The next batch of the segment, its checksum verified; nullopt: that was the last one.
Result<std::optional<Whole>> next_batch(SegmentScan& scan, const Segment& segment) {
  TIDEMILL_ASSIGN(const std::optional<BatchHeader> header, scan.next());
  if (!header) {
    if (scan.position() == segment.bytes) return std::optional<Whole>();
    return damaged(segment.path, scan.position(), "its header is not one");
  }
  TIDEMILL_ASSIGN(const BytesView bytes, scan.batch());
  if (auto checked = check_batch_crc(*header, bytes); !checked) {
    return damaged(segment.path, scan.position(), checked.error().message);
  }
  return std::optional<Whole>(Whole{scan.position(), *header, std::make_shared<const Bytes>(bytes)});
}

}  // namespace

/// The file that a group is written to, with a bounded buffer in front.
class Compactor::Output {
 public:
  Output(Storage& storage, std::string path, Segment& segment) : storage_(storage), path_(std::move(path)), segment_(segment) {}
  ~Output() {
    if (segment_.file && !finished_) (void)storage_.remove(path_).has_value();
  }
  [[nodiscard]] bool is_open() const { return segment_.file != nullptr; }
  Result<void> open() {
    TIDEMILL_ASSIGN(std::unique_ptr<File> file, storage_.open(path_, OpenMode::kTruncate));
    segment_.file = std::move(file);
    return {};
  }
  Result<void> add(const BatchHeader& header, BytesView bytes) {
    segment_.added(header);
    buffer_ += bytes;
    return buffer_.size() < kWriteBytes ? Result<void>() : flush();
  }
  /// The segment's first batches, as they are.
  Result<void> copy(const Segment& from, std::uint64_t to) {
    SegmentScan scan(*from.file, 0, to);
    while (true) {
      TIDEMILL_ASSIGN(const std::optional<BatchHeader> header, scan.next());
      if (!header) return {};
      TIDEMILL_ASSIGN(const BytesView bytes, scan.batch());
      TIDEMILL_TRY(add(*header, bytes));
    }
  }
  Result<void> finish() {
    TIDEMILL_TRY(flush());
    TIDEMILL_TRY(segment_.file->sync());
    finished_ = true;
    return {};
  }

 private:
  Result<void> flush() {
    TIDEMILL_TRY(segment_.file->write_at(segment_.bytes - buffer_.size(), buffer_));
    unsynced_ += buffer_.size();
    buffer_.clear();
    if (unsynced_ < kSyncEveryBytes) return {};
    unsynced_ = 0;
    return segment_.file->sync();
  }
  Storage& storage_;
  std::string path_;
  Segment& segment_;
  Bytes buffer_;
  std::uint64_t unsynced_ = 0;
  bool finished_ = false;
};

Compactor::Compactor(Storage& storage, OpenFiles& files, CompactionInput input, std::size_t key_bytes_max,
                     const std::atomic<bool>& stop)
    : storage_(storage),
      files_(files),
      input_(std::move(input)),
      stop_(stop),
      keys_(key_bytes_max),
      filter_(keys_, input_.aborted, input_.rules) {}

Offset Compactor::end_of(std::size_t segment) const {
  return segment + 1 < input_.segments.size() ? input_.segments[segment + 1].base : input_.end;
}

Result<Offset> Compactor::read_keys() {
  for (std::size_t i = 0; i < input_.segments.size() && !keys_.full(); ++i) {
    const Segment& segment = input_.segments[i];
    if (end_of(i) <= input_.cleaned) continue;
    TIDEMILL_ASSIGN(const std::uint64_t from, segment.position_of(input_.cleaned));
    SegmentScan scan(*segment.file, from, segment.bytes);
    while (!keys_.full()) {
      if (stop_) return stopped();
      TIDEMILL_ASSIGN(const std::optional<Whole> batch, next_batch(scan, segment));
      if (!batch) break;
      keys_.set_end(batch->header.last_offset() + 1);
      if (batch->header.control() || (batch->header.transactional() && input_.aborted.contains(batch->header))) continue;
      TIDEMILL_ASSIGN(const RecordBatchPtr records, decode_batch(batch->bytes, 0, input_.partition));
      for (const LogRecord& record : records->records) {
        if (record.key && record.offset >= input_.cleaned) keys_.put(*record.key, record.offset);
      }
    }
  }
  return keys_.end();
}

// Kafka's rule: as many neighbours as fit into one segment by what they have now.
std::size_t Compactor::group_end(std::size_t first) const {
  std::uint64_t bytes = 0;
  std::size_t end = first;
  for (; end < input_.segments.size() && input_.segments[end].base < keys_.end(); ++end) {
    bytes += input_.segments[end].bytes;
    const bool too_wide = end_of(end) - input_.segments[first].base > std::numeric_limits<std::int32_t>::max();
    if (end > first && (bytes > input_.segment_bytes || too_wide)) break;
  }
  return end;
}

Result<std::optional<CompactedSegment>> Compactor::next() {
  while (next_ < input_.segments.size() && input_.segments[next_].base < keys_.end()) {
    const std::size_t first = next_;
    next_ = group_end(first);
    TIDEMILL_ASSIGN(std::optional<CompactedSegment> compacted, write_group(first, next_));
    if (compacted) return compacted;
  }
  return std::optional<CompactedSegment>();
}

Result<std::optional<CompactedSegment>> Compactor::write_group(std::size_t first, std::size_t behind) {
  CompactedSegment result;
  result.segment.base = input_.segments[first].base;
  result.segment.path = input_.segments[first].path;
  result.end = end_of(behind - 1);
  Output output(storage_, with_suffix(result.segment, kCleanedSuffix), result.segment);
  // Several segments become one in any case; one is written only when something in it changes.
  if (behind - first > 1) TIDEMILL_TRY(output.open());
  for (std::size_t i = first; i < behind; ++i) {
    result.replaced.push_back(input_.segments[i].path);
    result.bytes_before += input_.segments[i].bytes;
    TIDEMILL_TRY(filter_segment(input_.segments[i], i + 1 == behind, output));
  }
  if (!output.is_open()) return std::optional<CompactedSegment>();
  TIDEMILL_TRY(output.finish());
  TIDEMILL_CRASH_POINT("compaction.cleaned");
  return std::optional<CompactedSegment>(std::move(result));
}

Result<void> Compactor::filter_segment(const Segment& segment, bool last_of_group, Output& output) {
  using Fate = CompactionFilter::Verdict::Fate;
  SegmentScan scan(*segment.file, 0, segment.bytes);
  TIDEMILL_ASSIGN(std::optional<Whole> batch, next_batch(scan, segment));
  while (batch) {
    if (stop_) return stopped();
    TIDEMILL_ASSIGN(std::optional<Whole> following, next_batch(scan, segment));
    TIDEMILL_ASSIGN(const CompactionFilter::Verdict verdict,
                    filter_.judge(batch->header, batch->bytes, last_of_group && !following));
    if (!output.is_open() && verdict.fate != Fate::kKept) {
      TIDEMILL_TRY(output.open());
      TIDEMILL_TRY(output.copy(segment, batch->position));
    }
    if (output.is_open() && verdict.fate == Fate::kKept) TIDEMILL_TRY(output.add(batch->header, *batch->bytes));
    if (verdict.fate == Fate::kRewritten) {
      TIDEMILL_ASSIGN(const std::optional<BatchHeader> header, read_batch_header(verdict.rewritten));
      TIDEMILL_ASSERT(header && header->last_offset() == batch->header.last_offset());
      TIDEMILL_TRY(output.add(*header, verdict.rewritten));
    }
    batch = std::move(following);
  }
  return {};
}

Result<void> Compactor::install(CompactedSegment& compacted) {
  const Segment& segment = compacted.segment;
  const std::string cleaned = with_suffix(segment, kCleanedSuffix);
  const std::string swap = with_suffix(segment, kSwapSuffix);
  const bool one = compacted.replaced.size() == 1;  // then one renaming does it
  if (auto renamed = storage_.rename(cleaned, one ? segment.path : swap); !renamed) {
    discard(compacted);
    return renamed;
  }
  half_installed_ = true;
  TIDEMILL_TRY(storage_.sync_directory(input_.directory));
  if (!one) {
    TIDEMILL_CRASH_POINT("compaction.swap_named");
    for (std::size_t i = compacted.replaced.size() - 1; i > 0; --i) TIDEMILL_TRY(storage_.remove(compacted.replaced[i]));
    TIDEMILL_TRY(storage_.sync_directory(input_.directory));
    TIDEMILL_CRASH_POINT("compaction.old_removed");
    TIDEMILL_TRY(storage_.rename(swap, segment.path));
    TIDEMILL_TRY(storage_.sync_directory(input_.directory));
  }
  TIDEMILL_CRASH_POINT("compaction.swapped");
  TIDEMILL_ASSIGN(compacted.segment.file, files_.open(segment.path, OpenMode::kReadWrite));
  half_installed_ = false;
  return {};
}

void Compactor::discard(const CompactedSegment& compacted) {
  (void)storage_.remove(with_suffix(compacted.segment, kCleanedSuffix)).has_value();
}

}  // namespace tidemill::embedded
