// TimestampExtractor: the timestamp of a record as it is read. A negative answer drops the record (counted).
#pragma once

#include <memory>

#include <tidemill/processor/operator_node.hpp>

namespace tidemill {

class TimestampExtractor {
 public:
  virtual ~TimestampExtractor() = default;
  /// `partition_time`: highest timestamp seen in the partition, kNoTimestamp at first. The record's own timestamp is
  /// record.context->timestamp. May throw (the task fails). Called on many threads: keep it stateless.
  [[nodiscard]] virtual Timestamp extract(const RawRecord& record, Timestamp partition_time) const = 0;
};

/// Default: throws StreamsException on a negative timestamp.
std::shared_ptr<const TimestampExtractor> fail_on_invalid_timestamp();
/// Drops (and counts) records with a negative timestamp.
std::shared_ptr<const TimestampExtractor> log_and_skip_on_invalid_timestamp();
/// Takes the partition time instead; throws when it is unknown.
std::shared_ptr<const TimestampExtractor> use_partition_time_on_invalid_timestamp();
/// The task's wall clock at reading.
std::shared_ptr<const TimestampExtractor> wallclock_timestamp_extractor(const class Clock& clock);

}  // namespace tidemill
