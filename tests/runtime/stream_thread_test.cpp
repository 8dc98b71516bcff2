// What a stream thread does besides a plain word count: rebalance, restore, at least once, waiting for other inputs.
#include <gmock/gmock.h>

#include "application.hpp"
#include "hand_made.hpp"
#include "other_log.hpp"

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
  const auto topology = HandMade()
                            .store(spec)
                            .source("source", {"balances"})
                            .processor("put", put, {"source"}, {"table"})
                            .sink("sink", "changes", {"put"})
                            .build();
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
  const auto metrics = application.thread().snapshot().tasks.at(0).metrics;
  const std::uint64_t idle_from = metrics->idling_since.value();
  EXPECT_GT(idle_from, 0U) << "there is nothing to process";
  world.produce("a", {{"k", "later"}});
  for (int i = 0; i < 50; ++i) application.step();
  EXPECT_EQ(application.thread().metrics().processed.value(), 0U);
  EXPECT_EQ(metrics->idling_since.value(), idle_from) << "what there is has to wait";
  for (int i = 0; i < 80; ++i) application.step();
  EXPECT_EQ(application.thread().metrics().processed.value(), 1U);
  EXPECT_GT(metrics->idling_since.value(), idle_from) << "it was not idle in between";
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
  Application application(world, HandMade().source("a", {"a"}).source("b", {"b"}).sink("sink", "out", {"a", "b"}).build(),
                          config);
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
    const auto topology = HandMade()
                              .store(text_store("counts"))
                              .source("words", {"words"})
                              .processor("count", counting("counts"), {"words"}, {"counts"})
                              .build();
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

/// What the group has committed in a partition of "in"; 0: nothing.
Offset committed_in(const World& world, std::int32_t partition) {
  for (const CommitPosition& position : world.log->admin().describe_group("app", world.deadline()).value().offsets) {
    if (position.partition == TopicPartition{"in", PartitionId(partition)}) return position.offset;
  }
  return Offset(0);
}
/// Sends to one partition of "in" and commits, or, within a transaction, aborts.
void send_to(const World& world, std::int32_t partition, const std::vector<std::pair<std::string, Timestamp>>& values,
             bool abort = false) {
  const auto guarantee = abort ? ProcessingGuarantee::kExactlyOnceV2 : ProcessingGuarantee::kAtLeastOnce;
  auto group =
      world.log->commit_group({.name = "input", .application_id = {}, .guarantee = guarantee}, world.deadline()).value();
  auto producer = group->producer();
  const TopicHandle handle = producer->topic("in", world.deadline()).value();
  for (const auto& [value, time] : values) {
    ASSERT_EQ(producer->send({.topic = handle,
                              .partition = PartitionId(partition),
                              .timestamp = time,
                              .key = BytesView("k"),
                              .value = BytesView(value),
                              .headers = {},
                              .cookie = 0}),
              SendStatus::kAccepted);
  }
  producer->dispatch();
  ASSERT_TRUE(group->flush(world.deadline()));
  if (!abort) return;
  ASSERT_EQ(group->abort(world.deadline()).outcome, CommitOutcome::kAborted);
}

TEST(StreamThread, OneThatFailedInItsPollCommitsNothingOfWhatItPolled) {
  World world;
  world.create("in", 2);
  StreamsConfig config;
  config.commit_interval = 0ms;
  Application application(world, HandMade().source("source", {"in"}).sink("sink", "out", {"source"}).build(), config, 2);
  ASSERT_TRUE(application.settle());
  const std::int32_t first = application.thread(0).snapshot().tasks.at(0).id.partition;
  send_to(world, first, {{"poison", Timestamp(-5)}, {"good", Timestamp(1000)}, {"good", Timestamp(1000)}});
  send_to(world, 1 - first, {{"other", Timestamp(1000)}});
  application.thread(0).run_once(world.clock.now());  // polls, and fails before it has done anything
  ASSERT_TRUE(application.thread(0).failure().has_value());
  world.clock.advance(1ms);
  application.thread(1).run_once(world.clock.now());  // processes; a commit is due
  application.thread(1).run_once(world.clock.now());  // begins the round, in which the other has to take part
  for (int i = 0; i < 20; ++i) application.step();
  EXPECT_EQ(committed_in(world, first), Offset(0)) << "nobody has processed them";
  EXPECT_EQ(committed_in(world, 1 - first), Offset(1));
}

TEST(StreamThread, OneThatHasLostItsTasksCommitsNoPositionOfTheirs) {
  World world;
  world.create("in", 2);
  Application application(world, HandMade().source("source", {"in"}).sink("sink", "out", {"source"}).build(), {}, 2);
  ASSERT_TRUE(application.settle());
  const std::int32_t lost = application.thread(0).snapshot().tasks.at(0).id.partition;
  send_to(world, lost, {{"never was", Timestamp(1000)}}, true);
  for (int i = 0; i < 5; ++i) application.step();  // its position is behind the marker, and nothing has been done
  for (int i = 0; i < 40; ++i) {                   // it stands still until its task is the other's
    world.clock.advance(10s);
    application.thread(1).run_once(world.clock.now());
  }
  ASSERT_EQ(task_count(application.thread(1)), 2U);
  send_to(world, lost, {{"new", Timestamp(1000)}});
  for (int i = 0; i < 3; ++i) {  // processes it, and begins a round
    application.thread(1).run_once(world.clock.now());
    world.clock.advance(1ms);
  }
  for (int i = 0; i < 20; ++i) application.step();
  EXPECT_GE(committed_in(world, lost), Offset(3));
  EXPECT_EQ(world.read("out").size(), 1U);
}

/// Counts the keys of "in", whose two partitions have two tasks, after a first run whose counts have to be restored.
struct CountsRestored {
  World world;
  std::shared_ptr<OtherLog> log;
  std::shared_ptr<Topology> topology = HandMade()
                                           .store(text_store("counts"))
                                           .source("source", {"in"})
                                           .processor("count", counting("counts"), {"source"}, {"counts"})
                                           .sink("sink", "out", {"count"})
                                           .build();
  CountsRestored() {
    world.create("in", 2);
    produce_all();
    {
      Application application(world, topology, {});
      EXPECT_TRUE(application.settle());
      application.close();
    }
    log = std::make_shared<OtherLog>(world.log);
    world.log = log;
  }
  /// The same key once in each partition.
  void produce_all() const {
    for (std::int32_t partition : {0, 1}) send_to(world, partition, {{"v", Timestamp(1000)}});
  }
  std::vector<std::string> restored_counts() {
    Application application(world, topology, {});
    EXPECT_TRUE(application.settle());
    produce_all();
    EXPECT_TRUE(application.settle());
    application.close();
    std::vector<std::string> counts;
    for (const auto& row : world.read("out")) counts.push_back(row.value);
    return counts;
  }
};

TEST(StreamThread, AStoreIsWholeAlsoWhenAnotherChangelogWasOutOfReachWhileItWasRead) {
  CountsRestored counts;
  counts.log->tell({"app-counts-changelog", PartitionId(0)}, {ErrorKind::kUnavailable, "the leader is not there"});
  EXPECT_THAT(counts.restored_counts(), ::testing::UnorderedElementsAre("1", "1", "2", "2"));
}

TEST(StreamThread, AStoreThatHasToStartOverWhileTheLogIsOutOfReachDoesSoLater) {
  CountsRestored counts;
  counts.log->tell({"app-counts-changelog", PartitionId(0)}, {ErrorKind::kOffsetOutOfRange, "gone"}, 3);
  EXPECT_THAT(counts.restored_counts(), ::testing::UnorderedElementsAre("1", "1", "2", "2"));
}

TEST(StreamThread, AnInputOutOfRangeIsSoughtAgainWhenTheLogIsBackInReach) {
  World world;
  world.create("in", 1);
  const auto log = std::make_shared<OtherLog>(world.log);
  world.log = log;
  Application application(world, HandMade().source("source", {"in"}).sink("sink", "out", {"source"}).build(), {});
  ASSERT_TRUE(application.settle());
  log->tell({"in", PartitionId(0)}, {ErrorKind::kOffsetOutOfRange, "gone"}, 3);
  for (int i = 0; i < 2; ++i) application.step();
  send_to(world, 0, {{"later", Timestamp(1000)}});
  ASSERT_TRUE(application.settle());
  EXPECT_EQ(world.read("out").size(), 1U);
}

TEST(StreamThread, OneWithoutTasksPollsItsConsumerWhichWouldNotWaitOtherwise) {
  World world;
  world.create("in", 1);
  const auto log = std::make_shared<OtherLog>(world.log);
  world.log = log;
  const auto topology = HandMade().source("source", {"in"}).sink("sink", "out", {"source"}).build();
  Application first(world, topology, {});
  ASSERT_TRUE(first.settle());
  Application second(world, topology, {}, 1, "p2");
  for (int i = 0; i < 10; ++i) {
    first.step();
    second.step();
  }
  Application& idle = task_count(first.thread()) == 0 ? first : second;
  ASSERT_EQ(task_count(idle.thread()), 0U);
  const std::uint64_t polls = log->polls();
  idle.step();
  EXPECT_EQ(log->polls(), polls + 1);
}

/// One record on its way into a log without room, some time after it was read.
struct NoRoom {
  World world;
  std::shared_ptr<OtherLog> log = std::make_shared<OtherLog>(world.log);
  std::unique_ptr<Application> application;
  explicit NoRoom(ProcessingGuarantee guarantee = ProcessingGuarantee::kExactlyOnceV2) {
    StreamsConfig config;
    config.processing_guarantee = guarantee;
    config.commit_interval = 100ms;
    world.create("in", 1);
    world.log = log;
    application = std::make_unique<Application>(
        world, HandMade().source("source", {"in"}).sink("sink", "out", {"source"}).build(), config);
    EXPECT_TRUE(application->settle());
    send_to(world, 0, {{"a", Timestamp(1000)}});
    log->set_full(true);
  }
  void run(std::chrono::milliseconds time) {
    for (auto i = 0ms; i < time; ++i) application->step();
  }
};

TEST(StreamThread, ARoundThatTheLogHasNoRoomForIsAbortedAndRepeatedUntilThereIsRoom) {
  NoRoom no_room;
  no_room.run(9s);
  EXPECT_EQ(no_room.application->thread().metrics().aborts.value(), 0U) << "it waits for room first";
  no_room.run(30s);
  EXPECT_GE(no_room.application->thread().metrics().aborts.value(), 2U);
  EXPECT_FALSE(no_room.application->thread().failure().has_value());
  no_room.log->set_full(false);
  ASSERT_TRUE(no_room.application->settle());
  EXPECT_EQ(no_room.world.read("out").size(), 1U);
}

TEST(StreamThread, AtLeastOnceWaitsForRoomAsNoAbortWouldTakeBackWhatIsWritten) {
  NoRoom no_room(ProcessingGuarantee::kAtLeastOnce);
  no_room.run(60s);
  EXPECT_EQ(no_room.application->thread().metrics().aborts.value(), 0U);
  no_room.log->set_full(false);
  ASSERT_TRUE(no_room.application->settle());
  EXPECT_EQ(no_room.world.read("out").size(), 1U);
}

TEST(StreamThread, ALogWithoutRoomDoesNotKeepItFromEnding) {
  NoRoom no_room;
  no_room.run(200ms);
  no_room.application->thread().shut_down(true);
  no_room.run(2s);
  EXPECT_FALSE(no_room.application->thread().run_once(no_room.world.clock.now()).alive);
  no_room.log->set_full(false);
  Application again(no_room.world, HandMade().source("source", {"in"}).sink("sink", "out", {"source"}).build(), {});
  ASSERT_TRUE(again.settle());
  EXPECT_EQ(no_room.world.read("out").size(), 1U) << "what was not committed is processed at the next start";
}

/// Whose directories belong to somebody else for some time.
class LockedAtFirst final : public StateEngine {
 public:
  explicit LockedAtFirst(int tries) : tries_(tries) {}
  Result<std::vector<std::unique_ptr<BytesStore>>> open(const std::string& directory,
                                                        std::span<const StoreSpec> specs) override {
    if (tries_-- > 0) return Error{ErrorKind::kLocked, directory + " is locked"};
    return below_->open(directory, specs);
  }
  [[nodiscard]] bool persistent() const override { return false; }
  [[nodiscard]] std::size_t memory_bytes() const override { return below_->memory_bytes(); }

 private:
  int tries_;
  std::shared_ptr<StateEngine> below_ = in_memory_stores();
};

TEST(StreamThread, ATaskThatAnotherThreadHasNotClosedYetIsWaitedFor) {
  World world;
  world.create("lines", 1);
  world.produce("lines", {{"1", "a b a"}});
  Application application(world, word_count(), {}, 1, "p1", std::make_shared<LockedAtFirst>(5));
  ASSERT_TRUE(application.settle());
  EXPECT_FALSE(application.thread().failure().has_value());
  EXPECT_THAT(world.table("word-counts"), ElementsAre(Pair("a", "2"), Pair("b", "1")));
}

TEST(StreamThread, AFailedDeliveryIsAnsweredByTheTaskThatWroteToTheTopic) {
  World world;
  for (const char* topic : {"a", "b", "x", "y"}) world.create(topic, 1);
  std::vector<std::string> asked;
  StreamsConfig config;
  config.production_exception_handler = [&](const ErrorHandlerContext& context, const ProductionError& error) {
    asked.push_back(to_string(context.task_id) + " " + error.topic);
    return HandlerResponse{.answer = HandlerAnswer::kFail};
  };
  const auto topology =
      HandMade().source("a", {"a"}).sink("to-x", "x", {"a"}).subtopology().source("b", {"b"}).sink("to-y", "y", {"b"}).build();
  Application application(world, topology, config);
  for (const char* topic : {"a", "b"}) world.produce(topic, {{"k", "v"}});
  ASSERT_TRUE(application.settle());
  ASSERT_TRUE(world.log->admin().delete_topic("y", world.deadline()));
  world.produce("b", {{"k", "lost"}});
  ASSERT_TRUE(application.settle());
  EXPECT_THAT(asked, ElementsAre("1_0 y"));
}

}  // namespace
}  // namespace tidemill::test
