// A RecordQueue holds the polled, not yet processed records of one partition, in offset order.
//
// Owned by one StreamTask and used on its thread only. It keeps references to the log's batches, so no byte is copied.
// Bounded by buffered_records_per_partition and the thread's input_buffer_max_bytes: when full, the thread pauses the
// partition instead of growing.
// Always true: unless empty(), head() is the record that pop() takes away and head_timestamp() its extracted timestamp;
// records whose timestamp is negative never become the head.
#pragma once

#include <deque>

#include <tidemill/log/record_batch.hpp>
#include <tidemill/processor/timestamp_extractor.hpp>

#include "runtime/metrics.hpp"

namespace tidemill::runtime {

class RecordQueue {
 public:
  /// `extractor` null: the record's own timestamp, StreamsException when it is negative.
  RecordQueue(TopicPartition partition, const TimestampExtractor* extractor, DropCounters* dropped)
      : partition_(std::move(partition)), extractor_(extractor), dropped_(dropped) {}
  RecordQueue(const RecordQueue&) = delete;
  RecordQueue& operator=(const RecordQueue&) = delete;

  [[nodiscard]] const TopicPartition& partition() const { return partition_; }
  [[nodiscard]] bool empty() const { return !has_head_; }
  [[nodiscard]] std::size_t size_records() const { return size_records_; }
  [[nodiscard]] std::size_t size_bytes() const { return size_bytes_; }
  [[nodiscard]] const LogRecord& head() const { return *head_; }
  [[nodiscard]] Timestamp head_timestamp() const { return head_timestamp_; }
  /// The head's leader epoch.
  [[nodiscard]] LeaderEpoch head_epoch() const { return batches_.front()->leader_epoch; }

  /// May throw what the extractor throws; the batch is in the queue then.
  void add(RecordBatchPtr batch);
  /// Done with the head; raises the partition time to its timestamp when it `counts`, and looks at the next record.
  void pop(bool counts);
  void clear();

  /// Highest timestamp of the records taken.
  [[nodiscard]] Timestamp partition_time() const { return partition_time_; }
  void set_partition_time(Timestamp time) { partition_time_ = time; }
  /// One past the last record taken or skipped; kNoOffset: none yet.
  [[nodiscard]] Offset offset_consumed() const { return offset_consumed_; }
  [[nodiscard]] LeaderEpoch epoch_consumed() const { return epoch_consumed_; }
  void set_consumed(Offset offset, LeaderEpoch epoch) {
    offset_consumed_ = offset;
    epoch_consumed_ = epoch;
  }

 private:
  void find_head();
  void step();

  TopicPartition partition_;
  const TimestampExtractor* extractor_;
  DropCounters* dropped_;
  std::deque<RecordBatchPtr> batches_;
  std::size_t index_ = 0;  // of the head, in the first batch
  const LogRecord* head_ = nullptr;
  bool has_head_ = false;
  Timestamp head_timestamp_;
  std::size_t size_records_ = 0;
  std::size_t size_bytes_ = 0;
  Timestamp partition_time_ = kNoTimestamp;
  Offset offset_consumed_ = kNoOffset;
  LeaderEpoch epoch_consumed_ = kNoLeaderEpoch;
};

}  // namespace tidemill::runtime
