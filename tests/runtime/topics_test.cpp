// Where records go, where a source begins, and what the topics between the parts of an application are called.
#include <gmock/gmock.h>

#include <map>
#include <mutex>

#include <tidemill/base/partitioner.hpp>
#include <tidemill/query/queryable_stores.hpp>

#include "running.hpp"

namespace tidemill::test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Text = std::string;

// Java sets its WindowedStreamPartitioner in the DSL's to() alone.
TEST(Topics, AWindowedKeyGoesByTheKeyInItInToAlone) {
  constexpr std::int32_t kPartitions = 7;
  const auto log = in_memory_log({.default_partitions = kPartitions});
  StreamsBuilder builder;
  const auto counts = builder.stream<Text, Text>("in")
                          .group_by_key()
                          .windowed_by(TimeWindows::of_size_with_no_grace(10ms))
                          .count({.store_name = "counts"})
                          .to_stream();
  counts.to("by-inner-key");
  counts.repartition({.name = "by-whole-key"}).foreach ([](const Windowed<Text>&, std::int64_t) {});
  Streams streams(builder.build(), running_config(log));
  ASSERT_TRUE(streams.start());
  std::vector<Piped> records;
  for (int i = 0; i < 20; ++i) records.push_back({.key = "k" + std::to_string(i), .value = "x", .timestamp = i * 10});
  produce(*log, "in", records);
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  EXPECT_TRUE(streams.close());
  constexpr std::size_t kStartBytes = 8;
  const auto partition = [](BytesView key) { return partition_for_key(key, kPartitions).value; };
  const auto to = consume(*log, "by-inner-key");
  EXPECT_EQ(to.size(), records.size());
  for (const Taken& taken : to)
    EXPECT_EQ(taken.partition, partition(BytesView(*taken.key).substr(0, taken.key->size() - kStartBytes)));
  const auto repartitioned = consume(*log, "app-by-whole-key-repartition");
  EXPECT_EQ(repartitioned.size(), records.size());
  for (const Taken& taken : repartitioned) EXPECT_EQ(taken.partition, partition(*taken.key));
}

TEST(Topics, NamesWhatTheDslHasNamedWhereItIsToHaveNamesOfOnesOwn) {
  const auto refused = [](const std::function<void(StreamsBuilder&)>& build) -> Text {
    StreamsBuilder builder;
    build(builder);
    StreamsConfig config = running_config(in_memory_log({.default_partitions = 1}));
    config.ensure_explicit_internal_resource_naming = true;
    try {
      Streams streams(builder.build(), config);
    } catch (const TopologyException& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(refused([](StreamsBuilder& builder) {
              builder.stream<Text, Text>("in").group_by_key().count({.store_name = "orders-2024010101"});
            }),
            "");
  const Text joined = refused([](StreamsBuilder& builder) {
    const auto in = builder.stream<Text, Text>("in");
    in.outer_join(
          builder.stream<Text, Text>("other"), [](const Text*, const Text*) { return Text(); },
          JoinWindows::of_time_difference_with_no_grace(10ms))
        .to("out");
  });
  EXPECT_THAT(joined, HasSubstr("KSTREAM-OUTERTHIS-0000000004-store"));
  EXPECT_THAT(joined, HasSubstr("KSTREAM-OUTERSHARED-0000000004-store"));
  EXPECT_THAT(refused([](StreamsBuilder& builder) {
                const auto rows = builder.table<Text, Text>("rows");
                builder.stream<Text, Text>("in").join(rows, [](const Text& a, const Text& b) { return a + b; }).to("out");
              }),
              HasSubstr("rows-STATE-STORE-0000000000"));
}

TEST(Topics, APartitionerSendsToSeveralPartitionsOrToNone) {
  const auto log = in_memory_log({.default_partitions = 4});
  StreamsBuilder builder;
  builder.stream<Text, Text>("in").to("out",
                                      {.partitioner = [](std::string_view, const Text* key, const Text*,
                                                         std::int32_t partitions) -> std::optional<std::vector<PartitionId>> {
                                        if (*key == "both") return std::vector{PartitionId(1), PartitionId(3)};
                                        if (*key == "none") return std::vector<PartitionId>{};
                                        if (*key == "outside") return std::vector{PartitionId(partitions)};
                                        return std::nullopt;
                                      }});
  StreamsConfig config = running_config(log);
  config.processing_exception_handler = log_and_continue_on_processing_error();
  Streams streams(builder.build(), config);
  ASSERT_TRUE(streams.start());
  produce(*log, "in",
          {{.key = "both", .value = "x", .partition = 0},
           {.key = "none", .value = "x", .partition = 0},
           {.key = "outside", .value = "x", .partition = 0},
           {.key = "k", .value = "x", .partition = 0}});
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  std::multimap<Text, std::int32_t> sent;
  for (const Taken& taken : consume(*log, "out")) sent.emplace(*taken.key, taken.partition);
  EXPECT_THAT(sent, ::testing::UnorderedElementsAre(::testing::Pair("both", 1), ::testing::Pair("both", 3),
                                                    ::testing::Pair("k", partition_for_key("k", 4).value)));
  EXPECT_EQ(metric(streams, "dropped-records-by-reason-total", {"reason", "partitioner-says-none"}), 1);
  EXPECT_EQ(metric(streams, "dropped-records-by-reason-total", {"reason", "processing-error"}), 1);
  EXPECT_TRUE(streams.close());
}

std::shared_ptr<Log> log_with_in() {
  auto log = in_memory_log({.default_partitions = 1});
  EXPECT_TRUE(log->admin().create_topic({.name = "in", .partitions = 1, .replication_factor = -1, .config = {}}, soon()));
  return log;
}
/// What an application reads of "in" that finds "old", of now minus an hour, and "new" there when it begins, and is given "later".
std::map<Text, Text> read_with(const Consumed<Text, Text>& consumed) {
  const auto log = log_with_in();
  const std::int64_t now = system_clock().now().wall.value;
  produce(*log, "in",
          {{.key = "old", .value = "x", .timestamp = now - 3'600'000}, {.key = "new", .value = "x", .timestamp = now}});
  StreamsBuilder builder;
  builder.stream<Text, Text>("in", consumed).to("out");
  Streams streams(builder.build(), running_config(log));
  EXPECT_TRUE(streams.start());
  EXPECT_TRUE(streams.wait_until_caught_up(20s));
  produce(*log, "in", {{.key = "later", .value = "x", .timestamp = now}});
  EXPECT_TRUE(streams.wait_until_caught_up(20s));
  EXPECT_TRUE(streams.close());
  return last_values(*log, "out");
}
TEST(Topics, ASourceBeginsWhereItsResetSays) {
  const auto keys = [](const Consumed<Text, Text>& consumed) {
    std::vector<Text> all;
    for (const auto& [key, value] : read_with(consumed)) all.push_back(key);
    return all;
  };
  EXPECT_THAT(keys({}), ::testing::ElementsAre("later", "new", "old"));
  EXPECT_THAT(keys({.offset_reset = OffsetReset::kLatest}), ::testing::ElementsAre("later"));
  EXPECT_THAT(keys({.offset_reset = OffsetReset::kByDuration, .reset_duration = 10min}),
              ::testing::ElementsAre("later", "new"));
}
// Java's pattern would read them, and what it writes again and again.
TEST(Topics, APatternDoesNotMeanTheApplicationsOwnTopics) {
  const auto log = log_with_in();
  const auto run = [&log](const Text& key) {
    StreamsBuilder builder;
    builder.stream<Text, Text>(TopicPattern::compile("app-.*|in"))
        .group_by([](const Text&, const Text& value) { return value; }, {.name = "words"})
        .count({.store_name = "counts"});
    Streams streams(builder.build(), running_config(log));
    ASSERT_TRUE(streams.start());
    produce(*log, "in", {{.key = key, .value = "x"}});
    ASSERT_TRUE(streams.wait_until_caught_up(20s));
    const QueryableStore<Text, std::int64_t> counts(streams, "counts");
    EXPECT_EQ(counts.all().value().value, (std::vector<std::pair<Text, std::int64_t>>{{"x", key == "first" ? 1 : 2}}));
    EXPECT_TRUE(streams.close());
  };
  run("first");
  run("second");  // the changelog and the repartition topic are there when it starts
}

TEST(Topics, ASourceWithoutAResetWantsACommittedOffset) {
  const auto log = log_with_in();
  produce(*log, "in", {{.key = "a", .value = "x"}});
  StreamsBuilder builder;
  builder.stream<Text, Text>("in", {.offset_reset = OffsetReset::kNone}).to("out");
  Streams streams(builder.build(), running_config(log));
  Text why;
  std::mutex mutex;
  streams.set_uncaught_exception_handler([&](const Text&, const Error& error) {
    const std::lock_guard lock(mutex);
    why = error.message;
    return UncaughtExceptionAnswer::kShutdownClient;
  });
  ASSERT_TRUE(streams.start());
  ASSERT_TRUE(eventually([&] { return streams.state() == StreamsState::kError; }));
  const std::lock_guard lock(mutex);
  EXPECT_THAT(why, HasSubstr("in-0 has no committed offset, and source \"KSTREAM-SOURCE-0000000000\" says"));
}

}  // namespace
}  // namespace tidemill::test
