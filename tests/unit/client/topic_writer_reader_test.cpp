// TopicWriter and TopicReader on the embedded log in memory: what goes in comes out, and what does not is said.
#include <limits>
#include <thread>

#include <gmock/gmock.h>

#include <tidemill/adapters/embedded_log.hpp>
#include <tidemill/client/topic_reader.hpp>
#include <tidemill/client/topic_writer.hpp>

namespace tidemill {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Text = std::string;
using Long = std::int64_t;

MonotonicTime soon() { return system_clock().now().monotonic + 10s; }
void create(Log& log, const Text& topic, std::int32_t partitions, TopicConfig config = {}) {
  ASSERT_TRUE(log.admin().create_topic(
      {.name = topic, .partitions = partitions, .replication_factor = -1, .config = std::move(config)}, soon()));
}
template <class K, class V>
std::vector<TopicRecord<K, V>> rest(TopicReader<K, V>& reader) {
  std::vector<TopicRecord<K, V>> all;
  while (!reader.caught_up()) {
    for (TopicRecord<K, V>& record : reader.poll(10s).value()) all.push_back(std::move(record));
  }
  return all;
}
template <class V>
std::vector<V> values(const std::vector<TopicRecord<Text, V>>& records) {
  std::vector<V> result;
  for (const auto& record : records) result.push_back(record.value.value());
  return result;
}

TEST(TopicWriter, WhatIsWrittenIsReadWithAllThatBelongsToIt) {
  const auto log = in_memory_log();
  create(*log, "totals", 1);
  auto writer = TopicWriter<Text, Long>::open(log, "totals").value();
  const Headers headers{{"trace", "7"}};
  ASSERT_TRUE(writer.write("a", 1, Timestamp(10), headers));
  ASSERT_TRUE(writer.write_tombstone("a", Timestamp(20)));
  ASSERT_TRUE(writer.write_without_key(3, Timestamp(30)));
  ASSERT_TRUE(writer.write_nullable(nullptr, nullptr, Timestamp(40)));
  ASSERT_TRUE(writer.flush());

  auto reader = TopicReader<Text, Long>::open(log, "totals").value();
  const auto records = rest(reader);
  ASSERT_EQ(records.size(), 4U);
  EXPECT_EQ(records[0].topic, "totals");
  EXPECT_EQ(records[0].partition, PartitionId(0));
  EXPECT_EQ(records[0].offset, Offset(0));
  EXPECT_EQ(records[0].timestamp, Timestamp(10));
  EXPECT_EQ(records[0].key, "a");
  EXPECT_EQ(records[0].value, 1);
  EXPECT_EQ(records[0].headers, headers);
  EXPECT_EQ(records[1].key, "a");
  EXPECT_EQ(records[1].value, std::nullopt);
  EXPECT_TRUE(records[1].headers.empty());
  EXPECT_EQ(records[2].key, std::nullopt);
  EXPECT_EQ(records[2].value, 3);
  EXPECT_EQ(records[3].key, std::nullopt);
  EXPECT_EQ(records[3].value, std::nullopt);
  EXPECT_EQ(records[3].offset, Offset(3));
}

TEST(TopicWriter, WithoutATimestampARecordHasTheTimeOfTheCall) {
  const auto log = in_memory_log();
  const ManualClock clock(Timestamp(5000));
  auto writer = TopicWriter<Text, Text>::open(log, "in", {.settings = {.clock = &clock}}).value();
  ASSERT_TRUE(writer.write("a", "1"));
  ASSERT_TRUE(writer.flush());
  auto reader = TopicReader<Text, Text>::open(log, "in").value();
  EXPECT_EQ(rest(reader).at(0).timestamp, Timestamp(5000));
}

TEST(TopicWriter, KeysGoWhereKafkaPutsThemAndRecordsWithoutKeyGoRound) {
  const auto log = in_memory_log();
  create(*log, "in", 3);
  auto writer = TopicWriter<Text, Text>::open(log, "in").value();
  EXPECT_EQ(writer.partitions(), 3);
  for (const char* key : {"a", "b", "c", "d", "e"}) ASSERT_TRUE(writer.write(key, "keyed"));
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(writer.write_without_key("round"));
  ASSERT_TRUE(writer.flush());
  auto reader = TopicReader<Text, Text>::open(log, "in").value();
  std::vector<int> round(3);
  int keyed = 0;
  for (const auto& record : rest(reader)) {
    if (!record.key) {
      ++round[static_cast<std::size_t>(record.partition.value)];
      continue;
    }
    ++keyed;
    EXPECT_EQ(record.partition, partition_for_key(*record.key, 3)) << *record.key;
  }
  EXPECT_EQ(keyed, 5);
  EXPECT_THAT(round, ElementsAre(2, 2, 2));
}

TEST(TopicWriter, APartitionerOfOnesOwnDecidesAndMayNotLeaveTheTopic) {
  const auto log = in_memory_log();
  create(*log, "in", 3);
  const auto by_value = [](const Text*, const Long* value, std::int32_t) {
    return PartitionId(static_cast<std::int32_t>(value != nullptr ? *value : 0));
  };
  auto writer = TopicWriter<Text, Long>::open(log, "in", {.partitioner = by_value}).value();
  ASSERT_TRUE(writer.write("a", 2));
  const Result<void> refused = writer.write("a", 3);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, AllOf(HasSubstr("topic \"in\""), HasSubstr("partition 3")));
  ASSERT_TRUE(writer.flush());
  auto reader = TopicReader<Text, Long>::open(log, "in").value();
  const auto records = rest(reader);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].partition, PartitionId(2));
}

TEST(TopicWriter, APartitionerThatThrowsIsAnErrorOfItsRecord) {
  const auto log = in_memory_log();
  create(*log, "in", 2);
  TopicWriter<Text, Text>::Options options;
  options.partitioner = [](const Text* key, const Text*, std::int32_t) {
    if (*key == "bad") throw std::runtime_error("no place");
    return PartitionId(1);
  };
  auto writer = TopicWriter<Text, Text>::open(log, "in", std::move(options)).value();
  const Result<void> refused = writer.write("bad", "1");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(refused.error().message, AllOf(HasSubstr("no place"), HasSubstr("\"in\"")));
  ASSERT_TRUE(writer.write("good", "2"));
  ASSERT_TRUE(writer.flush());
}

TEST(TopicWriter, ForEverIsATimeoutToo) {
  const auto log = in_memory_log();
  create(*log, "in", 1);
  constexpr auto kNever = std::chrono::milliseconds::max();
  auto writer = TopicWriter<Text, Text>::open(log, "in", {.settings = {.timeout = kNever}}).value();
  auto reader = TopicReader<Text, Text>::open(log, "in", {.settings = {.timeout = kNever}}).value();
  ASSERT_TRUE(reader.poll(0ms));  // it has caught up with nothing, which a poll tells once
  std::thread late([&] {
    ASSERT_TRUE(writer.write("a", "1"));
    ASSERT_TRUE(writer.flush(kNever));
  });
  const auto records = reader.poll(kNever);
  late.join();
  ASSERT_TRUE(records);
  EXPECT_EQ(records->size(), 1U);
}

TEST(TopicWriter, MakesAMissingTopicWhereApplicationsMakeTopicsAndAReaderDoesNot) {
  const auto log = in_memory_log({.default_partitions = 4});
  const auto unread = TopicReader<Text, Text>::open(log, "new");
  ASSERT_FALSE(unread);
  EXPECT_EQ(unread.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(unread.error().message, HasSubstr("topic \"new\" cannot be read"));
  auto writer = TopicWriter<Text, Text>::open(log, "new").value();
  EXPECT_EQ(writer.partitions(), 4);
  EXPECT_TRUE((TopicReader<Text, Text>::open(log, "new")));
  const auto bad = TopicWriter<Text, Text>::open(log, "no/name");
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().message, HasSubstr("topic \"no/name\" cannot be written"));
}

TEST(TopicWriter, WhatCannotBeWrittenIsSaidAndTheNextRecordIsTaken) {
  const auto log = in_memory_log();
  create(*log, "in", 1, {{"max.message.bytes", "1000"}});
  const Serde<Text> picky(
      [](const void*, std::string_view, const Text& value, Bytes& out) {
        if (value == "unwritable") throw SerializationException("this text has no bytes");
        out += value;
      },
      [](const void*, std::string_view, BytesView bytes) { return Text(bytes); });
  auto writer = TopicWriter<Text, Text>::open(log, "in", {.value_serde = picky}).value();
  const Result<void> unencoded = writer.write("a", "unwritable");
  ASSERT_FALSE(unencoded);
  EXPECT_EQ(unencoded.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(unencoded.error().message,
              HasSubstr("the value of a record for topic \"in\" cannot be encoded: this text has no bytes"));
  const Result<void> large = writer.write("a", Text(5000, 'x'));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().kind, ErrorKind::kTooLarge);
  const Result<void> early = writer.write("a", "before 1970", Timestamp(-5));
  ASSERT_FALSE(early);
  EXPECT_THAT(early.error().message, HasSubstr("negative timestamp -5"));
  ASSERT_TRUE(writer.write("a", "fine"));
  ASSERT_TRUE(writer.flush());
  auto reader = TopicReader<Text, Text>::open(log, "in").value();
  EXPECT_THAT(values(rest(reader)), ElementsAre("fine"));
}

TEST(TopicWriter, WhatTheLogDoesNotTakeInTheEndIsToldByFlushAndTheWriterGoesOn) {
  const auto log = in_memory_log();
  create(*log, "in", 1);
  auto writer = TopicWriter<Text, Text>::open(log, "in").value();
  ASSERT_TRUE(writer.write("a", "lost"));
  ASSERT_TRUE(writer.write("b", "lost, too"));
  ASSERT_TRUE(log->admin().delete_topic("in", soon()));
  const Result<void> flushed = writer.flush();
  ASSERT_FALSE(flushed);
  EXPECT_THAT(flushed.error().message, AllOf(HasSubstr("2 records for topic \"in\""), HasSubstr("lost")));
  create(*log, "in", 1);
  ASSERT_TRUE(writer.write("c", "there"));
  ASSERT_TRUE(writer.flush());
  auto reader = TopicReader<Text, Text>::open(log, "in").value();
  EXPECT_THAT(values(rest(reader)), ElementsAre("there"));
}

TEST(TopicWriter, SeveralWriteToOneTopicAndOneThatEndsFlushes) {
  const auto log = in_memory_log();
  create(*log, "in", 1);
  {
    auto first = TopicWriter<Text, Long>::open(log, "in").value();
    auto second = TopicWriter<Text, Long>::open(log, "in").value();
    for (Long i = 0; i < 1000; ++i) ASSERT_TRUE((i % 2 == 0 ? first : second).write("k", i));
    ASSERT_TRUE(first.flush());
  }
  auto reader = TopicReader<Text, Long>::open(log, "in").value();
  Long sum = 0;
  for (const Long value : values(rest(reader))) sum += value;
  EXPECT_EQ(sum, 499'500);
}

TEST(TopicReader, FromTheEndOnItReadsWhatComesLater) {
  const auto log = in_memory_log();
  create(*log, "in", 2);
  auto writer = TopicWriter<Text, Text>::open(log, "in").value();
  ASSERT_TRUE(writer.write("a", "before"));
  ASSERT_TRUE(writer.flush());
  auto reader = TopicReader<Text, Text>::open(log, "in", {.settings = {.from = ReadFrom::kEnd}}).value();
  EXPECT_TRUE(reader.caught_up());
  EXPECT_TRUE(reader.poll(0s).value().empty());
  ASSERT_TRUE(writer.write("a", "after"));
  ASSERT_TRUE(writer.flush());
  EXPECT_THAT(values(reader.poll(10s).value()), ElementsAre("after"));
}

TEST(TopicReader, HasCaughtUpOnceItHasGivenWhatWasThereWhenItWasOpened) {
  const auto log = in_memory_log();
  create(*log, "in", 2);
  auto writer = TopicWriter<Text, Text>::open(log, "in").value();
  for (const char* key : {"a", "b", "c", "d"}) ASSERT_TRUE(writer.write(key, "v"));
  ASSERT_TRUE(writer.flush());
  auto reader = TopicReader<Text, Text>::open(log, "in", {.settings = {.records_max = 1}}).value();
  ASSERT_TRUE(writer.write("e", "later"));
  ASSERT_TRUE(writer.flush());
  int read = 0;
  for (; !reader.caught_up(); ++read) ASSERT_EQ(reader.poll(10s).value().size(), 1U);
  EXPECT_GE(read, 4);
  for (; read < 5; ++read) ASSERT_EQ(reader.poll(10s).value().size(), 1U);
  EXPECT_TRUE(reader.caught_up());
  EXPECT_TRUE(reader.poll(0s).value().empty());
}

TEST(TopicReader, OfATransactionItReadsWhatIsCommittedAndCatchesUpBehindWhatWasAborted) {
  const auto log = in_memory_log();
  create(*log, "in", 1);
  const auto group = log->commit_group({.name = "transactions", .application_id = {}}, soon()).value();
  const auto producer = group->producer();
  const TopicHandle topic = producer->topic("in", soon()).value();
  const auto send = [&](BytesView value) {
    ASSERT_EQ(producer->send({.topic = topic,
                              .partition = PartitionId(0),
                              .timestamp = Timestamp(1),
                              .key = value,
                              .value = value,
                              .headers = {},
                              .cookie = 0}),
              SendStatus::kAccepted);
    producer->dispatch();
    ASSERT_TRUE(group->flush(soon()));
  };
  send("committed");
  ASSERT_EQ(group->commit({}, soon()).outcome, CommitOutcome::kCommitted);
  send("aborted");
  ASSERT_EQ(group->abort(soon()).outcome, CommitOutcome::kAborted);
  auto behind = TopicReader<Text, Text>::open(log, "in").value();
  EXPECT_THAT(values(rest(behind)), ElementsAre("committed"));
  send("open");
  auto committed = TopicReader<Text, Text>::open(log, "in").value();
  EXPECT_THAT(values(rest(committed)), ElementsAre("committed"));
  auto all = TopicReader<Text, Text>::open(log, "in", {.settings = {.isolation = Isolation::kReadUncommitted}}).value();
  EXPECT_THAT(values(rest(all)), ElementsAre("committed", "aborted", "open"));
  ASSERT_EQ(group->commit({}, soon()).outcome, CommitOutcome::kCommitted);
  EXPECT_THAT(values(committed.poll(10s).value()), ElementsAre("open"));
}

TEST(TopicReader, ARecordThatCannotBeDecodedIsNamedAndStaysUntilItIsSkipped) {
  const auto log = in_memory_log();
  create(*log, "in", 1);
  auto texts = TopicWriter<Text, Text>::open(log, "in").value();
  auto numbers = TopicWriter<Text, Long>::open(log, "in").value();
  ASSERT_TRUE(numbers.write("a", 1));
  ASSERT_TRUE(numbers.flush());
  ASSERT_TRUE(texts.write("b", "short"));
  ASSERT_TRUE(texts.flush());
  ASSERT_TRUE(numbers.write("c", 3));
  ASSERT_TRUE(numbers.flush());
  auto reader = TopicReader<Text, Long>::open(log, "in").value();
  EXPECT_THAT(values(reader.poll(10s).value()), ElementsAre(1)) << "what is in front of it";
  for (int again = 0; again < 2; ++again) {
    const auto bad = reader.poll(10s);
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().kind, ErrorKind::kCorruption);
    EXPECT_THAT(bad.error().message,
                AllOf(HasSubstr("the value of the record at offset 1 of in-0"), HasSubstr("size of data is 5")));
    EXPECT_FALSE(reader.caught_up());
  }
  reader.skip_record();
  EXPECT_THAT(values(reader.poll(10s).value()), ElementsAre(3));
  EXPECT_TRUE(reader.caught_up());
}

TEST(TopicReader, GoesOnAtTheStartWhereRecordsInFrontOfItWereDeleted) {
  const auto log = in_memory_log();
  create(*log, "in", 1);
  auto writer = TopicWriter<Text, Long>::open(log, "in").value();
  auto reader = TopicReader<Text, Long>::open(log, "in").value();
  for (Long i = 0; i < 10; ++i) ASSERT_TRUE(writer.write("k", i));
  ASSERT_TRUE(writer.flush());
  ASSERT_TRUE(log->admin().delete_records({"in", PartitionId(0)}, Offset(8), soon()));
  EXPECT_THAT(values(reader.poll(10s).value()), ElementsAre(8, 9));
}

TEST(TopicReader, APollThatWaitsIsWokenByRecordsAndByAnotherThread) {
  const auto log = in_memory_log();
  create(*log, "in", 1);
  auto reader = TopicReader<Text, Text>::open(log, "in").value();
  EXPECT_TRUE(reader.caught_up()) << "there was nothing";
  std::thread writing([&] {
    auto writer = TopicWriter<Text, Text>::open(log, "in").value();
    EXPECT_TRUE(writer.write("a", "1"));
    EXPECT_TRUE(writer.flush());
  });
  EXPECT_THAT(values(reader.poll(1h).value()), ElementsAre("1"));
  writing.join();
  std::thread waking([&] { reader.wake(); });
  EXPECT_TRUE(reader.poll(1h).value().empty());
  waking.join();
}

}  // namespace
}  // namespace tidemill
