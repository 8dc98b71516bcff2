// LogConsumer: reads assigned partitions from given offsets. Knows nothing of groups; see Membership.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include <tidemill/base/result.hpp>
#include <tidemill/log/record_batch.hpp>

namespace tidemill {

/// Texts for a client of the log, as `fetch.min.bytes` and its value.
using ClientProperties = std::vector<std::pair<std::string, std::string>>;

enum class Isolation : std::uint8_t { kReadUncommitted, kReadCommitted };

struct PartitionError {
  TopicPartition partition;
  Error error;  // kOffsetOutOfRange: seek; kNotFound: the partition is gone; others per kind
};

struct PollResult {
  std::vector<RecordBatchPtr> batches;
  std::vector<PartitionError> errors;
};

/// Owned and used by one thread, but for wake(). No call but wait() and those with a deadline blocks.
class LogConsumer {
 public:
  virtual ~LogConsumer() = default;

  /// Adds partitions, to be read from the given offsets. A position below the log's start or above its end shows as
  /// kOffsetOutOfRange at a later poll.
  [[nodiscard]] virtual Result<void> assign(std::span<const std::pair<TopicPartition, Offset>> partitions) = 0;
  /// Takes partitions away; batches not yet polled are dropped. Unknown ones are ignored.
  virtual void unassign(std::span<const TopicPartition> partitions) = 0;
  [[nodiscard]] virtual Result<void> seek(const TopicPartition& partition, Offset offset) = 0;
  /// A paused partition stays assigned and gives nothing.
  virtual void pause(const TopicPartition& partition) = 0;
  virtual void resume(const TopicPartition& partition) = 0;

  /// What is there now, at most about `bytes_max` (at least one batch if there is one). Fair over partitions.
  [[nodiscard]] virtual Result<PollResult> poll(std::size_t bytes_max) = 0;

  /// The offset that the next poll reads from, past control batches and aborted records.
  [[nodiscard]] virtual Result<Offset> position(const TopicPartition& partition) const = 0;
  /// The position is at the end of what this isolation can see (last stable offset for read committed): there was
  /// nothing more to read when last looked.
  [[nodiscard]] virtual bool caught_up(const TopicPartition& partition) const = 0;
  /// End of the partition, read uncommitted, as known without blocking; nullopt: not known yet.
  [[nodiscard]] virtual std::optional<Offset> high_watermark(const TopicPartition& partition) const = 0;

  /// Returns when a partition that is not paused has data, wake() was called since the last wait(), or the deadline
  /// passed. True: not the deadline.
  virtual bool wait(MonotonicTime deadline) = 0;
  /// From any thread.
  virtual void wake() = 0;
};

}  // namespace tidemill
