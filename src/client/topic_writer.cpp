#include <tidemill/client/topic_writer.hpp>

#include <utility>

#include <fmt/format.h>

#include "base/durations.hpp"
#include "base/logging.hpp"
#include "base/thrown_error.hpp"
#include "log/plain_writing.hpp"

namespace tidemill {

Result<std::unique_ptr<BytesTopicWriter>> BytesTopicWriter::open(std::shared_ptr<Log> log, std::string topic,
                                                                 TopicWriterSettings settings) {
  if (log == nullptr) return Error{ErrorKind::kInvalidArgument, "a TopicWriter needs a log"};
  std::unique_ptr<BytesTopicWriter> writer(new BytesTopicWriter(std::move(log), std::move(topic), std::move(settings)));
  TIDEMILL_TRY(writer->ready());
  return writer;
}

Result<void> BytesTopicWriter::ready() {
  if (producer_) return {};
  const Result<void> connected = connect();
  if (connected) return {};
  drop_producer();
  return connected.error().with_context(fmt::format("topic \"{}\" cannot be written", topic_));
}

void BytesTopicWriter::drop_producer() {
  producer_.reset();
  group_.reset();
}

Result<void> BytesTopicWriter::connect() {
  const MonotonicTime until = deadline(settings_.timeout);
  TIDEMILL_ASSIGN(group_, plain_commit_group(*log_, settings_.properties, until));
  producer_ = group_->producer();
  TIDEMILL_ASSIGN(handle_, find_or_make_topic(*log_, *producer_, topic_, until));
  partitions_ = producer_->partition_count(handle_);
  return {};
}

BytesTopicWriter::~BytesTopicWriter() {
  if (unflushed_ == 0 && failed_ == 0) return;
  if (const Result<void> flushed = flush(settings_.timeout); !flushed) {
    logger()->error("what was written to topic {} last may be lost: {}", topic_, flushed.error().message);
  }
}

MonotonicTime BytesTopicWriter::deadline(std::chrono::milliseconds timeout) const {
  return settings_.clock->now().monotonic + bounded(timeout);
}

PartitionId BytesTopicWriter::partition_for(OptionalBytesView key) {
  if (key) return partition_for_key(*key, partitions_);
  const PartitionId partition(turn_);
  turn_ = (turn_ + 1) % partitions_;
  return partition;
}

Result<void> BytesTopicWriter::write(PartitionId partition, OptionalBytesView key, OptionalBytesView value, Timestamp timestamp,
                                     const Headers& headers) {
  if (timestamp.value < 0 && timestamp != kNoTimestamp) {
    return Error{ErrorKind::kInvalidArgument,
                 fmt::format("a record for topic \"{}\" has the negative timestamp {}", topic_, timestamp.value)};
  }
  TIDEMILL_TRY(ready());
  const Bytes header_bytes = headers.empty() ? Bytes() : headers.encode();
  const ProducerRecord record{.topic = handle_,
                              .partition = partition,
                              .timestamp = timestamp == kNoTimestamp ? settings_.clock->now().wall : timestamp,
                              .key = key,
                              .value = value,
                              .headers = header_bytes,
                              .cookie = 0};
  SendStatus status = producer_->send(record);
  if (status == SendStatus::kFull) {
    // Makes room by waiting, not by trying again and again; what fails meanwhile is told by the next flush().
    producer_->dispatch();
    const Result<std::vector<WrittenPosition>> flushed = group_->flush(deadline(settings_.timeout));
    take_failures();
    status = producer_->send(record);
    if (status == SendStatus::kFull) {
      return Error{ErrorKind::kFull,
                   fmt::format("a record for topic \"{}\" is not written: {}", topic_,
                               flushed ? std::string("it is larger than the buffers") : flushed.error().message)};
    }
  }
  if (status == SendStatus::kFailed) {
    const Error error = producer_->last_error().with_context(fmt::format("a record for topic \"{}\" is not written", topic_));
    // With nothing on its way there is nothing for flush() to tell: the next record finds a new producer.
    if (unflushed_ == 0 && failed_ == 0) drop_producer();
    return error;
  }
  ++unflushed_;
  return {};
}

void BytesTopicWriter::take_failures() {
  for (const DeliveryFailure& failure : producer_->take_failures()) {
    ++failed_;
    if (!failure_) failure_ = failure.error.with_context(to_string(failure.partition));
  }
}

Result<void> BytesTopicWriter::flush(std::chrono::milliseconds timeout) {
  if (!producer_) return {};  // nothing has been written since it failed
  producer_->dispatch();
  const Result<std::vector<WrittenPosition>> flushed = group_->flush(deadline(timeout));
  take_failures();
  if (!flushed && flushed.error().kind == ErrorKind::kTimeout) {
    return flushed.error().with_context(fmt::format("topic \"{}\"", topic_));
  }
  const std::uint64_t written = std::exchange(unflushed_, 0);
  const std::uint64_t failed = std::exchange(failed_, 0);
  const std::optional<Error> failure = std::exchange(failure_, std::nullopt);
  if (flushed && failed == 0) return {};
  if (flushed) {
    return failure->with_context(
        fmt::format("{} of {} records for topic \"{}\" are lost, the first for", failed, written, topic_));
  }
  // A group that has failed may go on failing: a new one, for what is written from now on.
  drop_producer();
  return failure.value_or(flushed.error())
      .with_context(fmt::format("the last {} records for topic \"{}\" may be lost", written, topic_));
}

Error detail::cannot_encode(std::string_view what, const std::string& topic) {
  return {ErrorKind::kInvalidArgument, fmt::format("the {} of a record for topic \"{}\" cannot be encoded: {}", what, topic,
                                                   describe_exception(std::current_exception()).message)};
}

Error detail::no_partition(const std::string& topic) {
  return {ErrorKind::kInvalidArgument, fmt::format("the partitioner chose none for a record for topic \"{}\": {}", topic,
                                                   describe_exception(std::current_exception()).message)};
}

}  // namespace tidemill
