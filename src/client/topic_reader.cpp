#include <tidemill/client/topic_reader.hpp>

#include <algorithm>

#include <fmt/format.h>

#include "base/durations.hpp"
#include "base/thrown_error.hpp"

namespace tidemill {

Result<std::unique_ptr<BytesTopicReader>> BytesTopicReader::open(std::shared_ptr<Log> log, std::string topic,
                                                                 TopicReaderSettings settings) {
  if (log == nullptr) return Error{ErrorKind::kInvalidArgument, "a TopicReader needs a log"};
  if (settings.records_max == 0) {
    return Error{ErrorKind::kInvalidArgument, "a TopicReader with records_max 0 would never read a record"};
  }
  std::unique_ptr<BytesTopicReader> reader(new BytesTopicReader(std::move(log), std::move(topic), std::move(settings)));
  if (const Result<void> connected = reader->connect(); !connected) {
    return connected.error().with_context(fmt::format("topic \"{}\" cannot be read", reader->topic_));
  }
  return reader;
}

Result<void> BytesTopicReader::connect() {
  const MonotonicTime deadline = settings_.clock->now().monotonic + bounded(settings_.timeout);
  TIDEMILL_ASSIGN(const std::int32_t partitions, log_->admin().partition_count(topic_, deadline));
  std::vector<TopicPartition> ids;
  for (std::int32_t p = 0; p < partitions; ++p) ids.push_back({topic_, PartitionId(p)});
  TIDEMILL_ASSIGN(const std::vector<PartitionOffsets> offsets, log_->admin().offsets(ids, deadline));
  TIDEMILL_ASSIGN(consumer_, log_->consumer(settings_.isolation, settings_.properties));
  std::vector<std::pair<TopicPartition, Offset>> assignment;
  for (const PartitionOffsets& known : offsets) {
    const Offset end = settings_.isolation == Isolation::kReadCommitted ? known.last_stable : known.high_watermark;
    const Offset start = settings_.from == ReadFrom::kBeginning ? known.start : end;
    partitions_.push_back({.id = known.partition, .end = end, .was_there = start >= end});
    assignment.emplace_back(known.partition, start);
  }
  return consumer_->assign(assignment);
}

Result<void> BytesTopicReader::wait_for_records(std::chrono::milliseconds timeout) {
  const MonotonicTime deadline = settings_.clock->now().monotonic + bounded(timeout);
  const bool was_caught_up = caught_up();
  for (;;) {
    if (!batches_.empty()) return {};
    TIDEMILL_TRY(poll_log());
    if (!batches_.empty()) return {};
    if (caught_up() && !was_caught_up) return {};
    if (woken_.exchange(false)) return {};
    if (settings_.clock->now().monotonic >= deadline) return {};
    consumer_->wait(deadline);
  }
}

Result<void> BytesTopicReader::poll_log() {
  TIDEMILL_ASSIGN(PollResult polled, consumer_->poll(kPollBytes));
  for (RecordBatchPtr& batch : polled.batches) {
    if (!batch->records.empty()) batches_.push_back(std::move(batch));
  }
  look_where_it_is();
  // All are answered, and the first error is told; records that came along are there at the next call.
  Result<void> result;
  for (const PartitionError& failed : polled.errors) {
    if (Result<void> answered = answer(failed); !answered && result) result = std::move(answered);
  }
  return result;
}

/// What retention has deleted in front of the reader is not to be read any more: it goes on with what is there.
Result<void> BytesTopicReader::answer(const PartitionError& failed) {
  if (failed.error.kind == ErrorKind::kOffsetOutOfRange) {
    const MonotonicTime deadline = settings_.clock->now().monotonic + bounded(settings_.timeout);
    TIDEMILL_ASSIGN(const Offset position, consumer_->position(failed.partition));
    TIDEMILL_ASSIGN(const std::vector<PartitionOffsets> offsets, log_->admin().offsets({&failed.partition, 1}, deadline));
    if (position < offsets.front().start) return consumer_->seek(failed.partition, offsets.front().start);
  }
  return failed.error.with_context(to_string(failed.partition));
}

// Positions are those of what has been polled; what is here and not given yet counts as not read. Past the end there may be
// markers and aborted records, which nobody is given.
void BytesTopicReader::look_where_it_is() {
  for (Partition& partition : partitions_) {
    if (partition.was_there) continue;
    const bool waits =
        std::any_of(batches_.begin(), batches_.end(), [&](const auto& batch) { return *batch->partition == partition.id; });
    if (waits) continue;
    const Result<Offset> position = consumer_->position(partition.id);
    partition.was_there = position && *position >= partition.end;
  }
}

std::optional<BytesTopicReader::Next> BytesTopicReader::next() const {
  if (batches_.empty()) return std::nullopt;
  return Next{batches_.front()->partition.get(), &batches_.front()->records[taken_]};
}

void BytesTopicReader::pop() {
  if (batches_.empty()) return;
  if (++taken_ < batches_.front()->records.size()) return;
  taken_ = 0;
  batches_.pop_front();
  look_where_it_is();
}

bool BytesTopicReader::caught_up() const {
  return std::all_of(partitions_.begin(), partitions_.end(), [](const Partition& partition) { return partition.was_there; });
}

void BytesTopicReader::wake() {
  woken_ = true;
  consumer_->wake();
}

Error BytesTopicReader::cannot_decode(const Next& next, std::string_view what) {
  return {ErrorKind::kCorruption,
          fmt::format("the {} of the record at offset {} of {} cannot be decoded: {}", what, next.record->offset.value,
                      to_string(*next.partition), describe_exception(std::current_exception()).message)};
}

}  // namespace tidemill
