#include "log_kafka/group_requests.hpp"

#include <map>

namespace tidemill::kafka {
namespace {

constexpr std::string_view kProtocolType = "consumer";  // so that Kafka's tools show the group
constexpr std::int8_t kGroupCoordinator = 0;

template <class Answer>
Request<Answer> request(ApiKey key, std::int16_t version, ProtocolWriter&& writer, bool flexible = false) {
  return {key, version, flexible, writer.take()};
}

std::optional<std::string> optional(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<std::string>(text);
}

BrokerError error_of(ProtocolReader& reader) { return static_cast<BrokerError>(reader.number<std::int16_t>()); }

template <class Item, class Topic>
std::map<std::string_view, std::vector<const Item*>> by_topic(std::span<const Item> items, Topic topic) {
  std::map<std::string_view, std::vector<const Item*>> result;
  for (const Item& item : items) result[topic(item)].push_back(&item);
  return result;
}

}  // namespace

std::string_view name(BrokerError error) {
  switch (error) {
    case BrokerError::kNone: return "NONE";
    case BrokerError::kUnknownTopicOrPartition: return "UNKNOWN_TOPIC_OR_PARTITION";
    case BrokerError::kCoordinatorLoadInProgress: return "COORDINATOR_LOAD_IN_PROGRESS";
    case BrokerError::kCoordinatorNotAvailable: return "COORDINATOR_NOT_AVAILABLE";
    case BrokerError::kNotCoordinator: return "NOT_COORDINATOR";
    case BrokerError::kIllegalGeneration: return "ILLEGAL_GENERATION";
    case BrokerError::kInconsistentGroupProtocol: return "INCONSISTENT_GROUP_PROTOCOL";
    case BrokerError::kUnknownMemberId: return "UNKNOWN_MEMBER_ID";
    case BrokerError::kInvalidSessionTimeout: return "INVALID_SESSION_TIMEOUT";
    case BrokerError::kRebalanceInProgress: return "REBALANCE_IN_PROGRESS";
    case BrokerError::kTopicAuthorizationFailed: return "TOPIC_AUTHORIZATION_FAILED";
    case BrokerError::kGroupAuthorizationFailed: return "GROUP_AUTHORIZATION_FAILED";
    case BrokerError::kMemberIdRequired: return "MEMBER_ID_REQUIRED";
    case BrokerError::kGroupMaxSizeReached: return "GROUP_MAX_SIZE_REACHED";
    case BrokerError::kFencedInstanceId: return "FENCED_INSTANCE_ID";
    case BrokerError::kUnstableOffsetCommit: return "UNSTABLE_OFFSET_COMMIT";
  }
  return "an error of another kind";
}

Request<CoordinatorAnswer> find_coordinator(std::string_view group) {
  ProtocolWriter writer;
  writer.text(group);
  writer.number(kGroupCoordinator);
  return request<CoordinatorAnswer>(ApiKey::kFindCoordinator, 2, std::move(writer));
}
bool read(ProtocolReader& reader, CoordinatorAnswer& answer) {
  (void)reader.number<std::int32_t>();  // throttle time
  answer.error = error_of(reader);
  (void)reader.text();
  (void)reader.number<std::int32_t>();  // node
  answer.host = reader.text();
  answer.port = reader.number<std::int32_t>();
  return reader.at_end();
}

Request<JoinAnswer> join_group(const JoinRequest& join) {
  ProtocolWriter writer;
  writer.text(join.group);
  writer.number(static_cast<std::int32_t>(join.session_timeout.count()));
  writer.number(static_cast<std::int32_t>(join.rebalance_timeout.count()));
  writer.text(join.member_id);
  writer.nullable_text(optional(join.instance_id));
  writer.text(kProtocolType);
  writer.array(1);
  writer.text(join.protocol);
  writer.blob(join.metadata);
  return request<JoinAnswer>(ApiKey::kJoinGroup, 5, std::move(writer));
}
bool read(ProtocolReader& reader, JoinAnswer& answer) {
  (void)reader.number<std::int32_t>();
  answer.error = error_of(reader);
  answer.generation = reader.number<std::int32_t>();
  answer.protocol = reader.text();
  answer.leader = reader.text();
  answer.member_id = reader.text();
  for (std::size_t left = reader.array(); reader.ok() && left > 0; --left) {
    JoinAnswer::Member member;
    member.member_id = reader.text();
    (void)reader.nullable_text();  // instance id
    member.metadata = reader.blob();
    answer.members.push_back(std::move(member));
  }
  return reader.at_end();
}

Request<SyncAnswer> sync_group(const MembershipToken& token, const std::vector<std::pair<std::string, Bytes>>& assignments) {
  ProtocolWriter writer;
  writer.text(token.group);
  writer.number(token.generation);
  writer.text(token.member_id);
  writer.nullable_text(optional(token.instance_id));
  writer.array(assignments.size());
  for (const auto& [member, assignment] : assignments) {
    writer.text(member);
    writer.blob(assignment);
  }
  return request<SyncAnswer>(ApiKey::kSyncGroup, 3, std::move(writer));
}
bool read(ProtocolReader& reader, SyncAnswer& answer) {
  (void)reader.number<std::int32_t>();
  answer.error = error_of(reader);
  answer.assignment = reader.blob();
  return reader.at_end();
}

Request<PlainAnswer> heartbeat(const MembershipToken& token) {
  ProtocolWriter writer;
  writer.text(token.group);
  writer.number(token.generation);
  writer.text(token.member_id);
  writer.nullable_text(optional(token.instance_id));
  return request<PlainAnswer>(ApiKey::kHeartbeat, 3, std::move(writer));
}
bool read(ProtocolReader& reader, PlainAnswer& answer) {
  (void)reader.number<std::int32_t>();
  answer.error = error_of(reader);
  return reader.at_end();
}
Request<LeaveAnswer> leave_group(const MembershipToken& token) {
  ProtocolWriter writer;
  writer.text(token.group);
  writer.array(1);
  writer.text(token.member_id);
  writer.nullable_text(optional(token.instance_id));
  return request<LeaveAnswer>(ApiKey::kLeaveGroup, 3, std::move(writer));
}
bool read(ProtocolReader& reader, LeaveAnswer& answer) {
  (void)reader.number<std::int32_t>();
  answer.error = error_of(reader);
  for (std::size_t left = reader.array(); reader.ok() && left > 0; --left) {
    (void)reader.text();           // member id
    (void)reader.nullable_text();  // instance id
    const BrokerError error = error_of(reader);
    if (answer.error == BrokerError::kNone) answer.error = error;
  }
  return reader.at_end();
}

Request<OffsetCommitAnswer> offset_commit(const MembershipToken& token, std::span<const CommitPosition> positions) {
  ProtocolWriter writer;
  writer.text(token.group);
  writer.number(token.generation);
  writer.text(token.member_id);
  writer.nullable_text(optional(token.instance_id));
  const auto topics = by_topic(positions, [](const CommitPosition& p) -> std::string_view { return p.partition.topic; });
  writer.array(topics.size());
  for (const auto& [topic, items] : topics) {
    writer.text(topic);
    writer.array(items.size());
    for (const CommitPosition* item : items) {
      writer.number(item->partition.partition.value);
      writer.number(item->offset.value);
      writer.number(item->leader_epoch.value);
      writer.text(item->metadata);
    }
  }
  return request<OffsetCommitAnswer>(ApiKey::kOffsetCommit, 7, std::move(writer));
}
bool read(ProtocolReader& reader, OffsetCommitAnswer& answer) {
  (void)reader.number<std::int32_t>();
  for (std::size_t topics = reader.array(); reader.ok() && topics > 0; --topics) {
    const std::string topic = reader.text();
    for (std::size_t partitions = reader.array(); reader.ok() && partitions > 0; --partitions) {
      const PartitionId partition(reader.number<std::int32_t>());
      const BrokerError error = error_of(reader);
      if (error == BrokerError::kNone || answer.error != BrokerError::kNone) continue;
      answer.error = error;
      answer.partition = {topic, partition};
    }
  }
  return reader.at_end();
}

Request<OffsetFetchAnswer> offset_fetch(std::string_view group, bool all, std::span<const TopicPartition> partitions) {
  ProtocolWriter writer(true);
  writer.text(group);
  if (all) {
    writer.null_array();
  } else {
    const auto topics = by_topic(partitions, [](const TopicPartition& p) -> std::string_view { return p.topic; });
    writer.array(topics.size());
    for (const auto& [topic, items] : topics) {
      writer.text(topic);
      writer.array(items.size());
      for (const TopicPartition* item : items) writer.number(item->partition.value);
      writer.end_struct();
    }
  }
  writer.boolean(true);  // RequireStable
  writer.end_struct();
  return request<OffsetFetchAnswer>(ApiKey::kOffsetFetch, 7, std::move(writer), true);
}
bool read(ProtocolReader& reader, OffsetFetchAnswer& answer) {
  (void)reader.number<std::int32_t>();
  BrokerError first = BrokerError::kNone;
  for (std::size_t topics = reader.array(); reader.ok() && topics > 0; --topics) {
    const std::string topic = reader.text();
    for (std::size_t partitions = reader.array(); reader.ok() && partitions > 0; --partitions) {
      CommitPosition position;
      position.partition = {topic, PartitionId(reader.number<std::int32_t>())};
      position.offset = Offset(reader.number<std::int64_t>());
      position.leader_epoch = LeaderEpoch(reader.number<std::int32_t>());
      position.metadata = reader.text();
      const BrokerError error = error_of(reader);
      reader.end_struct();
      if (error != BrokerError::kNone) {
        if (first == BrokerError::kNone) first = error;
      } else if (position.offset >= Offset(0)) {
        answer.positions.push_back(std::move(position));
      }
    }
    reader.end_struct();
  }
  answer.error = error_of(reader);
  if (answer.error == BrokerError::kNone) answer.error = first;
  reader.end_struct();
  return reader.at_end();
}

}  // namespace tidemill::kafka
