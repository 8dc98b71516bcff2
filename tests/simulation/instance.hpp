// Instance: one simulated process of the application: the production threads, coordinator and engine, wired as Streams wires
// them, but stepped by the simulation instead of threads.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <tidemill/config/streams_config.hpp>

#include "flushing_engine.hpp"
#include "runtime/stream_thread.hpp"

namespace tidemill::simulation {

struct InstanceOptions {
  std::string process_id;
  std::string state_directory;
  int threads = 1;
  std::uint64_t seed = 0;
  std::size_t cache_bytes = 0;  // of all threads together
  std::shared_ptr<const Topology> topology;
  FlushingEngineOptions engine;
};

class Instance {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Instance>> start(std::shared_ptr<Log> log, Storage& storage, const Clock& clock,
                                                               const InstanceOptions& options);
  /// As a crash: nothing is committed, nobody leaves.
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  /// One round of one thread; true: it did something. One that has been removed is gone once it has ended.
  bool step(std::size_t thread);
  /// One more, under the lowest number that is free.
  [[nodiscard]] Result<void> add_thread();
  /// The oldest that does not leave yet is to leave, if there is one.
  void remove_thread();
  /// Those that do not leave.
  [[nodiscard]] std::size_t staying_count() const;
  [[nodiscard]] std::size_t thread_count() const { return threads_.size(); }
  /// A thread of it is dead: the process would end and be started again.
  [[nodiscard]] bool failed() const;
  /// For people: why a thread failed, or the threads with their tasks.
  [[nodiscard]] std::string state() const;
  /// The contents of a store over the tasks that run here.
  [[nodiscard]] std::map<std::string, std::string> contents(std::string_view store);

 private:
  struct Worker {
    int number = 0;
    bool leaves = false;
    std::unique_ptr<runtime::StreamThread> thread;
  };
  Instance() = default;
  void split_shares();
  InstanceOptions options_;
  std::vector<SubtopologyTasks> tasks_;
  std::shared_ptr<Log> log_;
  const Clock* clock_ = nullptr;
  StreamsConfig config_;
  std::unique_ptr<FlushingEngine> persistent_;
  std::shared_ptr<StateEngine> memory_;
  std::shared_ptr<runtime::CommitCoordinator> coordinator_;
  std::vector<Worker> threads_;
};

}  // namespace tidemill::simulation
