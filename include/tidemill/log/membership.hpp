// Membership: one stream thread's place in the group of its application. It says which tasks are the thread's, with a
// token that proves it, and holds the group's committed positions.
//
// join() announces what there is to do (the same in every member); the log's side decides who does what and reports it
// through events(). A member that is not polled for max_poll_interval loses its tasks.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include <tidemill/base/result.hpp>
#include <tidemill/base/unique_function.hpp>
#include <tidemill/log/commit_group.hpp>

namespace tidemill {

/// What one sub-topology offers to be shared out: a task per partition.
struct SubtopologyTasks {
  std::int32_t subtopology = 0;
  std::int32_t partitions = 0;
  bool stateful = false;
  std::vector<std::string> source_topics;  // as on the log, sorted
};

struct JoinMetadata {
  std::string process_id;     // one per Streams, kept in its state directory
  std::string client_id;      // <client>-StreamThread-<n>
  std::string instance_id;    // group.instance.id; empty: dynamic member
  std::string user_endpoint;  // application.server; empty: none
  std::int32_t num_standby_replicas = 0;
  std::vector<SubtopologyTasks> tasks;
  /// Stateful tasks whose state lies on this process's disk, with the sum of their changelog offsets.
  std::vector<std::pair<TaskId, std::int64_t>> task_offset_sums;
  std::chrono::milliseconds session_timeout{45000};
  std::chrono::milliseconds heartbeat_interval{3000};
  std::chrono::milliseconds max_poll_interval{300000};
};

/// The assignment now, whole. Tasks that were in the last one and are not in this one have been revoked before.
struct TasksAssigned {
  std::vector<TaskId> active;
  std::vector<TaskId> standby;
};
/// What the members with one address (JoinMetadata::user_endpoint) have been given.
struct HostTasks {
  std::string endpoint;
  std::vector<TaskId> active;  // sorted, as standby
  std::vector<TaskId> standby;
  bool operator==(const HostTasks&) const = default;
};
/// Who has what, in all of the group, now; members without an address are left out. Told whenever it changes.
struct GroupHosts {
  std::vector<HostTasks> hosts;  // sorted by endpoint
};
/// Give these up in order: commit, close, then call acknowledge_revoked(). The token is still valid.
struct TasksRevoked {
  std::vector<TaskId> tasks;
};
/// All tasks are another's already: close without a commit.
struct TasksLost {
  Error reason;
};
/// Some member asked the whole application to stop.
struct ApplicationShutdownRequested {};
/// The group cannot go on for this member (unauthorized, inconsistent protocol, ...).
struct MembershipFailed {
  Error error;
};
using MembershipEvent =
    std::variant<TasksAssigned, TasksRevoked, TasksLost, ApplicationShutdownRequested, MembershipFailed, GroupHosts>;

/// Used by its stream thread, but for token(). Network work has a thread of its own behind it.
class Membership {
 public:
  virtual ~Membership() = default;
  [[nodiscard]] virtual Result<void> join(JoinMetadata metadata) = 0;
  /// What happened since the last call, in order; also tells the group that this thread is alive. Never waits.
  /// New events wake the consumer given with set_wake().
  [[nodiscard]] virtual std::vector<MembershipEvent> events() = 0;
  virtual void acknowledge_revoked() = 0;
  /// Called (from any thread) when events() has something; must be cheap.
  virtual void set_wake(UniqueFunction<void()> wake) = 0;
  /// Any thread.
  [[nodiscard]] virtual MembershipToken token() const = 0;
  /// Where the group stands. A partition without a commit is left out. Waits for open transactions of others that
  /// hold commits of these partitions (RequireStable).
  [[nodiscard]] virtual Result<std::vector<CommitPosition>> committed(std::span<const TopicPartition> partitions,
                                                                      MonotonicTime deadline) = 0;
  /// Plain commit (at least once). kStaleMember: the tasks are lost.
  [[nodiscard]] virtual Result<void> commit(std::span<const CommitPosition> positions, const MembershipToken& token,
                                            MonotonicTime deadline) = 0;
  virtual void request_rebalance() = 0;
  /// Asks every member of the application to stop.
  virtual void shutdown_application() = 0;
  /// Leaves the group at once, so that the others take over, also as a static member; the last call. One that goes without it is
  /// missed after the session timeout.
  virtual void leave(MonotonicTime deadline) = 0;
};

}  // namespace tidemill
