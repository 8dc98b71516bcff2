// CommitGroup: the threads that commit together. It owns the transaction: one atomic cut of input positions and
// outputs. On Kafka it is one thread, embedded it is all threads of a Streams; LogTraits says which.
//
// The order of a commit (the runtime keeps it): each thread of the group stops between two records, flushes its
// caches, dispatches, and stage()s its positions; when all have, one of them calls flush(), then commit().
// A transaction begins with the first send() or stage() after the last commit() or abort().
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <tidemill/base/result.hpp>
#include <tidemill/log/log_consumer.hpp>
#include <tidemill/log/log_producer.hpp>

namespace tidemill {

enum class ProcessingGuarantee : std::uint8_t { kAtLeastOnce, kExactlyOnceV2 };

/// A position to commit: the next offset to read, the leader epoch of the record before it, metadata text.
struct CommitPosition {
  TopicPartition partition;
  Offset offset;
  LeaderEpoch leader_epoch = kNoLeaderEpoch;
  std::string metadata;
  bool operator==(const CommitPosition&) const = default;
};

/// Proves that the caller still is a member of its group, in the generation in which it was given its tasks.
struct MembershipToken {
  std::string group;
  std::string member_id;
  std::int32_t generation = -1;
  std::string instance_id;  // empty: dynamic member
};

struct CommitGroupOptions {
  /// transactional.id: <application id>-<process id>-<thread or group index>. Opening fences and aborts a predecessor.
  std::string name;
  /// The consumer group that positions are committed to.
  std::string application_id;
  ProcessingGuarantee guarantee = ProcessingGuarantee::kExactlyOnceV2;
  std::chrono::milliseconds transaction_timeout{10000};
  ClientProperties producer_properties = {};  // the texts under `producer.`
  ClientProperties consumer_properties = {};  // the texts under `consumer.`
};

enum class CommitOutcome : std::uint8_t {
  kCommitted,
  kAborted,  // nothing of it is visible; abort() has been done; go on from the last commit
  kFenced,   // a newer instance or generation took over: all tasks are lost, make a new group
  kUnknown,  // resolve by reading: drop the uncommitted state, make a new group of the same name (which decides the
             // old transaction), then read committed() with require_stable
};
struct CommitResult {
  CommitOutcome outcome = CommitOutcome::kCommitted;
  Error error;  // why, unless committed
};

/// Where a partition's records of this transaction (or since the last flush) end.
struct WrittenPosition {
  TopicPartition partition;
  Offset next_offset;  // one past the last record written
  LeaderEpoch leader_epoch = kNoLeaderEpoch;
};

class CommitGroup {
 public:
  virtual ~CommitGroup() = default;
  /// This thread's handle into the group's transaction. Any thread; the handle is then one thread's.
  [[nodiscard]] virtual std::unique_ptr<LogProducer> producer() = 0;
  /// Reads committed records and, where the group spans the process, the group's own records as written, inside its
  /// open transaction. After abort() seek to where to go on. Any thread; the consumer is then one thread's.
  [[nodiscard]] virtual std::unique_ptr<LogConsumer> consumer() = 0;

  /// Adds positions to the transaction. Any thread, while the others stand still or process.
  [[nodiscard]] virtual Result<void> stage(std::span<const CommitPosition> positions) = 0;
  /// Waits until everything that was sent is acknowledged. On success: where each written partition ends now.
  /// kTimeout: call again. kTransactionAborted: abort(). kFenced: this group is over.
  [[nodiscard]] virtual Result<std::vector<WrittenPosition>> flush(MonotonicTime deadline) = 0;
  /// Exactly once: the transaction with all that was staged. At least once: commits the staged positions.
  [[nodiscard]] virtual CommitResult commit(const MembershipToken& token, MonotonicTime deadline) = 0;
  /// Drops the staged positions and aborts what was sent. On kFenced and kUnknown make a new group.
  [[nodiscard]] virtual CommitResult abort(MonotonicTime deadline) = 0;
};

}  // namespace tidemill
