// GlobalThread: keeps the global stores, which every task may read, up to all partitions of their topics.
//
// start() restores them to where their topics ended, read committed, before it returns; then a thread of its own follows. Every
// change is made and every read done under one mutex, so tasks on other threads see whole records. It commits nothing to a group:
// each store remembers which input it has seen, and goes on behind it after a restart.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "runtime/locked_store.hpp"
#include "runtime/restorer.hpp"
#include "runtime/stream_task.hpp"

namespace tidemill::runtime {

struct GlobalThreadOptions {
  std::shared_ptr<const Topology> topology;
  const StreamsConfig* config = nullptr;
  Log* log = nullptr;
  const Clock* clock = nullptr;
  StateEngine* persistent_engine = nullptr;
  StateEngine* memory_engine = nullptr;
  std::string directory;
  RestoreObserver* restore_observer = nullptr;
  std::shared_ptr<const StreamsMetrics> streams_metrics = nullptr;  // as StreamTaskOptions'
  /// Called on the thread when it cannot go on.
  UniqueFunction<void(const Error&)> on_failure;
  /// The last thing that the thread does.
  UniqueFunction<void()> on_end;
};

class GlobalThread {
 public:
  explicit GlobalThread(GlobalThreadOptions options);
  ~GlobalThread();
  /// Restores, then starts the thread.
  [[nodiscard]] Result<void> start();
  /// start() and the thread come to an end soon. Any thread.
  void ask_to_stop() { stop_ = true; }
  /// Ends the thread and closes the stores. Any thread. False: it has not ended by then, and busy_with() says where it is; call again.
  bool stop(std::chrono::milliseconds timeout);
  /// The node that is at work; empty: none is.
  [[nodiscard]] std::string busy_with() const;
  /// A view that locks, or null. Any thread.
  [[nodiscard]] StateStore* find(std::string_view name);
  /// Everything that can be read has been. Any thread.
  [[nodiscard]] bool caught_up();
  /// How long ago the stores had everything that could be read. Any thread.
  [[nodiscard]] std::chrono::milliseconds staleness() const;
  /// The caller is this thread: it must not wait for itself.
  [[nodiscard]] bool is_caller() const { return here_ == this; }
  /// Runs `job` on a store that nobody writes meanwhile, with the input that it has seen. False: there is none. Any thread.
  bool read(std::string_view name, UniqueFunction<void(LayeredStore& store, const Position& seen)> job);
  [[nodiscard]] std::shared_ptr<TaskMetrics> metrics() const;

 private:
  class NoCollector;
  Result<void> open();
  /// Empties stores that have seen more of a topic than there is.
  Result<void> clear_lost_futures(const std::vector<PartitionOffsets>& offsets);
  /// The next offset of an input behind what its store has seen; nullopt: it has seen nothing.
  [[nodiscard]] std::optional<Offset> behind_seen(const TaskStore& store, const TopicPartition& input) const;
  Result<void> restore();
  Result<bool> step();
  void follow();
  void run();
  Result<void> save();
  /// What cannot be kept for as long as task_timeout ends the thread, as an error that does not pass by itself does at once.
  Result<void> save_or_wait();

  GlobalThreadOptions options_;
  std::unique_ptr<NoCollector> collector_;
  std::unique_ptr<StreamTask> task_;
  std::vector<std::unique_ptr<LockedStore>> views_;
  std::unique_ptr<LogConsumer> consumer_;
  /// The stores, the task and its queues. A function that reads one store may read another.
  std::recursive_mutex mutex_;
  std::atomic<bool> stop_{false};
  std::thread worker_;
  static thread_local const GlobalThread* here_;  // whose thread this is; an id can come again
  std::mutex ended_mutex_;
  std::condition_variable ended_changed_;
  // Guarded by ended_mutex_.
  bool ended_ = true;
  bool stopping_ = false;  // one at a time
  std::size_t since_save_ = 0;
  MonotonicTime unsaved_since_{};              // when a save failed first; {}: the last one did not
  std::atomic<std::int64_t> caught_up_at_{0};  // monotonic nanoseconds
};

}  // namespace tidemill::runtime
