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
  std::size_t cache_bytes = 0;
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

  /// One round of one thread; true: it did something.
  bool step(std::size_t thread);
  [[nodiscard]] std::size_t thread_count() const { return threads_.size(); }
  /// A thread of it is dead: the process would end and be started again.
  [[nodiscard]] bool failed() const;
  /// For people: why a thread failed, or the threads with their tasks.
  [[nodiscard]] std::string state() const;
  /// The contents of a store over the tasks that run here.
  [[nodiscard]] std::map<std::string, std::string> contents(std::string_view store);

 private:
  Instance() = default;
  std::shared_ptr<Log> log_;
  const Clock* clock_ = nullptr;
  StreamsConfig config_;
  std::unique_ptr<FlushingEngine> persistent_;
  std::shared_ptr<StateEngine> memory_;
  std::shared_ptr<runtime::CommitCoordinator> coordinator_;
  std::vector<std::unique_ptr<runtime::StreamThread>> threads_;
};

}  // namespace tidemill::simulation
