// KafkaMembership: a stream thread's place in a classic consumer group of the broker, with our own protocol inside (see
// group_protocol.hpp). A thread of its own joins, answers rebalances and sends heartbeats; the stream thread only takes events.
//
// Always true: no token that token() gives out before the stream thread has heard that its tasks are lost is good for a commit
// after the loss, even when the member is in the group again by then. claimed_ is what the stream thread was given and has not given up; it is what every join says, so the leader
// gives none of it to another before it is gone.
#pragma once

#include <condition_variable>
#include <set>
#include <thread>

#include "log_kafka/group_offsets.hpp"
#include "log_kafka/group_protocol.hpp"

namespace tidemill::kafka {

class KafkaMembership final : public Membership {
 public:
  /// A join is answered when all have joined or the rebalance timeout has passed; the broker gets so much longer.
  static constexpr std::chrono::milliseconds kJoinGrace{30000};
  static constexpr std::chrono::milliseconds kSyncTimeout{30000};

  KafkaMembership(std::shared_ptr<const ConnectionConfig> config, std::shared_ptr<LiveMembers> members, std::string group);
  ~KafkaMembership() override;
  Result<void> join(JoinMetadata metadata) override;
  std::vector<MembershipEvent> events() override;
  void acknowledge_revoked() override;
  void set_wake(UniqueFunction<void()> wake) override;
  MembershipToken token() const override;
  Result<std::vector<CommitPosition>> committed(std::span<const TopicPartition> partitions, MonotonicTime deadline) override;
  Result<void> commit(std::span<const CommitPosition> positions, const MembershipToken& token, MonotonicTime deadline) override;
  void request_rebalance() override;
  void shutdown_application() override;
  void leave(MonotonicTime deadline) override;

 private:
  enum class Next : std::uint8_t { kHeartbeat, kJoin, kEnd };
  void run();
  Next join_once();
  Next sync(const JoinAnswer& joined);
  Next heartbeats();
  void take_over(MemberTasks tasks);
  void complete_locked();
  void lose(const std::string& why, bool forget_member);
  Next fail(BrokerError error, std::string_view during);
  void push_locked(MembershipEvent event);
  void wake();
  [[nodiscard]] MembershipToken token_locked() const;
  /// True: the group may have this member; `token` then says as whom it has it.
  [[nodiscard]] bool in_group_locked(MembershipToken& token) const;
  [[nodiscard]] Result<std::vector<std::pair<std::string, Bytes>>> lead(const JoinAnswer& joined) const;
  void stop();

  std::shared_ptr<LiveMembers> members_;
  const std::string group_;
  std::shared_ptr<const ConnectionConfig> config_;
  Coordinator coordinator_;  // the thread's
  GroupOffsets offsets_;
  std::thread thread_;

  std::mutex wake_mutex_;
  UniqueFunction<void()> wake_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  JoinMetadata metadata_;
  std::string member_id_;
  std::string lost_member_id_;  // the last one that was lost
  std::int32_t generation_ = -1;
  std::int32_t kept_since_ = -1;
  std::set<TaskId> claimed_;
  std::vector<TaskId> standby_;
  std::set<TaskId> revoking_;        // told, or about to be told, to give up
  std::set<TaskId> announced_;       // of these, what events() has handed out
  std::optional<MemberTasks> next_;  // the assignment, while something is given up first
  std::vector<HostTasks> hosts_;     // as last reported
  std::optional<MemberTasks> last_;  // the last one that was reported
  bool gave_up_ = false;  // something since then: it is less than last_ says, and the next one is reported whatever it is
  std::vector<MembershipEvent> events_;
  bool lost_untold_ = false;  // among events_ is a TasksLost
  MonotonicTime polled_{};
  std::int32_t round_ = 0;
  bool rejoin_ = false;
  bool join_unanswered_ = false;  // the broker may have this member under an id that nobody here knows
  bool shutdown_asked_ = false;
  bool shutdown_told_ = false;
  bool stopping_ = false;
  bool ended_ = false;
};

}  // namespace tidemill::kafka
