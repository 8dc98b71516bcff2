// A membership of the embedded log, where the conformance suite cannot look: between two of its member's steps, and at its cost.
#include "world.hpp"

namespace tidemill {
namespace {

using test::World;

/// A member that runs what it was given until it hears that it must give it up.
struct Member {
  Member(World& world, const std::string& name) : membership(world.log().membership("app").value()) {
    JoinMetadata metadata;
    metadata.process_id = name;
    metadata.client_id = name;
    metadata.tasks = {{.subtopology = 0, .partitions = 6, .stateful = false, .source_topics = {"t"}}};
    membership->join(std::move(metadata)).value();
  }
  void hear() {
    for (const MembershipEvent& event : membership->events()) {
      if (const auto* assigned = std::get_if<TasksAssigned>(&event)) runs = {assigned->active.begin(), assigned->active.end()};
      if (const auto* revoked = std::get_if<TasksRevoked>(&event)) {
        for (const TaskId& task : revoked->tasks) runs.erase(task);
      }
    }
  }
  std::unique_ptr<Membership> membership;
  std::set<TaskId> runs;
};

TEST(EmbeddedMembership, AcknowledgesOnlyWhatTheMemberHasHeardOf) {
  World world;
  Member a(world, "a");
  a.hear();
  ASSERT_EQ(a.runs.size(), 6U);
  Member b(world, "b");
  a.hear();
  Member c(world, "c");  // a is committing what it gives up to b
  a.membership->acknowledge_revoked();
  for (Member* other : {&b, &c}) {
    other->hear();
    for (const TaskId& task : other->runs) EXPECT_FALSE(a.runs.contains(task)) << to_string(task) << " is run twice";
  }
  std::set<TaskId> all;
  for (int round = 0; round < 3; ++round) {
    for (Member* member : {&a, &b, &c}) {
      member->hear();
      member->membership->acknowledge_revoked();
    }
  }
  for (const Member* member : {&a, &b, &c}) {
    EXPECT_EQ(member->runs.size(), 2U);
    all.insert(member->runs.begin(), member->runs.end());
  }
  EXPECT_EQ(all.size(), 6U);
}

// Who asks for the state must be able to rely on it: what is not with him is with another.
TEST(EmbeddedMembership, IsStableOnceEveryMemberHasDealtWithWhatItIsToHear) {
  World world;
  const auto state = [&] { return world.log().admin().describe_group("app", {}).value().state; };
  Member a(world, "a");
  EXPECT_NE(state(), "Stable") << "a has not heard yet";
  a.hear();
  EXPECT_NE(state(), "Stable") << "a has heard, and may be at work on it";
  a.hear();
  EXPECT_EQ(state(), "Stable");
  Member b(world, "b");
  for (Member* member : {&b, &a, &b}) {
    member->hear();
    EXPECT_NE(state(), "Stable") << "some are nobody's";
  }
  a.membership->acknowledge_revoked();
  for (Member* member : {&a, &b}) {
    EXPECT_NE(state(), "Stable");
    member->hear();
  }
  EXPECT_EQ(b.runs.size(), 3U);
  EXPECT_NE(state(), "Stable");
  for (Member* member : {&a, &b}) member->hear();
  EXPECT_EQ(state(), "Stable");
}

TEST(EmbeddedMembership, ChecksATokenWithoutAJournalEntry) {
  World world;
  world.topic("t");
  const auto membership = world.log().membership("app").value();
  membership->join({}).value();
  const std::uint64_t writes = world.storage.operations(simulation::Operation::kWrite);
  const std::uint64_t syncs = world.storage.operations(simulation::Operation::kSync);
  membership->commit({}, membership->token(), world.deadline()).value();
  EXPECT_EQ(world.storage.operations(simulation::Operation::kWrite), writes);
  EXPECT_EQ(world.storage.operations(simulation::Operation::kSync), syncs);
  MembershipToken stale = membership->token();
  stale.member_id = "another";
  EXPECT_EQ(membership->commit({}, stale, world.deadline()).error().kind, ErrorKind::kStaleMember);
}

}  // namespace
}  // namespace tidemill
