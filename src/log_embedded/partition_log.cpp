#include "log_embedded/partition_log.hpp"

#include <algorithm>
#include <cstdio>

#include <tidemill/base/assert.hpp>

#include "base/crash_point.hpp"

namespace tidemill::embedded {
namespace {

constexpr std::uint64_t kIndexEveryBytes = 64 * 1024;

std::string segment_name(Offset base) {
  char name[32];
  std::snprintf(name, sizeof name, "%020lld.log", static_cast<long long>(base.value));
  return name;
}

Result<void> write_again(File& file, std::uint64_t from, std::uint64_t to) {
  constexpr std::uint64_t kChunkBytes = std::uint64_t{1} << 20;
  Bytes chunk;
  for (std::uint64_t at = from; at < to; at += chunk.size()) {
    TIDEMILL_TRY(file.read_at(at, std::min(kChunkBytes, to - at), chunk));
    if (chunk.empty()) return Error{ErrorKind::kIo, "a segment became shorter while it was read"};
    TIDEMILL_TRY(file.write_at(at, chunk));
  }
  return {};
}

}  // namespace

PartitionLog::PartitionLog(Storage& storage, TopicPartition partition, Options options)
    : storage_(storage), partition_(std::make_shared<const TopicPartition>(std::move(partition))),
      directory_("topics/" + to_string(*partition_)), options_(options) {}

Result<void> PartitionLog::recover(Offset log_start, Offset verify_from, Offset deleted_to) {
  TIDEMILL_TRY(storage_.create_directories(directory_));
  TIDEMILL_ASSIGN(const std::vector<std::string> names, storage_.list(directory_));
  log_start_ = end_ = journaled_ = durable_ = log_start;
  Bytes head;
  Bytes whole;
  bool ended = false;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string& name = names[i];
    if (!name.ends_with(".log")) continue;
    Segment segment;
    segment.base = Offset(std::atoll(name.c_str()));
    segment.path = directory_ + "/" + name;
    // One that was removed before may be back after a power failure, without its bytes.
    if (i + 1 < names.size() && names[i + 1].ends_with(".log") && Offset(std::atoll(names[i + 1].c_str())) <= log_start) {
      TIDEMILL_TRY(storage_.remove(segment.path));
      continue;
    }
    if (ended || (!segments_.empty() && segment.base != end_)) {  // behind what was lost
      TIDEMILL_TRY(storage_.remove(segment.path));
      continue;
    }
    TIDEMILL_ASSIGN(std::unique_ptr<File> file, storage_.open(segment.path, OpenMode::kReadWrite));
    segment.file = std::move(file);
    if (segments_.empty()) {
      if (segment.base > deleted_to) {
        return Error{ErrorKind::kCorruption, directory_ + ": the segment with offset " + std::to_string(deleted_to.value) +
                                                 " is missing; the first one is " + name + ": restore it from a copy"};
      }
      end_ = segment.base;
    }
    TIDEMILL_ASSIGN(const std::uint64_t size, segment.file->size());
    std::optional<std::uint64_t> unsure_from;
    while (segment.bytes < size) {
      if (end_ >= verify_from && !unsure_from) unsure_from = segment.bytes;
      TIDEMILL_TRY(segment.file->read_at(segment.bytes, kBatchHeaderBytes, head));
      auto header = read_batch_header(head);
      bool whole_and_valid = header.has_value() && header->has_value() && (*header)->base_offset >= end_ &&
                             segment.bytes + (*header)->total_bytes() <= size;
      const bool verify = end_ >= verify_from || (whole_and_valid && (*header)->control());
      if (whole_and_valid && verify) {
        TIDEMILL_TRY(segment.file->read_at(segment.bytes, (*header)->total_bytes(), whole));
        whole_and_valid = check_batch_crc(**header, whole).has_value();
      }
      if (!whole_and_valid) {
        if (end_ < verify_from) {
          return Error{ErrorKind::kCorruption, segment.path + ": the batch at byte " + std::to_string(segment.bytes) +
                                                   " (offset " + std::to_string(end_.value) +
                                                   ") is damaged, though it was committed: restore the file from a copy"};
        }
        ended = true;
        break;
      }
      if (segment.index.empty() || segment.bytes >= segment.index.back().second + kIndexEveryBytes) {
        segment.index.emplace_back((*header)->base_offset, segment.bytes);
      }
      segment.bytes += (*header)->total_bytes();
      segment.max_timestamp = std::max(segment.max_timestamp, (*header)->max_timestamp);
      apply(**header, (*header)->control() ? BytesView(whole) : BytesView());
    }
    if (segment.bytes < size) TIDEMILL_TRY(segment.file->truncate(segment.bytes));
    // What a dead process wrote may be in no more than the page cache, and after a failed sync the kernel takes it for clean:
    // it is written once more, and the next checkpoint syncs it.
    segment.dirty = end_ >= verify_from;
    if (unsure_from) TIDEMILL_TRY(write_again(*segment.file, *unsure_from, segment.bytes));
    segments_.push_back(std::move(segment));
  }
  if (log_start_ > end_) end_ = log_start_;
  leader_epoch_ = LeaderEpoch(0);
  return {};
}

// What a batch changes beside the bytes: the end, and which transactions are open or aborted.
void PartitionLog::apply(const BatchHeader& header, BytesView raw) {
  end_ = header.last_offset() + 1;
  if (epochs_.empty() || epochs_.back().first < header.leader_epoch) {
    epochs_.emplace_back(header.leader_epoch, header.base_offset);
  }
  if (!header.transactional()) return;
  if (!header.control()) {
    open_.try_emplace(header.producer_id, header.base_offset);
    return;
  }
  const auto open = open_.find(header.producer_id);
  if (open == open_.end()) return;
  const auto type = read_control_type(raw);
  if (!type || !*type) return;
  if (**type == ControlType::kAbort) aborted_[header.producer_id].push_back({open->second, header.last_offset()});
  open_.erase(open);
}

Offset PartitionLog::newer_than(LeaderEpoch epoch) const {
  for (const auto& [started, from] : epochs_) {
    if (started > epoch) return from;
  }
  return end_;
}

std::uint64_t PartitionLog::size_bytes() const {
  std::uint64_t bytes = 0;
  for (const Segment& segment : segments_) bytes += segment.bytes;
  return bytes;
}

Offset PartitionLog::last_stable() const {
  Offset stable = durable_;
  for (const auto& [producer, first] : open_) stable = std::min(stable, first);
  return std::max(stable, log_start_);
}

std::vector<std::int64_t> PartitionLog::open_producers() const {
  std::vector<std::int64_t> producers;
  for (const auto& [producer, first] : open_) producers.push_back(producer);
  return producers;
}

Result<PartitionLog::Segment*> PartitionLog::segment_for_append(std::size_t bytes) {
  if (!segments_.empty() &&
      (segments_.back().bytes == 0 ||
       segments_.back().bytes + bytes <= static_cast<std::uint64_t>(options_.segment_bytes))) {
    return &segments_.back();
  }
  TIDEMILL_CRASH_POINT("segment.roll");
  Segment segment;
  segment.base = end_;
  segment.path = directory_ + "/" + segment_name(end_);
  TIDEMILL_ASSIGN(std::unique_ptr<File> file, storage_.open(segment.path, OpenMode::kTruncate));
  segment.file = std::move(file);
  TIDEMILL_TRY(storage_.sync_directory(directory_));
  segments_.push_back(std::move(segment));
  TIDEMILL_CRASH_POINT("segment.rolled");
  return &segments_.back();
}

Result<void> PartitionLog::write(const BatchHeader& header, std::shared_ptr<const Bytes> raw) {
  TIDEMILL_ASSIGN(Segment * segment, segment_for_append(raw->size()));
  TIDEMILL_CRASH_POINT("segment.before_append");
  if (auto written = segment->file->write_at(segment->bytes, *raw); !written) {
    (void)segment->file->truncate(segment->bytes).has_value();  // the next append begins where this one should have
    return written.error();
  }
  TIDEMILL_CRASH_POINT("segment.appended");
  if (segment->index.empty() || segment->bytes >= segment->index.back().second + kIndexEveryBytes) {
    segment->index.emplace_back(header.base_offset, segment->bytes);
  }
  segment->bytes += raw->size();
  segment->max_timestamp = std::max(segment->max_timestamp, header.max_timestamp);
  segment->dirty = true;
  apply(header, *raw);
  unjournaled_.push_back(raw);
  remember({header, std::move(raw), nullptr});
  return {};
}

Result<Offset> PartitionLog::append(Bytes batch) {
  set_base_offset(batch, end_, leader_epoch_);
  TIDEMILL_ASSIGN(const std::optional<BatchHeader> header, read_batch_header(batch));
  TIDEMILL_ASSERT(header.has_value() && header->total_bytes() == batch.size());
  TIDEMILL_TRY(write(*header, std::make_shared<const Bytes>(std::move(batch))));
  return header->base_offset;
}

Result<void> PartitionLog::append_marker(ControlType type, std::int64_t producer_id, Timestamp now) {
  if (!open_.contains(producer_id)) return {};
  TIDEMILL_CRASH_POINT("segment.before_marker");
  TIDEMILL_TRY(append(make_control_batch(type, producer_id, 0, 0, now)));
  TIDEMILL_CRASH_POINT("segment.markers");
  return {};
}

void PartitionLog::remember(StoredBatch batch) {
  recent_bytes_ += batch.raw->size();
  recent_.push_back(std::move(batch));
  while (recent_bytes_ > options_.recent_bytes && recent_.size() > 1) {
    recent_bytes_ -= recent_.front().raw->size();
    recent_.pop_front();
  }
}

std::vector<std::shared_ptr<const Bytes>> PartitionLog::take_unjournaled() {
  journaled_ = end_;
  return std::exchange(unjournaled_, {});
}

Result<bool> PartitionLog::truncate(Offset end) {
  if (end_ <= end) return false;
  recent_.clear();
  recent_bytes_ = 0;
  unjournaled_.clear();
  while (!segments_.empty() && segments_.back().base >= end && segments_.size() > 1) {
    TIDEMILL_TRY(storage_.remove(segments_.back().path));
    segments_.pop_back();
  }
  open_.clear();
  aborted_.clear();
  epochs_.clear();
  // Walk what is left once more: which transactions are open depends on what was cut off.
  end_ = segments_.front().base;
  Bytes whole;
  for (Segment& segment : segments_) {
    std::uint64_t at = 0;
    while (at < segment.bytes) {
      TIDEMILL_TRY(segment.file->read_at(at, kBatchHeaderBytes, whole));
      TIDEMILL_ASSIGN(const std::optional<BatchHeader> header, read_batch_header(whole));
      if (!header || header->last_offset() >= end) break;
      if (header->control()) TIDEMILL_TRY(segment.file->read_at(at, header->total_bytes(), whole));
      apply(*header, whole);
      at += header->total_bytes();
    }
    if (at < segment.bytes) {
      TIDEMILL_TRY(segment.file->truncate(at));
      segment.bytes = at;
      std::erase_if(segment.index, [&](const auto& row) { return row.second >= at; });
    }
  }
  TIDEMILL_TRY(storage_.sync_directory(directory_));
  end_ = std::max(end_, log_start_);
  TIDEMILL_CRASH_POINT("recovery.truncated");
  return true;
}

Result<void> PartitionLog::restore(std::shared_ptr<const Bytes> batch) {
  TIDEMILL_ASSIGN(const std::optional<BatchHeader> header, read_batch_header(*batch));
  if (!header || header->total_bytes() != batch->size()) {
    return Error{ErrorKind::kCorruption, "journal: a batch of " + to_string(*partition_) + " is not whole"};
  }
  // A recovery that was interrupted may have written markers there.
  if (const Offset newer = newer_than(header->leader_epoch); newer <= header->last_offset()) TIDEMILL_TRY(truncate(newer));
  if (header->last_offset() < end_) return {};
  if (header->base_offset != end_) {
    return Error{ErrorKind::kCorruption, to_string(*partition_) + " ends at " + std::to_string(end_.value) +
                                             ", but the journal goes on at " + std::to_string(header->base_offset.value)};
  }
  return write(*header, std::move(batch));
}

void PartitionLog::delete_before(Offset offset) {
  log_start_ = std::max(log_start_, std::min(offset, end_));
  for (auto& [producer, ranges] : aborted_) {
    std::erase_if(ranges, [&](const AbortedRange& range) { return range.last < log_start_; });
  }
  std::erase_if(aborted_, [](const auto& entry) { return entry.second.empty(); });
}

Result<void> PartitionLog::remove_deleted() {
  while (segments_.size() > 1 && segments_[1].base <= log_start_) {
    TIDEMILL_TRY(storage_.remove(segments_.front().path));
    segments_.pop_front();
  }
  return {};
}

Result<void> PartitionLog::sync() {
  for (Segment& segment : segments_) {
    if (!segment.dirty) continue;
    TIDEMILL_TRY(segment.file->sync());
    segment.dirty = false;
  }
  return {};
}

Result<void> PartitionLog::remove_files() {
  segments_.clear();
  return storage_.remove_all(directory_);
}

bool PartitionLog::aborted(const BatchHeader& header) const {
  const auto ranges = aborted_.find(header.producer_id);
  if (ranges == aborted_.end()) return false;
  return std::any_of(ranges->second.begin(), ranges->second.end(), [&](const AbortedRange& range) {
    return range.first <= header.base_offset && header.base_offset <= range.last;
  });
}

PartitionLog::Visibility PartitionLog::visibility(const BatchHeader& header, const Reader& reader) const {
  const bool own = reader.own != nullptr && reader.own->contains(header.producer_id);
  if (reader.committed && !own) {
    if (header.last_offset() >= durable_) return Visibility::kStop;
    if (header.transactional() && !header.control()) {
      const auto open = open_.find(header.producer_id);
      if (open != open_.end() && open->second <= header.base_offset) return Visibility::kStop;
    }
    // A reader without a group stops at the first open transaction, whoever's the batch is: order is kept.
    if (reader.own == nullptr && header.last_offset() >= last_stable()) return Visibility::kStop;
  }
  if (header.control()) return Visibility::kSkip;
  if (reader.committed && header.transactional() && aborted(header)) return Visibility::kSkip;
  return Visibility::kShow;
}

std::optional<std::size_t> PartitionLog::recent_index(Offset offset) const {
  if (recent_.empty() || offset < recent_.front().header.base_offset) return std::nullopt;
  const auto found = std::partition_point(recent_.begin(), recent_.end(), [&](const StoredBatch& batch) {
    return batch.header.last_offset() < offset;
  });
  if (found == recent_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - recent_.begin());
}

Result<std::optional<StoredBatch>> PartitionLog::load(Offset offset) const {
  const auto behind = std::partition_point(segments_.begin(), segments_.end(),
                                           [&](const Segment& segment) { return segment.base <= offset; });
  for (auto segment = behind == segments_.begin() ? behind : behind - 1; segment != segments_.end(); ++segment) {
    const auto row = std::partition_point(segment->index.begin(), segment->index.end(),
                                          [&](const auto& entry) { return entry.first <= offset; });
    std::uint64_t at = row == segment->index.begin() ? 0 : (row - 1)->second;
    Bytes head;
    while (at < segment->bytes) {
      TIDEMILL_TRY(segment->file->read_at(at, kBatchHeaderBytes, head));
      TIDEMILL_ASSIGN(const std::optional<BatchHeader> header, read_batch_header(head));
      if (!header) break;
      if (header->last_offset() >= offset) {
        Bytes raw;
        TIDEMILL_TRY(segment->file->read_at(at, header->total_bytes(), raw));
        return std::optional<StoredBatch>(StoredBatch{*header, std::make_shared<const Bytes>(std::move(raw)), nullptr});
      }
      at += header->total_bytes();
    }
  }
  return std::optional<StoredBatch>();
}

Result<void> PartitionLog::read(Offset& position, const Reader& reader, std::size_t bytes_max,
                                std::vector<RecordBatchPtr>& out) {
  std::size_t bytes = 0;
  while (position < end_ && bytes < bytes_max) {
    StoredBatch loaded;
    StoredBatch* batch = nullptr;
    if (const auto index = recent_index(position)) {
      batch = &recent_[*index];
    } else {
      TIDEMILL_ASSIGN(std::optional<StoredBatch> found, load(position));
      if (!found) break;
      loaded = std::move(*found);
      batch = &loaded;
    }
    const Visibility seen = visibility(batch->header, reader);
    if (seen == Visibility::kStop) break;
    if (seen == Visibility::kShow) {
      if (!batch->decoded) {
        TIDEMILL_ASSIGN(batch->decoded, decode_batch(batch->raw, 0, partition_));
      }
      RecordBatchPtr records = batch->decoded;
      if (!records->records.empty() && records->records.front().offset < position) {
        auto tail = std::make_shared<RecordBatch>(*records);
        std::erase_if(tail->records, [&](const LogRecord& record) { return record.offset < position; });
        records = std::move(tail);
      }
      bytes += batch->header.total_bytes();
      if (!records->records.empty()) out.push_back(std::move(records));
    }
    position = batch->header.last_offset() + 1;
  }
  return {};
}

bool PartitionLog::readable(Offset position, const Reader& reader) const {
  if (position >= end_) return false;
  if (const auto index = recent_index(position)) {
    return visibility(recent_[*index].header, reader) != Visibility::kStop;
  }
  return !reader.committed || position < last_stable() || reader.own != nullptr;
}

Result<Offset> PartitionLog::offset_for_time(Timestamp timestamp) {
  for (Offset at = log_start_; at < end_;) {
    TIDEMILL_ASSIGN(std::optional<StoredBatch> batch, load(at));
    if (!batch) break;
    at = batch->header.last_offset() + 1;
    if (batch->header.control() || batch->header.max_timestamp < timestamp) continue;
    TIDEMILL_ASSIGN(const RecordBatchPtr records, decode_batch(batch->raw, 0, partition_));
    for (const LogRecord& record : records->records) {
      if (record.timestamp >= timestamp && record.offset >= log_start_) return record.offset;
    }
  }
  return end_;
}

std::optional<Timestamp> PartitionLog::oldest_segment_max_timestamp() const {
  if (segments_.size() < 2) return std::nullopt;
  return segments_.front().max_timestamp;
}
Offset PartitionLog::oldest_segment_end() const { return segments_.size() < 2 ? log_start_ : segments_[1].base; }

}  // namespace tidemill::embedded
