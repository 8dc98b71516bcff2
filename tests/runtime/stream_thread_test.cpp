// What a stream thread does besides a plain word count: rebalance, restore, at least once, waiting for other inputs.
#include <gmock/gmock.h>

#include "application.hpp"
#include "hand_made.hpp"

namespace tidemill::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::Pair;

std::size_t task_count(const runtime::StreamThread& thread) { return thread.snapshot().tasks.size(); }

TEST(StreamThread, TwoInstancesShareTheTasksAndOneTakesThemOver) {
  World world;
  world.create("lines", 4);
  auto first = std::make_unique<Application>(world, word_count(), StreamsConfig{}, 1, "p1");
  ASSERT_TRUE(first->settle());
  EXPECT_EQ(task_count(first->thread()), 8U);
  world.produce("lines", {{"1", "a b"}, {"2", "a"}});
  ASSERT_TRUE(first->settle());
  Application second(world, word_count(), {}, 1, "p2");
  const auto both = [&] {
    for (int i = 0; i < 500; ++i) {
      first->step();
      second.step();
    }
  };
  both();
  EXPECT_EQ(task_count(first->thread()), 4U);
  EXPECT_EQ(task_count(second.thread()), 4U);
  world.produce("lines", {{"1", "a b"}, {"2", "a c"}, {"3", "a"}, {"4", "a"}});
  both();
  EXPECT_THAT(world.table("word-counts"), ElementsAre(Pair("a", "6"), Pair("b", "2"), Pair("c", "1")));
  first->close();
  world.produce("lines", {{"1", "a"}, {"2", "b"}});
  ASSERT_TRUE(second.settle());
  EXPECT_EQ(task_count(second.thread()), 8U);
  EXPECT_THAT(world.table("word-counts"), ElementsAre(Pair("a", "7"), Pair("b", "3"), Pair("c", "1")));
}

TEST(StreamThread, AtLeastOnceCountsNothingTwiceAsLongAsNothingFails) {
  World world;
  world.create("lines", 2);
  StreamsConfig config;
  config.processing_guarantee = ProcessingGuarantee::kAtLeastOnce;
  for (int run = 1; run <= 2; ++run) {
    world.produce("lines", {{"1", "a b a"}, {"2", "b c"}});
    Application application(world, word_count(), config, 2);
    ASSERT_TRUE(application.settle());
    application.close();
    EXPECT_EQ(world.table("word-counts").at("a"), std::to_string(2 * run));
  }
}

TEST(StreamThread, AtLeastOnceLosesNothingWhenItFails) {
  World world;
  world.create("lines", 1);
  StreamsConfig config;
  config.processing_guarantee = ProcessingGuarantee::kAtLeastOnce;
  world.produce("lines", {{"1", "a b a"}, {"2", "b c"}});
  {
    Application application(world, word_count(), config);
    for (int i = 0; i < 4; ++i) application.step();
  }
  Application application(world, word_count(), config);
  ASSERT_TRUE(application.settle());
  EXPECT_GE(std::stoi(world.table("word-counts").at("a")), 2);
  EXPECT_GE(std::stoi(world.table("word-counts").at("c")), 1);
}

TEST(StreamThread, ATableReadDirectlyIsRestoredFromItsSourceTopic) {
  World world;
  world.create("balances", 1);
  StoreSpec spec = text_store("table");
  spec.kind = StoreKind::kTimestampedKeyValue;
  spec.source_topic_as_changelog = "balances";
  const auto put = [](FunctionNode& node, const ErasedRecord& record) {
    Bytes old;
    const bool known = node.store("table").get(key_of(record), old);
    const std::string stored = std::string(8, '\0') + value_of(record);
    node.store("table").put(key_of(record), BytesView(stored), record.context->timestamp);
    const std::string change = (known ? old.substr(8) : std::string("none")) + "->" + value_of(record);
    node.emit(&key_of(record), &change, *record.context);
  };
  const auto topology =
      HandMade().store(spec).source("source", {"balances"}).processor("put", put, {"source"}, {"table"}).sink("sink", "changes", {"put"}).build();
  world.produce("balances", {{"x", "1"}});
  {
    Application application(world, topology, {});
    ASSERT_TRUE(application.settle());
  }
  world.produce("balances", {{"x", "2"}});
  Application application(world, topology, {});
  ASSERT_TRUE(application.settle());
  std::vector<std::string> changes;
  for (const auto& row : world.read("changes")) changes.push_back(row.value);
  EXPECT_THAT(changes, ElementsAre("none->1", "1->2")) << "restored up to the committed offset, not to the end";
}

TEST(StreamThread, WaitsForAnEmptyInputThatTheLogHasDataFor) {
  // Both topics have data when the task starts; whatever arrives first, the smaller timestamps go first.
  World world;
  world.create("a", 1);
  world.create("b", 1);
  const auto topology = HandMade().source("a", {"a"}).source("b", {"b"}).sink("sink", "out", {"a", "b"}).build();
  world.clock.set_wall(Timestamp(10));
  world.produce("b", {{"k", "b10"}});
  world.clock.set_wall(Timestamp(20));
  world.produce("a", {{"k", "a20"}});
  world.clock.set_wall(Timestamp(30));
  world.produce("b", {{"k", "b30"}});
  world.clock.set_wall(Timestamp(40));
  world.produce("a", {{"k", "a40"}});
  Application application(world, topology, {});
  ASSERT_TRUE(application.settle());
  std::vector<std::string> order;
  for (const auto& row : world.read("out")) order.push_back(row.value);
  EXPECT_THAT(order, ElementsAre("b10", "a20", "b30", "a40"));
}

TEST(StreamThread, MaxTaskIdleWaitsForMoreThanTheLogHas) {
  World world;
  world.create("a", 1);
  world.create("b", 1);
  const auto topology = HandMade().source("a", {"a"}).source("b", {"b"}).sink("sink", "out", {"a", "b"}).build();
  StreamsConfig config;
  config.max_task_idle = 100ms;
  Application application(world, topology, config);
  for (int i = 0; i < 20; ++i) application.step();
  world.produce("a", {{"k", "later"}});
  for (int i = 0; i < 50; ++i) application.step();
  EXPECT_EQ(application.thread().metrics().processed.value(), 0U);
  for (int i = 0; i < 80; ++i) application.step();
  EXPECT_EQ(application.thread().metrics().processed.value(), 1U);
}

/// Both topics have two batches when the task starts, all of `a` before all of `b`; at most one batch fits into the memory for
/// input. What comes out, in order.
std::string merged_with_little_memory(std::chrono::milliseconds max_task_idle) {
  World world;
  world.create("a", 1);
  world.create("b", 1);
  std::int64_t time = 0;
  for (const char* topic : {"a", "b"}) {
    for (int batch = 0; batch < 2; ++batch) {
      world.clock.set_wall(Timestamp(++time));
      world.produce(topic, {{"k", topic + std::to_string(time)}});
    }
  }
  StreamsConfig config;
  config.max_task_idle = max_task_idle;
  config.input_buffer_max_bytes = 1;
  Application application(world, HandMade().source("a", {"a"}).source("b", {"b"}).sink("sink", "out", {"a", "b"}).build(), config);
  EXPECT_TRUE(application.settle());
  std::string order;
  for (const auto& row : world.read("out")) order += row.value + " ";
  return order;
}
TEST(StreamThread, AnInputThatATaskWaitsForIsReadAlsoWhenTheMemoryForInputIsTaken) {
  EXPECT_EQ(merged_with_little_memory(0ms), "a1 a2 b3 b4 ");
}
TEST(StreamThread, WithoutMaxTaskIdleATaskTakesWhatThereIs) {
  const std::string order = merged_with_little_memory(-1ms);
  EXPECT_TRUE(order == "a1 b3 a2 b4 " || order == "b3 a1 b4 a2 ") << order << ": the log gives them in turns";
}

TEST(StreamThread, CommitsEarlyWhenStoresHaveTooMuchUncommitted) {
  const auto commits = [](std::size_t bytes_max) {
    World world;
    world.create("words", 1);
    std::vector<std::pair<std::string, std::string>> records;
    for (int i = 0; i < 20000; ++i) records.emplace_back("word" + std::to_string(i), "x");
    world.produce("words", records);
    StreamsConfig config;
    config.statestore_uncommitted_max_bytes = bytes_max;
    config.statestore_cache_max_bytes = 0;
    config.commit_interval = 1h;
    const auto topology = HandMade().store(text_store("counts")).source("words", {"words"})
                              .processor("count", counting("counts"), {"words"}, {"counts"}).build();
    Application application(world, topology, config);
    EXPECT_TRUE(application.settle());
    EXPECT_EQ(world.table("app-counts-changelog").size(), 20000U);
    return application.thread().metrics().commits.value();
  };
  const std::uint64_t few = commits(64 << 20);
  EXPECT_GE(commits(10'000), few + 3);
}

TEST(StreamThread, ALargeBacklogStaysInBoundedQueues) {
  World world;
  world.create("in", 2);
  std::vector<std::pair<std::string, std::string>> records;
  for (int i = 0; i < 30000; ++i) records.emplace_back(std::to_string(i), "v");
  world.produce("in", records);
  StreamsConfig config;
  config.buffered_records_per_partition = 100;
  Application application(world, HandMade().source("s", {"in"}).sink("sink", "out", {"s"}).build(), config);
  ASSERT_TRUE(application.settle());
  EXPECT_EQ(world.read("out").size(), 30000U);
}

TEST(StreamThread, RepartitionTopicsArePurgedWhenTheyHaveBeenConsumed) {
  World world;
  world.create("lines", 1);
  StreamsConfig config;
  config.repartition_purge_interval = 10ms;
  Application application(world, word_count(), config);
  ASSERT_TRUE(application.settle());
  for (int i = 0; i < 3; ++i) {
    world.produce("lines", {{"1", "a b a"}});
    ASSERT_TRUE(application.settle());
  }
  const TopicPartition partition{"app-words-repartition", PartitionId(0)};
  EXPECT_GT(world.log->admin().offsets({&partition, 1}, world.deadline())->front().start, Offset(0));
}

}  // namespace
}  // namespace tidemill::test
