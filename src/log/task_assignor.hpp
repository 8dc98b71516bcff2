// Who does what: a pure function from members and tasks to an assignment, for every log's membership.
//
// Sticky (a member keeps what it had as long as the balance allows), balanced (by member, stateful tasks first), and
// state-seeking (a stateful task goes to a process that has most of its state). Standbys go to other processes.
// The same input gives the same answer in every process.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <tidemill/log/membership.hpp>

namespace tidemill {

struct AssignorMember {
  std::string member_id;
  std::string process_id;
  std::vector<TaskId> previous_active;
  std::vector<TaskId> previous_standby;
  /// As in JoinMetadata.
  std::vector<std::pair<TaskId, std::int64_t>> task_offset_sums;
};
struct MemberAssignment {
  std::vector<TaskId> active;   // sorted
  std::vector<TaskId> standby;  // sorted
  bool operator==(const MemberAssignment&) const = default;
};

/// An entry for every member, by member id.
[[nodiscard]] std::map<std::string, MemberAssignment> assign_tasks(const std::vector<AssignorMember>& members,
                                                                   const std::vector<SubtopologyTasks>& subtopologies,
                                                                   std::int32_t num_standby_replicas);

/// What members have, each with its address, as GroupHosts tells it.
[[nodiscard]] std::vector<HostTasks> tasks_by_host(const std::vector<std::pair<std::string, MemberAssignment>>& members);

}  // namespace tidemill
