// Membership and committed positions: every task has one owner at a time, and who lost its tasks cannot commit.
#include "conformance_suite.hpp"

namespace tidemill::conformance {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class LogMembership : public LogConformance {
 protected:
  static std::set<TaskId> all(std::int32_t partitions) {
    std::set<TaskId> tasks;
    for (std::int32_t p = 0; p < partitions; ++p) tasks.insert({0, p});
    return tasks;
  }
  static std::set<TaskId> together(std::initializer_list<const TestMember*> members) {
    std::set<TaskId> tasks;
    for (const TestMember* member : members) {
      for (const TaskId& task : member->active) EXPECT_TRUE(tasks.insert(task).second) << "two own " << to_string(task);
    }
    return tasks;
  }
  std::vector<CommitPosition> committed(Membership& membership, const std::string& topic, std::int32_t partitions = 1) {
    std::vector<TopicPartition> ids;
    for (std::int32_t p = 0; p < partitions; ++p) ids.push_back({topic, PartitionId(p)});
    return membership.committed(ids, deadline()).value();
  }
};

TEST_F(LogMembership, AloneOwnsEveryTask) {
  const std::string orders = topic("orders", 4);
  TestMember member = join(unique("app"), orders, 4, "p1");
  pump({&member}, [&] { return member.active == all(4); });
  EXPECT_THAT(member.standby, IsEmpty());
}

TEST_F(LogMembership, IsSharedOutBetweenMembers) {
  const std::string orders = topic("orders", 4);
  const std::string app = unique("app");
  TestMember one = join(app, orders, 4, "p1");
  pump({&one}, [&] { return one.active == all(4); });
  TestMember two = join(app, orders, 4, "p2");
  pump({&one, &two}, [&] { return one.active.size() == 2 && two.active.size() == 2; });
  EXPECT_EQ(together({&one, &two}), all(4));
  EXPECT_EQ(one.revoked.size(), 2U);
  EXPECT_FALSE(one.lost);
}

TEST_F(LogMembership, GivesNoTaskToTwoMembersBeforeTheFirstHasGivenItUp) {
  const std::string orders = topic("orders", 2);
  const std::string app = unique("app");
  TestMember one = join(app, orders, 2, "p1");
  pump({&one}, [&] { return one.active == all(2); });
  one.acknowledges = false;
  TestMember two = join(app, orders, 2, "p2");
  pump({&one, &two}, [&] { return !one.revoked.empty(); });
  for (int i = 0; i < 20; ++i) serve(one), serve(two);
  EXPECT_THAT(two.active, IsEmpty());
  // What it is giving up it may still commit.
  const auto group = this->group("writer", ProcessingGuarantee::kExactlyOnceV2, app);
  group->stage(std::vector{position(orders, 5)}).value();
  commit(*group, one.membership->token());
  one.acknowledges = true;
  for (const TaskId& task : one.revoked) one.active.erase(task);
  one.membership->acknowledge_revoked();
  pump({&one, &two}, [&] { return one.active.size() == 1 && two.active.size() == 1; });
  EXPECT_EQ(together({&one, &two}), all(2));
}

TEST_F(LogMembership, ThatEndsHandsItsTasksOver) {
  const std::string orders = topic("orders", 3);
  const std::string app = unique("app");
  TestMember one = join(app, orders, 3, "p1");
  TestMember two = join(app, orders, 3, "p2");
  pump({&one, &two}, [&] { return one.active.size() + two.active.size() == 3 && !two.active.empty(); });
  one.membership->leave(deadline());
  pump({&two}, [&] { return two.active == all(3); });
}

TEST_F(LogMembership, SharesTasksOverThreadsOfOneProcess) {
  const std::string orders = topic("orders", 4);
  const std::string app = unique("app");
  JoinMetadata second;
  second.client_id = "p1-StreamThread-2";
  TestMember one = join(app, orders, 4, "p1");
  TestMember two = join(app, orders, 4, "p1", second);
  pump({&one, &two}, [&] { return one.active.size() == 2 && two.active.size() == 2; });
  EXPECT_EQ(together({&one, &two}), all(4));
}

TEST_F(LogMembership, OfOneApplicationDoesNotTouchAnother) {
  const std::string orders = topic("orders", 2);
  TestMember one = join(unique("app-one"), orders, 2, "p1");
  TestMember two = join(unique("app-two"), orders, 2, "p2");
  pump({&one, &two}, [&] { return one.active == all(2) && two.active == all(2); });
}

TEST_F(LogMembership, KeepsCommittedPositions) {
  const std::string orders = topic("orders", 2);
  const std::string app = unique("app");
  TestMember member = join(app, orders, 2, "p1");
  pump({&member}, [&] { return member.active == all(2); });
  EXPECT_THAT(committed(*member.membership, orders, 2), IsEmpty());
  member.membership->commit(std::vector{position(orders, 7, 1, "metadata")}, member.membership->token(), deadline()).value();
  EXPECT_THAT(committed(*member.membership, orders, 2), ElementsAre(position(orders, 7, 1, "metadata")));
  member.membership->commit(std::vector{position(orders, 9, 1)}, member.membership->token(), deadline()).value();
  EXPECT_THAT(committed(*member.membership, orders, 2), ElementsAre(position(orders, 9, 1)));
}

TEST_F(LogMembership, CommitsPositionsWithTheTransaction) {
  const std::string input = topic("input");
  const std::string output = topic("output");
  const std::string app = unique("app");
  TestMember member = join(app, input, 1, "p1");
  pump({&member}, [&] { return member.active == all(1); });
  const auto group = this->group("writer", ProcessingGuarantee::kExactlyOnceV2, app);
  const auto producer = group->producer();
  send(*producer, output, "k", "a");
  group->stage(std::vector{position(input, 3, 0, "meta")}).value();
  flush(*group);
  ASSERT_EQ(group->commit(member.membership->token(), deadline()).outcome, CommitOutcome::kCommitted);
  EXPECT_THAT(committed(*member.membership, input), ElementsAre(position(input, 3, 0, "meta")));

  send(*producer, output, "k", "b");
  group->stage(std::vector{position(input, 4)}).value();
  flush(*group);
  EXPECT_EQ(group->abort(deadline()).outcome, CommitOutcome::kAborted);
  EXPECT_THAT(committed(*member.membership, input), ElementsAre(position(input, 3, 0, "meta")));
  EXPECT_THAT(values(output, 1), ElementsAre("a"));
}

TEST_F(LogMembership, CommitsPositionsWithoutATransactionAtLeastOnce) {
  const std::string input = topic("input");
  const std::string output = topic("output");
  const std::string app = unique("app");
  TestMember member = join(app, input, 1, "p1");
  pump({&member}, [&] { return member.active == all(1); });
  const auto group = this->group("writer", ProcessingGuarantee::kAtLeastOnce, app);
  const auto producer = group->producer();
  send(*producer, output, "k", "a");
  group->stage(std::vector{position(input, 3)}).value();
  commit(*group, member.membership->token());
  EXPECT_THAT(committed(*member.membership, input), ElementsAre(position(input, 3)));
  EXPECT_THAT(values(output, 1), ElementsAre("a"));
}

TEST_F(LogMembership, ThatIsOverCannotCommit) {
  const std::string input = topic("input");
  const std::string output = topic("output");
  const std::string app = unique("app");
  TestMember gone = join(app, input, 1, "p1");
  pump({&gone}, [&] { return gone.active == all(1); });
  const MembershipToken token = gone.membership->token();
  gone.membership->leave(deadline());
  TestMember heir = join(app, input, 1, "p2");
  pump({&heir}, [&] { return heir.active == all(1); });

  const auto plain = heir.membership->commit(std::vector{position(input, 1)}, token, deadline());
  ASSERT_FALSE(plain.has_value());
  EXPECT_EQ(plain.error().kind, ErrorKind::kStaleMember) << plain.error().message;

  const auto group = this->group("writer", ProcessingGuarantee::kExactlyOnceV2, app);
  const auto producer = group->producer();
  send(*producer, output, "k", "zombie's");
  group->stage(std::vector{position(input, 5)}).value();
  flush(*group);
  EXPECT_EQ(group->commit(token, deadline()).outcome, CommitOutcome::kFenced);
  EXPECT_THAT(committed(*heir.membership, input), IsEmpty());

  // Nor what has no position to it, as a punctuation's records have none.
  const auto other = this->group("other", ProcessingGuarantee::kExactlyOnceV2, app);
  const auto ticking = other->producer();
  send(*ticking, output, "k", "zombie's tick");
  flush(*other);
  EXPECT_EQ(other->commit(token, deadline()).outcome, CommitOutcome::kFenced);
  const auto live = this->group("live", ProcessingGuarantee::kExactlyOnceV2, app);
  const auto writing = live->producer();
  send(*writing, output, "k", "heir's");
  commit(*live, heir.membership->token());
  EXPECT_THAT(values(output, 1), ElementsAre("heir's"));
}

TEST_F(LogMembership, PutsStandbysOnOtherProcesses) {
  const std::string orders = topic("orders", 2);
  const std::string app = unique("app");
  JoinMetadata metadata;
  metadata.num_standby_replicas = 1;
  metadata.tasks.push_back({0, 2, true, {orders}});
  TestMember one = join(app, orders, 2, "p1", metadata);
  TestMember two = join(app, orders, 2, "p2", metadata);
  pump({&one, &two}, [&] {
    return one.active.size() == 1 && two.active.size() == 1 && one.standby == two.active && two.standby == one.active;
  });
}

TEST_F(LogMembership, StopsTheWholeApplicationWhenAsked) {
  const std::string orders = topic("orders", 2);
  const std::string app = unique("app");
  TestMember one = join(app, orders, 2, "p1");
  TestMember two = join(app, orders, 2, "p2");
  pump({&one, &two}, [&] { return one.active.size() == 1 && two.active.size() == 1; });
  one.membership->shutdown_application();
  pump({&one, &two}, [&] { return one.shutdown_requested && two.shutdown_requested; });
}

TEST_F(LogMembership, IsDescribedForPeople) {
  const std::string orders = topic("orders", 2);
  const std::string app = unique("app");
  TestMember one = join(app, orders, 2, "p1");
  pump({&one}, [&] { return one.active == all(2); });
  one.membership->commit(std::vector{position(orders, 2)}, one.membership->token(), deadline()).value();
  EXPECT_THAT(log().admin().list_groups(deadline()).value(), testing::Contains(app));
  const GroupDescription description = log().admin().describe_group(app, deadline()).value();
  EXPECT_EQ(description.group, app);
  EXPECT_EQ(description.members.size(), 1U);
  ASSERT_EQ(description.offsets.size(), 1U);
  EXPECT_EQ(description.offsets[0].offset, Offset(2));
}

TEST_F(LogMembership, PositionsAreThereAfterTheLogIsOpenedAgain) {
  const std::string orders = topic("orders");
  const std::string app = unique("app");
  {
    TestMember one = join(app, orders, 1, "p1");
    pump({&one}, [&] { return one.active == all(1); });
    one.membership->commit(std::vector{position(orders, 11, 0, "m")}, one.membership->token(), deadline()).value();
    one.membership->leave(deadline());
  }
  (void)reopen();
  TestMember two = join(app, orders, 1, "p1");
  pump({&two}, [&] { return two.active == all(1); });
  EXPECT_THAT(committed(*two.membership, orders), ElementsAre(position(orders, 11, 0, "m")));
}

}  // namespace
}  // namespace tidemill::conformance
