// Topic configuration takes effect, at once and also under a producer that is at work.
#include "world.hpp"

namespace tidemill {
namespace {

using namespace std::chrono_literals;
using test::Row;
using test::World;
using testing::Each;
using testing::ElementsAre;
using testing::Field;
using testing::SizeIs;

std::vector<int> codecs(World& world, const std::string& topic) {
  std::vector<int> result;
  for (const BatchHeader& batch : world.batches(topic)) {
    if (!batch.control()) result.push_back(batch.codec());
  }
  return result;
}

const std::string kCompressible(1000, 'x');

TEST(Topics, HaveOnePartitionOrMoreByDefault) {
  const auto opened = open_embedded_log(::testing::TempDir() + "tidemill-no-partitions", {.default_partitions = 0});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_NE(opened.error().message.find("default_partitions is 0"), std::string::npos) << opened.error().message;
  EXPECT_THROW(static_cast<void>(in_memory_log({.default_partitions = 0})), ResultException);
}

TEST(Topics, CompressionTypeIsUsed) {
  const std::pair<const char*, int> kinds[] = {{"uncompressed", 0}, {"gzip", 1}, {"snappy", 2}, {"lz4", 3}, {"zstd", 4}};
  for (const auto& [name, codec] : kinds) {
    World world;
    world.topic("t", {{"compression.type", name}});
    world.put("t", "k", BytesView(kCompressible));
    EXPECT_THAT(codecs(world, "t"), ElementsAre(codec)) << name;
    EXPECT_EQ(world.offsets("t").size_bytes < 200, codec != 0) << name;
    world.reopen();
    EXPECT_EQ(world.rows("t"), (std::vector<Row>{{0, "k", kCompressible}})) << name;
  }
}

TEST(Topics, TheProducersCompressionIsUsedWhereTheTopicLeavesItTo) {
  World world;
  world.topic("own", {{"compression.type", "lz4"}});
  world.topic("producers", {{"compression.type", "producer"}});
  world.topic("default");
  const auto group = world.log()
                         .commit_group({.name = "g",
                                        .application_id = {},
                                        .guarantee = ProcessingGuarantee::kAtLeastOnce,
                                        .producer_properties = {{"compression.type", "zstd"}}},
                                       world.deadline())
                         .value();
  const auto producer = group->producer();
  for (const char* topic : {"own", "producers", "default"})
    world.send(*producer, topic, BytesView("k"), BytesView(kCompressible));
  EXPECT_THAT(codecs(world, "own"), ElementsAre(3));
  EXPECT_THAT(codecs(world, "producers"), ElementsAre(4));
  EXPECT_THAT(codecs(world, "default"), ElementsAre(4));
  const auto wrong = world.log().commit_group(
      {.name = "g", .application_id = {}, .producer_properties = {{"compression.type", "rar"}}}, world.deadline());
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().kind, ErrorKind::kInvalidArgument);
}

TEST(Topics, WhatIsAlteredHoldsForProducersAtWork) {
  World world;
  world.topic("t");
  auto group = world.group("", ProcessingGuarantee::kAtLeastOnce);
  auto producer = group->producer();
  world.send(*producer, "t", BytesView("k"), BytesView(kCompressible));
  world.log()
      .admin()
      .alter_topic("t", {{"compression.type", "gzip"}, {"segment.bytes", "100"}, {"max.message.bytes", "500"}},
                   world.deadline())
      .value();
  world.send(*producer, "t", BytesView("k"), BytesView("small"));
  world.send(*producer, "t", BytesView("k"), BytesView("small"));
  EXPECT_THAT(codecs(world, "t"), ElementsAre(0, 1, 1));
  EXPECT_THAT(world.segments("t"), SizeIs(3));
  EXPECT_THROW(world.send(*producer, "t", BytesView("k"), BytesView(kCompressible)), ResultException);
  producer.reset();
  group.reset();
  world.reopen();
  EXPECT_EQ(world.log().admin().describe_topic("t", world.deadline()).value().config.at("segment.bytes"), "100");
}

TEST(Topics, LogAppendTimeIsTheTimeOfTheAppend) {
  World world;
  world.topic("t", {{"message.timestamp.type", "LogAppendTime"}, {"compression.type", "lz4"}});
  world.put("t", "k", BytesView("v"), Timestamp(5));
  const Timestamp now = world.clock.now().wall;
  world.clock.advance(1h);
  const auto polled = world.reader("t")->poll(1 << 20).value();
  EXPECT_EQ(polled.batches.at(0)->records.at(0).timestamp, now);
  world.reopen();
  EXPECT_EQ(world.reader("t")->poll(1 << 20).value().batches.at(0)->records.at(0).timestamp, now);
  EXPECT_EQ(world.log().admin().offset_for_time({"t", PartitionId(0)}, Timestamp(6), world.deadline()).value(), Offset(0));
}

TEST(Topics, SegmentMsBeginsANewSegmentByTheRecordsTimes) {
  World world;
  world.topic("t", {{"segment.ms", "1000"}});
  for (const std::int64_t time : {5000, 5500, 6000, 6001, 5000, 7500}) world.put("t", "k", BytesView("v"), Timestamp(time));
  EXPECT_THAT(world.segments("t"),
              ElementsAre("00000000000000000000.log", "00000000000000000003.log", "00000000000000000005.log"));
}

TEST(Topics, RetentionByTimeTakesOldSegmentsAndAtLastTheActiveOne) {
  World world;
  world.topic("t", {{"segment.bytes", "100"}, {"retention.ms", "60000"}});
  for (int i = 0; i < 3; ++i) {
    world.put("t", "k", BytesView(std::to_string(i)));
    world.clock.advance(25s);
  }
  world.background();
  EXPECT_EQ(world.rows("t"), (std::vector<Row>{{1, "k", "1"}, {2, "k", "2"}})) << "the first one is 75 s old";
  world.clock.advance(2min);
  world.background();
  EXPECT_THAT(world.rows("t"), SizeIs(0));
  EXPECT_EQ(world.offsets("t").start, Offset(3));
  EXPECT_EQ(world.offsets("t").high_watermark, Offset(3));
  EXPECT_THAT(world.segments("t"), ElementsAre("00000000000000000003.log"));
  world.put("t", "k", BytesView("next"));
  world.reopen();
  EXPECT_EQ(world.rows("t"), (std::vector<Row>{{3, "k", "next"}}));
}

// Last year's data, read in today: what a window has been put for is not old before newer windows have come.
TEST(Topics, RetentionOfAChangelogGoesByTheTimeOfItsRecords) {
  World world;
  for (const char* topic : {"app-windows-changelog", "other"}) {
    world.topic(topic, {{"segment.bytes", "100"}, {"retention.ms", "60000"}, {"cleanup.policy", "compact,delete"}});
    for (const std::int64_t time : {1000, 2000, 50'000})
      world.put(topic, "k" + std::to_string(time), BytesView("v"), Timestamp(time));
  }
  world.clock.advance(24h);
  world.background();
  EXPECT_THAT(world.rows("app-windows-changelog"), SizeIs(3));
  EXPECT_THAT(world.rows("other"), SizeIs(0)) << "by the clock all is old";
  world.put("app-windows-changelog", "later", BytesView("v"), Timestamp(61'500));
  world.reopen();
  world.background();
  EXPECT_EQ(world.rows("app-windows-changelog"), (std::vector<Row>{{1, "k2000", "v"}, {2, "k50000", "v"}, {3, "later", "v"}}));
}

const TopicConfig kWindows = {{"segment.bytes", "100"}, {"retention.ms", "60000"}, {"cleanup.policy", "compact,delete"}};
constexpr const char* kChangelog = "app-windows-changelog";

TEST(Topics, RetentionOfAChangelogGoesByWhatIsCommitted) {
  World world;
  world.topic(kChangelog, kWindows);
  for (const std::int64_t time : {1000, 2000, 3000})
    world.put_in_transaction(kChangelog, "k" + std::to_string(time), BytesView("v"), true, Timestamp(time));
  world.clock.advance(24h);
  const Timestamp today = world.clock.now().wall;
  world.put_in_transaction(kChangelog, "aborted", BytesView("v"), false, today);
  world.background();
  EXPECT_THAT(world.rows(kChangelog), SizeIs(3));
  {
    const auto open = world.transactional("open");
    const auto producer = open->producer();
    world.send(*producer, kChangelog, BytesView("open"), BytesView("v"), today);
    world.background();
    EXPECT_THAT(world.rows(kChangelog), SizeIs(3));
  }
  world.kill();
  world.background();
  EXPECT_THAT(world.rows(kChangelog), SizeIs(3));
  world.put_in_transaction(kChangelog, "later", BytesView("v"), true, Timestamp(63'000));
  world.background();
  EXPECT_THAT(world.rows(kChangelog), ElementsAre(Field(&Row::key, "k3000"), Field(&Row::key, "later")));
}

// Compaction can leave a segment with nothing but the markers of transactions; they have no time of their own.
TEST(Topics, MarkersAloneDoNotHoldAChangelogBack) {
  World world;
  TopicConfig config = kWindows;
  config["segment.bytes"] = "400";
  world.topic(kChangelog, config);
  for (int round = 0; round < 60; ++round) {
    // Each row is written twice, so that compaction empties the earlier segment.
    for (int key = 0; key < 2; ++key) {
      world.put_in_transaction(kChangelog, "k" + std::to_string(key), BytesView(std::string(round % 7 * 10U, 'v')), true,
                               Timestamp(world.clock.now().wall));
    }
    world.clock.advance(1min);
    world.background();
    if (round % 10 == 5) world.reopen();
  }
  EXPECT_LE(world.segments(kChangelog).size(), 4U);
  EXPECT_GE(world.offsets(kChangelog).start, Offset(200));
}

TEST(Topics, CompactionOfAChangelogLagsByTheTimeOfItsRecords) {
  World world;
  const TopicConfig config = {{"segment.bytes", "100"},
                              {"cleanup.policy", "compact"},
                              {"min.compaction.lag.ms", "60000"},
                              {"min.cleanable.dirty.ratio", "0"}};
  for (const char* topic : {"app-versions-changelog", "other"}) {
    world.topic(topic, config);
    for (const std::int64_t time : {1000, 1200, 50'000}) world.put(topic, "k", BytesView("v"), Timestamp(time));
  }
  world.clock.advance(24h);
  world.background();
  EXPECT_THAT(world.rows("app-versions-changelog"), SizeIs(3)) << "each is a version";
  EXPECT_THAT(world.rows("other"), SizeIs(2)) << "all but the active segment is compacted";
  world.put("app-versions-changelog", "k", BytesView("v"), Timestamp(61'500));
  world.background();
  EXPECT_THAT(world.rows("app-versions-changelog"), SizeIs(3)) << "two of four are older than the lag";
}

TEST(Topics, RetentionBySizeKeepsAtLeastSoMuch) {
  World world;
  world.topic("t", {{"segment.bytes", "100"}, {"retention.bytes", "250"}});
  for (int i = 0; i < 10; ++i) world.put("t", "k", BytesView("value"));
  world.background();
  EXPECT_THAT(world.segments("t"), SizeIs(4));
  EXPECT_GE(world.offsets("t").size_bytes, 250U);
  EXPECT_LT(world.offsets("t").size_bytes, 350U);
}

TEST(Topics, RetentionLeavesWhatAnOpenTransactionHolds) {
  World world;
  world.topic("t", {{"segment.bytes", "100"}, {"retention.ms", "60000"}});
  world.put("t", "k", BytesView("old"));
  const auto open = world.transactional("open");
  const auto producer = open->producer();
  world.send(*producer, "t", BytesView("k"), BytesView("open"));
  world.put("t", "k", BytesView("behind"));
  world.clock.advance(2min);
  world.background();
  EXPECT_EQ(world.offsets("t").start, Offset(1));
}

TEST(Topics, RetentionOfATopicThatDoesNotDeleteTakesNothing) {
  World world;
  world.topic("t", {{"cleanup.policy", "compact"}, {"segment.bytes", "100"}, {"retention.ms", "1"}});
  for (int i = 0; i < 3; ++i) world.put("t", std::to_string(i), BytesView("v"));
  world.clock.advance(1h);
  world.background();
  EXPECT_EQ(world.offsets("t").start, Offset(0));
}

TEST(Topics, DeletedRecordsStayDeletedAndTheirFilesGo) {
  for (const Durability durability : {Durability::kPower, Durability::kProcess}) {
    World world({.durability = durability});
    world.topic("t", {{"segment.bytes", "100"}});
    for (int i = 0; i < 5; ++i) world.put("t", "k", BytesView(std::to_string(i)));
    world.log().admin().delete_records({"t", PartitionId(0)}, Offset(3), world.deadline()).value();
    EXPECT_EQ(world.rows("t").front(), (Row{3, "k", "3"}));
    world.background();
    EXPECT_THAT(world.segments("t"), SizeIs(2));
    world.kill();
    EXPECT_EQ(world.rows("t"), (std::vector<Row>{{3, "k", "3"}, {4, "k", "4"}}));
  }
}

TEST(Topics, BatchesInMemoryHaveOneBoundForAllPartitions) {
  World world({.recent_batches_bytes = 2000});
  world.topic("a");
  world.topic("b");
  const auto follows_a = world.reader("a", Offset(0));  // nothing is kept for a partition that nobody reads
  const auto follows_b = world.reader("b", Offset(0));
  for (int i = 0; i < 20; ++i) world.put(i % 2 == 0 ? "a" : "b", "k", BytesView(std::string(300, 'x')));
  const auto from_disk = [&](const std::string& topic, std::int64_t offset) {
    const std::uint64_t before = world.storage.operations(simulation::Operation::kRead);
    (void)World::read(*world.reader(topic, Offset(offset)));
    return world.storage.operations(simulation::Operation::kRead) > before;
  };
  EXPECT_TRUE(from_disk("a", 0));
  EXPECT_TRUE(from_disk("b", 0));
  EXPECT_FALSE(from_disk("a", 9));
  EXPECT_FALSE(from_disk("b", 9));
}

TEST(Topics, AnOpenTransactionOfAnySizeNeedsLittleMemoryAndIsWholeOrNot) {
  World world;
  world.topic("t");
  const std::string value(1 << 20, 'x');
  constexpr int kRecords = 40;  // more than may wait for the journal, and more than the journal holds
  for (const bool commits : {false, true}) {
    const auto transaction = world.transactional("t");
    const auto producer = transaction->producer();
    for (int i = 0; i < kRecords; ++i) world.send(*producer, "t", BytesView("k"), BytesView(value.substr(100)));
    (void)transaction->flush(world.deadline()).value();
    if (commits) {
      ASSERT_EQ(transaction->commit({}, world.deadline()).outcome, CommitOutcome::kCommitted);
    } else {
      world.kill();
    }
  }
  world.storage.power_off();
  world.close();
  world.storage.power_on();
  EXPECT_THAT(world.rows("t"), SizeIs(kRecords));
}

TEST(Topics, ADeletedTopicsBatchesWaitForTheJournalNoMore) {
  World world;
  world.topic("gone");
  world.topic("t");
  const std::string value(1'000'000, 'x');
  for (const char* topic : {"gone", "t"}) {  // together more than may wait
    const auto plain = world.transactional(topic);
    const auto producer = plain->producer();
    const std::uint64_t writes = world.storage.operations(simulation::Operation::kWrite);
    for (int i = 0; i < 15; ++i) world.send(*producer, topic, BytesView("k"), BytesView(value));
    EXPECT_EQ(world.storage.operations(simulation::Operation::kWrite) - writes, 15U) << topic << ": no entry was needed";
    if (std::string(topic) == "gone") world.log().admin().delete_topic(topic, world.deadline()).value();
  }
}

TEST(Topics, ADeletedTopicIsGoneAlsoWhenItsDeletionFilledTheJournal) {
  World world;
  const std::string long_name(200, 'x');
  for (int i = 0; i < 3000; ++i) {  // some journals full
    const std::string name = long_name + std::to_string(i);
    world.topic(name);
    world.put(name, "k", BytesView("v"));
    world.log().admin().delete_topic(name, world.deadline()).value();
  }
  world.kill();
  EXPECT_THAT(world.log().admin().list_topics(world.deadline()).value(), SizeIs(0));
  EXPECT_THAT(world.storage.list("topics").value(), SizeIs(0));
}

}  // namespace
}  // namespace tidemill
