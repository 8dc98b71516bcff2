// What members tell one another, and the leader's decision: no task ever has two owners.
#include "log_kafka/group_protocol.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tidemill/base/random.hpp>

namespace tidemill::kafka {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::vector<SubtopologyTasks> kTopology{{0, 4, false, {"orders"}}, {1, 2, true, {"app-by-client-repartition", "limits"}}};

MemberState member(std::vector<TaskId> active = {}, std::int32_t generation = 1, std::string process = "p") {
  MemberState state;
  state.metadata.process_id = std::move(process);
  state.metadata.tasks = kTopology;
  state.active = std::move(active);
  state.generation = generation;
  return state;
}

TEST(GroupProtocol, ASubscriptionComesBackAsItWas) {
  MemberState state = member({{0, 1}, {1, 0}}, 7);
  state.metadata.client_id = "app-1-StreamThread-2";
  state.metadata.user_endpoint = "host:8080";
  state.metadata.num_standby_replicas = 2;
  state.metadata.task_offset_sums = {{{1, 0}, 123456789012}};
  state.standby = {{1, 1}};
  state.shutdown = true;
  state.round = 3;
  const MemberState back = decode_subscription(encode_subscription(state)).value();
  EXPECT_EQ(back.metadata.process_id, "p");
  EXPECT_EQ(back.metadata.client_id, "app-1-StreamThread-2");
  EXPECT_EQ(back.metadata.user_endpoint, "host:8080");
  EXPECT_EQ(back.metadata.num_standby_replicas, 2);
  EXPECT_EQ(back.metadata.task_offset_sums, state.metadata.task_offset_sums);
  EXPECT_EQ(back.active, state.active);
  EXPECT_EQ(back.standby, state.standby);
  EXPECT_EQ(back.generation, 7);
  EXPECT_TRUE(back.shutdown);
  EXPECT_EQ(back.round, 3);
  ASSERT_EQ(back.metadata.tasks.size(), 2U);
  EXPECT_EQ(back.metadata.tasks[1].source_topics, kTopology[1].source_topics);
  EXPECT_TRUE(back.metadata.tasks[1].stateful);
}

TEST(GroupProtocol, AnAssignmentComesBackAsItWas) {
  const MemberTasks tasks{.active = {{0, 3}, {1, 1}},
                          .standby = {{1, 0}},
                          .shutdown = true,
                          .hosts = {{"a:1", {{0, 3}, {1, 1}}, {{1, 0}}}, {"b:2", {{0, 0}}, {}}}};
  EXPECT_EQ(decode_assignment(encode_assignment(tasks, kTopology)).value(), tasks);
  EXPECT_EQ(decode_assignment("").value(), MemberTasks());
}

TEST(GroupProtocol, BytesOfAnotherProgramAreRefused) {
  EXPECT_FALSE(decode_subscription("").has_value());
  EXPECT_FALSE(decode_subscription("range").has_value());
  EXPECT_FALSE(decode_assignment("x").has_value());
  const Bytes whole = encode_subscription(member({{0, 1}}));
  for (std::size_t size = 0; size + 4 < whole.size(); ++size) {
    EXPECT_FALSE(decode_subscription(BytesView(whole).substr(0, size)).has_value()) << size;
  }
}

TEST(GroupProtocol, TheFirstMemberGetsEverything) {
  const auto shared = share_out({{"a", member()}}, kTopology);
  EXPECT_EQ(shared.at("a").active.size(), 6U);
}

TEST(GroupProtocol, EverybodyIsToldWhichAddressHasWhat) {
  MemberState a = member({{0, 0}, {0, 1}});
  MemberState same_host = member({{0, 2}});
  MemberState b = member({{0, 3}}, 1, "q");
  MemberState nameless = member({}, 1, "r");
  a.metadata.user_endpoint = same_host.metadata.user_endpoint = "a:1";
  b.metadata.user_endpoint = "b:2";
  const auto shared = share_out({{"a", a}, {"a2", same_host}, {"b", b}, {"n", nameless}}, kTopology);
  for (const auto& [id, tasks] : shared) {
    ASSERT_EQ(tasks.hosts.size(), 2U) << id;
    EXPECT_EQ(tasks.hosts, shared.at("a").hosts) << id;
  }
  const std::vector<HostTasks>& hosts = shared.at("n").hosts;
  EXPECT_EQ(hosts[0].endpoint, "a:1");
  EXPECT_EQ(hosts[0].active.size(), shared.at("a").active.size() + shared.at("a2").active.size());
  EXPECT_TRUE(std::is_sorted(hosts[0].active.begin(), hosts[0].active.end()));
  EXPECT_EQ(hosts[1].endpoint, "b:2");
  EXPECT_EQ(hosts[1].active, shared.at("b").active);
}

TEST(GroupProtocol, ATaskThatIsClaimedGoesToNobodyElseYet) {
  const std::vector<TaskId> all{{0, 0}, {0, 1}, {0, 2}, {0, 3}, {1, 0}, {1, 1}};
  const auto shared = share_out({{"a", member(all)}, {"b", member({}, -1, "q")}}, kTopology);
  EXPECT_EQ(shared.at("a").active.size(), 3U) << "it is to give up the other half";
  EXPECT_THAT(shared.at("b").active, IsEmpty()) << "and b gets them only when it has";
}

TEST(GroupProtocol, OfTwoClaimsTheYoungerCounts) {
  const auto shared = share_out({{"a", member({{0, 0}}, 3)}, {"b", member({{0, 0}}, 5, "q")}}, {{0, 1, false, {"orders"}}});
  EXPECT_THAT(shared.at("a").active, IsEmpty());
  EXPECT_THAT(shared.at("b").active, ElementsAre(TaskId{0, 0}));
}

TEST(GroupProtocol, OneMembersShutdownIsEverybodys) {
  MemberState asks = member();
  asks.shutdown = true;
  const auto shared = share_out({{"a", asks}, {"b", member({}, 1, "q")}}, kTopology);
  EXPECT_TRUE(shared.at("a").shutdown);
  EXPECT_TRUE(shared.at("b").shutdown);
}

/// Members come and go; each gives up what it is asked to and joins again. In the end all is shared out evenly, and on the
/// way no task has two owners.
TEST(GroupProtocol, EveryTaskFindsOneOwnerWhateverHappens) {
  Random& random = system_random();
  for (int round = 0; round < 200; ++round) {
    std::map<std::string, MemberState> members;
    std::int32_t generation = 0;
    for (int step = 0; step < 12; ++step) {
      const std::string id(1, static_cast<char>('a' + random.below(4)));
      if (step < 8 && members.contains(id) && random.below(2) == 0) {
        members.erase(id);
      } else if (step < 8) {
        members.emplace(id, member({}, -1, "p" + id));
      }
      if (members.empty()) continue;
      const auto shared = share_out(members, kTopology);
      ++generation;
      std::set<TaskId> owned;
      for (auto& [name, state] : members) {
        std::vector<TaskId> next = shared.at(name).active;
        for (const TaskId& task : next) ASSERT_TRUE(owned.insert(task).second) << to_string(task) << " has two owners";
        state.active = std::move(next);  // what is not in it was given up
        state.generation = generation;
      }
    }
    if (members.empty()) continue;
    std::size_t tasks = 0;
    for (const auto& [name, state] : members) {
      tasks += state.active.size();
      EXPECT_LE(state.active.size(), 6 / members.size() + 1);
    }
    EXPECT_EQ(tasks, 6U);
  }
}

}  // namespace
}  // namespace tidemill::kafka
