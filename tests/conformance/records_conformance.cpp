// Records: what is produced comes out, in order and unchanged; positions, seeking, pausing, waiting.
#include <thread>

#include "conformance_suite.hpp"

namespace tidemill::conformance {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class LogRecords : public LogConformance {};

TEST_F(LogRecords, ComeOutAsTheyWentInAndInOrder) {
  const std::string orders = topic("orders");
  const auto producers = plain_producers();
  const auto producer = producers->producer();
  const Headers headers{{"trace", "abc"}, {"none", std::nullopt}, {"trace", ""}};
  send(*producer, orders, "key", "value", 0, Timestamp(1), headers);
  send(*producer, orders, std::nullopt, "no key", 0, Timestamp(7));
  send(*producer, orders, "tombstone", std::nullopt, 0, Timestamp(3));
  send(*producer, orders, "", "", 0, Timestamp(1700000000000));
  flush(*producers);
  const auto consumer = reader(orders);
  EXPECT_THAT(read(*consumer, {orders, PartitionId(0)}, 4),
              ElementsAre(OwnedRecord{Offset(0), Timestamp(1), "key", "value", headers},
                          OwnedRecord{Offset(1), Timestamp(7), std::nullopt, "no key", {}},
                          OwnedRecord{Offset(2), Timestamp(3), "tombstone", std::nullopt, {}},
                          OwnedRecord{Offset(3), Timestamp(1700000000000), "", "", {}}));
}

TEST_F(LogRecords, CarryAnyBytes) {
  const std::string orders = topic("orders");
  std::string all;
  for (int i = 0; i < 100'000; ++i) all.push_back(static_cast<char>(i * 31 + i / 256));
  const auto producers = plain_producers();
  const auto producer = producers->producer();
  send(*producer, orders, std::string_view("\0\xff", 2), all);
  flush(*producers);
  const auto consumer = reader(orders);
  const auto records = read(*consumer, {orders, PartitionId(0)}, 1);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].key, std::string("\0\xff", 2));
  EXPECT_EQ(records[0].value, all);
}

TEST_F(LogRecords, GoToThePartitionThatTheProducerNames) {
  const std::string orders = topic("orders", 3);
  produce(orders, {"zero"}, 0);
  produce(orders, {"two", "two again"}, 2);
  EXPECT_THAT(values(orders, 1, Isolation::kReadCommitted, 0), ElementsAre("zero"));
  EXPECT_THAT(values(orders, 0, Isolation::kReadCommitted, 1), IsEmpty());
  EXPECT_THAT(values(orders, 2, Isolation::kReadCommitted, 2), ElementsAre("two", "two again"));
}

TEST_F(LogRecords, ManyInOneGoKeepTheirOrder) {
  const std::string orders = topic("orders");
  const auto producers = plain_producers();
  const auto producer = producers->producer();
  const TopicHandle handle = producer->topic(orders, deadline()).value();
  EXPECT_EQ(producer->partition_count(handle), 1);
  constexpr int kCount = 20'000;
  std::string payload(100, 'x');
  for (int i = 0; i < kCount; ++i) {
    const std::string value = std::to_string(i) + payload;
    ProducerRecord record;
    record.topic = handle;
    record.timestamp = Timestamp(i);
    record.value = value;
    while (producer->send(record) == SendStatus::kFull) {
      producer->dispatch();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  producer->dispatch();
  flush(*producers);
  EXPECT_THAT(producer->take_failures(), IsEmpty());
  const auto consumer = reader(orders);
  const auto records = read(*consumer, {orders, PartitionId(0)}, kCount);
  ASSERT_EQ(records.size(), static_cast<std::size_t>(kCount));
  for (int i = 0; i < kCount; ++i) {
    const auto& record = records[static_cast<std::size_t>(i)];
    ASSERT_EQ(record.offset, Offset(i));
    ASSERT_EQ(record.value, std::to_string(i) + payload);
  }
}

TEST_F(LogRecords, PollGivesAboutWhatItIsAskedFor) {
  const std::string orders = topic("orders");
  const auto producers = plain_producers();
  const auto producer = producers->producer();
  for (int i = 0; i < 50; ++i) {
    send(*producer, orders, std::nullopt, std::string(10'000, 'v'));
    if (i % 10 == 9) flush(*producers);  // so that they are several batches
  }
  flush(*producers);
  const auto consumer = reader(orders);
  std::size_t records = 0;
  int polls = 0;
  for (const MonotonicTime end = deadline(); records < 50 && std::chrono::steady_clock::now() < end;) {
    consumer->wait(deadline(std::chrono::milliseconds(50)));
    const PollResult polled = consumer->poll(20'000).value();
    if (polled.batches.empty()) continue;
    ++polls;
    for (const auto& batch : polled.batches) records += batch->records.size();
  }
  EXPECT_EQ(records, 50U);
  EXPECT_GT(polls, 1);
}

TEST_F(LogRecords, AreReadAgainAfterASeek) {
  const std::string orders = topic("orders");
  produce(orders, {"a", "b", "c"});
  const TopicPartition id{orders, PartitionId(0)};
  const auto consumer = reader(orders);
  EXPECT_EQ(read(*consumer, id, 3).size(), 3U);
  EXPECT_EQ(consumer->position(id).value(), Offset(3));
  consumer->seek(id, Offset(1)).value();
  EXPECT_EQ(consumer->position(id).value(), Offset(1));
  const auto again = read(*consumer, id, 2);
  ASSERT_EQ(again.size(), 2U);
  EXPECT_EQ(again[0].value, "b");
  EXPECT_EQ(again[1].value, "c");
}

TEST_F(LogRecords, OfAPausedPartitionStayWhereTheyAre) {
  const std::string orders = topic("orders", 2);
  produce(orders, {"a"}, 0);
  produce(orders, {"b"}, 1);
  const auto consumer = log().consumer(Isolation::kReadCommitted).value();
  const std::pair<TopicPartition, Offset> both[] = {{{orders, PartitionId(0)}, Offset(0)},
                                                    {{orders, PartitionId(1)}, Offset(0)}};
  consumer->assign(both).value();
  consumer->pause(both[0].first);
  EXPECT_EQ(read(*consumer, both[1].first, 1).size(), 1U);
  EXPECT_EQ(consumer->position(both[0].first).value(), Offset(0));
  consumer->resume(both[0].first);
  EXPECT_EQ(read(*consumer, both[0].first, 1).size(), 1U);
}

TEST_F(LogRecords, OfAnUnassignedPartitionDoNotCome) {
  const std::string orders = topic("orders");
  produce(orders, {"a"});
  const TopicPartition id{orders, PartitionId(0)};
  const auto consumer = reader(orders);
  consumer->unassign(std::span(&id, 1));
  EXPECT_THAT(consumer->poll(1 << 20).value().batches, IsEmpty());
  EXPECT_FALSE(consumer->position(id).has_value());
}

TEST_F(LogRecords, ComeFromAPartitionThatWasTakenAwayAtOnceAndGivenAgain) {
  // Again and again: what an adapter knows of a new topic comes in between, at one time or another.
  for (int round = 0; round < 10; ++round) {
    const std::string orders = topic("orders-" + std::to_string(round));
    produce(orders, {"a"});
    const TopicPartition id{orders, PartitionId(0)};
    const auto consumer = reader(orders);
    consumer->unassign(std::span(&id, 1));
    if (round % 2 == 1) (void)consumer->wait(deadline(std::chrono::milliseconds(round)));
    const std::pair<TopicPartition, Offset> start{id, Offset(0)};
    consumer->assign({&start, 1}).value();
    EXPECT_EQ(read(*consumer, id, 1).size(), 1U) << round;
  }
}

TEST_F(LogRecords, OutOfRangeIsAnErrorOfThePartition) {
  const std::string orders = topic("orders");
  produce(orders, {"a"});
  const auto consumer = reader(orders, Isolation::kReadCommitted, 0, Offset(100));
  std::vector<PartitionError> errors;
  for (const MonotonicTime end = deadline(); errors.empty() && std::chrono::steady_clock::now() < end;) {
    errors = consumer->poll(1 << 20).value().errors;
    if (errors.empty()) consumer->wait(deadline(std::chrono::milliseconds(20)));
  }
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].error.kind, ErrorKind::kOffsetOutOfRange);
  const TopicPartition id{orders, PartitionId(0)};
  consumer->seek(id, Offset(0)).value();
  EXPECT_EQ(read(*consumer, id, 1).size(), 1U);
}

TEST_F(LogRecords, WaitReturnsWhenARecordComes) {
  const std::string orders = topic("orders");
  const auto consumer = reader(orders);
  EXPECT_THAT(read(*consumer, {orders, PartitionId(0)}, 0), IsEmpty());
  std::thread late([&] { produce(orders, {"a"}); });
  EXPECT_EQ(read(*consumer, {orders, PartitionId(0)}, 1).size(), 1U);
  late.join();
}

TEST_F(LogRecords, WakeEndsAWaitAlsoWhenItCameBefore) {
  const std::string orders = topic("orders");
  const auto consumer = reader(orders);
  EXPECT_THAT(read(*consumer, {orders, PartitionId(0)}, 0), IsEmpty());
  while (consumer->wait(deadline(std::chrono::milliseconds(1)))) continue;
  consumer->wake();
  EXPECT_TRUE(consumer->wait(deadline()));
  std::thread other([&] { consumer->wake(); });
  EXPECT_TRUE(consumer->wait(deadline()));
  other.join();
}

TEST_F(LogRecords, HighWatermarkIsTheEndOfThePartition) {
  const std::string orders = topic("orders");
  produce(orders, {"a", "b"});
  const auto consumer = reader(orders, Isolation::kReadUncommitted);
  const TopicPartition id{orders, PartitionId(0)};
  EXPECT_EQ(read(*consumer, id, 2).size(), 2U);
  std::optional<Offset> high = consumer->high_watermark(id);
  for (const MonotonicTime end = deadline(); !high && std::chrono::steady_clock::now() < end;) {
    consumer->wait(deadline(std::chrono::milliseconds(20)));
    (void)consumer->poll(1 << 20).has_value();
    high = consumer->high_watermark(id);
  }
  EXPECT_EQ(high, Offset(2));
}

TEST_F(LogRecords, TooLargeForTheTopicFailsAtSendOrAtDelivery) {
  const std::string orders = topic("orders", 1, {{"max.message.bytes", "1000"}});
  const auto producers = plain_producers();
  const auto producer = producers->producer();
  const std::string large(5000, 'x');
  ProducerRecord record;
  record.topic = producer->topic(orders, deadline()).value();
  record.timestamp = Timestamp(1);
  record.value = large;
  record.cookie = 42;
  if (producer->send(record) == SendStatus::kFailed) {
    EXPECT_EQ(producer->last_error().kind, ErrorKind::kTooLarge);
  } else {
    producer->dispatch();
    (void)producers->flush(deadline()).has_value();
    std::vector<DeliveryFailure> failures;
    for (const MonotonicTime end = deadline(); failures.empty() && std::chrono::steady_clock::now() < end;) {
      producer->dispatch();
      failures = producer->take_failures();
    }
    ASSERT_EQ(failures.size(), 1U);
    EXPECT_EQ(failures[0].error.kind, ErrorKind::kTooLarge);
    EXPECT_EQ(failures[0].cookie, 42U);
  }
  EXPECT_EQ(offsets(orders).high_watermark, Offset(0));
}

TEST_F(LogRecords, ToATopicThatIsNotThereAreRefused) {
  const auto producers = plain_producers();
  const auto producer = producers->producer();
  const auto handle = producer->topic(unique("nowhere"), deadline());
  ASSERT_FALSE(handle.has_value());
  EXPECT_EQ(handle.error().kind, ErrorKind::kNotFound);
}

TEST_F(LogRecords, SurviveEveryCompression) {
  for (const char* codec : {"none", "gzip", "snappy", "lz4", "zstd"}) {
    const std::string orders =
        topic(std::string("orders-") + codec, 1, {{"compression.type", std::string(codec) == "none" ? "uncompressed" : codec}});
    const auto producers = plain_producers();
    const auto producer = producers->producer();
    const std::string value(3000, 'v');
    for (int i = 0; i < 5; ++i) send(*producer, orders, "k", value);
    flush(*producers);
    EXPECT_THAT(values(orders, 5), ElementsAre(value, value, value, value, value)) << codec;
  }
}

TEST_F(LogRecords, AreThereAfterTheLogIsOpenedAgain) {
  const std::string orders = topic("orders");
  produce(orders, {"a", "b"});
  (void)reopen();
  EXPECT_THAT(values(orders, 2), ElementsAre("a", "b"));
  produce(orders, {"c"});
  EXPECT_THAT(values(orders, 3), ElementsAre("a", "b", "c"));
}

}  // namespace
}  // namespace tidemill::conformance
