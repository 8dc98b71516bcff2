#include <tidemill/processor/timestamp_extractor.hpp>

#include <tidemill/base/clock.hpp>

#include "base/logging.hpp"

namespace tidemill {
namespace {

std::string where(const RawRecord& record) {
  const RecordContext& context = *record.context;
  return context.source == nullptr
             ? std::string("a record")
             : "the record at offset " + std::to_string(context.offset.value) + " of " + to_string(*context.source);
}

class FailOnInvalid final : public TimestampExtractor {
 public:
  Timestamp extract(const RawRecord& record, Timestamp) const override {
    if (record.context->timestamp.value < 0) {
      throw StreamsException(where(record) + " has the invalid timestamp " + std::to_string(record.context->timestamp.value) +
                             ": set another default.timestamp.extractor to skip or replace it");
    }
    return record.context->timestamp;
  }
};
class LogAndSkip final : public TimestampExtractor {
 public:
  Timestamp extract(const RawRecord& record, Timestamp) const override {
    if (record.context->timestamp.value < 0) {
      logger()->warn("{} has the invalid timestamp {}: it is dropped", where(record), record.context->timestamp.value);
    }
    return record.context->timestamp;
  }
};
class UsePartitionTime final : public TimestampExtractor {
 public:
  Timestamp extract(const RawRecord& record, Timestamp partition_time) const override {
    if (record.context->timestamp.value >= 0) return record.context->timestamp;
    if (partition_time.value < 0) {
      throw StreamsException(where(record) + " has an invalid timestamp, and none has been seen in its partition before");
    }
    return partition_time;
  }
};
class WallClock final : public TimestampExtractor {
 public:
  explicit WallClock(const Clock& clock) : clock_(clock) {}
  Timestamp extract(const RawRecord&, Timestamp) const override { return clock_.now().wall; }

 private:
  const Clock& clock_;
};

}  // namespace

std::shared_ptr<const TimestampExtractor> fail_on_invalid_timestamp() { return std::make_shared<FailOnInvalid>(); }
std::shared_ptr<const TimestampExtractor> log_and_skip_on_invalid_timestamp() { return std::make_shared<LogAndSkip>(); }
std::shared_ptr<const TimestampExtractor> use_partition_time_on_invalid_timestamp() {
  return std::make_shared<UsePartitionTime>();
}
std::shared_ptr<const TimestampExtractor> wallclock_timestamp_extractor(const Clock& clock) {
  return std::make_shared<WallClock>(clock);
}

}  // namespace tidemill
