// How a task's work becomes what is kept, or is undone: caches are written, positions are handed to the commit group, and once it has
// committed each store is told so. After an abort a task knows nothing any more, and begins again with restore.
#include <algorithm>

#include <fmt/format.h>

#include "base/crash_point.hpp"
#include "base/logging.hpp"
#include "base/thrown_error.hpp"
#include "runtime/stream_task.hpp"

namespace tidemill::runtime {
namespace {

/// How often caches are flushed for one commit until none has anything left.
constexpr int kFlushPassesMax = 64;

}  // namespace

std::size_t StreamTask::uncommitted_bytes() const {
  std::size_t bytes = 0;
  for (const TaskStore& store : stores_) {
    const std::size_t of_store = store.engine->uncommitted_bytes();
    store.counters->uncommitted_bytes.store(of_store, std::memory_order_relaxed);
    bytes += of_store;
  }
  return bytes;
}

// What a cache sends on reaches caches that are flushed after it, unless a processor writes to a store further up: then again, for
// nothing that follows from committed input may be left in a cache.
void StreamTask::flush_caches() try {
  if (state_ != TaskState::kRunning) return;
  const auto is_custom = [](const TaskStore& store) { return store.spec->kind == StoreKind::kCustom; };
  const auto dirty = [](const TaskStore& store) { return store.top->cache_dirty(); };
  auto never_clean = stores_.begin();
  for (int pass = 0; pass < kFlushPassesMax && never_clean != stores_.end(); ++pass) {
    for (const TaskStore& store : stores_) {
      if (!is_custom(store)) store.top->flush_cache();
    }
    never_clean = std::find_if(stores_.begin(), stores_.end(), dirty);
  }
  if (never_clean == stores_.end()) {
    // Last, since what was in a cache may have changed them. They reach no other store.
    for (const TaskStore& store : stores_) {
      if (is_custom(store)) store.top->flush_cache();
    }
    return;
  }
  throw StreamsException(
      fmt::format("the cache of store \"{}\" is not clean after {} flushes: what it sends on is written to it "
                  "again, by a processor behind it; make the store without a cache",
                  never_clean->top->name(), kFlushPassesMax));
} catch (StreamsException& error) {
  sign(error);
  throw;
}

void StreamTask::positions(const LogConsumer* consumer, std::vector<CommitPosition>& out) {
  for (const auto& input : inputs_) {
    const RecordQueue& queue = input->queue;
    Offset next = queue.offset_consumed();
    if (!queue.empty()) {
      next = queue.head().offset;
    } else if (consumer != nullptr && queue.size_records() == 0) {  // no head and yet records: an extractor threw
      if (const auto position = consumer->position(queue.partition()); position && *position > next) next = *position;
    }
    input->staged_offset = kNoOffset;
    if (next == kNoOffset || (next == input->committed_offset && !processor_metadata_changed_)) continue;
    input->staged_offset = next;
    out.push_back({.partition = queue.partition(),
                   .offset = next,
                   .leader_epoch = queue.epoch_consumed(),
                   .metadata = encode_offset_metadata(queue.partition_time(), processor_metadata_)});
  }
}

Result<void> StreamTask::commit(std::span<const WrittenPosition> written) {
  for (TaskStore& store : stores_) {
    ChangelogPosition position = store.changelog_position;
    if (store.source_is_changelog) {
      for (const auto& input : inputs_) {
        if (input->queue.partition() == store.changelog && input->staged_offset != kNoOffset) {
          position = {.offset = input->staged_offset, .epoch = input->queue.epoch_consumed()};
        }
      }
    } else if (!store.changelog.topic.empty()) {
      for (const WrittenPosition& end : written) {
        if (end.partition == store.changelog) position = {.offset = end.next_offset, .epoch = end.leader_epoch};
      }
    }
    // One of its own kind may have changed without a word to its changelog.
    const bool may_have_changed = store.engine->uncommitted_bytes() > 0 || (store.spec->kind == StoreKind::kCustom && dirty_);
    if (position == store.changelog_position && !may_have_changed) continue;
    TIDEMILL_TRY(store.engine->commit(position, processed_));
    store.top->committed();
    store.changelog_position = position;
    TIDEMILL_CRASH_POINT("commit.store_committed");
  }
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (inputs_[i]->staged_offset != kNoOffset) inputs_[i]->committed_offset = inputs_[i]->staged_offset;
    inputs_[i]->staged_offset = kNoOffset;
    if (inputs_[i]->committed_offset != kNoOffset) {
      metrics_->committed[i].set(static_cast<std::uint64_t>(inputs_[i]->committed_offset.value));
    }
  }
  committed_ = processed_;
  processor_metadata_changed_ = false;
  dirty_ = false;
  commit_requested_ = false;
  metrics_->commits.add();
  static_cast<void>(uncommitted_bytes());
  return {};
}

void StreamTask::abort() {
  drop_nodes();
  for (const TaskStore& store : stores_) {
    store.top->drop_cache();
    store.engine->abort();
  }
  for (const auto& input : inputs_) {
    input->queue.clear();
    input->queue.set_partition_time(kNoTimestamp);
    input->queue.set_consumed(kNoOffset, kNoLeaderEpoch);
    input->committed_offset = kNoOffset;
    input->staged_offset = kNoOffset;
    input->source = nullptr;
    input->processed_offset = nullptr;
  }
  heap_.clear();
  buffered_records_ = 0;
  buffered_bytes_ = 0;
  stream_time_ = kNoTimestamp;
  processor_metadata_.clear();
  processor_metadata_changed_ = false;
  processed_.clear();
  committed_.clear();
  current = nullptr;
  raw = nullptr;
  dirty_ = false;
  commit_requested_ = false;
  state_ = TaskState::kRestoring;
}

void StreamTask::drop_nodes() {
  stream_time_punctuations_.clear();
  wall_clock_punctuations_.clear();
  for (const auto& node : nodes_) {
    try {
      node->close();
    } catch (...) {
      // The node is going away: what its close() throws changes nothing, but somebody may want to know.
      logger()->warn("task {}: close() of processor \"{}\" threw: {}", to_string(options_.id), node->name(),
                     describe_exception(std::current_exception()).message);
    }
  }
  nodes_.clear();
}

Result<void> StreamTask::close() {
  drop_nodes();
  Result<void> result;
  for (const TaskStore& store : stores_) {
    store.top->drop_cache();
    store.engine->abort();
    if (Result<void> flushed = store.engine->flush(); !flushed && result) result = flushed;
  }
  state_ = TaskState::kClosed;
  return result;
}

}  // namespace tidemill::runtime
