// Queries from other threads: what they see, what they say of it.
#include <thread>

#include <gmock/gmock.h>

#include "engines.hpp"
#include "other_log.hpp"

namespace tidemill::test {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::Pair;
using Text = std::string;
using Long = std::int64_t;

Topology counts(StoreEngineKind engine) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in").group_by_key().count({.store_name = "counts", .engine = engine}).to_stream().to("out");
  return builder.build();
}
class Queries : public OverEngines {};
INSTANTIATE_TEST_SUITE_P(Engines, Queries, ::testing::ValuesIn(all_engines()), name_of);

TEST_P(Queries, GetRangeAllAndCountOverAllTasks) {
  const auto log = in_memory_log({.default_partitions = 1});
  Streams streams(counts(GetParam().kind), config(log));
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{"a", "x"}, {"b", "x"}, {"c", "x"}, {"b", "x"}, {"d", "x"}});
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  const QueryableStore<Text, Long> store(streams, "counts");
  for (const QueryIsolation isolation : {QueryIsolation::kReadUncommitted, QueryIsolation::kReadCommitted}) {
    EXPECT_EQ(store.get("b", isolation).value().value, 2);
    EXPECT_EQ(store.get("zz", isolation).value().value, std::nullopt);
    EXPECT_THAT(store.all({.isolation = isolation}).value().value,
                ElementsAre(Pair("a", 1), Pair("b", 2), Pair("c", 1), Pair("d", 1)));
    const Text from = "b";
    const Text to = "c";
    EXPECT_THAT(store.range(&from, &to, {.isolation = isolation}).value().value, ElementsAre(Pair("b", 2), Pair("c", 1)));
    EXPECT_THAT(store.range(&from, nullptr, {.isolation = isolation, .direction = Direction::kReverse}).value().value,
                ElementsAre(Pair("d", 1), Pair("c", 1), Pair("b", 2)));
    EXPECT_THAT(store.all({.isolation = isolation, .limit = 2}).value().value, ElementsAre(Pair("a", 1), Pair("b", 2)));
  }
  const std::uint64_t count = store.count().value().value;
  if (GetParam().kind == StoreEngineKind::kInMemory) {
    EXPECT_EQ(count, 4U);
  } else {
    // An estimate: rows that have been overwritten count until they are merged, and so does what each commit says of itself.
    EXPECT_THAT(count, AllOf(Ge(4U), Le(12U)));
  }
  EXPECT_THAT(store.get("b").value().position, ElementsAre(Pair("in", ElementsAre(Pair(0, 4)))));
  EXPECT_EQ(store.get("b").value().staleness, 0ms);
  EXPECT_THAT((QueryableStore<Text, Long>(streams, "nothing").get("a").error().message),
              HasSubstr("there is no store \"nothing\""));
  ASSERT_TRUE(streams.close());
  EXPECT_EQ(store.get("b").error().kind, ErrorKind::kClosed) << "nobody owns it any more";
}

TEST_P(Queries, TheNextPageBeginsBehindTheLastKeyWhicheverPartitionsTheKeysAreIn) {
  const auto log = in_memory_log({.default_partitions = 3});
  Streams streams(counts(GetParam().kind), config(log, 2));
  ASSERT_TRUE(streams.start());
  std::vector<Text> keys;
  std::vector<Piped> records;
  for (char c = 'a'; c <= 'z'; ++c) {
    keys.push_back(Text(1, c));
    records.push_back({.key = keys.back(), .value = "x", .partition = c % 3});
  }
  produce(*log, "in", records);
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  const QueryableStore<Text, Long> store(streams, "counts");
  std::vector<Text> forward;
  for (std::optional<Text> from = Text();;) {
    const auto page = store.range(&*from, nullptr, {.limit = 5}).value().value;
    if (page.empty()) break;
    for (const auto& [key, count] : page) forward.push_back(key);
    from = page.back().first + '\0';
  }
  EXPECT_EQ(forward, keys);
  std::vector<Text> backward;
  for (const auto& [key, count] : store.all({.direction = Direction::kReverse, .limit = 7}).value().value)
    backward.push_back(key);
  EXPECT_EQ(backward, std::vector<Text>(keys.rbegin(), keys.rbegin() + 7));
  EXPECT_TRUE(streams.close());
}

TEST_P(Queries, CommittedReadsShowTheLastCommitAndSayHowOldItIs) {
  auto log = std::make_shared<OtherLog>(in_memory_log({.default_partitions = 1}));
  ASSERT_TRUE(log->admin().create_topic({.name = "in", .partitions = 1, .replication_factor = -1, .config = {}}, soon()));
  ASSERT_TRUE(log->admin().create_topic({.name = "out", .partitions = 1, .replication_factor = -1, .config = {}}, soon()));
  ManualClock clock(Timestamp(1'000'000));
  StreamsConfig slow = config(log);
  slow.clock = &clock;
  slow.commit_interval = 1000ms;
  slow.poll = 1ms;
  Streams streams(counts(GetParam().kind), slow);
  ASSERT_TRUE(streams.start());
  const QueryableStore<Text, Long> store(streams, "counts");
  const auto live = [&] { return store.get("a").value().value; };
  ASSERT_TRUE(eventually([&] { return store.get("a").has_value(); }));
  produce(*log, "in", {{"a", "x"}});
  ASSERT_TRUE(eventually([&] { return live() == 1; }));
  clock.advance(1001ms);
  ASSERT_TRUE(eventually([&] { return store.get("a", QueryIsolation::kReadCommitted).value().value == 1; }));
  produce(*log, "in", {{"a", "x"}});
  ASSERT_TRUE(eventually([&] { return live() == 2; }));
  clock.advance(400ms);
  if (GetParam().kind == StoreEngineKind::kPersistent) {
    const auto committed = store.get("a", QueryIsolation::kReadCommitted).value();
    EXPECT_EQ(committed.value, 1) << "not committed yet";
    EXPECT_EQ(committed.staleness, 400ms);
    EXPECT_THAT(committed.position, ElementsAre(Pair("in", ElementsAre(Pair(0, 0)))));
    EXPECT_EQ(store.all({.isolation = QueryIsolation::kReadCommitted}).value().value.front().second, 1);
  } else {
    // Without snapshots the owner answers at its next commit.
    std::optional<Long> seen;
    std::thread asks([&] { seen = store.get("a", QueryIsolation::kReadCommitted).value().value; });
    ASSERT_TRUE(eventually([&] { return streams.query_count("counts").has_value(); }));
    clock.advance(1000ms);
    asks.join();
    EXPECT_EQ(seen, 2);
  }
  EXPECT_EQ(live(), 2);
  clock.advance(2000ms);
  ASSERT_TRUE(eventually([&] { return store.get("a", QueryIsolation::kReadCommitted).value().value == 2; }));
  EXPECT_TRUE(streams.close());
}

/// Texts and numbers as they are; notes the topic that it is told.
template <class T>
Serde<T> noting(std::set<Text>& topics) {
  return {[](const void* state, std::string_view topic, const T& value, Bytes& out) {
            static_cast<std::set<Text>*>(const_cast<void*>(state))->emplace(topic);
            SerdeOf<T>::serde().serialize(topic, value, out);
          },
          [](const void* state, std::string_view topic, BytesView bytes) {
            static_cast<std::set<Text>*>(const_cast<void*>(state))->emplace(topic);
            return SerdeOf<T>::serde().deserialize(topic, bytes);
          },
          std::shared_ptr<const void>(std::shared_ptr<const void>(), &topics)};
}

TEST_P(Queries, TellSerdesTheStoresTopic) {
  auto log = in_memory_log({.default_partitions = 1});
  ASSERT_TRUE(log->admin().create_topic({.name = "in", .partitions = 1, .replication_factor = -1, .config = {}}, soon()));
  ASSERT_TRUE(log->admin().create_topic({.name = "out", .partitions = 1, .replication_factor = -1, .config = {}}, soon()));
  Streams streams(counts(GetParam().kind), config(log));
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{"a", "x"}});
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  std::set<Text> keys;
  std::set<Text> values;
  const Serde<Text> key = noting<Text>(keys);
  const Serde<Long> value = noting<Long>(values);
  const auto answer =
      streams.query({.store_name = "counts"}, KeyQuery<Text, Long>{.key = "a", .key_serde = key, .value_serde = value}).value();
  EXPECT_EQ(answer.partition_results().begin()->second.result(), 1);
  EXPECT_EQ(keys, (std::set<Text>{"app-counts-changelog"}));
  EXPECT_EQ(values, keys);
  values.clear();
  const QueryableStore<Text, Long> store(streams, "counts", key, value);
  EXPECT_EQ(store.get("a").value().value, 1);
  EXPECT_EQ(store.all().value().value.size(), 1U);
  EXPECT_EQ(keys, (std::set<Text>{"app-counts-changelog"}));
  EXPECT_EQ(values, keys);
  EXPECT_EQ(streams.topic_of_store("counts"), "app-counts-changelog");
  EXPECT_EQ(streams.topic_of_store("another"), "");
}

TEST_P(Queries, ManyThreadsAskWhileTheStoreIsWritten) {
  const auto log = in_memory_log({.default_partitions = 4});
  Streams streams(counts(GetParam().kind), config(log, 2));
  ASSERT_TRUE(streams.start());
  ASSERT_TRUE(eventually([&] { return streams.query_count("counts").has_value(); }));
  std::atomic<bool> stop{false};
  std::vector<std::thread> askers;
  for (const QueryIsolation isolation : {QueryIsolation::kReadUncommitted, QueryIsolation::kReadCommitted}) {
    askers.emplace_back([&, isolation] {
      const QueryableStore<Text, Long> store(streams, "counts");
      Long before = 0;
      while (!stop) {
        const auto answer = store.get("k7", isolation);
        if (!answer) continue;
        const Long now = answer->value.value_or(0);
        EXPECT_GE(now, before) << "counts do not go back";
        before = now;
        EXPECT_LE(store.all({.isolation = isolation}).value().value.size(), 50U);
      }
    });
  }
  for (int round = 0; round < 20; ++round) {
    std::vector<Piped> records;
    for (int i = 0; i < 200; ++i)
      records.push_back({.key = "k" + std::to_string(i % 50), .value = "x", .partition = i % 50 % 4});
    produce(*log, "in", records);
  }
  ASSERT_TRUE(streams.wait_until_caught_up(30s));
  stop = true;
  for (std::thread& asker : askers) asker.join();
  const auto all = QueryableStore<Text, Long>(streams, "counts").all().value().value;
  EXPECT_EQ(all.size(), 50U);
  for (const auto& [key, count] : all) EXPECT_EQ(count, 80) << key;
}

}  // namespace
}  // namespace tidemill::test
