#include "runtime/record_queue.hpp"

#include <gtest/gtest.h>

#include <tidemill/base/clock.hpp>

namespace tidemill::runtime {
namespace {

const auto kPartition = std::make_shared<const TopicPartition>(TopicPartition{"in", PartitionId(0)});

RecordBatchPtr batch(Offset first, std::vector<std::int64_t> timestamps) {
  auto result = std::make_shared<RecordBatch>();
  result->partition = kPartition;
  result->leader_epoch = LeaderEpoch(3);
  for (const std::int64_t timestamp : timestamps) {
    result->records.push_back({.offset = first, .timestamp = Timestamp(timestamp), .key = {}, .value = {}, .headers = {}});
    ++first;
  }
  result->size_bytes = 100;
  return result;
}

TEST(RecordQueue, GivesRecordsInOffsetOrderAndKnowsItsSize) {
  DropCounters dropped;
  RecordQueue queue(*kPartition, nullptr, &dropped);
  EXPECT_TRUE(queue.empty());
  queue.add(batch(Offset(5), {10, 7}));
  queue.add(batch(Offset(9), {20}));
  EXPECT_EQ(queue.size_records(), 3U);
  EXPECT_EQ(queue.size_bytes(), 200U);
  EXPECT_EQ(queue.head().offset, Offset(5));
  queue.pop(true);
  EXPECT_EQ(queue.head_timestamp(), Timestamp(7));
  queue.pop(true);
  EXPECT_EQ(queue.partition_time(), Timestamp(10));
  EXPECT_EQ(queue.offset_consumed(), Offset(7));
  EXPECT_EQ(queue.size_bytes(), 100U);
  queue.pop(false);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.partition_time(), Timestamp(10)) << "a record that does not count leaves the time alone";
  EXPECT_EQ(queue.offset_consumed(), Offset(10));
  EXPECT_EQ(queue.epoch_consumed(), LeaderEpoch(3));
}

TEST(RecordQueue, NegativeTimestampsFailUnlessTheExtractorSkipsThem) {
  DropCounters dropped;
  RecordQueue strict(*kPartition, nullptr, &dropped);
  EXPECT_THROW(strict.add(batch(Offset(0), {-1})), StreamsException);
  const auto skipping = log_and_skip_on_invalid_timestamp();
  RecordQueue queue(*kPartition, skipping.get(), &dropped);
  queue.add(batch(Offset(0), {-1, -1, 4, -1}));
  EXPECT_EQ(queue.head().offset, Offset(2));
  EXPECT_EQ(dropped.total(), 2U);
  queue.pop(true);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.offset_consumed(), Offset(4)) << "skipped records are consumed";
}

TEST(RecordQueue, AnInvalidTimestampMayBeReplacedByThePartitionsOwn) {
  DropCounters dropped;
  const auto replacing = use_partition_time_on_invalid_timestamp();
  RecordQueue queue(*kPartition, replacing.get(), &dropped);
  queue.add(batch(Offset(0), {9, 4}));
  queue.pop(true);
  queue.pop(true);
  queue.add(batch(Offset(2), {-1}));
  EXPECT_EQ(queue.head_timestamp(), Timestamp(9));
  RecordQueue fresh(*kPartition, replacing.get(), &dropped);
  EXPECT_THROW(fresh.add(batch(Offset(0), {-1})), StreamsException) << "none is known yet";
}

TEST(RecordQueue, TheWallClockMayBeTheTimestamp) {
  DropCounters dropped;
  ManualClock clock(Timestamp(77));
  const auto wall = wallclock_timestamp_extractor(clock);
  RecordQueue queue(*kPartition, wall.get(), &dropped);
  queue.add(batch(Offset(0), {-1}));
  EXPECT_EQ(queue.head_timestamp(), Timestamp(77));
}

TEST(RecordQueue, AnExtractorOfTheUsersOwnSeesRecordAndPartitionTime) {
  class Plus final : public TimestampExtractor {
    Timestamp extract(const RawRecord& record, Timestamp partition_time) const override {
      EXPECT_EQ(record.context->source->topic, "in");
      return Timestamp(record.context->timestamp.value + (partition_time == kNoTimestamp ? 1000 : partition_time.value));
    }
  };
  DropCounters dropped;
  const Plus plus;
  RecordQueue queue(*kPartition, &plus, &dropped);
  queue.add(batch(Offset(0), {1}));
  EXPECT_EQ(queue.head_timestamp(), Timestamp(1001));
  queue.pop(true);
  queue.add(batch(Offset(1), {2}));
  EXPECT_EQ(queue.head_timestamp(), Timestamp(1003));
}

}  // namespace
}  // namespace tidemill::runtime
