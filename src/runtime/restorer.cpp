#include "runtime/restorer.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/endian.hpp"
#include "base/logging.hpp"

namespace tidemill::runtime {
namespace {

constexpr std::chrono::seconds kWatermarkTimeout{10};

}  // namespace

Result<void> Restorer::add(StreamTask& task, std::span<const CommitPosition> committed) {
  std::vector<TopicPartition> changelogs;
  for (const TaskStore& store : task.stores()) {
    if (!store.changelog.topic.empty()) changelogs.push_back(store.changelog);
  }
  if (changelogs.empty()) return {};
  TIDEMILL_ASSIGN(const std::vector<PartitionOffsets> offsets,
                  log_.admin().offsets(changelogs, clock_.now().monotonic + kWatermarkTimeout));
  if (!consumer_) {
    TIDEMILL_ASSIGN(consumer_, log_.consumer(Isolation::kReadCommitted, consumer_properties_));
  }
  std::vector<Item> begun;
  for (TaskStore& store : task.stores()) {
    if (store.changelog.topic.empty()) continue;
    const auto found = std::find_if(offsets.begin(), offsets.end(),
                                    [&store](const auto& candidate) { return candidate.partition == store.changelog; });
    if (found == offsets.end()) {
      return Error{ErrorKind::kNotFound, "the changelog " + to_string(store.changelog) + " is not there"};
    }
    Offset end = found->high_watermark;
    if (store.source_is_changelog) {
      Offset limit = found->start;
      for (const CommitPosition& position : committed) {
        if (position.partition == store.changelog) limit = position.offset;
      }
      end = std::min(end, limit);
    }
    ChangelogPosition position = store.changelog_position;
    if (position.offset > end) {
      logger()->warn("store {} of task {} stands at offset {} of {}, which ends at {}: it is rebuilt", store.spec->name,
                     to_string(task.task_id()), position.offset.value, to_string(store.changelog), end.value);
      TIDEMILL_TRY(store.top->clear());
      position = store.changelog_position = {};
    }
    Item item{.task = &task,
              .store = &store,
              .restore = {.store = store.spec->name, .changelog = store.changelog, .start = {}, .current = {}, .end = end},
              .next = std::max(position.offset, found->start)};
    item.epoch = position.epoch;
    item.check_epoch = position.offset == item.next && item.next > found->start && position.epoch != kNoLeaderEpoch;
    item.restore.start = item.restore.current = item.next;
    begun.push_back(item);
  }
  std::vector<std::pair<TopicPartition, Offset>> assignment;
  for (const Item& item : begun) {
    assignment.emplace_back(item.restore.changelog, item.check_epoch ? item.next - 1 : item.next);
  }
  TIDEMILL_TRY(consumer_->assign(assignment));
  std::uint64_t remaining = 0;
  for (const Item& item : begun) {
    remaining += static_cast<std::uint64_t>(std::max<std::int64_t>(0, item.restore.end - item.next));
    items_.push_back(item);
    if (observer_ != nullptr) observer_->restore_started(item.restore);
  }
  task.metrics()->restore_remaining.set(remaining);
  return {};
}

void Restorer::remove(const StreamTask& task) {
  for (auto item = items_.begin(); item != items_.end();) {
    if (item->task != &task) {
      ++item;
      continue;
    }
    consumer_->unassign({&item->restore.changelog, 1});
    if (observer_ != nullptr) observer_->restore_suspended(item->restore, item->records);
    item = items_.erase(item);
  }
}

/// Changes nothing before the log has answered, so that it can be tried again.
Result<void> Restorer::start_over(Item& item) {
  TIDEMILL_ASSIGN(const std::vector<PartitionOffsets> offsets,
                  log_.admin().offsets({&item.restore.changelog, 1}, clock_.now().monotonic + kWatermarkTimeout));
  const Offset start = offsets.empty() ? Offset(0) : offsets.front().start;
  TIDEMILL_TRY(item.store->top->clear());
  item.store->changelog_position = {};
  TIDEMILL_TRY(consumer_->seek(item.restore.changelog, start));
  item.next = item.restore.start = item.restore.current = start;
  item.epoch = kNoLeaderEpoch;
  item.check_epoch = false;
  item.starts_over = false;
  return {};
}

Result<bool> Restorer::step() {
  if (items_.empty()) return false;
  for (Item& item : items_) {
    if (item.starts_over) TIDEMILL_TRY(start_over(item));
  }
  TIDEMILL_ASSIGN(const PollResult polled, consumer_->poll(kPollBytes));
  // The consumer stands behind what it gave: every batch has its place in a store before anything else is answered.
  Result<void> failed;
  for (const RecordBatchPtr& batch : polled.batches) {
    for (Item& item : items_) {
      if (item.restore.changelog != *batch->partition || item.starts_over) continue;
      if (Result<void> read = read_batch(item, *batch); !read) {
        item.starts_over = true;
        if (failed) failed = std::move(read);
      }
    }
  }
  for (const PartitionError& error : polled.errors) {
    for (Item& item : items_) {
      if (item.restore.changelog != error.partition) continue;
      if (error.error.kind != ErrorKind::kOffsetOutOfRange) {
        if (failed) failed = error.error;
        continue;
      }
      logger()->warn("store {}: offset {} of {} is not there any more: it is rebuilt", item.restore.store, item.next.value,
                     to_string(error.partition));
      item.starts_over = true;
    }
  }
  TIDEMILL_TRY(failed);
  bool any = !polled.batches.empty();
  for (auto item = items_.begin(); item != items_.end();) {
    const Result<Offset> position = consumer_->position(item->restore.changelog);
    const bool read_all =
        (!item->check_epoch && item->next >= item->restore.end) || (position && *position >= item->restore.end);
    if (!read_all || item->starts_over) {
      any = any || item->starts_over;
      ++item;
      continue;
    }
    if (item->check_epoch) {
      // The store was committed with that record; the log has aborted it since, so what the store knows was lost with its commit.
      logger()->warn("store {}: the record before offset {} of {} is not committed: the store is rebuilt", item->restore.store,
                     item->next.value, to_string(item->restore.changelog));
      item->starts_over = true;
      any = true;
      ++item;
      continue;
    }
    TIDEMILL_TRY(finish(*item));
    item = items_.erase(item);
    any = true;
  }
  return any;
}

Result<void> Restorer::read_batch(Item& item, const RecordBatch& batch) {
  rows_.clear();
  Offset last = kNoOffset;
  for (const LogRecord& record : batch.records) {
    if (item.check_epoch) {
      // Compaction may have taken the record itself; then one behind it that is of the same epoch says that it was there.
      if (batch.leader_epoch != item.epoch) {
        logger()->warn("store {}: the record before offset {} of {} was of epoch {}, offset {} is of epoch {}: it is rebuilt",
                       item.restore.store, item.next.value, to_string(item.restore.changelog), item.epoch.value,
                       record.offset.value, batch.leader_epoch.value);
        item.starts_over = true;
        return {};
      }
      item.check_epoch = false;
    }
    if (record.offset < item.next || record.offset >= item.restore.end) continue;
    last = record.offset;
    if (!record.key) continue;
    ++item.records;
    rows_.push_back({*record.key, record.value, record.timestamp, record.offset, record.headers, batch.partition.get()});
  }
  if (last == kNoOffset) return {};
  const ChangelogPosition position{.offset = last + 1, .epoch = batch.leader_epoch};
  try {
    TIDEMILL_TRY(item.store->top->restore(rows_, position));
  } catch (const StateStoreException& error) {
    if (error.error().kind != ErrorKind::kCorruption) throw;
    return error.error().with_context(fmt::format("store \"{}\" cannot take the records of {} before offset {} (where it was "
                                                  "of another kind when they were written, give "
                                                  "it another name, or begin again without that topic)",
                                                  item.restore.store, to_string(item.restore.changelog),
                                                  position.offset.value));
  }
  item.store->changelog_position = position;
  const std::int64_t advanced = position.offset - item.next;
  item.next = position.offset;
  item.epoch = position.epoch;
  item.restore.current = item.next;
  TaskMetrics& metrics = *item.task->metrics();
  metrics.restored.add(rows_.size());
  const std::uint64_t remaining = metrics.restore_remaining.value();
  metrics.restore_remaining.set(remaining - std::min<std::uint64_t>(remaining, static_cast<std::uint64_t>(advanced)));
  if (observer_ != nullptr) observer_->restore_advanced(item.restore, static_cast<std::int64_t>(rows_.size()));
  return {};
}

Result<void> Restorer::finish(Item& item) {
  if (item.next > item.store->changelog_position.offset) item.store->changelog_position.offset = item.next;
  TIDEMILL_TRY(item.store->top->restored(item.store->changelog_position));
  item.restore.current = item.restore.end;
  consumer_->unassign({&item.restore.changelog, 1});
  if (observer_ != nullptr) observer_->restore_ended(item.restore, item.records);
  return {};
}

bool Restorer::restoring(const StreamTask& task) const {
  return std::any_of(items_.begin(), items_.end(), [&task](const Item& item) { return item.task == &task; });
}

std::vector<StoreRestore> Restorer::progress() const {
  std::vector<StoreRestore> result;
  for (const Item& item : items_) result.push_back(item.restore);
  return result;
}

}  // namespace tidemill::runtime
