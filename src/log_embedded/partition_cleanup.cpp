// What retention and compaction ask of a PartitionLog: which segments they may take, and what changes when they have.
#include <algorithm>

#include <tidemill/base/assert.hpp>

#include "log_embedded/partition_log.hpp"

namespace tidemill::embedded {
namespace {

bool older(Timestamp timestamp, std::chrono::milliseconds age, Timestamp now) {
  return timestamp != kNoTimestamp && timestamp.value < now.value && now - timestamp > age.count();
}

}  // namespace

void PartitionLog::delete_before(Offset offset) {
  log_start_ = std::max(log_start_, std::min(offset, end_));
  cleaned_ = std::max(cleaned_, log_start_);
  aborted_.forget_before(log_start_);
}

Result<void> PartitionLog::remove_deleted() {
  while (!files_held_ && segments_.size() > 1 && segments_[1].base <= log_start_) {
    TIDEMILL_TRY(storage_.remove(segments_.front().path));
    segments_.pop_front();
  }
  return {};
}

// Kafka asks the clock how old a record is. A changelog is needed for as long as the time of its own records goes on: of last year's
// data, read in today, none is old before newer ones have come and stay (D-54).
Timestamp PartitionLog::time_of_cleaning(Timestamp now) const { return is_changelog() ? std::min(now, newest_) : now; }
bool PartitionLog::is_old(const Segment& segment, Timestamp now) const {
  if (!settings_->retention_time) return false;
  // Nothing but markers and emptied batches that compaction has left: what they were for is gone, or old with the segments before.
  if (is_changelog() && segment.newest_record == kNoTimestamp) return true;
  return older(newest_of(segment), *settings_->retention_time, now);
}
Timestamp PartitionLog::newest_of(const Segment& segment) const {
  return is_changelog() ? segment.newest_record : segment.max_timestamp;
}
bool PartitionLog::is_changelog() const { return partition_->topic.ends_with("-changelog"); }

// Kafka's rules: a segment is old when its newest record is, and by size at least retention.bytes stay. The active segment
// is taken, too, when it is old: then a new one begins.
Result<Offset> PartitionLog::retention_end(Timestamp clock) {
  Offset end = log_start_;
  if (!settings_->deletes) return end;
  const Timestamp now = time_of_cleaning(clock);
  std::uint64_t left = size_bytes();
  for (std::size_t i = 0; i < segments_.size() && end_of(i) <= last_stable(); ++i) {
    const bool old = is_old(segments_[i], now);
    const bool large =
        settings_->retention_bytes && left >= segments_[i].bytes + static_cast<std::uint64_t>(*settings_->retention_bytes);
    if (segments_[i].bytes == 0 || (!old && !large)) break;
    if (i + 1 == segments_.size()) TIDEMILL_TRY(roll());
    left -= segments_[i].bytes;
    end = std::max(end, segments_[i + 1].base);
  }
  return end;
}

std::size_t PartitionLog::cleanable_segments(Timestamp clock) const {
  const Timestamp now = time_of_cleaning(clock);
  const Offset bound = std::min(last_stable(), secured());
  std::size_t count = 0;
  while (count + 1 < segments_.size() && end_of(count) <= bound) {
    const bool lags = settings_->compaction_lag_min.count() > 0 && end_of(count) > cleaned_ &&
                      newest_of(segments_[count]).value > now.value - settings_->compaction_lag_min.count();
    if (lags) break;
    ++count;
  }
  return count;
}

std::optional<double> PartitionLog::dirty_ratio(Timestamp now) const {
  if (!settings_->compacts) return std::nullopt;
  std::uint64_t clean = 0;
  std::uint64_t dirty = 0;
  bool overdue = false;
  const std::size_t count = cleanable_segments(now);
  for (std::size_t i = 0; i < count; ++i) {
    if (end_of(i) <= cleaned_) {
      clean += segments_[i].bytes;
      continue;
    }
    dirty += segments_[i].bytes;
    overdue |= settings_->compaction_lag_max && older(segments_[i].first_timestamp, *settings_->compaction_lag_max, now);
  }
  if (dirty == 0) return std::nullopt;
  if (overdue) return 1.0;
  const double ratio = static_cast<double>(dirty) / static_cast<double>(clean + dirty);
  return ratio > settings_->dirty_ratio_min ? std::optional(ratio) : std::nullopt;
}

CompactionInput PartitionLog::compaction_input(Timestamp now) const {
  CompactionInput input;
  const std::size_t count = cleanable_segments(now);
  input.partition = partition_;
  input.directory = directory_;
  input.segments.assign(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(count));
  input.end = count == 0 ? log_start_ : end_of(count - 1);
  input.cleaned = cleaned_;
  input.aborted = aborted_;
  input.rules = {.now = now, .delete_retention = settings_->delete_retention};
  input.segment_bytes = static_cast<std::uint64_t>(settings_->segment_bytes.value_or(shared_.segment_bytes));
  return input;
}

void PartitionLog::replace(CompactedSegment compacted) {
  const auto first = std::find_if(segments_.begin(), segments_.end(),
                                  [&](const Segment& each) { return each.path == compacted.replaced.front(); });
  const auto count = static_cast<std::ptrdiff_t>(compacted.replaced.size());
  TIDEMILL_ASSERT(segments_.end() - first >= count);
  const auto behind = first + count;
  TIDEMILL_ASSERT((behind - 1)->path == compacted.replaced.back());
  *first = std::move(compacted.segment);
  segments_.erase(first + 1, behind);
  recent_.drop_before(compacted.end);
  aborted_.forget_before(compacted.end);  // their records are gone, also from the segments before
}

}  // namespace tidemill::embedded
