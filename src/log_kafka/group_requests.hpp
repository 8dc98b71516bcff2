// The group protocol's requests and answers, as texts of bytes: FindCoordinator 2, JoinGroup 5, SyncGroup 3, Heartbeat 3,
// LeaveGroup 3, OffsetCommit 7, OffsetFetch 7; all of Kafka 2.5 and later. Fields: https://kafka.apache.org/protocol
#pragma once

#include <span>
#include <string>
#include <vector>

#include <tidemill/log/commit_group.hpp>
#include <tidemill/log/membership.hpp>

#include "log_kafka/connection.hpp"

namespace tidemill::kafka {

/// Error codes of the broker that somebody here reacts to: https://kafka.apache.org/protocol#protocol_error_codes
enum class BrokerError : std::int16_t {
  kNone = 0,
  kUnknownTopicOrPartition = 3,
  kCoordinatorLoadInProgress = 14,
  kCoordinatorNotAvailable = 15,
  kNotCoordinator = 16,
  kIllegalGeneration = 22,
  kInconsistentGroupProtocol = 23,
  kUnknownMemberId = 25,
  kInvalidSessionTimeout = 26,
  kRebalanceInProgress = 27,
  kTopicAuthorizationFailed = 29,
  kGroupAuthorizationFailed = 30,
  kMemberIdRequired = 79,
  kGroupMaxSizeReached = 81,
  kFencedInstanceId = 82,
  kUnstableOffsetCommit = 88,
};
[[nodiscard]] std::string_view name(BrokerError error);

template <class Answer>
struct Request {
  ApiKey key;
  std::int16_t version;
  bool flexible;
  Bytes body;
};

struct CoordinatorAnswer {
  BrokerError error = BrokerError::kNone;
  std::string host;
  std::int32_t port = 0;
};
struct JoinAnswer {
  struct Member {
    std::string member_id;
    Bytes metadata;
  };
  BrokerError error = BrokerError::kNone;
  std::int32_t generation = -1;
  std::string protocol;
  std::string leader;
  std::string member_id;
  std::vector<Member> members;  // the leader's only
};
struct SyncAnswer {
  BrokerError error = BrokerError::kNone;
  Bytes assignment;
};
struct PlainAnswer {  // Heartbeat
  BrokerError error = BrokerError::kNone;
};
struct LeaveAnswer {
  BrokerError error = BrokerError::kNone;  // of the group, else the member's
};
struct OffsetCommitAnswer {
  BrokerError error = BrokerError::kNone;  // the first of any partition
  TopicPartition partition;                // whose
};
struct OffsetFetchAnswer {
  BrokerError error = BrokerError::kNone;  // of the group, else the first of any partition
  std::vector<CommitPosition> positions;   // without those that have none
};

struct JoinRequest {
  std::string group;
  std::chrono::milliseconds session_timeout;
  std::chrono::milliseconds rebalance_timeout;
  std::string member_id;
  std::string instance_id;
  std::string protocol;
  Bytes metadata;
};

[[nodiscard]] Request<CoordinatorAnswer> find_coordinator(std::string_view group);
[[nodiscard]] Request<JoinAnswer> join_group(const JoinRequest& request);
[[nodiscard]] Request<SyncAnswer> sync_group(const MembershipToken& token,
                                             const std::vector<std::pair<std::string, Bytes>>& assignments);
[[nodiscard]] Request<PlainAnswer> heartbeat(const MembershipToken& token);
/// Without a member id: whoever has the instance id.
[[nodiscard]] Request<LeaveAnswer> leave_group(const MembershipToken& token);
[[nodiscard]] Request<OffsetCommitAnswer> offset_commit(const MembershipToken& token,
                                                        std::span<const CommitPosition> positions);
/// `all`: everything that the group has committed; else the given partitions.
[[nodiscard]] Request<OffsetFetchAnswer> offset_fetch(std::string_view group, bool all,
                                                      std::span<const TopicPartition> partitions);

[[nodiscard]] bool read(ProtocolReader& reader, CoordinatorAnswer& answer);
[[nodiscard]] bool read(ProtocolReader& reader, JoinAnswer& answer);
[[nodiscard]] bool read(ProtocolReader& reader, SyncAnswer& answer);
[[nodiscard]] bool read(ProtocolReader& reader, PlainAnswer& answer);
[[nodiscard]] bool read(ProtocolReader& reader, LeaveAnswer& answer);
[[nodiscard]] bool read(ProtocolReader& reader, OffsetCommitAnswer& answer);
[[nodiscard]] bool read(ProtocolReader& reader, OffsetFetchAnswer& answer);

template <class Answer>
[[nodiscard]] Result<Answer> call(Connection& connection, const Request<Answer>& request, MonotonicTime deadline) {
  TIDEMILL_ASSIGN(const Bytes bytes, connection.call(request.key, request.version, request.flexible, request.body, deadline));
  ProtocolReader reader(bytes, request.flexible);
  Answer answer;
  if (!read(reader, answer)) {
    return Error{ErrorKind::kUnavailable, "broker " + connection.host() + ": its answer cannot be read"};
  }
  return answer;
}

}  // namespace tidemill::kafka
