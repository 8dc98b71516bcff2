#include "log_kafka/group_offsets.hpp"

#include <thread>

#include <fmt/format.h>
#include <tidemill/base/clock.hpp>

namespace tidemill::kafka {
namespace {

constexpr std::chrono::milliseconds kUnstablePause{20};

}  // namespace

GroupOffsets::GroupOffsets(std::shared_ptr<const ConnectionConfig> config, std::shared_ptr<LiveMembers> members,
                           std::string group)
    : members_(std::move(members)), coordinator_(std::move(config), std::move(group)) {}

Result<void> GroupOffsets::pause(MonotonicTime deadline, std::string_view why) {
  if (system_clock().now().monotonic + kUnstablePause > deadline) {
    return Error{ErrorKind::kTimeout, fmt::format("group {}: {}", coordinator_.group(), why)};
  }
  std::this_thread::sleep_for(kUnstablePause);  // the broker offers nothing to wait on
  return {};
}

Result<void> GroupOffsets::commit(std::span<const CommitPosition> positions, const MembershipToken& token,
                                  MonotonicTime deadline) {
  const std::lock_guard lock(mutex_);
  for (;;) {
    const MembershipToken now = members_->renew(token);
    BrokerError error = BrokerError::kNone;
    if (positions.empty()) {
      TIDEMILL_ASSIGN(const PlainAnswer answer, coordinator_.ask(heartbeat(now), deadline));
      error = answer.error == BrokerError::kRebalanceInProgress ? BrokerError::kNone : answer.error;
    } else {
      TIDEMILL_ASSIGN(const OffsetCommitAnswer answer, coordinator_.ask(offset_commit(now, positions), deadline));
      error = answer.error;
    }
    switch (error) {
      case BrokerError::kNone: return {};
      case BrokerError::kIllegalGeneration:
        if (members_->renew(token).generation != now.generation) continue;  // it moved on while this was under way
        [[fallthrough]];
      case BrokerError::kUnknownMemberId:
      case BrokerError::kFencedInstanceId:
        return Error{ErrorKind::kStaleMember, fmt::format("group {}: the broker refused generation {} of member {}: {}",
                                                          now.group, now.generation, now.member_id, name(error))};
      case BrokerError::kRebalanceInProgress: TIDEMILL_TRY(pause(deadline, "a rebalance does not end")); continue;
      case BrokerError::kGroupAuthorizationFailed:
      case BrokerError::kTopicAuthorizationFailed:
        return Error{ErrorKind::kUnauthorized, fmt::format("group {}: {}", now.group, name(error))};
      default:
        return Error{ErrorKind::kUnavailable,
                     fmt::format("group {}: the commit was refused: {} ({})", now.group, name(error), static_cast<int>(error))};
    }
  }
}

Result<std::vector<CommitPosition>> GroupOffsets::committed(std::span<const TopicPartition> partitions,
                                                            MonotonicTime deadline) {
  return fetch(false, partitions, deadline);
}
Result<std::vector<CommitPosition>> GroupOffsets::all_committed(MonotonicTime deadline) { return fetch(true, {}, deadline); }

Result<std::vector<CommitPosition>> GroupOffsets::fetch(bool all, std::span<const TopicPartition> partitions,
                                                        MonotonicTime deadline) {
  const std::lock_guard lock(mutex_);
  for (;;) {
    TIDEMILL_ASSIGN(OffsetFetchAnswer answer, coordinator_.ask(offset_fetch(coordinator_.group(), all, partitions), deadline));
    switch (answer.error) {
      case BrokerError::kNone: return std::move(answer.positions);
      case BrokerError::kUnstableOffsetCommit:
        TIDEMILL_TRY(pause(deadline, "a transaction of another member with commits of these partitions does not end"));
        continue;
      case BrokerError::kGroupAuthorizationFailed:
      case BrokerError::kTopicAuthorizationFailed:
        return Error{ErrorKind::kUnauthorized, fmt::format("group {}: {}", coordinator_.group(), name(answer.error))};
      default:
        return Error{ErrorKind::kUnavailable,
                     fmt::format("group {}: its positions cannot be read: {} ({})", coordinator_.group(), name(answer.error),
                                 static_cast<int>(answer.error))};
    }
  }
}

}  // namespace tidemill::kafka
