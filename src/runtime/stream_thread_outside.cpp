// What other threads may know of a stream thread, and what they tell it. It shows copies, and takes what it was told between two
// rounds: nothing but these few fields is shared, under its mutex.
#include <utility>

#include <fmt/format.h>

#include "runtime/stream_thread.hpp"
#include "state/thread_cache.hpp"

namespace tidemill::runtime {

void StreamThread::set_state(ThreadState state) {
  {
    const std::lock_guard lock(mutex_);
    if (snapshot_.state == state || snapshot_.state == ThreadState::kDead) return;
    if (snapshot_.state == ThreadState::kPendingShutdown && state != ThreadState::kDead) return;
    snapshot_.state = state;
  }
  if (options_.on_state) options_.on_state(state);
}

void StreamThread::publish() {
  std::vector<TaskSnapshot> tasks;
  for (const auto& slot : slots_) tasks.push_back({slot->id, slot->task->state(), slot->task->metrics()});
  std::vector<StoreRestore> restoring = restorer_.progress();
  const std::lock_guard lock(mutex_);
  snapshot_.tasks = std::move(tasks);
  snapshot_.restoring = std::move(restoring);
}

ThreadSnapshot StreamThread::snapshot() const {
  const std::lock_guard lock(mutex_);
  return snapshot_;
}
ThreadState StreamThread::state() const {
  const std::lock_guard lock(mutex_);
  return snapshot_.state;
}
std::optional<Error> StreamThread::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}
std::string StreamThread::busy_with() const {
  for (const TaskSnapshot& task : snapshot().tasks) {
    if (const std::string* node = task.metrics->node_at_work.load(std::memory_order_relaxed)) {
      return fmt::format("node \"{}\" of task {}", *node, to_string(task.id));
    }
  }
  return {};
}

// Mailbox

bool StreamThread::post(UniqueFunction<void(StreamThread&)> job, bool committed) {
  const std::lock_guard lock(mutex_);
  if (dead_) return false;
  (committed ? committed_mailbox_ : mailbox_).push_back(std::move(job));
  if (wake_target_) wake_target_->wake();
  return true;
}

void StreamThread::run_mailbox() {
  std::vector<UniqueFunction<void(StreamThread&)>> jobs;
  {
    const std::lock_guard lock(mutex_);
    if (mailbox_.empty() && committed_mailbox_.empty()) return;
    jobs = std::move(mailbox_);
    mailbox_.clear();
    if (!dirty()) {
      for (auto& job : committed_mailbox_) jobs.push_back(std::move(job));
      committed_mailbox_.clear();
    }
  }
  for (auto& job : jobs) job(*this);
}

// Shares

void StreamThread::set_shares(const ThreadShares& shares) {
  const std::lock_guard lock(mutex_);
  new_shares_ = shares;
}

void StreamThread::take_shares() {
  {
    const std::lock_guard lock(mutex_);
    if (!new_shares_) return;
    shares_ = *std::exchange(new_shares_, std::nullopt);
  }
  if (!cache_) return;
  cache_was_cut_ = cache_was_cut_ || shares_.cache_bytes < cache_->bytes_max();
  cache_->resize(shares_.cache_bytes);
}

bool StreamThread::shrink_cache() {
  if (!cache_was_cut_ || gate_.spilled()) return false;
  if (cache_->size_bytes() > cache_->bytes_max()) {
    processed_since_commit_ = true;  // before: what is downstream may throw after it has sent something
    for (const auto& slot : slots_) {
      if (slot->phase == SlotPhase::kRunning) slot->task->flush_caches();
    }
    cache_->drop_what_is_too_much();
  }
  cache_was_cut_ = false;
  return true;
}

}  // namespace tidemill::runtime
