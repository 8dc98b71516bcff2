// GlobalThread: keeps the global stores, which every task may read, up to all partitions of their topics.
//
// start() restores them to the ends of their topics before it returns; then a thread of its own follows. Every change
// is made and every read done under one mutex, so tasks on other threads see whole records. It commits nothing to a group: the
// stores remember which input they have seen.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

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
  /// Called on the thread when it cannot go on.
  UniqueFunction<void(const Error&)> on_failure;
};

class GlobalThread {
 public:
  explicit GlobalThread(GlobalThreadOptions options);
  ~GlobalThread();
  /// Restores, then starts the thread.
  [[nodiscard]] Result<void> start();
  void stop();
  /// A view that locks, or null. Any thread.
  [[nodiscard]] StateStore* find(std::string_view name);
  /// Everything that can be read has been. Any thread.
  [[nodiscard]] bool caught_up();
  [[nodiscard]] std::shared_ptr<TaskMetrics> metrics() const;

 private:
  class LockedStore;
  class NoCollector;
  Result<void> open();
  Result<bool> step();
  void follow();
  void save();

  GlobalThreadOptions options_;
  std::unique_ptr<NoCollector> collector_;
  std::unique_ptr<StreamTask> task_;
  std::vector<std::unique_ptr<LockedStore>> views_;
  std::unique_ptr<LogConsumer> consumer_;
  std::mutex mutex_;  // the stores, the task and its queues
  std::atomic<bool> stop_{false};
  std::thread worker_;
  std::size_t since_save_ = 0;
};

}  // namespace tidemill::runtime
