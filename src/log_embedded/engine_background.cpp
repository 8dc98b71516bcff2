// What goes on beside the records: member expiry, retention, checkpoints on one thread; compaction, which may take long, on
// another. Neither holds the log's lock while it waits for the disk, but for the checkpoint's own entry.

#include <tidemill/base/assert.hpp>

#include "base/logging.hpp"
#include "log_embedded/engine.hpp"

namespace tidemill::embedded {

Result<void> Engine::background(Lock& lock) {
  TIDEMILL_ASSERT(lock.owns_lock());
  TIDEMILL_TRY(keep(lock, true));
  return compact(lock);
}

// In `process` durability a checkpoint bounds what a power failure takes; in `power` it makes room in the journal.
Result<void> Engine::keep(Lock& lock, bool checkpoint_is_due) {
  TIDEMILL_TRY(writable());
  for (auto& [name, group] : groups) group.expire(clock.now().monotonic);
  if (!unended_.empty() || !to_journal_.empty()) {
    // Nobody may be left to write, and readers wait behind what is not ended.
    const Result<void> ended = commit(lock, {}, {}, {}, ControlType::kAbort);
    if (!ended && ended.error().kind != ErrorKind::kDiskFull) return ended;
  }
  TIDEMILL_TRY(retain());
  const bool bounds_loss = options.durability == Durability::kProcess && checkpoint_is_due;
  return bounds_loss || journal_->half_full() ? checkpoint_beside(lock) : Result<void>();
}

Result<void> Engine::retain() {
  const Timestamp now = clock.now().wall;
  for (auto& [name, topic] : topics) {
    for (auto& log : topic.partitions) {
      TIDEMILL_ASSIGN(const Offset end, log->retention_end(now));
      if (end > log->log_start()) TIDEMILL_TRY(delete_records(*log, end));
    }
  }
  return {};
}

// Most of the syncing is done beside the lock, so that the checkpoint itself has little left to sync under it.
Result<void> Engine::checkpoint_beside(Lock& lock) {
  std::vector<std::pair<PartitionLog*, std::vector<PartitionLog::Unsynced>>> files;
  for (auto& [name, topic] : topics) {
    for (auto& log : topic.partitions) files.emplace_back(log.get(), log->unsynced());
  }
  lock.unlock();
  Result<void> synced;
  for (const auto& [log, unsynced] : files) {
    for (const auto& each : unsynced) {
      if (synced) synced = each.file->sync();
    }
  }
  lock.lock();
  if (!synced) return fail(synced.error());
  TIDEMILL_TRY(writable());
  for (const auto& [log, unsynced] : files) log->synced(unsynced);  // one that was deleted meanwhile lies in the graveyard
  return checkpoint();
}

PartitionLog* Engine::dirtiest(Timestamp now) {
  PartitionLog* result = nullptr;
  double ratio_max = 0;
  for (auto& [name, topic] : topics) {
    for (auto& log : topic.partitions) {
      const std::optional<double> ratio = uncleanable_.contains(log.get()) ? std::nullopt : log->dirty_ratio(now);
      if (!ratio || *ratio <= ratio_max) continue;
      ratio_max = *ratio;
      result = log.get();
    }
  }
  return result;
}

Result<void> Engine::compact(Lock& lock) {
  const Timestamp now = clock.now().wall;
  while (PartitionLog* log = dirtiest(now)) {
    TIDEMILL_TRY(writable());
    const Offset before = log->cleaned();
    const Result<void> done = compact(lock, *log, now);
    if (deleted(*log)) continue;
    if (!done && done.error().kind == ErrorKind::kClosed) return {};
    if (!done && done.error().kind != ErrorKind::kCorruption) return done;
    if (!done || log->cleaned() <= before) {
      uncleanable_.insert(log);
      logger()->error("{}: {} cannot be compacted any more: {}", traits.description, to_string(*log->partition()),
                      done ? "nothing of it can be read" : done.error().message);
    }
  }
  return {};
}

// One partition, one pass. The lock is taken only to put new segments into the place of old ones. What is deleted meanwhile
// stays on the disk until the next checkpoint.
Result<void> Engine::compact(Lock& lock, PartitionLog& log, Timestamp now) {
  Compactor compactor(storage_, files_, log.compaction_input(now), options.compaction_key_bytes, stop_);
  log.hold_files(true);
  lock.unlock();
  std::uint64_t bytes_before = 0;
  std::uint64_t bytes_after = 0;
  const auto pass = [&]() -> Result<void> {
    TIDEMILL_ASSIGN(const Offset cleaned, compactor.read_keys());
    while (true) {
      TIDEMILL_ASSIGN(std::optional<CompactedSegment> compacted, compactor.next());
      lock.lock();
      if (deleted(log)) return Error{ErrorKind::kClosed, "the topic was deleted"};
      if (!compacted) {
        log.set_cleaned(cleaned);
        return {};
      }
      lock.unlock();
      const Result<void> installed = compactor.install(*compacted);
      lock.lock();
      if (deleted(log)) return Error{ErrorKind::kClosed, "the topic was deleted"};
      if (!installed && compactor.half_installed()) {
        const Error error = installed.error().with_context("the compaction of " + to_string(*log.partition()) +
                                                           " has stopped half-way; close the log and open it again");
        log.set_unreadable(error);
        return fail(error);
      }
      if (!installed) return installed.error();
      bytes_before += compacted->bytes_before;
      bytes_after += compacted->segment.bytes;
      log.replace(*std::move(compacted));
      lock.unlock();
    }
  };
  const Result<void> done = pass();
  if (!lock.owns_lock()) lock.lock();
  log.hold_files(false);
  if (done && bytes_before > 0) {
    logger()->debug("{}: compacted {} up to offset {}, from {} to {} bytes", traits.description, to_string(*log.partition()),
                    log.cleaned().value, bytes_before, bytes_after);
  }
  return done;
}

void Engine::run_keeper() {
  const auto interval = std::min(options.background_sync_interval, options.background_interval);
  MonotonicTime checkpoint_at = clock.now().monotonic + options.background_sync_interval;
  std::string reported;
  while (true) {
    keeper_wake_.wait_for(interval);
    if (stop_) return;
    Lock lock(mutex);
    const MonotonicTime now = clock.now().monotonic;
    const bool due = now >= checkpoint_at;
    const Result<void> done = keep(lock, due);
    if (due) checkpoint_at = now + options.background_sync_interval;
    if (!done && done.error().message != reported) logger()->error("{}: {}", traits.description, done.error().message);
    reported = done ? "" : done.error().message;
    if (failed_) return;
  }
}

void Engine::run_compactor() {
  std::string reported;
  while (true) {
    compactor_wake_.wait_for(options.background_interval);
    if (stop_) return;
    Lock lock(mutex);
    if (failed_) return;
    const Result<void> done = compact(lock);
    if (!done && done.error().message != reported) logger()->error("{}: {}", traits.description, done.error().message);
    reported = done ? "" : done.error().message;
  }
}

}  // namespace tidemill::embedded
