#include "liquidity/appender.hpp"

#include <tidemill/base/partitioner.hpp>

#include "liquidity/topics.hpp"

namespace liquidity {

using tidemill::ResultException;

std::int64_t wall_time_ms() { return tidemill::system_clock().now().wall.value; }

Appender::Appender(tidemill::Log& log, const std::string& name, Together together) : together_(together) {
  tidemill::CommitGroupOptions options;
  options.name = name;
  options.guarantee = together == Together::kAllOrNothing ? tidemill::ProcessingGuarantee::kExactlyOnceV2
                                                          : tidemill::ProcessingGuarantee::kAtLeastOnce;
  group_ = log.commit_group(std::move(options), log_deadline()).value();
  producer_ = group_->producer();
}

tidemill::TopicHandle Appender::handle(const char* topic) {
  const auto found = handles_.find(std::string_view(topic));
  if (found != handles_.end()) return found->second;
  return handles_.emplace(topic, producer_->topic(topic, log_deadline()).value()).first->second;
}

void Appender::append(const char* topic, tidemill::BytesView key, tidemill::BytesView value, std::int64_t time_ms,
                      tidemill::BytesView headers) {
  tidemill::ProducerRecord record;
  record.topic = handle(topic);
  record.partition = tidemill::partition_for_key(key, producer_->partition_count(record.topic));
  record.timestamp = tidemill::Timestamp(time_ms);
  record.key = key;
  record.value = value;
  record.headers = headers;
  auto status = producer_->send(record);
  if (status == tidemill::SendStatus::kFull) {
    flush();  // makes room, unless it is not our records that take it
    status = producer_->send(record);
  }
  if (status == tidemill::SendStatus::kFailed) throw ResultException(producer_->last_error());
  if (status == tidemill::SendStatus::kFull) {
    throw ResultException(tidemill::Error{tidemill::ErrorKind::kFull,
                                          std::string("there is no room for a record of ") + topic + ": is the disk full?"});
  }
}

void Appender::flush() {
  producer_->dispatch();
  (void)group_->flush(log_deadline()).value();
  const auto failures = producer_->take_failures();
  if (!failures.empty()) throw ResultException(failures.front().error);
}

void Appender::commit() {
  flush();
  if (together_ == Together::kEachByItself) return;
  const auto result = group_->commit({}, log_deadline());
  if (result.outcome != tidemill::CommitOutcome::kCommitted) throw ResultException(result.error);
}

}  // namespace liquidity
