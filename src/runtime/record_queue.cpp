#include "runtime/record_queue.hpp"

#include <fmt/format.h>

#include "base/thrown_error.hpp"

namespace tidemill::runtime {

void RecordQueue::add(RecordBatchPtr batch) {
  if (batch->records.empty()) return;
  size_records_ += batch->records.size();
  size_bytes_ += batch->size_bytes;
  batches_.push_back(std::move(batch));
  if (!has_head_) find_head();
}

void RecordQueue::pop(bool counts) {
  if (counts && head_timestamp_ > partition_time_) partition_time_ = head_timestamp_;
  has_head_ = false;
  step();
  find_head();
}

void RecordQueue::clear() {
  batches_.clear();
  index_ = 0;
  head_ = nullptr;
  has_head_ = false;
  size_records_ = 0;
  size_bytes_ = 0;
}

void RecordQueue::step() {
  const RecordBatchPtr& batch = batches_.front();
  offset_consumed_ = batch->records[index_].offset + 1;
  epoch_consumed_ = batch->leader_epoch;
  --size_records_;
  if (++index_ == batch->records.size()) {
    size_bytes_ -= batch->size_bytes;
    batches_.pop_front();
    index_ = 0;
  }
}

void RecordQueue::find_head() {
  while (!batches_.empty()) {
    const LogRecord& record = batches_.front()->records[index_];
    if (extractor_ == nullptr) {
      head_timestamp_ = record.timestamp;
      if (record.timestamp.value < 0) {
        throw FailedProcessingException(fmt::format(
            "the record at offset {} of {} has the negative timestamp {}: its producer is too old or wrong; configure "
            "another default.timestamp.extractor to go on",
            record.offset.value, to_string(partition_), record.timestamp.value));
      }
    } else {
      RecordContext context{.source = &partition_, .offset = record.offset, .timestamp = record.timestamp};
      Headers headers;
      if (!record.headers.empty()) {
        if (auto decoded = Headers::decode(record.headers)) headers = *std::move(decoded);
        context.headers = &headers;
      }
      try {
        head_timestamp_ = extractor_->extract({.key = record.key, .value = record.value, .context = &context}, partition_time_);
      } catch (...) {
        throw FailedProcessingException(fmt::format("the timestamp extractor threw for the record at offset {} of {}: {}",
                                                    record.offset.value, to_string(partition_),
                                                    describe_exception(std::current_exception()).message));
      }
    }
    if (head_timestamp_.value >= 0) {
      head_ = &record;
      has_head_ = true;
      return;
    }
    dropped_->add("negative-timestamp");
    step();
  }
}

}  // namespace tidemill::runtime
