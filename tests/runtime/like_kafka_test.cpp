// The runtime's ways with a log like Kafka's: a commit group per thread, topics that the operator makes, commits by the clock;
// and what it does when topics change.
#include <gmock/gmock.h>

#include "other_log.hpp"
#include "running.hpp"

namespace tidemill::test {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using Text = std::string;

void create(Log& log, const Text& topic, std::int32_t partitions) {
  ASSERT_TRUE(
      log.admin().create_topic({.name = topic, .partitions = partitions, .replication_factor = -1, .config = {}}, soon()));
}
Topology counts_by_value() {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in")
      .group_by([](const Text& value) { return value; }, {.name = "by-value"})
      .count({.store_name = "counts"})
      .to_stream()
      .map_values([](std::int64_t count) { return std::to_string(count); })
      .to("out");
  return builder.build();
}

TEST(LikeKafka, OneErrorListsAllMissingTopicsWithTheCountsNeeded) {
  auto log = std::make_shared<OtherLog>(in_memory_log({.default_partitions = 1}));
  create(*log, "orders", 6);
  StreamsBuilder builder;
  auto customers = builder.table<Text, Text>("customers");
  builder.stream<Text, Text>("orders").join(customers, [](const Text& a, const Text& b) { return a + b; }).to("enriched");
  (void)builder.global_table<Text, Text>("countries");
  StreamsConfig config = running_config(log);
  config.errors_dead_letter_queue_topic_name = "letters";
  Streams streams(builder.build(), config);
  const Result<void> started = streams.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(started.error().message,
              AllOf(HasSubstr("customers (6 partitions or more)"), HasSubstr("enriched (1 partition or more)"),
                    HasSubstr("countries (1 partition or more)"), HasSubstr("letters (1 partition or more)"),
                    Not(HasSubstr("orders")), HasSubstr("create them and start again (a log like Kafka)")));
  EXPECT_EQ(streams.state(), StreamsState::kError);
}

TEST(LikeKafka, InternalTopicsAreCreatedWithJavasConfiguration) {
  auto log = std::make_shared<OtherLog>(in_memory_log({.default_partitions = 1}));
  create(*log, "in", 4);
  create(*log, "out", 1);
  StreamsConfig config = running_config(log);
  config.topic = {{"segment.bytes", "1000000"}};
  Streams streams(counts_by_value(), config);
  ASSERT_TRUE(streams.start());
  const TopicDescription repartition = log->admin().describe_topic("app-by-value-repartition", soon()).value();
  EXPECT_EQ(repartition.partitions, 4);
  EXPECT_THAT(repartition.config, ElementsAre(Pair("cleanup.policy", "delete"), Pair("message.timestamp.type", "CreateTime"),
                                              Pair("retention.ms", "-1"), Pair("segment.bytes", "1000000")));
  const TopicDescription changelog = log->admin().describe_topic("app-counts-changelog", soon()).value();
  EXPECT_EQ(changelog.partitions, 4);
  EXPECT_THAT(changelog.config, ElementsAre(Pair("cleanup.policy", "compact"), Pair("message.timestamp.type", "CreateTime"),
                                            Pair("segment.bytes", "1000000")));
}

class Guarantee : public ::testing::TestWithParam<ProcessingGuarantee> {};
INSTANTIATE_TEST_SUITE_P(Both, Guarantee,
                         ::testing::Values(ProcessingGuarantee::kAtLeastOnce, ProcessingGuarantee::kExactlyOnceV2),
                         [](const auto& info) { return info.index == 0 ? "AtLeastOnce" : "ExactlyOnce"; });

TEST_P(Guarantee, EachThreadCommitsForItselfAndNothingIsLostOrDoubledOverARestart) {
  auto log = std::make_shared<OtherLog>(in_memory_log({.default_partitions = 4}));
  create(*log, "in", 4);
  create(*log, "out", 1);
  StreamsConfig config = running_config(log, 3);
  config.processing_guarantee = GetParam();
  config.commit_interval = 20ms;
  config.poll = 5ms;
  std::vector<Piped> records;
  for (int i = 0; i < 200; ++i) records.push_back({.key = "k", .value = "v" + std::to_string(i % 5)});
  for (int run = 1; run <= 2; ++run) {
    Streams streams(counts_by_value(), config);
    ASSERT_TRUE(streams.start());
    produce(*log, "in", records);
    ASSERT_TRUE(streams.wait_until_caught_up(30s));
    ASSERT_TRUE(streams.close());
  }
  EXPECT_THAT(last_values(*log, "out"),
              ElementsAre(Pair("v0", "80"), Pair("v1", "80"), Pair("v2", "80"), Pair("v3", "80"), Pair("v4", "80")));
  // What was committed is where the next one begins.
  std::int64_t committed = 0;
  for (const CommitPosition& position : log->admin().describe_group("app", soon()).value().offsets) {
    if (position.partition.topic == "in") committed += position.offset.value;
  }
  EXPECT_GE(committed, 400);
}

TEST(LikeKafka, PartitionsThatAreAddedToASourceTopicBecomeTasks) {
  auto embedded = in_memory_log({.default_partitions = 1});
  auto log = std::make_shared<OtherLog>(embedded);
  create(*log, "in", 4);
  create(*log, "out", 1);
  log->show_partitions("in", 2);
  StreamsBuilder builder;
  builder.stream<Text, Text>("in").to("out");
  StreamsConfig config = running_config(log, 2);
  config.commit_interval = 10ms;
  config.poll = 5ms;
  config.metadata_max_age = 20ms;
  Streams streams(builder.build(), config);
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{.key = "a", .value = "1", .partition = 0}, {.key = "b", .value = "1", .partition = 3}});
  ASSERT_TRUE(eventually([&] { return last_values(*log, "out").contains("a"); }));
  EXPECT_FALSE(last_values(*log, "out").contains("b"));
  log->show_partitions("in", 4);
  ASSERT_TRUE(eventually([&] { return last_values(*log, "out").contains("b"); }));
  // The output is there before the other thread has told of its share.
  EXPECT_TRUE(eventually([&] {
    std::size_t tasks = 0;
    for (const ThreadMetadata& thread : streams.metadata_for_local_threads()) tasks += thread.tasks.size();
    return tasks == 4;
  }));
  EXPECT_TRUE(streams.close());
}

TEST(LikeKafka, PartitionsThatAStoreDoesNotHaveEndTheApplicationWithTheReason) {
  auto log = std::make_shared<OtherLog>(in_memory_log({.default_partitions = 1}));
  create(*log, "in", 4);
  create(*log, "out", 1);
  log->show_partitions("in", 2);
  StreamsBuilder builder;
  builder.stream<Text, Text>("in").group_by_key().count({.store_name = "counts"}).to_stream().to("out");
  const Topology topology = builder.build();
  StreamsConfig config = running_config(log, 2);
  config.metadata_max_age = 20ms;
  config.poll = 5ms;
  Streams streams(topology, config);
  ASSERT_TRUE(streams.start());
  ASSERT_TRUE(eventually([&] { return streams.state() == StreamsState::kRunning; }));
  log->show_partitions("in", 4);
  ASSERT_TRUE(streams.wait_until_stopped(20s));
  EXPECT_THAT(streams.error()->message,
              AllOf(HasSubstr("app-counts-changelog\" has 2 partitions and 4 are needed"), HasSubstr("reset")));
  Streams again(topology, config);
  EXPECT_THAT(again.start().error().message, HasSubstr("has 2 partitions and 4 are needed")) << "also at the next start";
}

/// Copies `in` to `out` while a producer is fenced once, as `trouble` says.
void goes_on_after(const std::function<void(OtherLog&)>& trouble) {
  auto log = std::make_shared<OtherLog>(in_memory_log({.default_partitions = 1}));
  create(*log, "in", 1);
  create(*log, "out", 1);
  StreamsBuilder builder;
  builder.stream<Text, Text>("in").to("out");
  StreamsConfig config = running_config(log);
  config.commit_interval = 10ms;
  config.poll = 5ms;
  Streams streams(builder.build(), config);
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{.key = "a", .value = "1"}});
  ASSERT_TRUE(eventually([&] { return last_values(*log, "out").contains("a"); }));
  trouble(*log);
  produce(*log, "in", {{.key = "b", .value = "1"}});
  EXPECT_TRUE(eventually([&] { return last_values(*log, "out").contains("b"); }));
  EXPECT_EQ(streams.error(), std::nullopt);
  EXPECT_TRUE(streams.close());
}

TEST(LikeKafka, AThreadWhoseProducerIsFencedJoinsTheGroupAnew) {
  goes_on_after([](OtherLog& log) { log.refuse_next("out", {ErrorKind::kFenced, "another producer has the name"}); });
}

TEST(LikeKafka, AFenceThatADeliveryTellsOfEndsNoThread) {
  goes_on_after([](OtherLog& log) { log.lose_next("out", {ErrorKind::kFenced, "another producer has the name"}); });
}

TEST(LikeKafka, ATopicThatIsNotListedForAWhileHasNotChanged) {
  auto log = std::make_shared<OtherLog>(in_memory_log({.default_partitions = 1}));
  create(*log, "in", 2);
  create(*log, "out", 1);
  StreamsBuilder builder;
  builder.stream<Text, Text>("in").group_by_key().count({.store_name = "counts"}).to_stream().to("out");
  StreamsConfig config = running_config(log);
  config.metadata_max_age = 20ms;
  config.commit_interval = 10ms;
  config.poll = 5ms;
  Streams streams(builder.build(), config);
  ASSERT_TRUE(streams.start());
  ASSERT_TRUE(eventually([&] { return streams.state() == StreamsState::kRunning; }));
  log->show_partitions("in", 0);
  const std::uint64_t before = log->lists();
  ASSERT_TRUE(eventually([&] { return log->lists() >= before + 3; }));
  produce(*log, "in", {{.key = "a", .value = "1", .partition = 1}});
  EXPECT_TRUE(eventually([&] { return last_values(*log, "out").contains("a"); }));
  EXPECT_EQ(streams.state(), StreamsState::kRunning);
  EXPECT_TRUE(streams.close());
}

TEST(LikeKafka, AStoreThatNoTopicLeadsToYetIsUnavailable) {
  auto log = std::make_shared<OtherLog>(in_memory_log({.default_partitions = 1}));
  create(*log, "out", 1);
  StreamsBuilder builder;
  builder.stream<Text, Text>(TopicPattern::compile("orders-.*"))
      .group_by_key()
      .count({.store_name = "counts", .logging = false})
      .to_stream()
      .to("out");
  Streams streams(builder.build(), running_config(log));
  ASSERT_TRUE(streams.start());
  EXPECT_EQ(streams.query_metadata_for_key("counts", Text("k")).error().kind, ErrorKind::kUnavailable);
  EXPECT_TRUE(streams.close());
}

TEST(LikeKafka, APatternReadsTopicsThatComeLater) {
  auto log = std::make_shared<OtherLog>(in_memory_log({.default_partitions = 1}));
  create(*log, "orders-eu", 1);
  create(*log, "out", 1);
  StreamsBuilder builder;
  builder.stream<Text, Text>(TopicPattern::compile("orders-.*")).to("out");
  StreamsConfig config = running_config(log);
  config.metadata_max_age = 20ms;
  config.commit_interval = 10ms;
  config.poll = 5ms;
  Streams streams(builder.build(), config);
  ASSERT_TRUE(streams.start());
  produce(*log, "orders-eu", {{.key = "a", .value = "1"}});
  ASSERT_TRUE(eventually([&] { return last_values(*log, "out").contains("a"); }));
  create(*log, "orders-us", 2);
  produce(*log, "orders-us", {{.key = "b", .value = "1"}, {.key = "c", .value = "1"}});
  ASSERT_TRUE(eventually([&] { return last_values(*log, "out").size() == 3; }));
  EXPECT_TRUE(streams.close());
}

TEST(LikeKafka, StandbysThatAreAssignedAreLeftAlone) {
  auto log = std::make_shared<OtherLog>(in_memory_log({.default_partitions = 1}));
  create(*log, "in", 4);
  create(*log, "out", 1);
  StreamsConfig config = running_config(log);
  config.num_standby_replicas = 1;
  config.commit_interval = 10ms;
  config.poll = 5ms;
  Streams one(counts_by_value(), config);
  Streams two(counts_by_value(), config);
  ASSERT_TRUE(one.start());
  ASSERT_TRUE(two.start());
  produce(*log, "in", {{"k", "a"}, {"k", "b"}, {"k", "a"}, {"k", "c"}});
  ASSERT_TRUE(eventually([&] { return last_values(*log, "out") == std::map<Text, Text>{{"a", "2"}, {"b", "1"}, {"c", "1"}}; }));
  EXPECT_TRUE(two.close());
  produce(*log, "in", {{"k", "a"}, {"k", "b"}, {"k", "a"}, {"k", "c"}});
  ASSERT_TRUE(eventually([&] { return last_values(*log, "out") == std::map<Text, Text>{{"a", "4"}, {"b", "2"}, {"c", "2"}}; }));
  EXPECT_TRUE(one.close());
}

}  // namespace
}  // namespace tidemill::test
