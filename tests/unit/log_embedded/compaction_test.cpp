// Compaction through the front door: what a reader finds before, while and after, and what is in the files.
#include <atomic>
#include <thread>

#include "world.hpp"

namespace tidemill {
namespace {

using test::Row;
using test::World;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

/// Each batch of one record gets a segment of its own; whatever can be compacted is.
TopicConfig compacted(TopicConfig more = {}) {
  TopicConfig config{{"cleanup.policy", "compact"}, {"segment.bytes", "100"}, {"min.cleanable.dirty.ratio", "0"}};
  for (const auto& [key, value] : more) config[key] = value;
  return config;
}

std::vector<Row> of(std::initializer_list<Row> rows) { return rows; }

TEST(Compaction, KeepsTheLastValueOfEachKeyAtItsOffset) {
  World world;
  world.topic("balances", compacted());
  for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{
           {"a", "1"}, {"b", "1"}, {"a", "2"}, {"c", "1"}, {"a", "3"}, {"b", "2"}, {"z", "active"}}) {
    world.put("balances", key, BytesView(value));
  }
  world.background();
  EXPECT_EQ(world.rows("balances"), of({{3, "c", "1"}, {4, "a", "3"}, {5, "b", "2"}, {6, "z", "active"}}));
  EXPECT_EQ(world.offsets("balances").start, Offset(0));
  world.reopen();
  EXPECT_EQ(world.rows("balances"), of({{3, "c", "1"}, {4, "a", "3"}, {5, "b", "2"}, {6, "z", "active"}}));
}

TEST(Compaction, LeavesTheActiveSegmentAlone) {
  World world;
  world.topic("balances", compacted({{"segment.bytes", "1000000"}}));
  for (int i = 0; i < 5; ++i) world.put("balances", "a", BytesView("v"));
  world.background();
  EXPECT_THAT(world.rows("balances"), SizeIs(5));
}

TEST(Compaction, OfATopicThatIsNotCompactedDoesNotHappen) {
  World world;
  world.topic("events", compacted({{"cleanup.policy", "delete"}}));
  for (int i = 0; i < 5; ++i) world.put("events", "a", BytesView("v"));
  world.background();
  EXPECT_THAT(world.rows("events"), SizeIs(5));
}

TEST(Compaction, BeginsWhenATopicIsAlteredToIt) {
  World world;
  world.topic("events", {{"segment.bytes", "100"}});
  for (int i = 0; i < 5; ++i) world.put("events", "a", BytesView("v"));
  world.log().admin().alter_topic("events", compacted(), world.deadline()).value();
  world.background();
  EXPECT_THAT(world.rows("events"), SizeIs(2));
}

TEST(Compaction, NeverGoesPastAnOpenTransaction) {
  World world;
  world.topic("balances", compacted());
  for (int i = 0; i < 3; ++i) world.put("balances", "a", BytesView("v"));
  const auto open = world.transactional("open");
  const auto producer = open->producer();
  world.send(*producer, "balances", BytesView("a"), BytesView("in the open"));  // offset 3
  for (int i = 0; i < 3; ++i) world.put("balances", "a", BytesView("behind"));
  world.background();
  EXPECT_EQ(world.rows("balances"), of({{2, "a", "v"}})) << "and readers stand before it";
  (void)open->flush(world.deadline()).value();
  ASSERT_EQ(open->commit({}, world.deadline()).outcome, CommitOutcome::kCommitted);
  world.put("balances", "z", BytesView("active"));
  world.background();
  EXPECT_EQ(world.rows("balances"), of({{6, "a", "behind"}, {8, "z", "active"}}));
}

TEST(Compaction, TakesAbortedRecordsAtOnceAndTheirMarkersLater) {
  World world;
  world.topic("balances", compacted({{"delete.retention.ms", "1000"}, {"segment.bytes", "400"}}));
  const std::string fills_a_segment(350, 'x');
  world.put("balances", "a", BytesView("1"));                         // 0
  world.put_in_transaction("balances", "a", BytesView("no"), false);  // 1, marker 2
  world.put_in_transaction("balances", "b", BytesView("yes"), true);  // 3, marker 4
  world.put("balances", "z", BytesView(fills_a_segment));
  const auto markers = [&] {
    std::vector<std::int64_t> offsets;
    for (const BatchHeader& batch : world.batches("balances")) {
      if (batch.control()) offsets.push_back(batch.base_offset.value);
    }
    return offsets;
  };
  const auto more = [&] {  // something to compact
    world.put("balances", "z", BytesView(fills_a_segment));
    world.background();
  };
  world.background();
  EXPECT_EQ(world.rows("balances"), of({{0, "a", "1"}, {3, "b", "yes"}, {5, "z", fills_a_segment}}));
  EXPECT_THAT(markers(), ElementsAre(2, 4)) << "there were records of both";
  more();
  EXPECT_THAT(markers(), ElementsAre(2, 4)) << "the first one has a delete horizon now";
  world.clock.advance(std::chrono::seconds(2));
  more();
  EXPECT_THAT(markers(), ElementsAre(4)) << "a committed record of the second is still there";
  world.reopen();
  EXPECT_EQ(world.rows("balances").front(), (Row{0, "a", "1"}));
}

TEST(Compaction, KeepsATombstoneUntilItsDeleteHorizon) {
  World world;
  world.topic("balances", compacted({{"delete.retention.ms", "1000"}}));
  world.put("balances", "a", BytesView("1"));
  world.put("balances", "a", std::nullopt);
  world.put("balances", "z", BytesView("1"));
  world.background();
  EXPECT_EQ(world.rows("balances"), of({{1, "a", std::nullopt}, {2, "z", "1"}})) << "who reads must learn of it";
  std::vector<Timestamp> horizons;
  for (const BatchHeader& batch : world.batches("balances")) {
    if (batch.delete_horizon()) horizons.push_back(*batch.delete_horizon());
  }
  EXPECT_THAT(horizons, ElementsAre(world.clock.now().wall + 1000));
  world.put("balances", "z", BytesView("2"));
  world.background();
  EXPECT_THAT(world.rows("balances"), SizeIs(3)) << "not yet";
  world.clock.advance(std::chrono::seconds(2));
  world.put("balances", "z", BytesView("3"));
  world.background();
  EXPECT_EQ(world.rows("balances"), of({{3, "z", "2"}, {4, "z", "3"}}));
}

TEST(Compaction, ThatStoppedHalfWayIsWhatReadersAreTold) {
  World world;
  world.topic("balances", compacted());
  for (int i = 0; i < 4; ++i) world.put("balances", "a", BytesView("v"));
  world.storage.fail(1, {simulation::Operation::kSyncDirectory});
  const Result<void> done = run_background(world.log());
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message,
              testing::HasSubstr("the compaction of balances-0 has stopped half-way; close the log and open it again"));
  const PollResult polled = world.reader("balances")->poll(1 << 20).value();
  ASSERT_THAT(polled.errors, SizeIs(1));
  EXPECT_EQ(polled.errors.front().error.message, done.error().message) << "nothing is damaged";
  world.kill();
  EXPECT_EQ(world.rows("balances").back().value, "v");
}

TEST(Compaction, WaitsForTheDirtyRatio) {
  World world;
  world.topic("balances", compacted({{"min.cleanable.dirty.ratio", "0.6"}}));
  for (int i = 0; i < 11; ++i) world.put("balances", "key-" + std::to_string(i), BytesView("v"));
  world.background();  // all was dirty: ten are clean now
  for (int i = 0; i < 10; ++i) world.put("balances", "key-0", BytesView("v"));
  world.background();
  EXPECT_THAT(world.rows("balances"), SizeIs(21)) << "half of it is dirty";
  for (int i = 0; i < 10; ++i) world.put("balances", "key-0", BytesView("v"));
  world.background();
  EXPECT_THAT(world.rows("balances"), SizeIs(12));
}

TEST(Compaction, WaitsForTheMinimumLagOfEachSegment) {
  World world;
  world.topic("balances", compacted({{"min.compaction.lag.ms", "60000"}}));
  world.put("balances", "a", BytesView("1"));
  world.put("balances", "a", BytesView("2"));
  world.clock.advance(std::chrono::seconds(61));
  world.put("balances", "a", BytesView("3"));
  world.put("balances", "a", BytesView("4"));
  world.background();
  EXPECT_EQ(world.rows("balances"), of({{1, "a", "2"}, {2, "a", "3"}, {3, "a", "4"}}));
}

TEST(Compaction, DoesNotWaitForTheRatioBeyondTheMaximumLag) {
  World world;
  world.topic("balances", compacted({{"min.cleanable.dirty.ratio", "1"}, {"max.compaction.lag.ms", "60000"}}));
  for (int i = 0; i < 4; ++i) world.put("balances", "a", BytesView("v"));
  world.background();
  EXPECT_THAT(world.rows("balances"), SizeIs(4));
  world.clock.advance(std::chrono::seconds(61));
  world.background();
  EXPECT_THAT(world.rows("balances"), SizeIs(2));
}

TEST(Compaction, OfATopicThatAlsoDeletesLeavesOldSegmentsToRetention) {
  World world;
  world.topic("windows", compacted({{"cleanup.policy", "compact,delete"}, {"retention.ms", "60000"}}));
  world.put("windows", "old", BytesView("1"));
  world.clock.advance(std::chrono::seconds(50));
  world.put("windows", "a", BytesView("1"));
  world.put("windows", "a", BytesView("2"));
  world.put("windows", "z", BytesView("active"));
  world.background();
  EXPECT_EQ(world.rows("windows"), of({{0, "old", "1"}, {2, "a", "2"}, {3, "z", "active"}}));
  world.clock.advance(std::chrono::seconds(20));
  world.put("windows", "z", BytesView("active"));
  world.background();
  EXPECT_EQ(world.offsets("windows").start, Offset(1));
  EXPECT_EQ(world.rows("windows"), of({{2, "a", "2"}, {3, "z", "active"}, {4, "z", "active"}}));
}

TEST(Compaction, GoesOnInSeveralPassesWhenTheKeysDoNotFit) {
  World world({.compaction_key_bytes = 500});  // about ten keys
  world.topic("balances", compacted());
  for (int round = 0; round < 3; ++round) {
    for (int key = 0; key < 40; ++key) {
      world.put("balances", "key-" + std::to_string(key), BytesView(std::to_string(round)));
    }
  }
  world.put("balances", "z", BytesView("active"));
  world.background();
  const std::vector<Row> rows = world.rows("balances");
  ASSERT_THAT(rows, SizeIs(41));
  for (std::size_t i = 0; i < 40; ++i) {
    EXPECT_EQ(rows[i], (Row{static_cast<std::int64_t>(80 + i), "key-" + std::to_string(i), "2"}));
  }
}

TEST(Compaction, AReaderInTheMidstOfItGoesOnWhereItStood) {
  World world;
  world.topic("balances", compacted());
  for (int i = 0; i < 20; ++i) world.put("balances", i % 2 == 0 ? "a" : "b", BytesView(std::to_string(i)));
  const auto reader = world.reader("balances");
  EXPECT_THAT(World::read(*reader, 1, 5), SizeIs(5));
  world.background();
  EXPECT_EQ(World::read(*reader), of({{17, "b", "17"}, {18, "a", "18"}, {19, "b", "19"}}));
  EXPECT_TRUE(reader->caught_up({"balances", PartitionId(0)}));
  EXPECT_EQ(reader->position({"balances", PartitionId(0)}).value(), Offset(20));
}

TEST(Compaction, KeepsTheBatchesEndsProducersSequencesAndTimes) {
  World world;
  world.topic("balances", compacted({{"segment.bytes", "400"}}));
  const auto plain = world.group("", ProcessingGuarantee::kAtLeastOnce);
  const auto producer = plain->producer();
  for (int batch = 0; batch < 6; ++batch) {
    for (const char* key : {"gone", "stays", "gone too"}) {
      const std::string full = std::string(key) + (key == std::string("stays") ? std::to_string(batch) : "");
      ASSERT_EQ(producer->send({.topic = producer->topic("balances", world.deadline()).value(),
                                .partition = PartitionId(0),
                                .timestamp = Timestamp(1000 + batch),
                                .key = BytesView(full),
                                .value = BytesView("v"),
                                .headers = {},
                                .cookie = 0}),
                SendStatus::kAccepted);
    }
    producer->dispatch();
    (void)plain->flush(world.deadline()).value();
  }
  const std::vector<BatchHeader> before = world.batches("balances");
  world.background();
  const std::vector<BatchHeader> after = world.batches("balances");
  ASSERT_THAT(after, SizeIs(6));
  EXPECT_EQ(after.front().record_count, 1);
  for (std::size_t i = 0; i < after.size(); ++i) {
    EXPECT_EQ(after[i].base_offset, before[i].base_offset);
    EXPECT_EQ(after[i].last_offset(), before[i].last_offset());
    EXPECT_EQ(after[i].producer_id, before[i].producer_id);
    EXPECT_EQ(after[i].base_sequence, before[i].base_sequence);
    EXPECT_EQ(after[i].leader_epoch, before[i].leader_epoch);
    EXPECT_EQ(after[i].max_timestamp, before[i].max_timestamp);
  }
  EXPECT_EQ(world.rows("balances").front(), (Row{1, "stays0", "v"}));
}

TEST(Compaction, KeepsTheCodecOfABatch) {
  for (const char* codec : {"gzip", "snappy", "lz4", "zstd"}) {
    World world;
    world.topic("balances", compacted({{"compression.type", codec}, {"segment.bytes", "600"}}));
    const std::string value(3000, 'x');
    for (int i = 0; i < 40; ++i) world.put("balances", "key-" + std::to_string(i % 3), BytesView(value));
    world.background();
    EXPECT_LT(world.rows("balances").size(), 40U) << codec;
    EXPECT_EQ(world.rows("balances").back(), (Row{39, "key-0", value})) << codec;
    for (const BatchHeader& batch : world.batches("balances")) {
      EXPECT_TRUE(batch.record_count == 0 || batch.codec() != 0) << codec;
    }
  }
}

TEST(Compaction, MakesOneSegmentOfManySmallOnes) {
  World world;
  world.topic("balances", compacted({{"segment.bytes", "1000"}}));
  for (int i = 0; i < 200; ++i) world.put("balances", "key-" + std::to_string(i % 3), BytesView(std::string(60, 'x')));
  const std::size_t before = world.segments("balances").size();
  world.background();
  world.put("balances", "z", BytesView(std::string(900, 'x')));
  world.background();
  EXPECT_GT(before, 15U);
  EXPECT_LE(world.segments("balances").size(), 4U);
  world.reopen();
  EXPECT_THAT(world.rows("balances"), SizeIs(4));
}

TEST(Compaction, RemembersHowFarItHasBeen) {
  World world;
  world.topic("balances", compacted({{"min.cleanable.dirty.ratio", "0.4"}}));
  for (int i = 0; i < 11; ++i) world.put("balances", "key-" + std::to_string(i), BytesView("v"));
  world.background();
  world.reopen();
  for (int i = 0; i < 5; ++i) world.put("balances", "key-0", BytesView("v"));
  world.background();
  EXPECT_THAT(world.rows("balances"), SizeIs(16)) << "a third of it is dirty";
}

TEST(Compaction, GoesPastWhatIsDamagedInAnotherPartitionAndSaysWhereItIs) {
  World world;
  world.topic("broken", compacted());
  world.topic("whole", compacted());
  for (int i = 0; i < 5; ++i) world.put("broken", "a", BytesView("value"));
  for (int i = 0; i < 5; ++i) world.put("whole", "a", BytesView("value"));
  world.damage("topics/broken-0/00000000000000000001.log", 70, "X");
  world.background();
  world.background();
  EXPECT_THAT(world.rows("whole"), SizeIs(2));
  world.reopen();
  try {
    (void)world.rows("broken");
    FAIL() << "damaged records were read";
  } catch (const ResultException& error) {
    EXPECT_EQ(error.error().kind, ErrorKind::kCorruption);
    EXPECT_THAT(error.error().message, testing::HasSubstr("topics/broken-0/00000000000000000001.log: the batch at byte 0"));
  }
}

TEST(Compaction, RefusesARecordWithoutAKey) {
  World world;
  world.topic("balances", compacted());
  const auto plain = world.group("", ProcessingGuarantee::kAtLeastOnce);
  const auto producer = plain->producer();
  const auto status = producer->send({.topic = producer->topic("balances", world.deadline()).value(),
                                      .partition = PartitionId(0),
                                      .timestamp = kNoTimestamp,
                                      .key = std::nullopt,
                                      .value = BytesView("v"),
                                      .headers = {},
                                      .cookie = 0});
  EXPECT_EQ(status, SendStatus::kFailed);
  EXPECT_EQ(producer->last_error().kind, ErrorKind::kInvalidArgument);
}

TEST(Compaction, TakesNothingThatAPowerFailureCouldBringBack) {
  World world({.durability = Durability::kProcess});
  world.topic("balances", compacted());
  world.background();
  for (int i = 0; i < 5; ++i) world.put("balances", "a", BytesView(std::to_string(i)));
  // Nothing of it is synced: after a power failure any of them may be the last one.
  world.storage.fail(1, {simulation::Operation::kSync, simulation::Operation::kSyncDirectory});
  EXPECT_FALSE(run_background(world.log()).has_value());
  EXPECT_THAT(world.segments("balances"), SizeIs(5));
}

TEST(Compaction, OfATopicThatIsDeletedMeanwhileEnds) {
  EmbeddedLogOptions options;
  options.background_interval = std::chrono::milliseconds(1);
  const std::unique_ptr<Storage> storage = memory_storage();
  const auto log = open_embedded_log(*storage, system_clock(), system_random(), options).value();
  const auto deadline = [] { return system_clock().now().monotonic + std::chrono::seconds(30); };
  for (int round = 0; round < 20; ++round) {
    ASSERT_TRUE(log->admin().create_topic({.name = "t", .partitions = 1, .config = compacted()}, deadline()));
    const auto plain =
        log->commit_group({.name = "", .application_id = {}, .guarantee = ProcessingGuarantee::kAtLeastOnce}, deadline())
            .value();
    const auto producer = plain->producer();
    for (int i = 0; i < 50; ++i) {
      ASSERT_EQ(producer->send({.topic = producer->topic("t", deadline()).value(),
                                .partition = PartitionId(0),
                                .timestamp = kNoTimestamp,
                                .key = BytesView("k"),
                                .value = BytesView("v"),
                                .headers = {},
                                .cookie = 0}),
                SendStatus::kAccepted);
      producer->dispatch();
      ASSERT_TRUE(plain->flush(deadline()));
    }
    ASSERT_TRUE(log->admin().delete_topic("t", deadline()));
  }
}

TEST(Compaction, RunsBesideWritersAndReaders) {
  EmbeddedLogOptions options;
  options.background_interval = std::chrono::milliseconds(1);
  const std::unique_ptr<Storage> storage = memory_storage();
  const auto log = open_embedded_log(*storage, system_clock(), system_random(), options).value();
  const auto deadline = [] { return system_clock().now().monotonic + std::chrono::seconds(60); };
  constexpr std::int64_t kRecords = 3000;
  ASSERT_TRUE(log->admin().create_topic(
      {.name = "t", .partitions = 1, .config = compacted({{"segment.bytes", "2000"}, {"delete.retention.ms", "0"}})},
      deadline()));
  std::thread writer([&] {
    const auto group = log->commit_group({.name = "w", .application_id = {}}, deadline()).value();
    const auto producer = group->producer();
    for (std::int64_t i = 0; i < kRecords; ++i) {
      const std::string key = "key-" + std::to_string(i % 17);
      const std::string value = std::to_string(i);
      (void)producer->send({.topic = producer->topic("t", deadline()).value(),
                            .partition = PartitionId(0),
                            .timestamp = kNoTimestamp,
                            .key = BytesView(key),
                            .value = BytesView(value),
                            .headers = {},
                            .cookie = 0});
      producer->dispatch();
      if (i % 10 == 9 || i + 1 == kRecords) {
        (void)group->flush(deadline()).value();
        ASSERT_EQ(i % 100 == 59 ? group->abort(deadline()).outcome : group->commit({}, deadline()).outcome,
                  i % 100 == 59 ? CommitOutcome::kAborted : CommitOutcome::kCommitted);
      }
    }
  });
  // Readers see each key's values only grow, and at the end the last of each.
  const auto read_all = [&] {
    std::map<std::string, std::int64_t> last;
    auto consumer = log->consumer(Isolation::kReadCommitted).value();
    const TopicPartition id{"t", PartitionId(0)};
    const std::pair<TopicPartition, Offset> from{id, Offset(0)};
    consumer->assign({&from, 1}).value();
    while (last["key-" + std::to_string((kRecords - 1) % 17)] != kRecords - 1) {
      const PollResult polled = consumer->poll(5000).value();
      ASSERT_TRUE(polled.errors.empty());
      for (const auto& batch : polled.batches) {
        for (const LogRecord& record : batch->records) {
          std::int64_t& value = last[std::string(*record.key)];
          const std::int64_t next = std::stoll(std::string(*record.value));
          ASSERT_GE(next, value);
          value = next;
        }
      }
      if (polled.batches.empty()) (void)consumer->wait(deadline());
    }
    for (std::int64_t key = 0; key < 17; ++key) {
      std::int64_t expected = 0;
      for (std::int64_t i = key; i < kRecords; i += 17) expected = i % 100 >= 50 && i % 100 < 60 ? expected : i;
      EXPECT_EQ(last["key-" + std::to_string(key)], expected) << key;
    }
  };
  std::thread one(read_all);
  std::thread two(read_all);
  writer.join();
  one.join();
  two.join();
}

}  // namespace
}  // namespace tidemill
