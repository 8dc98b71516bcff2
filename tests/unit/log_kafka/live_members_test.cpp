// A commit carries the generation of now exactly as long as the member has kept its tasks.
#include "log_kafka/live_members.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace tidemill::kafka {
namespace {

MembershipToken token(std::int32_t generation) {
  return {.group = "g", .member_id = "m", .generation = generation, .instance_id = ""};
}

TEST(LiveMembers, ATokenOfAnOlderGenerationIsRenewedWhileTheTasksAreKept) {
  LiveMembers members;
  members.set("g", "m", 3, 3);
  members.set("g", "m", 5, 3);
  EXPECT_EQ(members.renew(token(4)).generation, 5);
  EXPECT_TRUE(members.keeps_its_tasks(token(3)));
}

TEST(LiveMembers, ATokenOfBeforeTheTasksWereLostIsNot) {
  LiveMembers members;
  members.set("g", "m", 7, 6);
  EXPECT_EQ(members.renew(token(5)).generation, 5);
  EXPECT_FALSE(members.keeps_its_tasks(token(5)));
}

TEST(LiveMembers, NobodyKnowsAMemberThatIsGone) {
  LiveMembers members;
  members.set("g", "m", 3, 3);
  members.remove("g", "m");
  EXPECT_EQ(members.renew(token(3)).generation, 3);
  EXPECT_FALSE(members.keeps_its_tasks(token(3)));
}

TEST(LiveMembers, AJoinWaitsForTheCommitUnderWay) {
  LiveMembers members;
  bool committed = false;
  auto commit = std::make_unique<LiveMembers::Commit>(members, token(3));
  std::thread joiner([&] {
    members.wait_for_commits("g", "m");
    EXPECT_TRUE(committed);
  });
  committed = true;
  commit.reset();
  joiner.join();
}

}  // namespace
}  // namespace tidemill::kafka
