#include "log_embedded/partition_log.hpp"

#include <algorithm>
#include <limits>

#include <tidemill/base/assert.hpp>

#include "base/crash_point.hpp"

namespace tidemill::embedded {

PartitionLog::PartitionLog(Storage& storage, TopicPartition partition, Settings settings, Shared& shared)
    : storage_(storage),
      partition_(std::make_shared<const TopicPartition>(std::move(partition))),
      directory_("topics/" + to_string(*partition_)),
      settings_(std::move(settings)),
      shared_(shared),
      recent_(shared.recent) {}

PartitionLog::~PartitionLog() { (void)take_unjournaled(); }

void PartitionLog::apply(const BatchHeader& header, BytesView raw) {
  end_ = header.last_offset() + 1;
  if (epochs_.empty() || epochs_.back().first < header.leader_epoch) {
    epochs_.emplace_back(header.leader_epoch, header.base_offset);
  }
  if (!header.transactional()) {
    newest_ = std::max(newest_, header.newest_record());
    return;
  }
  if (!header.control()) {
    OpenTransaction& open = open_.try_emplace(header.producer_id, OpenTransaction{header.base_offset}).first->second;
    open.newest = std::max(open.newest, header.newest_record());
    return;
  }
  const auto open = open_.find(header.producer_id);
  if (open == open_.end()) return;
  const auto type = read_control_type(raw);
  if (!type || !*type) return;
  if (**type == ControlType::kAbort) {
    aborted_.add(header.producer_id, open->second.first, header.last_offset());
  } else {
    newest_ = std::max(newest_, open->second.newest);
  }
  open_.erase(open);
}

std::uint64_t PartitionLog::size_bytes() const {
  std::uint64_t bytes = 0;
  for (const Segment& segment : segments_) bytes += segment.bytes;
  return bytes;
}

Offset PartitionLog::last_stable() const {
  Offset stable = durable_;
  for (const auto& [producer, open] : open_) stable = std::min(stable, open.first);
  return std::max(stable, log_start_);
}

std::vector<std::int64_t> PartitionLog::open_producers() const {
  std::vector<std::int64_t> producers;
  for (const auto& [producer, open] : open_) producers.push_back(producer);
  return producers;
}

Offset PartitionLog::end_of(std::size_t segment) const {
  return segment + 1 < segments_.size() ? segments_[segment + 1].base : end_;
}

bool PartitionLog::full(const Segment& segment, const BatchHeader& next) const {
  if (segment.bytes == 0) return false;
  const auto bytes_max = static_cast<std::uint64_t>(settings_->segment_bytes.value_or(shared_.segment_bytes));
  if (segment.bytes + next.total_bytes() > bytes_max) return true;
  if (next.last_offset() - segment.base > std::numeric_limits<std::int32_t>::max()) return true;
  auto time_max = settings_->segment_time;
  if (settings_->compacts && settings_->compaction_lag_max) time_max = std::min(time_max, *settings_->compaction_lag_max);
  return segment.first_timestamp != kNoTimestamp && next.max_timestamp != kNoTimestamp &&
         next.max_timestamp > segment.first_timestamp &&
         static_cast<std::uint64_t>(next.max_timestamp.value) - static_cast<std::uint64_t>(segment.first_timestamp.value) >
             static_cast<std::uint64_t>(time_max.count());
}

// The next batch begins a new segment.
Result<void> PartitionLog::roll() {
  TIDEMILL_CRASH_POINT("segment.roll");
  Segment segment;
  segment.base = end_;
  segment.path = directory_ + "/" + segment_name(end_);
  TIDEMILL_ASSIGN(segment.file, shared_.files.open(segment.path, OpenMode::kTruncate));
  if (Result<void> synced = storage_.sync_directory(directory_); !synced) {
    // After a failed sync a later one proves nothing of this name: the next try makes it anew.
    segment.file.reset();
    (void)storage_.remove(segment.path).has_value();
    return synced;
  }
  segments_.push_back(std::move(segment));
  TIDEMILL_CRASH_POINT("segment.rolled");
  return {};
}

Result<void> PartitionLog::write(const BatchHeader& header, std::shared_ptr<const Bytes> raw) {
  if (segments_.empty() || full(segments_.back(), header)) TIDEMILL_TRY(roll());
  Segment& segment = segments_.back();
  TIDEMILL_CRASH_POINT("segment.before_append");
  if (auto written = segment.file->write_at(segment.bytes, *raw); !written) {
    (void)segment.file->truncate(segment.bytes).has_value();  // the next append begins where this one should have
    return written.error();
  }
  TIDEMILL_CRASH_POINT("segment.appended");
  segment.added(header);
  segment.dirty = true;
  apply(header, *raw);
  if (shared_.journal_batches) {
    unjournaled_.push_back(raw);
    unjournaled_bytes_ += raw->size();
    shared_.unjournaled_bytes += raw->size();
  }
  if (followed_) recent_.add({header, std::move(raw), nullptr});
  return {};
}

void PartitionLog::followed(bool followed) {
  if (!followed) recent_.clear();
  followed_ = followed;
}

Result<Offset> PartitionLog::append(Bytes batch, Timestamp now) {
  set_base_offset(batch, end_, leader_epoch_);
  if (settings_->log_append_time) set_append_time(batch, now);
  TIDEMILL_ASSIGN(const std::optional<BatchHeader> header, read_batch_header(batch));
  TIDEMILL_ASSERT(header.has_value() && header->total_bytes() == batch.size());
  TIDEMILL_TRY(write(*header, shared_.buffers->share(std::move(batch))));
  return header->base_offset;
}

Result<void> PartitionLog::append_marker(ControlType type, std::int64_t producer_id, Timestamp now) {
  if (!open_.contains(producer_id)) return {};
  TIDEMILL_CRASH_POINT("segment.before_marker");
  TIDEMILL_TRY(append(make_control_batch(type, producer_id, 0, 0, now), now));
  TIDEMILL_CRASH_POINT("segment.markers");
  return {};
}

std::vector<std::shared_ptr<const Bytes>> PartitionLog::take_unjournaled() {
  shared_.unjournaled_bytes -= std::exchange(unjournaled_bytes_, 0);
  return std::exchange(unjournaled_, {});
}

std::vector<PartitionLog::Unsynced> PartitionLog::unsynced() const {
  std::vector<Unsynced> files;
  for (const Segment& segment : segments_) {
    if (segment.dirty) files.push_back({segment.file, segment.bytes});
  }
  return files;
}

void PartitionLog::synced(const std::vector<Unsynced>& files) {
  for (Segment& segment : segments_) {
    const bool clean = std::any_of(files.begin(), files.end(), [&](const Unsynced& each) {
      return each.file == segment.file && each.bytes == segment.bytes;
    });
    if (clean) segment.dirty = false;
  }
}

Result<void> PartitionLog::sync() {
  for (Segment& segment : segments_) {
    if (!segment.dirty) continue;
    TIDEMILL_TRY(segment.file->sync());
    segment.dirty = false;
  }
  return {};
}

Result<void> PartitionLog::remove_files(std::string_view to) {
  segments_.clear();
  recent_.clear();
  TIDEMILL_TRY(storage_.rename(directory_, to));
  return storage_.remove_all(to);
}

PartitionLog::Visibility PartitionLog::visibility(const BatchHeader& header, const Reader& reader) const {
  const bool own = reader.own != nullptr && reader.own->contains(header.producer_id);
  if (reader.committed && !own) {
    if (header.last_offset() >= durable_) return Visibility::kStop;
    if (header.transactional() && !header.control()) {
      const auto open = open_.find(header.producer_id);
      if (open != open_.end() && open->second.first <= header.base_offset) return Visibility::kStop;
    }
    // A reader without a group stops at the first open transaction, whoever's the batch is: order is kept.
    if (reader.own == nullptr && header.last_offset() >= last_stable()) return Visibility::kStop;
  }
  if (header.control()) return Visibility::kSkip;
  if (reader.committed && header.transactional() && aborted_.contains(header)) return Visibility::kSkip;
  return Visibility::kShow;
}

Result<std::optional<StoredBatch>> PartitionLog::load(Offset offset) const {
  const auto behind =
      std::partition_point(segments_.begin(), segments_.end(), [&](const Segment& segment) { return segment.base <= offset; });
  for (auto segment = behind == segments_.begin() ? behind : behind - 1; segment != segments_.end(); ++segment) {
    TIDEMILL_ASSIGN(std::optional<StoredBatch> found, segment->find(offset, *shared_.buffers));
    if (found) return found;
  }
  return std::optional<StoredBatch>();
}

// Records that are not what they were say where they are.
Result<RecordBatchPtr> PartitionLog::decode(const StoredBatch& batch) const {
  auto decoded = decode_batch(batch.raw, 0, partition_);
  if (decoded) return decoded;
  const auto behind = std::partition_point(segments_.begin(), segments_.end(),
                                           [&](const Segment& segment) { return segment.base <= batch.header.base_offset; });
  if (behind == segments_.begin()) return decoded;
  const Segment& segment = *(behind - 1);
  const auto position = segment.position_of(batch.header.last_offset());
  return damaged(segment.path, position ? *position : 0, decoded.error().message);
}

Result<void> PartitionLog::read(Offset& position, const Reader& reader, std::size_t bytes_max,
                                std::vector<RecordBatchPtr>& out) {
  if (unreadable_) return *unreadable_;
  std::size_t bytes = 0;
  while (position < end_ && bytes < bytes_max) {
    StoredBatch loaded;
    StoredBatch* batch = recent_.find(position);
    const bool recent = batch != nullptr;
    if (!recent) {
      TIDEMILL_ASSIGN(std::optional<StoredBatch> found, load(position));
      if (!found)
        return Error{ErrorKind::kInternal,
                     to_string(*partition_) + ": there is no batch with offset " + std::to_string(position.value)};
      loaded = std::move(*found);
      batch = &loaded;
    }
    const Visibility seen = visibility(batch->header, reader);
    if (seen == Visibility::kStop) break;
    if (seen == Visibility::kShow) {
      if (!batch->decoded) {
        TIDEMILL_ASSIGN(batch->decoded, decode(*batch));
        if (recent) recent_.decoded(*batch);
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
  if (const StoredBatch* batch = recent_.find(position)) return visibility(batch->header, reader) != Visibility::kStop;
  if (!reader.committed || position < last_stable()) return true;
  if (reader.own == nullptr) return false;
  // Whose batch it is, only its header says. One that cannot be read is an error that read() tells.
  const auto batch = load(position);
  return !batch || !*batch || visibility((*batch)->header, reader) != Visibility::kStop;
}

Result<Offset> PartitionLog::offset_for_time(Timestamp timestamp) {
  for (const Segment& segment : segments_) {
    if (segment.max_timestamp < timestamp) continue;
    SegmentScan scan(*segment.file, 0, segment.bytes);
    while (true) {
      TIDEMILL_ASSIGN(const std::optional<BatchHeader> header, scan.next());
      if (!header) break;
      if (header->control() || header->max_timestamp < timestamp || header->last_offset() < log_start_) continue;
      TIDEMILL_ASSIGN(const BytesView raw, scan.batch());
      TIDEMILL_ASSIGN(const RecordBatchPtr records, decode({*header, std::make_shared<const Bytes>(raw), nullptr}));
      for (const LogRecord& record : records->records) {
        if (record.timestamp >= timestamp && record.offset >= log_start_) return record.offset;
      }
    }
  }
  return end_;
}

}  // namespace tidemill::embedded
