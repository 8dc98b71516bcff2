#include "log/task_assignor.hpp"

#include <algorithm>
#include <set>

namespace tidemill {
namespace {

struct Candidate {
  const AssignorMember* member = nullptr;
  std::size_t active = 0;
  std::size_t standby = 0;
};

bool contains(const std::vector<TaskId>& tasks, TaskId task) {
  return std::find(tasks.begin(), tasks.end(), task) != tasks.end();
}

std::int64_t offset_sum(const AssignorMember& member, TaskId task) {
  for (const auto& [id, sum] : member.task_offset_sums) {
    if (id == task) return sum;
  }
  return -1;
}

}  // namespace

std::map<std::string, MemberAssignment> assign_tasks(const std::vector<AssignorMember>& members,
                                                     const std::vector<SubtopologyTasks>& subtopologies,
                                                     std::int32_t num_standby_replicas) {
  std::map<std::string, MemberAssignment> result;
  std::vector<Candidate> candidates;
  for (const AssignorMember& member : members) {
    result[member.member_id];
    candidates.push_back({&member});
  }
  if (candidates.empty()) return result;
  std::sort(candidates.begin(), candidates.end(),
            [](const Candidate& a, const Candidate& b) { return a.member->member_id < b.member->member_id; });

  std::vector<std::pair<TaskId, bool>> tasks;  // stateful ones first: they are the ones that cost to move
  for (const bool stateful : {true, false}) {
    for (const SubtopologyTasks& subtopology : subtopologies) {
      if (subtopology.stateful != stateful) continue;
      for (std::int32_t p = 0; p < subtopology.partitions; ++p) {
        tasks.emplace_back(TaskId{subtopology.subtopology, p}, stateful);
      }
    }
  }
  const std::size_t floor = tasks.size() / candidates.size();
  std::size_t extra = tasks.size() % candidates.size();  // so many members take one more
  const auto give = [&](Candidate& to, TaskId task) {
    if (to.active == floor) --extra;
    ++to.active;
    result[to.member->member_id].active.push_back(task);
  };
  const auto has_room = [&](const Candidate& candidate) {
    return candidate.active < floor || (candidate.active == floor && extra > 0);
  };

  // First what each had before; then, for the rest, who has the state; then who has least.
  std::vector<std::pair<TaskId, bool>> open;
  for (const auto& [task, stateful] : tasks) {
    const auto owner = std::find_if(candidates.begin(), candidates.end(), [&, id = task](const Candidate& candidate) {
      return contains(candidate.member->previous_active, id) && has_room(candidate);
    });
    if (owner != candidates.end()) {
      give(*owner, task);
    } else {
      open.emplace_back(task, stateful);
    }
  }
  for (const auto& [task, stateful] : open) {
    Candidate* best = nullptr;
    std::int64_t best_sum = -1;
    for (Candidate& candidate : candidates) {
      if (!has_room(candidate)) continue;
      const std::int64_t sum = stateful ? offset_sum(*candidate.member, task) : -1;
      if (best == nullptr || sum > best_sum || (sum == best_sum && candidate.active < best->active)) {
        best = &candidate;
        best_sum = sum;
      }
    }
    give(*best, task);
  }

  // Standbys: on processes that do not have the task yet, previous holders first, then who has least.
  for (const auto& [task, stateful] : tasks) {
    if (!stateful) continue;
    std::set<std::string> processes;
    for (const Candidate& candidate : candidates) {
      if (contains(result[candidate.member->member_id].active, task)) processes.insert(candidate.member->process_id);
    }
    for (std::int32_t replica = 0; replica < num_standby_replicas; ++replica) {
      Candidate* best = nullptr;
      for (Candidate& candidate : candidates) {
        if (processes.contains(candidate.member->process_id)) continue;
        const auto rank = [&, id = task](const Candidate& c) {
          return std::pair(!contains(c.member->previous_standby, id), c.active + c.standby);
        };
        if (best == nullptr || rank(candidate) < rank(*best)) best = &candidate;
      }
      if (best == nullptr) break;
      ++best->standby;
      processes.insert(best->member->process_id);
      result[best->member->member_id].standby.push_back(task);
    }
  }
  for (auto& [member, assignment] : result) {
    std::sort(assignment.active.begin(), assignment.active.end());
    std::sort(assignment.standby.begin(), assignment.standby.end());
  }
  return result;
}

std::vector<HostTasks> tasks_by_host(const std::vector<std::pair<std::string, MemberAssignment>>& members) {
  std::map<std::string, HostTasks> by_endpoint;
  for (const auto& [endpoint, tasks] : members) {
    if (endpoint.empty()) continue;
    HostTasks& host = by_endpoint[endpoint];
    host.active.insert(host.active.end(), tasks.active.begin(), tasks.active.end());
    host.standby.insert(host.standby.end(), tasks.standby.begin(), tasks.standby.end());
  }
  std::vector<HostTasks> hosts;
  for (auto& [endpoint, host] : by_endpoint) {
    host.endpoint = endpoint;
    std::sort(host.active.begin(), host.active.end());
    std::sort(host.standby.begin(), host.standby.end());
    hosts.push_back(std::move(host));
  }
  return hosts;
}

}  // namespace tidemill
