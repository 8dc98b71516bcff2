// Streams with real threads on a log in memory.
#include <tidemill/streams.hpp>

#include <gmock/gmock.h>

#include <tidemill/base/random.hpp>

#include "hand_made.hpp"

namespace tidemill::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

void produce(Log& log, const std::string& topic, const std::vector<std::pair<std::string, std::string>>& records) {
  const MonotonicTime deadline = system_clock().now().monotonic + 10s;
  auto group =
      log.commit_group({.name = "input", .application_id = {}, .guarantee = ProcessingGuarantee::kAtLeastOnce}, deadline)
          .value();
  auto producer = group->producer();
  const TopicHandle handle = producer->topic(topic, deadline).value();
  std::int32_t partition = 0;
  for (const auto& [key, value] : records) {
    ASSERT_EQ(producer->send({.topic = handle,
                              .partition = PartitionId(partition++ % producer->partition_count(handle)),
                              .timestamp = Timestamp(1),
                              .key = BytesView(key),
                              .value = BytesView(value),
                              .headers = {},
                              .cookie = 0}),
              SendStatus::kAccepted);
  }
  producer->dispatch();
  ASSERT_TRUE(group->flush(deadline));
}

std::map<std::string, std::string> rows(const Streams& streams, std::string_view store,
                                        QueryIsolation isolation = QueryIsolation::kReadUncommitted) {
  const StoreAnswer answer = streams.query_range(store, std::nullopt, std::nullopt, {.isolation = isolation}).value();
  std::map<std::string, std::string> result;
  for (const StoreRow& row : answer.rows) result[row.key] = row.value;
  return result;
}

StreamsConfig config(const std::shared_ptr<Log>& log, int threads = 1) {
  StreamsConfig result{.application_id = "app", .log = log};
  result.num_stream_threads = threads;
  result.default_dsl_store = StoreEngineKind::kInMemory;
  return result;
}

TEST(Streams, CountsWordsWithFourThreadsAndAnswersQueries) {
  const auto log = in_memory_log({.default_partitions = 4});
  std::vector<std::string> states;
  Streams streams(*word_count(), config(log, 4));
  streams.set_state_listener([&](StreamsState now, StreamsState) { states.emplace_back(to_string(now)); });
  ASSERT_TRUE(streams.start());
  produce(*log, "lines", {{"1", "a b a"}, {"2", "b c"}, {"3", "a"}, {"4", "d d d"}});
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  const auto counts = ElementsAre(Pair("a", "3"), Pair("b", "2"), Pair("c", "1"), Pair("d", "3"));
  EXPECT_THAT(rows(streams, "counts"), counts);
  EXPECT_THAT(rows(streams, "counts", QueryIsolation::kReadCommitted), counts);
  const StoreAnswer answer = streams.query_get("counts", "a").value();
  ASSERT_EQ(answer.rows.size(), 1U);
  EXPECT_EQ(answer.rows.front().value, "3");
  EXPECT_EQ(streams.query_count("counts").value().count, 4U);
  EXPECT_THAT(streams.query_get("balances", "a").error().message, HasSubstr("the topology has: counts"));
  ASSERT_TRUE(streams.close());
  EXPECT_EQ(streams.state(), StreamsState::kNotRunning);
  EXPECT_EQ(states.back(), "NOT_RUNNING");
  EXPECT_THAT(states, ::testing::Contains("RUNNING"));
}

TEST(Streams, GoesOnWithTheStateOfTheLastRun) {
  const auto log = in_memory_log({.default_partitions = 2});
  for (int run = 1; run <= 3; ++run) {
    Streams streams(*word_count(), config(log));
    ASSERT_TRUE(streams.start());
    produce(*log, "lines", {{"1", "a b a"}});
    ASSERT_TRUE(streams.wait_until_caught_up(20s));
    EXPECT_THAT(rows(streams, "counts"), ElementsAre(Pair("a", std::to_string(2 * run)), Pair("b", std::to_string(run))));
    ASSERT_TRUE(streams.close());
  }
}

TEST(Streams, ReplacesAThreadThatFailedAndLosesNothing) {
  const auto log = in_memory_log({.default_partitions = 2});
  auto failures = std::make_shared<std::atomic<int>>(0);
  const auto fail_twice = [failures](FunctionNode& node, const ErasedRecord& record) {
    if (value_of(record) == "explode" && failures->fetch_add(1) < 2) throw std::runtime_error("boom");
    node.emit(&key_of(record), &value_of(record), *record.context);
  };
  const auto topology = HandMade()
                            .store(text_store("counts"))
                            .source("source", {"in"})
                            .processor("fragile", fail_twice, {"source"})
                            .processor("count", counting("counts"), {"fragile"}, {"counts"})
                            .sink("sink", "out", {"count"})
                            .build();
  std::atomic<int> asked{0};
  Streams streams(*topology, config(log, 2));
  streams.set_uncaught_exception_handler([&](const std::string&, const Error& error) {
    EXPECT_THAT(error.message, HasSubstr("processor \"fragile\""));
    ++asked;
    return UncaughtExceptionAnswer::kReplaceThread;
  });
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{"a", "1"}, {"b", "1"}, {"a", "2"}, {"b", "explode"}, {"a", "3"}, {"b", "3"}});
  for (int i = 0; i < 100 && !streams.wait_until_caught_up(1s); ++i) {
  }
  EXPECT_EQ(asked, 2);
  EXPECT_THAT(rows(streams, "counts"), ElementsAre(Pair("a", "3"), Pair("b", "3")));
  EXPECT_EQ(streams.state(), StreamsState::kRunning);
}

TEST(Streams, EndsInErrorWhenAnExceptionIsNotHandled) {
  const auto log = in_memory_log({.default_partitions = 1});
  const auto topology =
      HandMade()
          .source("source", {"in"})
          .processor("fragile", [](FunctionNode&, const ErasedRecord&) { throw std::runtime_error("boom"); }, {"source"})
          .build();
  Streams streams(*topology, config(log, 2));
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{"a", "1"}});
  ASSERT_TRUE(streams.wait_until_stopped(20s));
  EXPECT_EQ(streams.state(), StreamsState::kError);
  EXPECT_THAT(streams.error()->message, HasSubstr("boom"));
}

TEST(Streams, CloseNamesTheNodeThatDoesNotReturn) {
  const auto log = in_memory_log({.default_partitions = 1});
  std::atomic<bool> stuck{false};
  std::atomic<bool> go_on{false};
  const auto wait = [&](FunctionNode&, const ErasedRecord&) {
    stuck = true;
    go_on.wait(false);
  };
  const auto topology = HandMade().source("source", {"in"}).processor("sleepy", wait, {"source"}).build();
  Streams streams(*topology, config(log));
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{"a", "1"}});
  while (!stuck) std::this_thread::yield();
  const Result<void> closed = streams.close({.timeout = 50ms});
  go_on = true;
  go_on.notify_all();
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().kind, ErrorKind::kTimeout);
  EXPECT_THAT(closed.error().message, HasSubstr("node \"sleepy\" of task 0_0"));
  EXPECT_TRUE(streams.close());
}

TEST(Streams, RestoresGlobalStoresBeforeStartReturnsAndFollowsTheirTopic) {
  const auto log = in_memory_log({.default_partitions = 2});
  const auto look_up = [](FunctionNode& node, const ErasedRecord& record) {
    Bytes name;
    const bool known = node.task().store("names")->get(value_of(record), name);
    const std::string value = known ? name : "?";
    node.emit(&key_of(record), &value, *record.context);
  };
  const auto topology = HandMade()
                            .global("names", "names-topic")
                            .source("source", {"in"})
                            .processor("look-up", look_up, {"source"})
                            .processor("count", counting("counts"), {"look-up"}, {})
                            .build();
  auto whole = std::make_shared<Topology>(*topology);
  whole->nodes.pop_back();
  whole->nodes[3].children.clear();
  whole->subtopologies[0].nodes.pop_back();
  {
    // Makes the topic.
    Streams first(*whole, config(log));
    ASSERT_TRUE(first.start());
    produce(*log, "names-topic", {{"a", "Anna"}, {"b", "Bert"}});
    ASSERT_TRUE(first.close());
  }
  Streams streams(*whole, config(log));
  ASSERT_TRUE(streams.start());
  EXPECT_THAT(rows(streams, "names"), ElementsAre(Pair("a", "Anna"), Pair("b", "Bert")));
  produce(*log, "names-topic", {{"c", "Carl"}, {"a", "Andreas"}});
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  EXPECT_THAT(rows(streams, "names"), ElementsAre(Pair("a", "Andreas"), Pair("b", "Bert"), Pair("c", "Carl")));
  produce(*log, "in", {{"1", "c"}});
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  EXPECT_TRUE(streams.close());
}

TEST(Streams, ReportsDroppedRecordsAndThroughputByKafkasNames) {
  const auto log = in_memory_log({.default_partitions = 1});
  StreamsConfig with_dlq = config(log);
  with_dlq.errors_dead_letter_queue_topic_name = "dlq";
  with_dlq.deserialization_exception_handler = log_and_continue_on_deserialization_error("dlq");
  Streams streams(*HandMade().source("source", {"in"}).sink("sink", "out", {"source"}).build(), with_dlq);
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{"a", "1"}, {"a", "bad"}, {"a", "2"}});
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  std::map<std::string, double> values;
  for (const Metric& metric : streams.metrics()) {
    if (metric.group == "stream-task-metrics") values[metric.name] += metric.value;
  }
  EXPECT_EQ(values["dropped-records-total"], 1);
  EXPECT_EQ(values["process-total"], 3);
  EXPECT_EQ(values["records-lag"], 0);
  EXPECT_EQ(log->admin().describe_topic("dlq", system_clock().now().monotonic + 1s)->partitions, 1) << "made when needed";
}

TEST(Streams, APersistentStoreIsNotRestoredFromTheBeginning) {
#ifndef TIDEMILL_ROCKSDB
  GTEST_SKIP() << "no persistent engine is built in";
#endif
  const auto log = in_memory_log({.default_partitions = 1});
  const auto topology = std::make_shared<Topology>(*word_count());
  topology->stores.at("counts").spec.engine = StoreEngineKind::kPersistent;
  StreamsConfig persistent = config(log);
  persistent.state_dir = ::testing::TempDir() + "tidemill-streams-test-" + random_uuid(system_random());
  std::int64_t restored = -1;
  for (int run = 1; run <= 2; ++run) {
    restored = 0;
    Streams streams(*topology, persistent);
    streams.set_restore_listener(
        {.on_start = {}, .on_batch = {}, .on_end = [&](const RestoreProgress&, std::int64_t total) { restored += total; }});
    ASSERT_TRUE(streams.start());
    produce(*log, "lines", {{"1", "a b a"}, {"2", "b c"}});
    ASSERT_TRUE(streams.wait_until_caught_up(20s));
    EXPECT_EQ(rows(streams, "counts").at("a"), std::to_string(2 * run));
    EXPECT_EQ(rows(streams, "counts", QueryIsolation::kReadCommitted).at("c"), std::to_string(run));
    if (run == 1) {
      Streams other(*topology, persistent);
      const Result<void> started = other.start();
      ASSERT_FALSE(started);
      EXPECT_THAT(started.error().message, HasSubstr("give each instance its own state.dir"));
    }
    ASSERT_TRUE(streams.close());
  }
  EXPECT_EQ(restored, 0);
}

TEST(Streams, PausesAndResumes) {
  const auto log = in_memory_log({.default_partitions = 1});
  Streams streams(*word_count(), config(log));
  streams.pause();
  ASSERT_TRUE(streams.start());
  produce(*log, "lines", {{"1", "a"}});
  EXPECT_FALSE(streams.wait_until_caught_up(200ms));
  streams.resume();
  EXPECT_TRUE(streams.wait_until_caught_up(20s));
  EXPECT_THAT(rows(streams, "counts"), ElementsAre(Pair("a", "1")));
}

TEST(Streams, RefusesAConfigurationThatCannotBe) {
  const auto log = in_memory_log();
  EXPECT_THROW(Streams(*word_count(), {.application_id = "a b", .log = log}), ConfigException);
  EXPECT_THROW(Streams(*word_count(), {.application_id = "app"}), ConfigException);
  EXPECT_THROW(Streams(Topology(), {.application_id = "app", .log = log}), TopologyException);
  const auto says = [](const char* text) { return ::testing::ThrowsMessage<ConfigException>(::testing::HasSubstr(text)); };
  EXPECT_THAT([&] { Streams(*word_count(), {.application_id = "app", .log = log, .max_poll_interval = 0ms}); },
              says("max.poll.interval.ms=0: must be at least 1"));
}

}  // namespace
}  // namespace tidemill::test
