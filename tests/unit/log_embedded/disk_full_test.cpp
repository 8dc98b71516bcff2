// A full disk: the transaction is aborted, no more records are taken, retention frees what it may; when there is room, it goes on.
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "world.hpp"

namespace tidemill {
namespace {

using test::Row;
using test::World;
using testing::HasSubstr;
using testing::SizeIs;

/// The send, or the error that it ended in.
std::optional<Error> try_to_send(World& world, LogProducer& producer, const std::string& topic, const std::string& value) {
  try {
    world.send(producer, topic, BytesView("k"), BytesView(value));
  } catch (const ResultException& exception) {
    return exception.error();
  }
  return std::nullopt;
}

TEST(DiskFull, AbortsTheTransactionAndGoesOnWhenThereIsRoom) {
  World world;
  world.topic("t");
  world.put("t", "k", BytesView("before"));
  const auto group = world.transactional("g");
  const auto producer = group->producer();
  world.send(*producer, "t", BytesView("k"), BytesView("in the transaction"));
  world.storage.set_capacity(world.storage.used() + 1000);
  const auto error = try_to_send(world, *producer, "t", std::string(5000, 'x'));
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind, ErrorKind::kDiskFull);
  const CommitResult result = group->commit({}, world.deadline());
  EXPECT_EQ(result.outcome, CommitOutcome::kAborted) << "its marker still fits";
  EXPECT_THAT(result.error.message, HasSubstr("No space left on device"));
  EXPECT_THAT(world.rows("t"), SizeIs(1));

  const std::uint64_t writes = world.storage.operations(simulation::Operation::kWrite);
  EXPECT_EQ(try_to_send(world, *producer, "t", "more")->kind, ErrorKind::kDiskFull);
  EXPECT_EQ(world.storage.operations(simulation::Operation::kWrite), writes) << "nothing more is tried";
  (void)group->abort(world.deadline());

  world.storage.set_capacity(std::nullopt);
  world.send(*producer, "t", BytesView("k"), BytesView("after"));
  EXPECT_EQ(group->commit({}, world.deadline()).outcome, CommitOutcome::kCommitted);
  EXPECT_EQ(world.rows("t").back().value, "after");
  EXPECT_THAT(world.rows("t"), SizeIs(2));
}

TEST(DiskFull, IsEndedByRetention) {
  World world;
  world.topic("t", {{"segment.bytes", "100000"}, {"retention.bytes", "100000"}});
  world.storage.set_capacity(world.storage.used() + 2'000'000);
  const auto group = world.group("", ProcessingGuarantee::kAtLeastOnce);
  const auto producer = group->producer();
  int accepted = 0;
  while (!try_to_send(world, *producer, "t", std::string(30'000, 'x'))) {
    ++accepted;
    (void)group->flush(world.deadline()).value();
  }
  EXPECT_GT(accepted, 40);
  (void)group->abort(world.deadline());
  world.background();
  EXPECT_EQ(try_to_send(world, *producer, "t", "there is room again"), std::nullopt);
  EXPECT_TRUE(group->flush(world.deadline()).has_value());
  EXPECT_EQ(world.rows("t").back().value, "there is room again");
}

TEST(DiskFull, OfAnOpeningIsAnErrorAndHarmsNothing) {
  World world;
  world.topic("t");
  world.put("t", "k", BytesView("v"));
  world.kill();
  world.storage.set_capacity(world.storage.used());
  {
    const auto log = world.open();
    EXPECT_TRUE(log || log.error().kind == ErrorKind::kDiskFull) << log.error().message;
  }
  world.storage.set_capacity(std::nullopt);
  EXPECT_THAT(world.rows("t"), SizeIs(1));
}

TEST(DiskFull, TheJournalHasItsPlaceAlready) {
  World world;
  world.topic("t");
  world.put("t", "k", BytesView("v"));
  world.storage.set_capacity(world.storage.used());
  const CommitPosition position{{"t", PartitionId(0)}, Offset(1), kNoLeaderEpoch, "metadata"};
  const auto membership = world.log().membership("app").value();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(membership->commit({&position, 1}, {}, world.deadline()).has_value()) << "offsets need no room in a segment";
  }
}

// The operating system's own full disk: a small tmpfs in a namespace of our own, in a process of its own.
int on_a_small_disk(const std::string& directory) {
  if (::unshare(CLONE_NEWNS) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return 77;
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 77;
  if (::mount("tidemill", directory.c_str(), "tmpfs", 0, "size=12m") != 0) return 77;
  const auto check = [](bool condition, const char* what) {
    if (!condition) std::fprintf(stderr, "FAILED: %s\n", what);
    return condition;
  };
  const auto deadline = [] { return system_clock().now().monotonic + std::chrono::seconds(30); };
  bool good = true;
  std::uint64_t acknowledged = 0;
  {
    const auto log = open_embedded_log(directory, {.segment_bytes = 1 << 20, .background_thread = false}).value();
    log->admin().create_topic({.name = "t", .partitions = 1, .config = {}}, deadline()).value();
    const auto group = log->commit_group({.name = "g", .application_id = {}}, deadline()).value();
    const auto producer = group->producer();
    const TopicHandle topic = producer->topic("t", deadline()).value();
    const std::string value(50'000, 'x');
    CommitResult result;
    for (int i = 0; i < 1000 && result.outcome == CommitOutcome::kCommitted; ++i) {
      (void)producer->send({.topic = topic,
                            .partition = PartitionId(0),
                            .timestamp = kNoTimestamp,
                            .key = BytesView("k"),
                            .value = BytesView(value),
                            .headers = {},
                            .cookie = 0});
      producer->dispatch();
      result = group->commit({}, deadline());
      acknowledged += result.outcome == CommitOutcome::kCommitted ? 1 : 0;
    }
    good &= check(result.outcome == CommitOutcome::kAborted, "a full disk aborts the transaction");
    good &=
        check(result.error.kind == ErrorKind::kTransactionAborted || result.error.kind == ErrorKind::kDiskFull, "and says so");
    good &= check(acknowledged > 50, "most of the disk was used");
    log->admin().delete_records({"t", PartitionId(0)}, Offset(100), deadline()).value();
    (void)producer->send({.topic = topic,
                          .partition = PartitionId(0),
                          .timestamp = kNoTimestamp,
                          .key = BytesView("k"),
                          .value = BytesView("room again"),
                          .headers = {},
                          .cookie = 0});
    producer->dispatch();
    good &= check(group->commit({}, deadline()).outcome == CommitOutcome::kCommitted, "it goes on when there is room");
  }
  const auto log = open_embedded_log(directory, {.background_thread = false}).value();
  auto consumer = log->consumer(Isolation::kReadCommitted).value();
  const TopicPartition id{"t", PartitionId(0)};
  const std::pair<TopicPartition, Offset> from{id, Offset(100)};
  consumer->assign({&from, 1}).value();
  std::string last;
  while (!consumer->caught_up(id)) {
    for (const auto& batch : consumer->poll(1 << 20).value().batches) last = *batch->records.back().value;
  }
  good &= check(last == "room again", "what was acknowledged is there after it was opened again");
  return good ? 0 : 1;
}

TEST(DiskFull, OnARealFileSystem) {
  std::string pattern = testing::TempDir() + "/tidemill-full-XXXXXX";
  const std::string directory = ::mkdtemp(pattern.data());
  const pid_t child = ::fork();
  if (child == 0) ::_exit(on_a_small_disk(directory));
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(::rmdir(directory.c_str()), 0);  // the disk was mounted for the child alone
  ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "no mount namespace may be made here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace tidemill
