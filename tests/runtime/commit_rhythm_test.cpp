// When a group commits and what its tasks wait for meanwhile, step by step of a millisecond (docs/decisions/0011).
#include <gmock/gmock.h>

#include "application.hpp"
#include "hand_made.hpp"

namespace tidemill::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

constexpr int kQuiet = 40;

void steps(Application& application, int number) {
  for (int i = 0; i < number; ++i) application.step();
}

std::vector<std::string> values(World& world, const std::string& topic) {
  std::vector<std::string> found;
  for (const auto& row : world.read(topic)) found.push_back(row.value);
  return found;
}

/// in -> r0 -> r1 -> ... -> out, over topics of the application's own or over repartition topics.
std::shared_ptr<Topology> chain(World& world, int hops, bool repartition) {
  HandMade made;
  std::string from = "in";
  world.create("in", 1);
  for (int hop = 0; hop < hops; ++hop) {
    const std::string to = "r" + std::to_string(hop);
    if (repartition) {
      made.repartition(to);
    } else {
      world.create(to, 1);
    }
    made.source(from, {from}).sink("to-" + to, to, {from}).subtopology();
    from = to;
  }
  return made.source(from, {from}).sink("sink", "out", {from}).build();
}

class Chain : public ::testing::TestWithParam<std::tuple<int, bool>> {};

TEST_P(Chain, TakesARecordThatComesAloneToItsEndInOneCommit) {
  const auto [hops, repartition] = GetParam();
  World world;
  Application application(world, chain(world, hops, repartition), StreamsConfig{}, 2);
  steps(application, 600);
  constexpr std::uint64_t kRecords = 20;
  std::uint64_t before = 0;
  for (std::uint64_t i = 0; i <= kRecords; ++i) {
    if (i == 1) before = application.thread(0).metrics().commits.value();  // it is known then how long a commit takes
    world.produce("in", {{"k", std::to_string(i)}});
    int taken = 0;
    while (values(world, "out").size() <= i && taken < 1000) steps(application, 1), ++taken;
    EXPECT_LE(taken, hops + 3);
    steps(application, kQuiet);
  }
  EXPECT_EQ(application.thread(0).metrics().commits.value() - before, kRecords);
}
INSTANTIATE_TEST_SUITE_P(All, Chain, ::testing::Combine(::testing::Values(1, 2, 3), ::testing::Bool()), [](const auto& what) {
  return std::to_string(std::get<0>(what.param)) + (std::get<1>(what.param) ? "Repartition" : "Own");
});

// A drain must not keep from a task what it waits for: its other input comes from outside.
TEST(CommitRhythm, ATaskThatMergesAnInputFromOutsideIsNotStarvedByADrain) {
  double milliseconds[2] = {};
  for (const auto idle : {-1ms, 0ms}) {
    World world;
    world.create("in", 1);
    world.create("a", 1);
    HandMade made;
    made.repartition("r").source("in", {"in"}).sink("to-r", "r", {"in"}).subtopology();
    const auto topology = made.source("r", {"r"}).source("a", {"a"}).sink("sink", "out", {"r", "a"}).build();
    StreamsConfig config;
    config.max_task_idle = idle;
    Application application(world, topology, config, 1);
    steps(application, 600);
    constexpr std::size_t kRounds = 400;
    std::size_t sent = 0;
    std::size_t missing = 0;
    for (std::size_t i = 0; i < kRounds; ++i) {
      world.produce("in", {{"k", "i"}});
      world.produce("a", {{"k", "a"}});
      sent += 2;
      steps(application, 1);
      missing += sent - values(world, "out").size();
    }
    milliseconds[idle == 0ms ? 1 : 0] = static_cast<double>(missing) / kRounds / 2;
  }
  // Who waits for the other input may wait for a busy commit, which in this world is due after 20 steps; not for two of them.
  EXPECT_LE(milliseconds[1], milliseconds[0] + runtime::CommitCoordinator::kBusyCommitShare);
}

// With max.task.idle.ms=0 a task waits only for what the log has, also where time goes on while it works.
TEST(CommitRhythm, AnInputThatBecomesEmptyDoesNotEndTheRound) {
  World world;
  world.create("a", 1);
  world.create("b", 1);
  const auto slow = [&world](FunctionNode& node, const ErasedRecord& record) {
    world.clock.advance(1ms);
    node.emit(&key_of(record), &value_of(record), *record.context);
  };
  const auto topology = HandMade()
                            .source("a", {"a"})
                            .source("b", {"b"})
                            .processor("slow", slow, {"a", "b"})
                            .sink("sink", "out", {"slow"})
                            .build();
  Application application(world, topology, {});
  steps(application, 600);
  std::vector<std::pair<std::string, std::string>> records(1000, {"k", "a"});
  world.produce("a", records);
  records.resize(50);
  world.produce("b", records);
  const auto& processed = application.thread().metrics().processed;
  while (processed.value() == 0) steps(application, 1);
  EXPECT_EQ(processed.value(), 1050U);
}

// Kafka's PartitionGroup has a deadline for each partition, which ends when the partition has a record.
TEST(CommitRhythm, TheTimeToWaitForAnInputBeginsAnewWhenItHasHadARecord) {
  World world;
  world.create("a", 1);
  world.create("b", 1);
  const auto topology = HandMade().source("a", {"a"}).source("b", {"b"}).sink("sink", "out", {"a", "b"}).build();
  StreamsConfig config;
  config.max_task_idle = 100ms;
  Application application(world, topology, config);
  steps(application, 20);
  const auto base = world.clock.now().wall;
  const auto produce_at = [&](int time, const char* topic, const char* value) {
    const auto now = world.clock.now().wall;
    world.clock.set_wall(base + time);
    world.produce(topic, {{"k", value}});
    world.clock.set_wall(now);
  };
  produce_at(0, "b", "b0");  // until now nobody knew how long b had been empty
  steps(application, 5);
  produce_at(1, "a", "a1");
  produce_at(100, "a", "a100");
  steps(application, 50);
  produce_at(2, "b", "b2");
  steps(application, 65);  // 115 from the beginning, 65 since b was empty again
  produce_at(3, "b", "b3");
  ASSERT_TRUE(application.settle());
  EXPECT_THAT(values(world, "out"), ElementsAre("b0", "a1", "b2", "b3", "a100"));
}

TEST(CommitRhythm, APausedThreadSleepsAlsoWhileATaskWaitsForAnInput) {
  World world;
  world.create("a", 1);
  world.create("b", 1);
  const auto topology = HandMade().source("a", {"a"}).source("b", {"b"}).sink("sink", "out", {"a", "b"}).build();
  StreamsConfig config;
  config.max_task_idle = 100ms;
  Application application(world, topology, config);
  steps(application, 20);
  world.produce("a", {{"k", "v"}});
  steps(application, 10);
  application.thread().set_paused(true);
  steps(application, 200);
  const runtime::StreamThread::Step step = application.thread().run_once(world.clock.now());
  EXPECT_FALSE(step.worked);
  EXPECT_GT(step.wait_until, world.clock.now().monotonic);
}

}  // namespace
}  // namespace tidemill::test
