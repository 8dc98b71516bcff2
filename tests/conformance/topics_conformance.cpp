// Topics, their configuration, and what the admin says of partitions.
#include "conformance_suite.hpp"

namespace tidemill::conformance {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class LogTopics : public LogConformance {
 protected:
  Result<void> create(const std::string& name, TopicConfig config = {}, std::int32_t partitions = 1) {
    return log().admin().create_topic(
        {.name = name, .partitions = partitions, .replication_factor = -1, .config = std::move(config)}, deadline());
  }
};

TEST_F(LogTopics, AreDescribedAsTheyWereMade) {
  const std::string orders = topic("orders", 5, {{"cleanup.policy", "compact"}, {"segment.bytes", "1048576"}});
  const TopicDescription description = log().admin().describe_topic(orders, deadline()).value();
  EXPECT_EQ(description.name, orders);
  EXPECT_EQ(description.partitions, 5);
  EXPECT_EQ(log().admin().partition_count(orders, deadline()).value(), 5);
  EXPECT_EQ(description.config.at("cleanup.policy"), "compact");
  EXPECT_EQ(description.config.at("segment.bytes"), "1048576");
  bool listed = false;
  for (const TopicDescription& each : log().admin().list_topics(deadline()).value()) listed |= each.name == orders;
  EXPECT_TRUE(listed);
}

TEST_F(LogTopics, CannotBeMadeTwice) {
  const std::string orders = topic("orders");
  const auto again = create(orders);
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().kind, ErrorKind::kAlreadyExists);
}

TEST_F(LogTopics, ThatAreNotThereAreNotFound) {
  const auto description = log().admin().describe_topic(unique("nowhere"), deadline());
  ASSERT_FALSE(description.has_value());
  EXPECT_EQ(description.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(description.error().message, HasSubstr(unique("nowhere")));
}

TEST_F(LogTopics, NeedALegalName) {
  for (const std::string& name :
       {std::string(""), std::string("a/b"), std::string("a b"), std::string("."), std::string(".."), std::string(250, 'x')}) {
    const auto made = create(name);
    ASSERT_FALSE(made.has_value()) << name;
    EXPECT_EQ(made.error().kind, ErrorKind::kInvalidArgument) << name << ": " << made.error().message;
  }
}

TEST_F(LogTopics, NeedALegalConfiguration) {
  for (const auto& [key, value] : TopicConfig{{"cleanup.policy", "shred"},
                                              {"retention.ms", "soon"},
                                              {"compression.type", "rar"},
                                              {"segment.bytes", "-5"},
                                              {"no.such.key", "1"}}) {
    const auto made = create(unique("orders"), {{key, value}});
    ASSERT_FALSE(made.has_value()) << key;
    EXPECT_EQ(made.error().kind, ErrorKind::kInvalidArgument) << key << ": " << made.error().message;
  }
}

TEST_F(LogTopics, CanBeAltered) {
  const std::string orders = topic("orders");
  log().admin().alter_topic(orders, {{"retention.ms", "60000"}}, deadline()).value();
  std::string seen;
  for (const MonotonicTime end = deadline(); seen.empty() && std::chrono::steady_clock::now() < end;) {
    const TopicConfig config = log().admin().describe_topic(orders, deadline()).value().config;
    if (const auto found = config.find("retention.ms"); found != config.end()) seen = found->second;
  }
  EXPECT_EQ(seen, "60000");
  const auto wrong = log().admin().alter_topic(orders, {{"retention.ms", "soon"}}, deadline());
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().kind, ErrorKind::kInvalidArgument);
}

TEST_F(LogTopics, AreGoneOnceDeleted) {
  const std::string orders = topic("orders");
  produce(orders, {"a"});
  log().admin().delete_topic(orders, deadline()).value();
  ErrorKind kind = ErrorKind::kInternal;
  for (const MonotonicTime end = deadline(); kind != ErrorKind::kNotFound && std::chrono::steady_clock::now() < end;) {
    const auto description = log().admin().describe_topic(orders, deadline());
    kind = description ? ErrorKind::kInternal : description.error().kind;
  }
  EXPECT_EQ(kind, ErrorKind::kNotFound);
}

TEST_F(LogTopics, ADeletedTopicIsAnErrorOfItsReadersAndWriters) {
  const std::string orders = topic("orders");
  produce(orders, {"a"});
  const TopicPartition id{orders, PartitionId(0)};
  const auto consumer = reader(orders);
  EXPECT_EQ(read(*consumer, id, 1).size(), 1U);
  log().admin().delete_topic(orders, deadline()).value();
  std::vector<PartitionError> errors;
  for (const MonotonicTime end = deadline(); errors.empty() && std::chrono::steady_clock::now() < end;) {
    errors = consumer->poll(1 << 20).value().errors;
    if (errors.empty()) consumer->wait(deadline(std::chrono::milliseconds(20)));
  }
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].error.kind, ErrorKind::kNotFound);
}

TEST_F(LogTopics, KnowTheirOffsets) {
  const std::string orders = topic("orders", 2);
  produce(orders, {"a", "b", "c"}, 1);
  const PartitionOffsets empty = offsets(orders, 0);
  EXPECT_EQ(empty.start, Offset(0));
  EXPECT_EQ(empty.high_watermark, Offset(0));
  const PartitionOffsets full = offsets(orders, 1);
  EXPECT_EQ(full.start, Offset(0));
  EXPECT_EQ(full.last_stable, Offset(3));
  EXPECT_EQ(full.high_watermark, Offset(3));
}

TEST_F(LogTopics, FindTheFirstRecordOfATime) {
  const std::string orders = topic("orders");
  const auto producers = plain_producers();
  const auto producer = producers->producer();
  for (const std::int64_t time : {1000, 2000, 1500, 3000}) {
    send(*producer, orders, "k", "v", 0, Timestamp(time));
    flush(*producers);
  }
  const TopicPartition id{orders, PartitionId(0)};
  const auto at = [&](std::int64_t time) { return log().admin().offset_for_time(id, Timestamp(time), deadline()).value(); };
  EXPECT_EQ(at(0), Offset(0));
  EXPECT_EQ(at(1000), Offset(0));
  EXPECT_EQ(at(1001), Offset(1));
  EXPECT_EQ(at(2500), Offset(3));
  EXPECT_EQ(at(9000), Offset(4));
}

TEST_F(LogTopics, LoseRecordsThatAreDeleted) {
  const std::string orders = topic("orders");
  produce(orders, {"a", "b", "c"});
  const TopicPartition id{orders, PartitionId(0)};
  log().admin().delete_records(id, Offset(2), deadline()).value();
  EXPECT_EQ(offsets(orders).start, Offset(2));
  EXPECT_THAT(values(orders, 1, Isolation::kReadCommitted, 0, Offset(2)), ElementsAre("c"));
  const auto late = reader(orders);
  std::vector<PartitionError> errors;
  for (const MonotonicTime end = deadline(); errors.empty() && std::chrono::steady_clock::now() < end;) {
    errors = late->poll(1 << 20).value().errors;
    if (errors.empty()) late->wait(deadline(std::chrono::milliseconds(20)));
  }
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].error.kind, ErrorKind::kOffsetOutOfRange);
}

TEST_F(LogTopics, DropOldSegmentsBySize) {
  const std::string orders =
      topic("orders", 1, {{"cleanup.policy", "delete"}, {"segment.bytes", "1048576"}, {"retention.bytes", "2097152"}});
  const auto producers = plain_producers();
  const auto producer = producers->producer();
  for (int i = 0; i < 60; ++i) {
    send(*producer, orders, "k", std::string(100'000, 'x'));
    if (i % 5 == 4) flush(*producers);
  }
  flush(*producers);
  if (!run_background()) GTEST_SKIP() << "this log cleans when it likes";
  EXPECT_GT(offsets(orders).start, Offset(0));
  EXPECT_EQ(offsets(orders).high_watermark, Offset(60));
}

TEST_F(LogTopics, KeepTheLastValueOfAKeyWhenCompacted) {
  const std::string balances = topic("balances", 1,
                                     {{"cleanup.policy", "compact"},
                                      {"segment.bytes", "1048576"},
                                      {"min.cleanable.dirty.ratio", "0.01"},
                                      {"delete.retention.ms", "0"}});
  const auto producers = plain_producers();
  const auto producer = producers->producer();
  const std::string filler(50'000, 'x');
  for (int i = 0; i < 100; ++i) {
    send(*producer, balances, "key-" + std::to_string(i % 7), std::to_string(i) + filler);
    if (i % 5 == 4) flush(*producers);
  }
  send(*producer, balances, "key-3", std::nullopt);
  for (int i = 0; i < 50; ++i) send(*producer, balances, "other", std::to_string(i) + filler);
  flush(*producers);
  if (!run_background()) GTEST_SKIP() << "this log cleans when it likes";
  const auto consumer = reader(balances);
  const auto records = read(*consumer, {balances, PartitionId(0)}, 1);
  EXPECT_LT(records.size(), 100U);
  std::map<std::string, std::string> state;
  Offset previous(-1);
  for (const OwnedRecord& record : records) {
    EXPECT_GT(record.offset, previous);
    previous = record.offset;
    if (record.value) {
      state[*record.key] = record.value->substr(0, record.value->find('x'));
    } else {
      state.erase(*record.key);
    }
  }
  EXPECT_EQ(previous, Offset(150));
  const std::map<std::string, std::string> expected{{"key-0", "98"}, {"key-1", "99"}, {"key-2", "93"}, {"key-4", "95"},
                                                    {"key-5", "96"}, {"key-6", "97"}, {"other", "49"}};
  EXPECT_EQ(state, expected);
}

}  // namespace
}  // namespace tidemill::conformance
