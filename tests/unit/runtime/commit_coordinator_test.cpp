#include "runtime/commit_coordinator.hpp"

#include <gtest/gtest.h>

#include <tidemill/adapters/embedded_log.hpp>

namespace tidemill::runtime {
namespace {

struct Group : ::testing::Test {
  std::shared_ptr<Log> log = in_memory_log({.background_thread = false});
  ManualClock clock{Timestamp(1)};
  CommitCoordinator coordinator{*log, clock, {.name = "app-p-0", .application_id = "app"}};
  int wakes = 0;

  void SetUp() override { ASSERT_TRUE(coordinator.open(clock.now().monotonic + std::chrono::seconds(1))); }
  std::unique_ptr<CommitCoordinator::Participant> join() {
    return coordinator.join([this] { ++wakes; });
  }
  MembershipToken token() {
    if (!membership) {
      membership = log->membership("app").value();
      EXPECT_TRUE(membership->join(
          {.process_id = "p", .client_id = "c", .instance_id = {}, .user_endpoint = {}, .tasks = {}, .task_offset_sums = {}}));
      static_cast<void>(membership->events());
    }
    return membership->token();
  }
  std::unique_ptr<Membership> membership;
};
using CommitCoordinatorTest = Group;

TEST_F(CommitCoordinatorTest, NobodySettlesBeforeAllHaveArrivedAndAllApplyTheOutcome) {
  auto a = join();
  auto b = join();
  coordinator.request(RoundIntent::kCommit);
  EXPECT_TRUE(coordinator.view(*a).must_arrive);
  coordinator.arrive(*a, token());
  EXPECT_EQ(coordinator.view(*a).phase, RoundPhase::kGathering);
  EXPECT_FALSE(coordinator.view(*a).must_arrive);
  EXPECT_FALSE(coordinator.view(*a).is_leader);
  coordinator.arrive(*b, token());
  ASSERT_TRUE(coordinator.view(*a).is_leader != coordinator.view(*b).is_leader);
  auto& leader = coordinator.view(*a).is_leader ? *a : *b;
  ASSERT_TRUE(coordinator.settle(
      leader, [] { return Result<void>(); }, [](const MembershipToken&) { return Result<void>(); }, clock.now()));
  EXPECT_EQ(coordinator.outcome().outcome, CommitOutcome::kCommitted) << coordinator.outcome().error.message;
  EXPECT_TRUE(coordinator.view(*a).must_apply);
  coordinator.applied(*a, clock.now());
  EXPECT_EQ(coordinator.view(*a).phase, RoundPhase::kNone) << "the first one goes on";
  EXPECT_TRUE(coordinator.view(*b).must_apply);
  coordinator.applied(*b, clock.now());
  EXPECT_EQ(coordinator.rounds(), 1U);
}

TEST_F(CommitCoordinatorTest, AnAbortTurnsACommitThatIsBeingGathered) {
  auto a = join();
  auto b = join();
  coordinator.request(RoundIntent::kCommit);
  coordinator.arrive(*a, token());
  coordinator.request(RoundIntent::kAbort, {ErrorKind::kInternal, "b has failed"});
  coordinator.arrive(*b, token());
  auto& leader = coordinator.view(*a).is_leader ? *a : *b;
  ASSERT_TRUE(coordinator.settle(
      leader, [] { return Result<void>(); }, [](const MembershipToken&) { return Result<void>(); }, clock.now()));
  EXPECT_EQ(coordinator.outcome().outcome, CommitOutcome::kAborted);
}

TEST_F(CommitCoordinatorTest, OneThatLeavesIsNotWaitedFor) {
  auto a = join();
  auto b = join();
  coordinator.request(RoundIntent::kCommit);
  coordinator.arrive(*a, token());
  b.reset();
  EXPECT_TRUE(coordinator.view(*a).is_leader);
}

TEST_F(CommitCoordinatorTest, OneThatJoinsWhileARoundIsSettledIsNotAskedForItsToken) {
  auto a = join();
  coordinator.request(RoundIntent::kCommit);
  coordinator.arrive(*a, token());
  auto b = join();
  ASSERT_TRUE(coordinator.view(*a).is_leader);
  const auto nobody = [](const MembershipToken& other) {
    return Result<void>(Error{ErrorKind::kStaleMember, other.member_id});
  };
  ASSERT_TRUE(coordinator.settle(
      *a, [] { return Result<void>(); }, nobody, clock.now()));
  EXPECT_EQ(coordinator.outcome().outcome, CommitOutcome::kCommitted) << coordinator.outcome().error.message;
}

TEST_F(CommitCoordinatorTest, CommitsWhenAllAreIdleAndOneHasDoneSomething) {
  auto a = join();
  auto b = join();
  clock.advance(std::chrono::milliseconds(5));
  EXPECT_FALSE(coordinator.report(*a, {.idle = true, .dirty = false, .gathers = false}, clock.now()).report_again);
  EXPECT_EQ(coordinator.view(*a).phase, RoundPhase::kNone);
  EXPECT_TRUE(coordinator.report(*b, {.idle = true, .dirty = true, .gathers = true}, clock.now()).report_again);
  EXPECT_TRUE(coordinator.view(*a).must_arrive);
}

TEST_F(CommitCoordinatorTest, TheBusyCommitAfterAMultipleOfWhatTheLastCommitTook) {
  auto a = join();
  coordinator.request(RoundIntent::kCommit);
  coordinator.arrive(*a, token());
  ASSERT_TRUE(coordinator.settle(
      *a, [] { return Result<void>(); }, [](const MembershipToken&) { return Result<void>(); }, clock.now()));
  clock.advance(std::chrono::milliseconds(3));
  coordinator.applied(*a, clock.now());
  const CommitCoordinator::Activity busy{.idle = false, .dirty = true, .gathers = false};
  clock.advance(std::chrono::milliseconds(500));  // nobody had anything to do
  const MonotonicTime due = clock.now().monotonic + CommitCoordinator::kBusyCommitShare * std::chrono::milliseconds(3);
  EXPECT_EQ(coordinator.report(*a, busy, clock.now()).report_again, due);
  EXPECT_EQ(coordinator.view(*a).phase, RoundPhase::kNone);
  clock.advance(due - clock.now().monotonic);
  EXPECT_FALSE(coordinator.report(*a, {.idle = false, .dirty = true, .gathers = true}, clock.now()).report_again)
      << "its record cache gathers";
  EXPECT_EQ(coordinator.view(*a).phase, RoundPhase::kNone);
  EXPECT_TRUE(coordinator.report(*a, busy, clock.now()).report_again);
  EXPECT_TRUE(coordinator.view(*a).must_arrive);
}

TEST_F(CommitCoordinatorTest, DrainsWhatIsOnItsWayOnceACommitIsWantedAndAllKeepUp) {
  auto a = join();
  auto b = join();
  coordinator.request(RoundIntent::kCommit);
  coordinator.arrive(*a, token());
  coordinator.arrive(*b, token());
  ASSERT_TRUE(coordinator.settle(
      *b, [] { return Result<void>(); }, [](const MembershipToken&) { return Result<void>(); }, clock.now()));
  const MonotonicTime wanted = clock.now().monotonic + CommitCoordinator::kIdleCommitInterval;
  clock.advance(std::chrono::microseconds(500));
  coordinator.applied(*a, clock.now());
  coordinator.applied(*b, clock.now());
  const CommitCoordinator::Activity busy{.idle = false, .dirty = true, .gathers = false, .keeps_up = true};
  const CommitCoordinator::Activity behind{.idle = false, .dirty = true, .gathers = false, .keeps_up = false};
  EXPECT_FALSE(coordinator.report(*a, busy, clock.now()).drain) << "nobody wants a commit yet";
  clock.advance(wanted - clock.now().monotonic);
  EXPECT_FALSE(coordinator.report(*b, behind, clock.now()).drain);
  EXPECT_FALSE(coordinator.report(*a, busy, clock.now()).drain) << "the other one has enough to do";
  EXPECT_TRUE(coordinator.report(*b, busy, clock.now()).drain);
  EXPECT_TRUE(coordinator.report(*a, busy, clock.now()).drain);
  EXPECT_EQ(coordinator.view(*a).phase, RoundPhase::kNone);
  (void)coordinator.report(*a, {.idle = true, .dirty = true}, clock.now());
  (void)coordinator.report(*b, {.idle = true, .dirty = true}, clock.now());
  EXPECT_TRUE(coordinator.view(*a).must_arrive) << "all that was on its way is in";
}

TEST_F(CommitCoordinatorTest, OneThatJoinsAfterTheGatheringIsNoPartOfTheRound) {
  auto a = join();
  coordinator.request(RoundIntent::kCommit);
  coordinator.arrive(*a, token());
  auto late = join();
  EXPECT_FALSE(coordinator.view(*late).must_arrive);
  EXPECT_EQ(coordinator.view(*late).phase, RoundPhase::kSettling) << "it stands still until the outcome is there";
  const auto only_known = [](const MembershipToken& other) -> Result<void> {
    return Error{ErrorKind::kStaleMember, "\"" + other.member_id + "\" has handed nothing in"};
  };
  ASSERT_TRUE(coordinator.settle(
      *a, [] { return Result<void>(); }, only_known, clock.now()));
  EXPECT_EQ(coordinator.outcome().outcome, CommitOutcome::kCommitted) << coordinator.outcome().error.message;
  EXPECT_FALSE(coordinator.view(*late).must_apply);
  coordinator.applied(*a, clock.now());
  coordinator.request(RoundIntent::kCommit);
  EXPECT_TRUE(coordinator.view(*late).must_arrive);
}

TEST_F(CommitCoordinatorTest, OneThatJoinsWhileTheOthersGatherIsWaitedForUntilItLeaves) {
  auto a = join();
  auto b = join();
  coordinator.request(RoundIntent::kCommit);
  auto late = join();
  coordinator.arrive(*a, token());
  coordinator.arrive(*b, token());
  EXPECT_TRUE(coordinator.view(*late).must_arrive);
  EXPECT_FALSE(coordinator.view(*a).is_leader || coordinator.view(*b).is_leader);
  late.reset();
  EXPECT_TRUE(coordinator.view(*a).is_leader || coordinator.view(*b).is_leader);
}

TEST_F(CommitCoordinatorTest, OneThatLeavesInADrainWakesTheRestWhichThenCommits) {
  auto a = join();
  auto b = join();
  const CommitCoordinator::Activity idle{.idle = true, .dirty = true};
  const CommitCoordinator::Activity busy{.idle = false, .dirty = true, .gathers = false, .keeps_up = true};
  EXPECT_EQ(coordinator.report(*a, idle, clock.now()).drain, false);
  clock.advance(CommitCoordinator::kIdleCommitInterval);
  coordinator.request(RoundIntent::kCommit);
  for (auto* one : {a.get(), b.get()}) coordinator.arrive(*one, token());
  auto& leader = coordinator.view(*a).is_leader ? *a : *b;
  ASSERT_TRUE(coordinator.settle(
      leader, [] { return Result<void>(); }, [](const MembershipToken&) { return Result<void>(); }, clock.now()));
  clock.advance(std::chrono::milliseconds(3));
  for (auto* one : {a.get(), b.get()}) coordinator.applied(*one, clock.now());
  clock.advance(CommitCoordinator::kIdleCommitInterval);
  static_cast<void>(coordinator.report(*b, busy, clock.now()));
  EXPECT_TRUE(coordinator.report(*a, idle, clock.now()).drain) << "the other one has something on its way";
  const int before = wakes;
  b.reset();
  EXPECT_GT(wakes, before) << "the last one, too";
  static_cast<void>(coordinator.report(*a, idle, clock.now()));
  EXPECT_TRUE(coordinator.view(*a).must_arrive);
}

}  // namespace
}  // namespace tidemill::runtime
