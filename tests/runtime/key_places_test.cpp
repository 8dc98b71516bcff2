// Where a key is: its partition, whether that is here, and how far behind it is; over RocksDB and in memory.
#include <gmock/gmock.h>

#include <tidemill/base/partitioner.hpp>

#include "engines.hpp"
#include "other_log.hpp"

namespace tidemill::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using Text = std::string;
using Long = std::int64_t;

class KeyPlaces : public OverEngines {
 protected:
  static std::shared_ptr<Log> log_with(const std::vector<std::pair<const char*, int>>& topics) {
    auto log = in_memory_log({.default_partitions = 1});
    for (const auto& [topic, partitions] : topics) {
      EXPECT_TRUE(
          log->admin().create_topic({.name = topic, .partitions = partitions, .replication_factor = -1, .config = {}}, soon()));
    }
    return log;
  }
  static Topology counting() {
    StreamsBuilder builder;
    builder.stream<Text, Text>("in").group_by_key().count({.store_name = "counts", .engine = GetParam().kind});
    return builder.build();
  }
};
INSTANTIATE_TEST_SUITE_P(Engines, KeyPlaces, ::testing::ValuesIn(all_engines()), name_of);

TEST_P(KeyPlaces, AKeyHasItsPartitionAndWhatIsHereHasNoLagUnlessItIsBeingRestored) {
  const auto log = std::make_shared<OtherLog>(log_with({{"in", 3}}));
  const auto place = [](const Streams& streams, const Text& key) { return streams.query_metadata_for_key("counts", key); };
  StreamsConfig without_state = config(log, 2);
  {
    Streams streams(counting(), without_state);
    EXPECT_EQ(place(streams, "a").error().kind, ErrorKind::kUnavailable) << "not started";
    EXPECT_EQ(streams.all_local_store_partition_lags().error().kind, ErrorKind::kUnavailable);
    ASSERT_TRUE(streams.start());
    const std::int32_t partition = partition_for_key("a", 3).value;
    produce(*log, "in", {{"a", "x", 1, partition}, {"a", "x", 2, partition}});
    ASSERT_TRUE(streams.wait_until_caught_up(20s));
    const KeyQueryMetadata found = place(streams, "a").value();
    EXPECT_EQ(found.partition, partition);
    EXPECT_TRUE(found.here);
    EXPECT_EQ((QueryableStore<Text, Long>(streams, "counts").all({.partition = found.partition}).value().value.size()), 1U);
    EXPECT_EQ(streams.query_metadata_for_key("nothing", Text("a")).error().kind, ErrorKind::kNotFound);
    const StoreLags lags = streams.all_local_store_partition_lags().value();
    ASSERT_EQ(lags.at("counts").size(), 3U);
    EXPECT_GT(lags.at("counts").at(partition).end, Offset(0));
    for (const auto& [store, partitions] : lags) {
      for (const auto& [number, lag] : partitions) EXPECT_EQ(lag.lag(), 0) << store << " " << number;
    }
    ASSERT_TRUE(streams.close());
    EXPECT_EQ(place(streams, "a").error().kind, ErrorKind::kClosed);
  }
  log->hold_reads(true);
  without_state.state_dir += "-another";
  Streams streams(counting(), without_state);
  ASSERT_TRUE(streams.start());
  const std::int32_t partition = partition_for_key("a", 3).value;
  ASSERT_TRUE(eventually([&] { return streams.all_local_store_partition_lags().value()["counts"].size() == 3; }));
  const LagInfo behind = streams.all_local_store_partition_lags().value().at("counts").at(partition);
  EXPECT_EQ(behind.current, Offset(0));
  EXPECT_GT(behind.lag(), 0);
  EXPECT_FALSE(place(streams, "a").value().here) << "it does not run yet";
  log->hold_reads(false);
  ASSERT_TRUE(eventually([&] { return place(streams, "a").value().here; }));
  EXPECT_EQ(streams.all_local_store_partition_lags().value().at("counts").at(partition).lag(), 0);
  EXPECT_TRUE(streams.close());
  std::system(("rm -rf " + without_state.state_dir).c_str());
}

/// Text; says for which topics it has made bytes.
Serde<Text> telling(std::set<Text>& topics) {
  return {[](const void* told, std::string_view topic, const Text& value, Bytes& out) {
            (*static_cast<std::set<Text>* const*>(told))->insert(Text(topic));
            out += value;
          },
          [](const void*, std::string_view, BytesView bytes) { return Text(bytes); },
          std::make_shared<std::set<Text>*>(&topics)};
}

TEST_P(KeyPlaces, AKeyIsWhereTheTopicHasItThatLeadsToTheStore) {
  const auto log = log_with({{"small", 2}, {"large", 5}});
  StreamsBuilder builder;
  const auto small = builder.table<Text, Text>("small", {}, {.store_name = "s", .engine = GetParam().kind}).to_stream();
  const auto both =
      small.merge(builder.table<Text, Text>("large", {}, {.store_name = "l", .engine = GetParam().kind}).to_stream());
  both.group_by([](const Text&, const Text& v) { return v; }, {.name = "moved"})
      .count({.store_name = "values", .engine = GetParam().kind});
  Streams streams(builder.build(), config(log, 2));
  ASSERT_TRUE(streams.start());
  std::vector<Text> keys;
  for (int i = 0; i < 10; ++i) keys.push_back("k" + std::to_string(i));
  for (const Text& key : keys) {
    produce(*log, "small", {{key, "s" + key, 1, partition_for_key(key, 2).value}});
    produce(*log, "large", {{key, "l" + key, 1, partition_for_key(key, 5).value}});
  }
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  std::set<Text> told;
  const auto find = [&](const Text& store, const Text& key) {
    const KeyQueryMetadata place = streams.query_metadata_for_key(store, key, telling(told)).value();
    EXPECT_TRUE(place.here) << store << " " << key;
    return place.partition;
  };
  for (const Text& key : keys) {
    EXPECT_EQ((QueryableStore<Text, Text>(streams, "s").get(key, {.partition = find("s", key)}).value().value), "s" + key);
    EXPECT_EQ((QueryableStore<Text, Text>(streams, "l").get(key, {.partition = find("l", key)}).value().value), "l" + key);
    EXPECT_EQ(
        (QueryableStore<Text, Long>(streams, "values").get("l" + key, {.partition = find("values", "l" + key)}).value().value),
        1);
  }
  EXPECT_THAT(told, ElementsAre("app-moved-repartition", "large", "small"));
  EXPECT_TRUE(streams.close());
}

}  // namespace
}  // namespace tidemill::test
