// What the log makes of a directory as a crash, a failing disk or a careless hand left it.
#include <sys/wait.h>
#include <unistd.h>

#include "world.hpp"

namespace tidemill {
namespace {

using test::Row;
using test::World;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// A log with a topic of five segments, closed: all of it was synced by the checkpoint at the end.
World& five_segments(World& world) {
  world.topic("t", {{"segment.bytes", "100"}});
  for (int i = 0; i < 5; ++i) world.put("t", "key", BytesView("value " + std::to_string(i)));
  world.close();
  return world;
}

Error error_of_opening(World& world) {
  const auto log = world.open();
  return log ? Error{ErrorKind::kInternal, "it was opened"} : log.error();
}

TEST(Recovery, OfADamagedHeaderInTheMiddleIsAnErrorWithFileAndByte) {
  World world;
  five_segments(world).damage("topics/t-0/00000000000000000002.log", 16, "\x07");
  const Error error = error_of_opening(world);
  EXPECT_EQ(error.kind, ErrorKind::kCorruption);
  EXPECT_THAT(error.message, HasSubstr("topics/t-0/00000000000000000002.log: the batch at byte 0 is damaged"));
  EXPECT_THAT(error.message, HasSubstr("restore the file from a copy"));
}

TEST(Recovery, LeavesDamagedRecordsToTheirReaderWhoLearnsFileAndByte) {
  World world;
  five_segments(world).damage("topics/t-0/00000000000000000002.log", 72, "X");
  const auto reader = world.reader("t");
  const PollResult polled = reader->poll(1 << 20).value();
  EXPECT_THAT(polled.batches, SizeIs(2)) << "what lies before it";
  ASSERT_THAT(polled.errors, SizeIs(1));
  EXPECT_EQ(polled.errors[0].error.kind, ErrorKind::kCorruption);
  EXPECT_THAT(polled.errors[0].error.message, HasSubstr("topics/t-0/00000000000000000002.log: the batch at byte 0"));
}

TEST(Recovery, OfASegmentThatLostItsEndIsAnError) {
  for (const char* name : {"00000000000000000002.log", "00000000000000000004.log"}) {
    World world;
    const std::string path = "topics/t-0/" + std::string(name);
    five_segments(world).storage.open(path, OpenMode::kReadWrite).value()->truncate(0).value();
    const Error error = error_of_opening(world);
    EXPECT_EQ(error.kind, ErrorKind::kCorruption) << name;
    EXPECT_THAT(error.message, HasSubstr("topics/t-0")) << name;
  }
}

TEST(Recovery, SecuresTheNameOfASegmentThatNobodyCouldSync) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    World world({.durability = Durability::kPower}, seed);
    world.topic("t", {{"segment.bytes", "100"}});
    world.put("t", "key", BytesView("value 0"));
    world.storage.fail(1, {simulation::Operation::kSyncDirectory});
    EXPECT_THROW(world.put("t", "key", BytesView("value 1")), ResultException) << "it needs a new segment";
    world.storage.clear_failure();
    world.kill();
    world.put("t", "key", BytesView("value 2"));
    world.close();
    world.storage.power_off();
    world.storage.power_on();
    const std::vector<Row> rows = world.rows("t");
    ASSERT_FALSE(rows.empty());
    EXPECT_EQ(rows.back().value, "value 2") << "seed " << seed;
  }
}

TEST(Recovery, OfAMissingSegmentIsAnError) {
  for (const char* name : {"00000000000000000000.log", "00000000000000000002.log", "00000000000000000004.log"}) {
    World world;
    five_segments(world).storage.remove("topics/t-0/" + std::string(name)).value();
    const Error error = error_of_opening(world);
    EXPECT_EQ(error.kind, ErrorKind::kCorruption) << name;
    EXPECT_THAT(error.message, HasSubstr("topics/t-0")) << name;
  }
}

TEST(Recovery, CutsOffATornTail) {
  World world;
  world.topic("t");
  world.put("t", "key", BytesView("value"));
  world.kill();
  const std::string path = "topics/t-0/00000000000000000000.log";
  (void)world.storage.open(path, OpenMode::kReadWrite).value()->append(std::string(100, 'x')).value();
  EXPECT_THAT(world.rows("t"), SizeIs(1));
  world.put("t", "key", BytesView("next"));
  world.reopen();
  EXPECT_EQ(world.rows("t"), (std::vector<Row>{{0, "key", "value"}, {1, "key", "next"}}));
}

TEST(Recovery, CutsOffWhatNoCommitCovers) {
  World world;
  world.topic("t");
  world.put("t", "key", BytesView("acknowledged"));
  {
    const auto plain = world.group("", ProcessingGuarantee::kAtLeastOnce);
    const auto producer = plain->producer();
    world.send(*producer, "t", BytesView("key"), BytesView("on its way"));
    world.kill();
  }
  EXPECT_EQ(world.rows("t"), (std::vector<Row>{{0, "key", "acknowledged"}}));
  EXPECT_EQ(world.offsets("t").high_watermark, Offset(1));
}

TEST(Recovery, AbortsWhatWasOpenAndRaisesTheLeaderEpoch) {
  World world;
  world.topic("t");
  world.put("t", "key", BytesView("1"));
  {
    const auto transaction = world.transactional("open");
    const auto producer = transaction->producer();
    world.send(*producer, "t", BytesView("key"), BytesView("open"));
    world.put("t", "key", BytesView("2"));  // its commit covers the open one, too
    world.kill();
  }
  EXPECT_EQ(world.rows("t"), (std::vector<Row>{{0, "key", "1"}, {2, "key", "2"}}));
  world.put("t", "key", BytesView("3"));
  const std::vector<BatchHeader> batches = world.batches("t");
  EXPECT_EQ(batches.front().leader_epoch, LeaderEpoch(0));
  EXPECT_TRUE(batches[3].control());
  EXPECT_GT(batches.back().leader_epoch, batches.front().leader_epoch);
}

TEST(Recovery, RestoresFromTheJournalWhatASegmentLost) {
  World world;
  world.topic("t");
  for (int i = 0; i < 3; ++i) world.put("t", "key", BytesView(std::to_string(i)));
  world.kill();
  world.storage.open("topics/t-0/00000000000000000000.log", OpenMode::kTruncate).value();
  EXPECT_EQ(world.rows("t"), (std::vector<Row>{{0, "key", "0"}, {1, "key", "1"}, {2, "key", "2"}}));
}

TEST(Recovery, WithoutAJournalIsAnErrorWhereThereAreTopics) {
  World world;
  five_segments(world);
  world.storage.remove_all("journal").value();
  const Error error = error_of_opening(world);
  EXPECT_EQ(error.kind, ErrorKind::kCorruption);
  EXPECT_THAT(error.message, HasSubstr("restore the directory journal"));
}

TEST(Recovery, RemovesWhatADeletionLeftBehind) {
  World world;
  five_segments(world);
  for (const char* leftover : {"topics/~3", "topics/gone-0", "topics/t-1", "topics/t-x"}) {
    world.storage.create_directories(leftover).value();
    world.storage.open(std::string(leftover) + "/00000000000000000000.log", OpenMode::kCreate).value();
  }
  EXPECT_THAT(world.rows("t"), SizeIs(5));
  EXPECT_EQ(world.storage.list("topics").value(), std::vector<std::string>{"t-0"});
}

TEST(Recovery, OfADeletedTopicFindsNothingOfItWhenItIsMadeAnew) {
  World world;
  five_segments(world);
  world.log().admin().delete_topic("t", world.deadline()).value();
  world.topic("t");
  EXPECT_THAT(world.rows("t"), IsEmpty());
  world.put("t", "key", BytesView("new"));
  world.kill();
  EXPECT_EQ(world.rows("t"), (std::vector<Row>{{0, "key", "new"}}));
}

constexpr Durability kBoth[] = {Durability::kPower, Durability::kProcess};

/// A topic that had ten batches of two records and is made anew; no checkpoint since.
void make_anew(World& world, const std::string& topic) {
  world.topic(topic);
  {
    const auto plain = world.group("", ProcessingGuarantee::kAtLeastOnce);
    const auto producer = plain->producer();
    for (int i = 0; i < 10; ++i) {
      (void)producer->send({.topic = producer->topic(topic, world.deadline()).value(),
                            .partition = PartitionId(0),
                            .key = BytesView("old"),
                            .value = BytesView("first of two"),
                            .headers = {}});
      world.send(*producer, topic, BytesView("old"), BytesView("second"));
      (void)plain->flush(world.deadline()).value();
    }
  }
  world.log().admin().delete_topic(topic, world.deadline()).value();
  world.topic(topic);
}

TEST(Recovery, OfATopicMadeAnewTakesNothingOfItsFormerLifeFromTheJournal) {
  for (const Durability durability : kBoth) {
    World world({.durability = durability});
    make_anew(world, "t");
    for (int i = 0; i < 3; ++i) world.put("t", "new", BytesView(std::to_string(i)));
    world.kill();
    EXPECT_EQ(world.rows("t"), (std::vector<Row>{{0, "new", "0"}, {1, "new", "1"}, {2, "new", "2"}}));
  }
}

TEST(Recovery, OfATopicMadeAnewAndNotWrittenToYetFindsItEmpty) {
  for (const Durability durability : kBoth) {
    World world({.durability = durability});
    make_anew(world, "t");
    world.kill();
    EXPECT_THAT(world.rows("t"), IsEmpty());
    world.put("t", "new", BytesView("0"));
    world.reopen();
    EXPECT_EQ(world.rows("t"), (std::vector<Row>{{0, "new", "0"}}));
  }
}

TEST(Recovery, OfATopicMadeAnewTakesWhatAPowerFailureLostFromItsOwnLife) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    World world({}, seed);
    make_anew(world, "t");
    for (int i = 0; i < 3; ++i) world.put("t", "new", BytesView(std::to_string(i)));
    world.storage.power_off();
    world.close();
    world.storage.power_on();
    EXPECT_EQ(world.rows("t"), (std::vector<Row>{{0, "new", "0"}, {1, "new", "1"}, {2, "new", "2"}})) << "seed " << seed;
  }
}

// A store that has seen a record of a life that is lost must not take another one's at that offset for it.
TEST(Recovery, BeginsInANewEpochAlsoWhereAPowerFailureTookTheWholeTopic) {
  int lost = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    World world({.durability = Durability::kProcess}, seed);
    LeaderEpoch last(-1);
    for (int life = 0; life < 4; ++life) {
      const bool there = world.log().admin().describe_topic("t", world.deadline()).has_value();
      if (!there) world.topic("t");
      if (!there && life > 0) ++lost;
      world.put("t", "k", BytesView(std::to_string(life)));
      const LeaderEpoch epoch = world.batches("t").back().leader_epoch;
      EXPECT_GT(epoch, last) << "seed " << seed << ", life " << life;
      last = epoch;
      world.storage.power_off();
      world.close();
      world.storage.power_on();
    }
  }
  EXPECT_GT(lost, 0);
}

TEST(Recovery, KeepsTheCommitsBehindThoseOfATopicThatWasMadeAnew) {
  World world({.durability = Durability::kProcess});
  world.topic("other");
  make_anew(world, "t");
  for (int i = 0; i < 3; ++i) world.put("other", "acknowledged", BytesView(std::to_string(i)));
  world.kill();
  EXPECT_THAT(world.rows("other"), SizeIs(3));
}

TEST(Recovery, OfADeletedTopicsOffsetsBringsNoneBack) {
  for (const bool made_anew : {false, true}) {
    World world;
    world.topic("t");
    world.topic("other");
    auto membership = world.log().membership("app").value();
    membership->join({}).value();
    world.put("t", "k", BytesView("v"));
    const std::vector<CommitPosition> positions{{.partition = {"t", PartitionId(0)}, .offset = Offset(1), .metadata = ""},
                                                {.partition = {"other", PartitionId(0)}, .offset = Offset(0), .metadata = ""}};
    membership->commit(positions, membership->token(), world.deadline()).value();
    membership.reset();
    world.log().admin().delete_topic("t", world.deadline()).value();
    if (made_anew) world.topic("t");
    world.kill();
    const auto offsets = world.log().admin().describe_group("app", world.deadline()).value().offsets;
    ASSERT_THAT(offsets, SizeIs(1));
    EXPECT_EQ(offsets[0].partition.topic, "other");
  }
}

// In `process` durability a power failure may take the deletion back, but then with all that was synced before it.
TEST(Recovery, OfADeletedTopicIsPossibleAfterAnyPowerFailure) {
  for (const Durability durability : kBoth) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      World world({.durability = durability}, seed);
      world.topic("t", {{"segment.bytes", "100"}});
      for (int i = 0; i < 5; ++i) world.put("t", "k", BytesView(std::to_string(i)));
      world.background();
      world.reopen();
      world.log().admin().delete_topic("t", world.deadline()).value();
      if (seed % 2 == 0) world.topic("t");
      world.storage.power_off();
      world.close();
      world.storage.power_on();
      const auto opened = world.open();
      EXPECT_TRUE(opened.has_value()) << "seed " << seed << ": " << (opened ? "" : opened.error().message);
    }
  }
}

TEST(Recovery, OfADeletedTopicWhoseFilesStayedFindsNothingOfThemWhenItIsMadeAnew) {
  World world;
  world.topic("t");
  world.put("t", "old", BytesView("v"));
  world.storage.fail(1, {simulation::Operation::kName});
  world.log().admin().delete_topic("t", world.deadline()).value();
  ASSERT_TRUE(world.storage.failed());
  world.storage.clear_failure();
  world.topic("t");
  EXPECT_EQ(world.offsets("t").high_watermark, Offset(0));
  world.put("t", "new", BytesView("0"));
  EXPECT_EQ(world.rows("t"), (std::vector<Row>{{0, "new", "0"}}));
}

TEST(Recovery, FinishesACompactionAndThrowsAnUnfinishedOneAway) {
  World world;
  five_segments(world);
  const auto copy = [&](const std::vector<int>& segments, const std::string& to) {
    Bytes all;
    for (const int segment : segments) {
      const auto file = world.storage.open("topics/t-0/" + embedded::segment_name(Offset(segment)), OpenMode::kRead).value();
      Bytes bytes;
      file->read_at(0, file->size().value(), bytes).value();
      all += bytes;
    }
    (void)world.storage.open("topics/t-0/" + to, OpenMode::kCreate).value()->append(all).value();
  };
  copy({1, 2, 3}, "00000000000000000001.swap");
  copy({0}, "00000000000000000000.cleaned");
  EXPECT_THAT(world.rows("t"), SizeIs(5));
  EXPECT_EQ(world.segments("t"),
            (std::vector<std::string>{"00000000000000000000.log", "00000000000000000001.log", "00000000000000000004.log"}));
}

TEST(Recovery, ADirectoryThatAnotherProcessOwnsNamesThatProcess) {
  std::string pattern = testing::TempDir() + "/tidemill-lock-XXXXXX";
  const std::string directory = ::mkdtemp(pattern.data());
  int ready[2];
  int done[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(done), 0);
  const pid_t owner = ::fork();
  if (owner == 0) {
    const auto log = open_embedded_log(directory, {.background_thread = false});
    char byte = log ? '1' : '0';
    (void)!::write(ready[1], &byte, 1);
    (void)!::read(done[0], &byte, 1);
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ASSERT_EQ(byte, '1');
  const auto second = open_embedded_log(directory);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().kind, ErrorKind::kLocked);
  EXPECT_THAT(second.error().message, HasSubstr("process " + std::to_string(owner)));
  ASSERT_EQ(::write(done[1], &byte, 1), 1);
  ::waitpid(owner, nullptr, 0);
  EXPECT_TRUE(open_embedded_log(directory, {.background_thread = false}).has_value()) << "it is free again";
  (void)real_storage(directory)->remove_all("");
}

}  // namespace
}  // namespace tidemill
