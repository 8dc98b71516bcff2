// The bytes of requests and answers, as Kafka's protocol guide lays them out.
#include "log_kafka/group_requests.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemill::kafka {
namespace {

std::string hex(BytesView bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

TEST(GroupRequests, FindCoordinatorAsksForAGroup) {
  const auto request = find_coordinator("app");
  EXPECT_EQ(request.version, 2);
  EXPECT_EQ(hex(request.body), "0003617070"
                               "00");
}

TEST(GroupRequests, HeartbeatOfADynamicMember) {
  const auto request = heartbeat({.group = "g", .member_id = "m", .generation = 5, .instance_id = ""});
  EXPECT_EQ(hex(request.body), "000167"
                               "00000005"
                               "00016d"
                               "ffff");
  EXPECT_FALSE(request.flexible);
}

TEST(GroupRequests, AMemberLeavesUnderBothItsNames) {
  const auto request = leave_group({.group = "g", .member_id = "m", .generation = 5, .instance_id = "i"});
  EXPECT_EQ(request.version, 3);
  EXPECT_EQ(hex(request.body), "000167"
                               "00000001"
                               "00016d"
                               "000169");
  EXPECT_FALSE(request.flexible);
}

TEST(GroupRequests, TheAnswerToALeaveTellsWhatIsWrongWithTheMember) {
  ProtocolWriter writer;
  writer.number<std::int32_t>(0);
  writer.number<std::int16_t>(0);
  writer.array(1);
  writer.text("m");
  writer.nullable_text("i");
  writer.number<std::int16_t>(82);
  const Bytes bytes = writer.take();
  LeaveAnswer answer;
  ProtocolReader reader(bytes);
  ASSERT_TRUE(read(reader, answer));
  EXPECT_EQ(answer.error, BrokerError::kFencedInstanceId);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    LeaveAnswer cut;
    ProtocolReader part(BytesView(bytes).substr(0, size));
    EXPECT_FALSE(read(part, cut)) << size;
  }
}

TEST(GroupRequests, OffsetCommitGroupsPartitionsByTopic) {
  const std::vector<CommitPosition> positions{{{"t", PartitionId(0)}, Offset(1), kNoLeaderEpoch, "x"},
                                              {{"t", PartitionId(1)}, Offset(2), kNoLeaderEpoch, ""}};
  const auto request = offset_commit({.group = "g", .member_id = "m", .generation = 5, .instance_id = ""}, positions);
  EXPECT_EQ(request.version, 7);
  EXPECT_EQ(hex(request.body), "000167"
                               "00000005"
                               "00016d"
                               "ffff"
                               "00000001"
                               "000174"
                               "00000002"
                               "00000000"
                               "0000000000000001"
                               "ffffffff"
                               "000178"
                               "00000001"
                               "0000000000000002"
                               "ffffffff"
                               "0000");
}

TEST(GroupRequests, JoinAnswerOfALeaderHoldsTheMembers) {
  ProtocolWriter writer;
  writer.number<std::int32_t>(0);
  writer.number<std::int16_t>(0);
  writer.number<std::int32_t>(9);
  writer.text("tidemill-1");
  writer.text("leader");
  writer.text("me");
  writer.array(1);
  writer.text("me");
  writer.nullable_text(std::nullopt);
  writer.blob("metadata");
  const Bytes bytes = writer.take();
  JoinAnswer answer;
  ProtocolReader reader(bytes);
  ASSERT_TRUE(read(reader, answer));
  EXPECT_EQ(answer.generation, 9);
  EXPECT_EQ(answer.leader, "leader");
  ASSERT_EQ(answer.members.size(), 1U);
  EXPECT_EQ(answer.members[0].metadata, "metadata");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    JoinAnswer cut;
    ProtocolReader part(BytesView(bytes).substr(0, size));
    EXPECT_FALSE(read(part, cut)) << size;
  }
}

TEST(GroupRequests, ACountThatCannotBeTrueIsRefusedBeforeAnythingIsReserved) {
  ProtocolWriter writer;
  writer.array(0x7fffffff);
  const Bytes bytes = writer.take();
  ProtocolReader reader(bytes);
  EXPECT_EQ(reader.array(), 0U);
  EXPECT_FALSE(reader.ok());
}

}  // namespace
}  // namespace tidemill::kafka
