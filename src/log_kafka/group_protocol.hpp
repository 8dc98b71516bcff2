// What the members of an application tell one another through the group: the bytes inside Kafka's ConsumerProtocol envelope,
// and the leader's decision. Pure functions.
//
// A task that a member still claims is given to nobody else: the decision first takes it out of the claimer's assignment; the
// claimer gives it up, joins again without the claim, and only then it goes to its new owner. So no task ever has two owners.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include <tidemill/log/membership.hpp>

namespace tidemill::kafka {

/// The name under which all members of an application offer themselves; another one means another way of sharing out.
inline constexpr std::string_view kProtocolName = "tidemill-1";

/// What a member says of itself at each join.
struct MemberState {
  JoinMetadata metadata;       // process, client, standbys, tasks, offset sums
  std::vector<TaskId> active;  // claimed: given to it and not yet given up
  std::vector<TaskId> standby;
  std::int32_t generation = -1;  // in which it claims them
  bool shutdown = false;         // asks the whole application to stop
  std::int32_t round = 0;        // grows with each wish for a rebalance: other bytes make the broker begin one
};
/// What the leader tells a member.
struct MemberTasks {
  std::vector<TaskId> active;
  std::vector<TaskId> standby;
  bool shutdown = false;
  std::vector<HostTasks> hosts = {};  // of the whole group
  bool operator==(const MemberTasks&) const = default;
};

[[nodiscard]] Bytes encode_subscription(const MemberState& state);
[[nodiscard]] Result<MemberState> decode_subscription(BytesView bytes);
/// With the task's partitions spelled out, for Kafka's tools.
[[nodiscard]] Bytes encode_assignment(const MemberTasks& tasks, const std::vector<SubtopologyTasks>& subtopologies);
/// Empty bytes: nothing is assigned.
[[nodiscard]] Result<MemberTasks> decode_assignment(BytesView bytes);

/// The leader's decision, by member id; `subtopologies` are the leader's own.
[[nodiscard]] std::map<std::string, MemberTasks> share_out(const std::map<std::string, MemberState>& members,
                                                           const std::vector<SubtopologyTasks>& subtopologies);

}  // namespace tidemill::kafka
