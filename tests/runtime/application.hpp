// An application of some stream threads on one log, driven step by step on the test's own thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <tidemill/adapters/embedded_log.hpp>
#include <tidemill/config/streams_config.hpp>

#include "runtime/stream_thread.hpp"
#include "runtime/topic_plan.hpp"

namespace tidemill::test {

/// Everything a log and a clock need, kept over "crashes".
struct World {
  std::unique_ptr<Storage> storage = memory_storage();
  ManualClock clock{Timestamp(1'000'000)};
  SeededRandom random{1};
  std::shared_ptr<Log> log;

  World() { open(); }
  void open() {
    log = open_embedded_log(*storage, clock, random,
                            {.durability = Durability::kProcess, .default_partitions = 2, .background_thread = false})
              .value();
  }
  [[nodiscard]] MonotonicTime deadline() const { return clock.now().monotonic + std::chrono::seconds(10); }

  void create(const std::string& topic, std::int32_t partitions) const {
    log->admin()
        .create_topic({.name = topic, .partitions = partitions, .replication_factor = -1, .config = {}}, deadline())
        .value();
  }
  void produce(const std::string& topic, const std::vector<std::pair<std::string, std::string>>& records) {
    auto group =
        log->commit_group({.name = "input", .application_id = {}, .guarantee = ProcessingGuarantee::kAtLeastOnce}, deadline())
            .value();
    auto producer = group->producer();
    const TopicHandle handle = producer->topic(topic, deadline()).value();
    for (const auto& [key, value] : records) {
      const auto partition = static_cast<std::int32_t>(std::hash<std::string>()(key) %
                                                       static_cast<std::size_t>(producer->partition_count(handle)));
      ASSERT_EQ(producer->send({.topic = handle,
                                .partition = PartitionId(partition),
                                .timestamp = clock.now().wall,
                                .key = BytesView(key),
                                .value = BytesView(value),
                                .headers = {},
                                .cookie = 0}),
                SendStatus::kAccepted);
    }
    producer->dispatch();
    ASSERT_TRUE(group->flush(deadline()));
  }
  struct Row {
    std::string key;
    std::string value;
    std::int32_t partition = 0;
  };
  /// All committed records of a topic, per partition in order.
  [[nodiscard]] std::vector<Row> read(const std::string& topic) const {
    std::vector<Row> rows;
    const auto description = log->admin().describe_topic(topic, deadline());
    if (!description) return rows;
    auto consumer = log->consumer(Isolation::kReadCommitted).value();
    for (std::int32_t p = 0; p < description->partitions; ++p) {
      const std::pair<TopicPartition, Offset> from{{topic, PartitionId(p)}, Offset(0)};
      consumer->assign({&from, 1}).value();
      while (!consumer->caught_up(from.first)) {
        PollResult polled = consumer->poll(1 << 20).value();
        for (const auto& batch : polled.batches) {
          for (const auto& record : batch->records) {
            rows.push_back({std::string(record.key.value_or("")), std::string(record.value.value_or("")), p});
          }
        }
        if (polled.batches.empty()) break;
      }
      consumer->unassign({&from.first, 1});
    }
    return rows;
  }
  /// The last value of each key.
  [[nodiscard]] std::map<std::string, std::string> table(const std::string& topic) const {
    std::map<std::string, std::string> result;
    for (const Row& row : read(topic)) result[row.key] = row.value;
    return result;
  }
};

class Application {
 public:
  Application(World& world, std::shared_ptr<const Topology> topology, StreamsConfig config, int threads = 1,
              std::string process_id = "p1", std::shared_ptr<StateEngine> engine = in_memory_stores())
      : world_(world), topology_(std::move(topology)), config_(std::move(config)), memory_(std::move(engine)) {
    if (config_.application_id.empty()) config_.application_id = "app";
    config_.num_stream_threads = threads;
    plan();
    coordinator_ = std::make_shared<runtime::CommitCoordinator>(
        *world_.log, world_.clock,
        CommitGroupOptions{.name = config_.application_id + "-" + process_id + "-0",
                           .application_id = config_.application_id,
                           .guarantee = config_.processing_guarantee});
    coordinator_->open(world_.deadline()).value();
    for (int i = 1; i <= threads; ++i) {
      runtime::StreamThreadOptions options;
      options.name = process_id + "-StreamThread-" + std::to_string(i);
      options.topology = topology_;
      options.config = &config_;
      options.log = world_.log.get();
      options.clock = &world_.clock;
      options.coordinator = coordinator_;
      options.memory_engine = memory_.get();
      options.state_directory = config_.state_dir == StreamsConfig().state_dir ? "state" : config_.state_dir;
      options.join.process_id = process_id;
      options.join.client_id = options.name;
      options.join.tasks = tasks_;
      options.shares = runtime::thread_shares(config_, static_cast<std::size_t>(threads));
      threads_.push_back(std::make_unique<runtime::StreamThread>(std::move(options)));
      threads_.back()->start().value();
    }
  }
  ~Application() {
    // As after a crash: nothing is committed, no one leaves.
    for (auto& thread : threads_) thread.reset();
  }

  /// Runs until no thread does anything for a while; false: the bound was reached.
  bool settle(int rounds_max = 20000) {
    int quiet = 0;
    for (int i = 0; i < rounds_max; ++i) {
      bool worked = false;
      for (const auto& thread : threads_) worked |= thread->run_once(world_.clock.now()).worked;
      quiet = worked ? 0 : quiet + 1;
      world_.clock.advance(std::chrono::milliseconds(1));
      if (quiet > 300) return true;
    }
    return false;
  }
  /// One round of each thread.
  void step() {
    for (const auto& thread : threads_) thread->run_once(world_.clock.now());
    world_.clock.advance(std::chrono::milliseconds(1));
  }
  void close() {
    for (const auto& thread : threads_) thread->shut_down(true);
    for (int i = 0; i < 1000; ++i) step();
    threads_.clear();
  }
  [[nodiscard]] runtime::StreamThread& thread(std::size_t index = 0) { return *threads_[index]; }
  [[nodiscard]] std::size_t thread_count() const { return threads_.size(); }
  [[nodiscard]] runtime::CommitCoordinator& coordinator() { return *coordinator_; }

 private:
  void plan() {
    runtime::TopicPlanInput input;
    input.application_id = config_.application_id;
    input.default_partitions = 2;
    const auto topics = world_.log->admin().list_topics(world_.deadline()).value();
    for (const auto& topic : topics) {
      input.existing[topic.name] = topic.partitions;
    }
    runtime::TopicPlan plan = runtime::plan_topics(*topology_, input);
    for (const auto& topic : plan.missing) world_.log->admin().create_topic(topic, world_.deadline()).value();
    for (const auto& topic : plan.internal) world_.log->admin().create_topic(topic, world_.deadline()).value();
    tasks_ = plan.tasks;
  }

  World& world_;
  std::shared_ptr<const Topology> topology_;
  StreamsConfig config_;
  std::shared_ptr<StateEngine> memory_;
  std::vector<SubtopologyTasks> tasks_;
  std::shared_ptr<runtime::CommitCoordinator> coordinator_;
  std::vector<std::unique_ptr<runtime::StreamThread>> threads_;
};

}  // namespace tidemill::test
