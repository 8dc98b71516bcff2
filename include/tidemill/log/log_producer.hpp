// LogProducer: one thread's handle for appending, idempotent, and transactional when its CommitGroup is.
#pragma once

#include <vector>

#include <tidemill/base/result.hpp>
#include <tidemill/log/record_batch.hpp>

namespace tidemill {

/// A topic as the producer knows it; saves the look-up by name for each record.
using TopicHandle = std::int32_t;

struct ProducerRecord {
  TopicHandle topic = -1;
  PartitionId partition;
  /// kNoTimestamp: the producer's clock.
  Timestamp timestamp = kNoTimestamp;
  OptionalBytesView key;
  OptionalBytesView value;
  /// Encoded (see Headers); empty: none.
  BytesView headers;
  /// Comes back with a delivery failure; 0: nothing to say.
  std::uint64_t cookie = 0;
};

enum class SendStatus : std::uint8_t {
  kAccepted,
  kFull,    // bounded buffers are full: dispatch(), try again later
  kFailed,  // last_error() says why: record too large, transaction broken, producer fenced
};

/// A record that the log did not take after it had been accepted.
struct DeliveryFailure {
  TopicPartition partition;
  std::uint64_t cookie = 0;
  Error error;
  Timestamp timestamp;
  OptionalBytes key;
  OptionalBytes value;
  Bytes headers;
};

/// Used by one thread.
class LogProducer {
 public:
  virtual ~LogProducer() = default;
  /// kNotFound when the topic does not exist. May ask a broker the first time, until the deadline.
  [[nodiscard]] virtual Result<TopicHandle> topic(std::string_view name, MonotonicTime deadline) = 0;
  [[nodiscard]] virtual std::int32_t partition_count(TopicHandle topic) const = 0;
  /// Copies the record into a batch. Never waits. Order per partition is the order of the calls.
  [[nodiscard]] virtual SendStatus send(const ProducerRecord& record) = 0;
  [[nodiscard]] virtual const Error& last_error() const = 0;
  /// Hands full and waiting batches on, serves callbacks; never waits. Call once per round of the thread's loop:
  /// what was sent becomes visible to the group's consumers only then.
  virtual void dispatch() = 0;
  /// Failures since the last call; empty in good times.
  [[nodiscard]] virtual std::vector<DeliveryFailure> take_failures() = 0;
};

}  // namespace tidemill
