// How a PartitionLog finds what is in its directory, and how it is taken back to a commit.

#include <algorithm>

#include "base/crash_point.hpp"
#include "base/logging.hpp"
#include "log_embedded/partition_log.hpp"

namespace tidemill::embedded {
namespace {

Offset base_of(const std::string& name) { return Offset(std::atoll(name.c_str())); }

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

/// The offset behind the last batch of a file that must be whole.
Result<Offset> end_of_file(const File& file, const std::string& path, Offset base) {
  TIDEMILL_ASSIGN(const std::uint64_t size, file.size());
  SegmentScan scan(file, 0, size);
  Offset end = base;
  while (true) {
    TIDEMILL_ASSIGN(const std::optional<BatchHeader> header, scan.next());
    if (!header && scan.position() == size) return end;
    if (!header) return damaged(path, scan.position(), "its header is not one");
    end = header->last_offset() + 1;
  }
}

std::vector<std::string> with_suffix(std::vector<std::string> names, std::string_view suffix) {
  std::erase_if(names, [&](const std::string& name) { return !name.ends_with(suffix); });
  return names;
}

}  // namespace

// What an interrupted compaction left: an unfinished file is thrown away, a finished one takes its place.
Result<void> PartitionLog::finish_compactions() {
  TIDEMILL_ASSIGN(const std::vector<std::string> names, storage_.list(directory_));
  for (const std::string& name : with_suffix(names, kCleanedSuffix)) {
    TIDEMILL_TRY(storage_.remove(directory_ + "/" + name));
  }
  for (const std::string& name : with_suffix(names, kSwapSuffix)) {
    const std::string path = directory_ + "/" + name;
    const Offset base = base_of(name);
    TIDEMILL_ASSIGN(const std::unique_ptr<File> file, storage_.open(path, OpenMode::kRead));
    TIDEMILL_ASSIGN(const Offset end, end_of_file(*file, path, base));
    for (const std::string& other : with_suffix(names, ".log")) {
      if (base < base_of(other) && base_of(other) < end) TIDEMILL_TRY(storage_.remove(directory_ + "/" + other));
    }
    TIDEMILL_TRY(storage_.sync_directory(directory_));
    TIDEMILL_TRY(storage_.rename(path, directory_ + "/" + segment_name(base)));
    TIDEMILL_TRY(storage_.sync_directory(directory_));
    TIDEMILL_CRASH_POINT("recovery.compaction_finished");
  }
  return {};
}

Result<void> PartitionLog::recover(const RecoveredFrom& from) {
  TIDEMILL_TRY(storage_.create_directories(directory_));
  TIDEMILL_TRY(finish_compactions());
  TIDEMILL_ASSIGN(std::vector<std::string> names, storage_.list(directory_));
  names = with_suffix(std::move(names), ".log");
  log_start_ = end_ = durable_ = from.log_start;
  bool ended = false;  // what follows lies behind what was lost
  for (std::size_t i = 0; i < names.size(); ++i) {
    Segment segment;
    segment.base = base_of(names[i]);
    segment.path = directory_ + "/" + names[i];
    // One that was removed before may be back after a power failure, without its bytes.
    const bool deleted = i + 1 < names.size() && base_of(names[i + 1]) <= from.log_start;
    const bool first = segments_.empty();
    if (!deleted && first && segment.base > from.deleted_to) {
      return Error{ErrorKind::kCorruption, directory_ + ": the segment with offset " + std::to_string(from.deleted_to.value) +
                                               " is missing; the first one is " + names[i] + ": restore it from a copy"};
    }
    if (!deleted && !first && !ended && segment.base > end_ && end_ < from.synced) {
      return Error{ErrorKind::kCorruption, directory_ + ": committed records from offset " + std::to_string(end_.value) +
                                               " to " + std::to_string(segment.base.value) +
                                               " are missing between the segments: restore them from a copy"};
    }
    if (deleted || ended || (!first && segment.base != end_)) {
      TIDEMILL_TRY(storage_.remove(segment.path));
      continue;
    }
    if (first) end_ = segment.base;
    TIDEMILL_TRY(recover_segment(std::move(segment), from, ended));
  }
  end_ = std::max(end_, log_start_);
  if (end_ < from.synced) {
    return Error{ErrorKind::kCorruption, directory_ + " ends at offset " + std::to_string(end_.value) +
                                             ", but records up to offset " + std::to_string(from.synced.value) +
                                             " were committed: restore the newest segment from a copy"};
  }
  // The process that made the newest segment may have died before its name was synced, or could not sync it.
  if (!segments_.empty() && segments_.back().base >= from.synced) TIDEMILL_TRY(storage_.sync_directory(directory_));
  leader_epoch_ = LeaderEpoch(0);
  return {};
}

Result<void> PartitionLog::recover_segment(Segment segment, const RecoveredFrom& from, bool& ended) {
  TIDEMILL_ASSIGN(segment.file, shared_.files.open(segment.path, OpenMode::kReadWrite));
  TIDEMILL_ASSIGN(const std::uint64_t size, segment.file->size());
  SegmentScan scan(*segment.file, 0, size);
  std::optional<std::uint64_t> unsure_from;
  while (true) {
    TIDEMILL_ASSIGN(const std::optional<BatchHeader> header, scan.next());
    if (scan.position() == size) break;
    if (end_ >= from.synced && !unsure_from) unsure_from = scan.position();
    std::string wrong = header ? "" : "its header is not one";
    if (header && header->base_offset < end_) wrong = "its offsets come again";
    BytesView whole;
    if (wrong.empty() && (end_ >= from.synced || header->control())) {
      TIDEMILL_ASSIGN(whole, scan.batch());
      if (auto checked = check_batch_crc(*header, whole); !checked) wrong = checked.error().message;
    }
    if (!wrong.empty() && end_ < from.synced) {
      return damaged(
          segment.path, scan.position(),
          wrong + ", though it was committed (offset " + std::to_string(end_.value) + "): restore the file from a copy");
    }
    if (!wrong.empty()) {
      logger()->info("{}: the last {} bytes, from offset {} on, are no whole batch and were never acknowledged; cut off",
                     segment.path, size - scan.position(), end_.value);
      ended = true;
      break;
    }
    segment.added(*header);
    apply(*header, header->control() ? whole : BytesView());
  }
  if (segment.bytes < size) TIDEMILL_TRY(segment.file->truncate(segment.bytes));
  // What a dead process wrote may be in no more than the page cache, and after a failed sync the kernel takes it for clean: it
  // is written once more, and the next checkpoint syncs it.
  segment.dirty = end_ >= from.synced;
  if (unsure_from) TIDEMILL_TRY(write_again(*segment.file, *unsure_from, segment.bytes));
  segments_.push_back(std::move(segment));
  return {};
}

Offset PartitionLog::newer_than(LeaderEpoch epoch) const {
  for (const auto& [started, from] : epochs_) {
    if (started > epoch) return from;
  }
  return end_;
}

Result<bool> PartitionLog::truncate(Offset end) {
  if (end_ <= end) return false;
  recent_.clear();
  (void)take_unjournaled();
  while (segments_.size() > 1 && segments_.back().base >= end) {
    TIDEMILL_TRY(storage_.remove(segments_.back().path));
    segments_.pop_back();
  }
  open_.clear();
  newest_ = kNoTimestamp;
  aborted_.clear();
  epochs_.clear();
  // What is left is walked once more: which transactions are open depends on what was cut off.
  end_ = segments_.front().base;
  for (Segment& segment : segments_) {
    SegmentScan scan(*segment.file, 0, segment.bytes);
    while (true) {
      TIDEMILL_ASSIGN(const std::optional<BatchHeader> header, scan.next());
      if (!header || header->last_offset() >= end) break;
      BytesView whole;
      if (header->control()) {
        TIDEMILL_ASSIGN(whole, scan.batch());
      }
      apply(*header, whole);
    }
    if (scan.position() == segment.bytes) continue;
    TIDEMILL_TRY(segment.file->truncate(scan.position()));
    segment.bytes = scan.position();
    segment.next_to_find = {kNoOffset, 0};
    std::erase_if(segment.index, [&](const auto& row) { return row.second >= segment.bytes; });
  }
  TIDEMILL_TRY(storage_.sync_directory(directory_));
  end_ = std::max(end_, log_start_);
  cleaned_ = std::min(cleaned_, end_);
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

}  // namespace tidemill::embedded
