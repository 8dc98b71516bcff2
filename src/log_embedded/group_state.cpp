#include "log_embedded/group_state.hpp"

#include <algorithm>

#include "log/task_assignor.hpp"

namespace tidemill::embedded {

std::string GroupState::join(const std::string& member_id, JoinMetadata metadata, MonotonicTime now) {
  Member& member = members_[member_id];
  member.metadata = std::move(metadata);
  member.alive_until = now + member.metadata.max_poll_interval;
  member.told = false;
  rebalance();
  return member_id;
}

void GroupState::leave(const std::string& member_id) {
  if (members_.erase(member_id) > 0) rebalance();
}

void GroupState::acknowledge_revoked(const std::string& member_id) {
  Member* member = find(member_id);
  if (member == nullptr) return;
  for (const TaskId& task : member->announced) {
    member->owned.erase(task);
    member->revoking.erase(task);
  }
  member->announced.clear();
  settle();
}

std::vector<MembershipEvent> GroupState::take_events(const std::string& member_id, MonotonicTime now) {
  Member* member = find(member_id);
  if (member == nullptr) return {};
  member->alive_until = now + member->metadata.max_poll_interval;
  std::vector<MembershipEvent> events = std::exchange(member->events, {});
  member->heard = events.empty();
  for (const MembershipEvent& event : events) {
    if (const auto* revoked = std::get_if<TasksRevoked>(&event)) {
      member->announced.insert(revoked->tasks.begin(), revoked->tasks.end());
    }
  }
  return events;
}

void GroupState::expire(MonotonicTime now) {
  const auto gone = std::erase_if(members_, [&](const auto& entry) { return entry.second.alive_until < now; });
  if (gone > 0) rebalance();
}

void GroupState::shutdown_application() {
  for (auto& [id, member] : members_) {
    member.events.emplace_back(ApplicationShutdownRequested{});
    if (member.wake) member.wake();
  }
}

void GroupState::rebalance() {
  ++generation_;
  std::vector<AssignorMember> candidates;
  std::vector<SubtopologyTasks> tasks;
  std::int32_t standbys = 0;
  for (const auto& [id, member] : members_) {
    candidates.push_back({id,
                          member.metadata.process_id,
                          {member.owned.begin(), member.owned.end()},
                          member.standby,
                          member.metadata.task_offset_sums});
    if (member.metadata.tasks.size() >= tasks.size()) tasks = member.metadata.tasks;
    standbys = std::max(standbys, member.metadata.num_standby_replicas);
  }
  for (auto& [id, assignment] : assign_tasks(candidates, tasks, standbys)) {
    Member& member = members_[id];
    member.target = {assignment.active.begin(), assignment.active.end()};
    if (member.standby != assignment.standby) member.told = false;
    member.standby = std::move(assignment.standby);
    std::vector<TaskId> give_up;
    for (const TaskId& task : member.owned) {
      if (!member.target.contains(task) && member.revoking.insert(task).second) give_up.push_back(task);
    }
    if (!give_up.empty()) {
      member.events.emplace_back(TasksRevoked{std::move(give_up)});
      if (member.wake) member.wake();
    }
  }
  settle();
}

// Gives what is free to those it is meant for, and tells whoever's assignment has changed.
void GroupState::settle() {
  std::set<TaskId> taken;
  for (const auto& [id, member] : members_) taken.insert(member.owned.begin(), member.owned.end());
  for (auto& [id, member] : members_) {
    bool changed = !member.told;
    for (const TaskId& task : member.target) {
      if (taken.contains(task)) continue;
      member.owned.insert(task);
      taken.insert(task);
      changed = true;
    }
    member.told = !changed;
    if (!changed || !member.revoking.empty()) continue;  // told when it has given up what it must
    member.told = true;
    member.generation = generation_;
    member.events.emplace_back(TasksAssigned{{member.owned.begin(), member.owned.end()}, member.standby});
    if (member.wake) member.wake();
  }
  tell_hosts();
}

void GroupState::tell_hosts() {
  std::vector<std::pair<std::string, MemberAssignment>> members;
  for (const auto& [id, member] : members_) {
    members.emplace_back(member.metadata.user_endpoint,
                         MemberAssignment{{member.owned.begin(), member.owned.end()}, member.standby});
  }
  const std::vector<HostTasks> hosts = tasks_by_host(members);
  for (auto& [id, member] : members_) {
    if (member.hosts == hosts) continue;
    member.hosts = hosts;
    member.events.emplace_back(GroupHosts{hosts});
    if (member.wake) member.wake();
  }
}

bool GroupState::settled() const {
  return std::all_of(members_.begin(), members_.end(), [](const auto& entry) {
    const Member& member = entry.second;
    return member.told && member.revoking.empty() && member.events.empty() && member.heard;
  });
}

GroupState::Member* GroupState::find(const std::string& member_id) {
  const auto found = members_.find(member_id);
  return found == members_.end() ? nullptr : &found->second;
}

const GroupState::Member* GroupState::find(const std::string& member_id) const {
  const auto found = members_.find(member_id);
  return found == members_.end() ? nullptr : &found->second;
}

Result<void> GroupState::check(const MembershipToken& token) const {
  if (token.member_id.empty() && members_.empty()) return {};  // no member: a tool or a migration
  if (!members_.contains(token.member_id)) {
    return Error{ErrorKind::kStaleMember, "member " + token.member_id + " of group " + token.group +
                                              " is not a member any more: its tasks are another's"};
  }
  return {};
}

}  // namespace tidemill::embedded
