// GroupState: members, tasks and offsets of one application, as a state machine without I/O.
//
// Tasks move in two steps: a member that has to give some up is told so first; only when it has acknowledged (or is gone)
// are they given to another. So no task ever has two owners, and a member's token stays good while it commits what it
// gives up.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <tidemill/log/membership.hpp>

namespace tidemill::embedded {

class GroupState {
 public:
  struct Member {
    JoinMetadata metadata;
    std::set<TaskId> owned;      // given to it and not yet given back
    std::set<TaskId> revoking;   // it must give up
    std::set<TaskId> announced;  // of these, what it has heard of: only that it can have given up
    std::set<TaskId> target;
    std::vector<TaskId> standby;
    std::vector<HostTasks> hosts;  // as it was told
    bool told = false;             // its last assignment is the one that holds
    std::vector<MembershipEvent> events;
    bool heard = true;  // it has come back since it took the last ones, and has so dealt with them
    MonotonicTime alive_until;
    std::int32_t generation = 0;
    UniqueFunction<void()> wake;
  };

  std::string join(const std::string& member_id, JoinMetadata metadata, MonotonicTime now);
  void leave(const std::string& member_id);
  /// The member has given up what take_events() told it to; what it is to hear yet, it still runs.
  void acknowledge_revoked(const std::string& member_id);
  /// The member's events; empty when it is not known (any more): then it has lost its tasks.
  std::vector<MembershipEvent> take_events(const std::string& member_id, MonotonicTime now);
  void expire(MonotonicTime now);
  void shutdown_application();
  void rebalance();
  [[nodiscard]] Member* find(const std::string& member_id);
  [[nodiscard]] const Member* find(const std::string& member_id) const;
  [[nodiscard]] Result<void> check(const MembershipToken& token) const;
  [[nodiscard]] const std::map<std::string, Member>& members() const { return members_; }
  /// Every task is with the member that is to have it, and that knows.
  [[nodiscard]] bool settled() const;
  [[nodiscard]] std::int32_t generation() const { return generation_; }

  std::map<TopicPartition, CommitPosition> offsets;

 private:
  void settle();
  void tell_hosts();
  std::map<std::string, Member> members_;
  std::int32_t generation_ = 0;
};

}  // namespace tidemill::embedded
