// GroupOffsets: a group's committed positions, read and plainly committed, over a connection of its own (a join that waits at
// the coordinator would hold up another one's commits). Thread-safe.
#pragma once

#include "log_kafka/coordinator.hpp"
#include "log_kafka/live_members.hpp"

namespace tidemill::kafka {

class GroupOffsets {
 public:
  GroupOffsets(std::shared_ptr<const ConnectionConfig> config, std::shared_ptr<LiveMembers> members, std::string group);
  /// kStaleMember: the token is of a member that has lost its tasks. Empty positions only try the token.
  [[nodiscard]] Result<void> commit(std::span<const CommitPosition> positions, const MembershipToken& token,
                                    MonotonicTime deadline);
  /// Waits for pending transactional commits (RequireStable).
  [[nodiscard]] Result<std::vector<CommitPosition>> committed(std::span<const TopicPartition> partitions,
                                                              MonotonicTime deadline);
  [[nodiscard]] Result<std::vector<CommitPosition>> all_committed(MonotonicTime deadline);
  void interrupt() { coordinator_.interrupt(); }

 private:
  [[nodiscard]] Result<std::vector<CommitPosition>> fetch(bool all, std::span<const TopicPartition> partitions,
                                                          MonotonicTime deadline);
  [[nodiscard]] Result<void> pause(MonotonicTime deadline, std::string_view why);

  std::shared_ptr<LiveMembers> members_;
  std::mutex mutex_;  // one request at a time
  Coordinator coordinator_;
};

}  // namespace tidemill::kafka
