// Questions as objects: each kind, over RocksDB and in memory, live and committed; which partitions answer, and why others do not.
#include <atomic>
#include <thread>

#include <gmock/gmock.h>

#include <tidemill/base/partitioner.hpp>

#include "engines.hpp"
#include "other_log.hpp"

namespace tidemill::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using Text = std::string;
using Long = std::int64_t;
using Stamped = ValueAndTimestamp<Long>;
constexpr auto kLive = QueryIsolation::kReadUncommitted;
constexpr auto kCommitted = QueryIsolation::kReadCommitted;

/// One record at a time into each kind of store.
Topology every_kind(StoreEngineKind engine) {
  StreamsBuilder builder;
  const auto words = builder.stream<Text, Text>("in").group_by_key();
  words.count({.store_name = "counts", .engine = engine});
  words.windowed_by(TimeWindows::of_size_with_no_grace(10ms))
      .count({.store_name = "windows", .engine = engine, .retention = 1h});
  words.windowed_by(SessionWindows::of_inactivity_gap_and_grace(10ms, 50ms))
      .count({.store_name = "sessions", .engine = engine, .retention = 1h});
  builder.table<Text, Text>("versions-in", {}, {.store_name = "versions", .engine = engine, .history = 1000ms});
  return builder.build();
}

class StateQueries : public OverEngines {
 protected:
  /// A log whose topics are there.
  static std::shared_ptr<Log> log_with(std::int32_t partitions) {
    auto log = in_memory_log({.default_partitions = partitions});
    for (const char* topic : {"in", "versions-in"}) {
      EXPECT_TRUE(
          log->admin().create_topic({.name = topic, .partitions = partitions, .replication_factor = -1, .config = {}}, soon()));
    }
    return log;
  }
};
INSTANTIATE_TEST_SUITE_P(Engines, StateQueries, ::testing::ValuesIn(all_engines()), name_of);

/// What the one partition answers.
template <class Q>
typename Q::Answer ask(const Streams& streams, const std::string& store, QueryIsolation isolation, const Q& query) {
  const auto result = streams.query({.store_name = store, .isolation = isolation}, query).value();
  EXPECT_EQ(result.partition_results().size(), 1U);
  return result.partition_results().begin()->second.result();
}

TEST_P(StateQueries, AskKeysRangesWindowsSessionsAndVersions) {
  const auto log = log_with(1);
  Streams streams(every_kind(GetParam().kind), config(log));
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{"a", "x", 1}, {"b", "x", 2}, {"a", "x", 5}, {"c", "x", 12}, {"a", "x", 14}, {"a", "x", 40}});
  produce(*log, "versions-in", {{"k", "one", 100}, {"k", "two", 200}, {"k", "three", 300}});
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  for (const QueryIsolation isolation : {kLive, kCommitted}) {
    SCOPED_TRACE(isolation == kLive ? "live" : "committed");
    const auto counts = [&](const auto& query) { return ask(streams, "counts", isolation, query); };
    EXPECT_EQ(counts(KeyQuery<Text, Long>{.key = "a"}), 4);
    EXPECT_EQ(counts(KeyQuery<Text, Long>{.key = "zz"}), std::nullopt);
    EXPECT_EQ(counts(TimestampedKeyQuery<Text, Long>{.key = "a"}), (Stamped{4, Timestamp(40)}));
    EXPECT_THAT(counts(RangeQuery<Text, Long>{}), ElementsAre(Pair("a", 4), Pair("b", 1), Pair("c", 1)));
    EXPECT_THAT(counts(RangeQuery<Text, Long>{.lower = "b"}), ElementsAre(Pair("b", 1), Pair("c", 1)));
    EXPECT_THAT(counts(RangeQuery<Text, Long>{.upper = "b", .order = Direction::kReverse}),
                ElementsAre(Pair("b", 1), Pair("a", 4)));
    EXPECT_THAT(counts(RangeQuery<Text, Long>{.limit = 1}), ElementsAre(Pair("a", 4)));
    EXPECT_THAT(counts(TimestampedRangeQuery<Text, Long>{.lower = "b", .upper = "b"}),
                ElementsAre(Pair("b", Stamped{1, Timestamp(2)})));

    const auto windows = [&](const auto& query) { return ask(streams, "windows", isolation, query); };
    EXPECT_THAT(windows(WindowKeyQuery<Text, Long>{.key = "a"}),
                ElementsAre(Pair(Timestamp(0), 2), Pair(Timestamp(10), 1), Pair(Timestamp(40), 1)));
    EXPECT_THAT(windows(WindowKeyQuery<Text, Stamped>{.key = "a", .time_from = Timestamp(0), .time_to = Timestamp(10)}),
                ElementsAre(Pair(Timestamp(0), Stamped{2, Timestamp(5)}), Pair(Timestamp(10), Stamped{1, Timestamp(14)})));
    const Window first{Timestamp(0), Timestamp(10)};
    EXPECT_THAT(windows(WindowRangeQuery<Text, Long>{.time_from = Timestamp(0), .time_to = Timestamp(9)}),
                ElementsAre(Pair(Windowed<Text>{"a", first}, 2), Pair(Windowed<Text>{"b", first}, 1)));

    const auto sessions = [&](const auto& query) { return ask(streams, "sessions", isolation, query); };
    EXPECT_THAT(sessions(WindowRangeQuery<Text, Long>{.key = "a"}),
                ElementsAre(Pair(Windowed<Text>{"a", {Timestamp(1), Timestamp(14)}}, 3),
                            Pair(Windowed<Text>{"a", {Timestamp(40), Timestamp(40)}}, 1)));

    const auto versions = [&](const auto& query) { return ask(streams, "versions", isolation, query); };
    using Version = VersionedRecord<Text>;
    EXPECT_EQ(versions(VersionedKeyQuery<Text, Text>{.key = "k"}), (Version{"three", Timestamp(300)}));
    EXPECT_EQ(versions(VersionedKeyQuery<Text, Text>{.key = "k", .as_of = Timestamp(250)}),
              (Version{"two", Timestamp(200), Timestamp(300)}));
    EXPECT_EQ(versions(VersionedKeyQuery<Text, Text>{.key = "k", .as_of = Timestamp(99)}), std::nullopt);
    EXPECT_THAT(versions(MultiVersionedKeyQuery<Text, Text>{.key = "k"}),
                ElementsAre(Version{"three", Timestamp(300)}, Version{"two", Timestamp(200), Timestamp(300)},
                            Version{"one", Timestamp(100), Timestamp(200)}));
    EXPECT_THAT(
        versions(MultiVersionedKeyQuery<Text, Text>{.key = "k", .from_time = Timestamp(200), .to_time = Timestamp(299)}),
        ElementsAre(Version{"two", Timestamp(200), Timestamp(300)}))
        << "a version is not valid any more where the next one begins";
    EXPECT_THAT(
        versions(MultiVersionedKeyQuery<Text, Text>{.key = "k", .to_time = Timestamp(200), .order = Direction::kForward}),
        ElementsAre(Version{"one", Timestamp(100), Timestamp(200)}, Version{"two", Timestamp(200), Timestamp(300)}));
  }
  EXPECT_TRUE(streams.close());
}

/// What Java's store of the same puts answers.
TEST_P(StateQueries, VersionsBehindTheHistoryAreGoneButForTheLatest) {
  const auto log = log_with(1);
  Streams streams(every_kind(GetParam().kind), config(log));
  ASSERT_TRUE(streams.start());
  const auto put = [&](const std::vector<Piped>& versions) {
    produce(*log, "versions-in", versions);
    ASSERT_TRUE(streams.wait_until_caught_up(20s));
  };
  const auto at = [&](QueryIsolation isolation, std::int64_t time) {
    const auto found = ask(streams, "versions", isolation, VersionedKeyQuery<Text, Text>{.key = "k", .as_of = Timestamp(time)});
    return found ? found->value : "none";
  };
  const auto during = [&](QueryIsolation isolation, std::int64_t from, std::int64_t to) {
    std::vector<Text> values;
    const MultiVersionedKeyQuery<Text, Text> query{.key = "k", .from_time = Timestamp(from), .to_time = Timestamp(to)};
    for (const auto& version : ask(streams, "versions", isolation, query)) values.push_back(version.value);
    return values;
  };
  put({{"k", "one", 100}, {"k", "two", 200}, {"k", "three", 300}, {"k", "five", 500}, {"z", "z", 1350}});
  for (const QueryIsolation isolation : {kLive, kCommitted}) {  // the history begins at 350
    EXPECT_EQ(at(isolation, 349), "none");
    EXPECT_EQ(at(isolation, 350), "three");
    EXPECT_THAT(during(isolation, 0, 349), IsEmpty());
    EXPECT_THAT(during(isolation, 0, 350), ElementsAre("three", "two", "one"));
    EXPECT_THAT(during(isolation, 0, 1000), ElementsAre("five", "three", "two", "one"));
  }
  put({{"z", "z", 1700}});
  for (const QueryIsolation isolation : {kLive, kCommitted}) {  // at 700
    EXPECT_EQ(at(isolation, 499), "none");
    EXPECT_EQ(at(isolation, 500), "five");
    EXPECT_THAT(during(isolation, 0, 499), IsEmpty());
    EXPECT_THAT(during(isolation, 0, 699), ElementsAre("five"));
    const MultiVersionedKeyQuery<Text, Text> wrong{.key = "k", .from_time = Timestamp(2), .to_time = Timestamp(1)};
    const auto refused =
        streams.query({.store_name = "versions", .isolation = isolation}, wrong).value().partition_results().at(0);
    EXPECT_EQ(refused.failure_error().kind, ErrorKind::kInvalidArgument);
    EXPECT_THAT(refused.failure_message(), HasSubstr("from 2 to 1: the times are the wrong way round"));
  }
  EXPECT_TRUE(streams.close());
}

TEST_P(StateQueries, ViewsOfEachTypeOverAllPartitions) {
  const auto log = log_with(2);
  Streams streams(every_kind(GetParam().kind), config(log, 2));
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{"a", "x", 1, 0}, {"a", "x", 5, 0}, {"b", "x", 2, 1}, {"b", "x", 12, 1}});
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  const Window first{Timestamp(0), Timestamp(10)};
  const Window second{Timestamp(10), Timestamp(20)};
  for (const QueryIsolation isolation : {kLive, kCommitted}) {
    const QueryOptions options{.isolation = isolation};
    const QueryableStoreTypes::TimestampedKeyValueStore<Text, Long> counts(streams, "counts");
    EXPECT_EQ(counts.get("b", options).value().value, (Stamped{2, Timestamp(12)}));
    EXPECT_THAT(counts.all(options).value().value,
                ElementsAre(Pair("a", Stamped{2, Timestamp(5)}), Pair("b", Stamped{2, Timestamp(12)})));

    const QueryableStoreTypes::WindowStore<Text, Long> windows(streams, "windows");
    EXPECT_EQ(windows.fetch("a", Timestamp(0), options).value().value, 2);
    EXPECT_EQ(windows.fetch("a", Timestamp(10), options).value().value, std::nullopt);
    EXPECT_THAT(windows.fetch("b", Timestamp(0), Timestamp(20), options).value().value,
                ElementsAre(Pair(Timestamp(0), 1), Pair(Timestamp(10), 1)));
    EXPECT_THAT(windows.fetch("b", Timestamp(0), Timestamp(20), {.isolation = isolation, .direction = Direction::kReverse})
                    .value()
                    .value,
                ElementsAre(Pair(Timestamp(10), 1), Pair(Timestamp(0), 1)));
    const Text from = "b";
    EXPECT_THAT(windows.fetch(&from, nullptr, Timestamp(0), Timestamp(9), options).value().value,
                ElementsAre(Pair(Windowed<Text>{"b", first}, 1)));
    EXPECT_THAT(windows.all(options).value().value,
                ElementsAre(Pair(Windowed<Text>{"a", first}, 2), Pair(Windowed<Text>{"b", first}, 1),
                            Pair(Windowed<Text>{"b", second}, 1)));
    const QueryableStoreTypes::TimestampedWindowStore<Text, Long> stamped(streams, "windows");
    EXPECT_EQ(stamped.fetch("a", Timestamp(0), options).value().value, (Stamped{2, Timestamp(5)}));

    const QueryableStoreTypes::SessionStore<Text, Long> sessions(streams, "sessions");
    EXPECT_EQ(sessions.fetch_session("a", Timestamp(1), Timestamp(5), options).value().value, 2);
    EXPECT_EQ(sessions.fetch_session("a", Timestamp(1), Timestamp(6), options).value().value, std::nullopt);
    EXPECT_THAT(sessions.fetch("b", options).value().value,
                ElementsAre(Pair(Windowed<Text>{"b", {Timestamp(2), Timestamp(12)}}, 2)));
    EXPECT_THAT(sessions.fetch(nullptr, nullptr, options).value().value,
                ElementsAre(Pair(Windowed<Text>{"a", {Timestamp(1), Timestamp(5)}}, 2),
                            Pair(Windowed<Text>{"b", {Timestamp(2), Timestamp(12)}}, 2)));
    EXPECT_THAT(sessions.find_sessions("b", Timestamp(13), Timestamp(20), options).value().value, IsEmpty());
  }
  EXPECT_THAT((QueryableStore<Text, Long>(streams, "counts").all({.partition = 1}).value().value), ElementsAre(Pair("b", 2)));
  EXPECT_EQ((QueryableStore<Text, Long>(streams, "counts").all({.partition = 2}).error().kind), ErrorKind::kNotFound);
  EXPECT_THAT((QueryableSessionStore<Text, Long>(streams, "counts").fetch("a").error().message),
              HasSubstr("store \"counts\" is a timestamped key-value store and does not know find_sessions()"));
  EXPECT_TRUE(streams.close());
}

TEST_P(StateQueries, EachPartitionAnswersForItselfWithItsPosition) {
  const auto log = log_with(3);
  Streams streams(every_kind(GetParam().kind), config(log, 2));
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{"a", "x", 1, 0}, {"b", "x", 1, 1}, {"b", "x", 1, 1}, {"c", "x", 1, 2}});
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  const KeyQuery<Text, Long> b{.key = "b"};
  for (const QueryIsolation isolation : {kLive, kCommitted}) {
    const auto all = streams.query({.store_name = "counts", .isolation = isolation}, b).value();
    ASSERT_EQ(all.partition_results().size(), 3U);
    ASSERT_NE(all.only_partition_result(), nullptr);
    EXPECT_EQ(all.only_partition_result()->result(), 2);
    EXPECT_THAT(all.only_partition_result()->position(), ElementsAre(Pair("in", ElementsAre(Pair(1, 1)))));
    EXPECT_EQ(all.only_partition_result()->staleness(), 0ms);
    const MultiVersionedKeyQuery<Text, Text> nobodys{.key = "nobody's"};
    EXPECT_EQ(streams.query({.store_name = "versions", .isolation = isolation}, nobodys).value().only_partition_result(),
              nullptr)
        << "no partition has a version";
    EXPECT_THAT(all.position(), ElementsAre(Pair("in", ElementsAre(Pair(0, 0), Pair(1, 1), Pair(2, 0)))));

    const auto some = streams.query({.store_name = "counts", .partitions = {{0, 2, 3, -1}}, .isolation = isolation}, b).value();
    ASSERT_EQ(some.partition_results().size(), 4U);
    EXPECT_EQ(some.partition_results().at(0).result(), std::nullopt);
    EXPECT_EQ(some.partition_results().at(2).result(), std::nullopt);
    for (const std::int32_t other : {3, -1}) {
      EXPECT_EQ(some.partition_results().at(other).failure_reason(), FailureReason::kDoesNotExist);
    }
    EXPECT_THAT(some.partition_results().at(3).failure_message(),
                HasSubstr("store \"counts\" has 3 partitions, counted from 0"));
    EXPECT_THROW(static_cast<void>(some.partition_results().at(3).result()), ResultException);
    EXPECT_THROW(static_cast<void>(some.partition_results().at(0).failure_reason()), ResultException);

    // What an answer has seen, the next one must have seen, too; more it has not.
    const StateQueryRequest bound{
        .store_name = "counts", .position_bound = PositionBound::at(all.position()), .isolation = isolation};
    EXPECT_EQ(streams.query(bound, b).value().only_partition_result()->result(), 2);
    StateQueryRequest further = bound;
    further.position_bound = PositionBound::at({{"in", {{1, 2}}}});
    const auto late = streams.query(further, b).value();
    EXPECT_TRUE(late.partition_results().at(0).is_success()) << "the bound says nothing of it";
    EXPECT_EQ(late.partition_results().at(1).failure_reason(), FailureReason::kNotUpToBound);
    EXPECT_THAT(late.partition_results().at(1).failure_message(),
                HasSubstr("has seen {in: {1: 1}}, which is not yet up to the bound {in: {1: 2}}"));
    EXPECT_THAT(late.partition_results().at(1).position(), ElementsAre(Pair("in", ElementsAre(Pair(1, 1)))));
  }
  produce(*log, "in", {{"b", "x", 1, 1}});
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  for (const QueryIsolation isolation : {kLive, kCommitted}) {
    const StateQueryRequest further{
        .store_name = "counts", .position_bound = PositionBound::at({{"in", {{1, 2}}}}), .isolation = isolation};
    EXPECT_EQ(streams.query(further, b).value().only_partition_result()->result(), 3);
  }
  EXPECT_TRUE(streams.close());
}

TEST_P(StateQueries, CommittedAnswersAreThoseOfTheLastCommit) {
  if (GetParam().kind != StoreEngineKind::kPersistent)
    GTEST_SKIP() << "in memory the owner answers at its next commit: queries_test.cpp";
  const auto log = std::make_shared<OtherLog>(log_with(1));
  ManualClock clock(Timestamp(1'000'000));
  StreamsConfig slow = config(log);
  slow.clock = &clock;
  slow.commit_interval = 1000ms;
  slow.poll = 1ms;
  Streams streams(every_kind(GetParam().kind), slow);
  ASSERT_TRUE(streams.start());
  const KeyQuery<Text, Long> key{.key = "a"};
  const WindowKeyQuery<Text, Long> windows{.key = "a"};
  const WindowRangeQuery<Text, Long> sessions{.key = "a"};
  const StateQueryRequest ready{.store_name = "counts", .require_active = true};
  ASSERT_TRUE(eventually([&] {
    const auto result = streams.query(ready, key);
    return result && result->partition_results().size() == 1 && result->partition_results().at(0).is_success();
  }));
  produce(*log, "in", {{"a", "x", 1}});
  ASSERT_TRUE(eventually([&] { return ask(streams, "sessions", kLive, sessions).size() == 1; }));
  clock.advance(1001ms);
  ASSERT_TRUE(eventually([&] { return ask(streams, "counts", kCommitted, key) == 1; }));
  produce(*log, "in", {{"a", "x", 12}});
  ASSERT_TRUE(eventually([&] { return ask(streams, "counts", kLive, key) == 2; }));
  clock.advance(400ms);
  EXPECT_THAT(ask(streams, "windows", kLive, windows), ElementsAre(Pair(Timestamp(0), 1), Pair(Timestamp(10), 1)));
  EXPECT_THAT(ask(streams, "windows", kCommitted, windows), ElementsAre(Pair(Timestamp(0), 1)));
  EXPECT_THAT(ask(streams, "sessions", kCommitted, sessions),
              ElementsAre(Pair(Windowed<Text>{"a", {Timestamp(1), Timestamp(1)}}, 1)));
  const auto committed = streams.query({.store_name = "counts", .execution_info = true, .isolation = kCommitted}, key).value();
  const auto& only = *committed.only_partition_result();
  EXPECT_EQ(only.result(), 1);
  EXPECT_EQ(only.staleness(), 400ms);
  EXPECT_THAT(only.position(), ElementsAre(Pair("in", ElementsAre(Pair(0, 0)))));
  EXPECT_THAT(only.execution_info(), ElementsAre(HasSubstr("a snapshot of partition 0")));
  const PositionBound both = PositionBound::at({{"in", {{0, 1}}}});
  EXPECT_EQ(streams.query({.store_name = "counts", .position_bound = both, .isolation = kCommitted}, key)
                .value()
                .partition_results()
                .at(0)
                .failure_reason(),
            FailureReason::kNotUpToBound);
  EXPECT_EQ(streams.query({.store_name = "counts", .position_bound = both}, key).value().only_partition_result()->result(), 2);
  // A cache holds what is not committed: below it nothing is new.
  EXPECT_EQ(ask(streams, "counts", kLive, KeyQuery<Text, Long>{.key = "a", .skip_cache = true}), 1);
  EXPECT_TRUE(streams.close());
}

TEST_P(StateQueries, AStoreThatIsRestoredAnswersWithWhatItHasUnlessTheTaskMustRun) {
  const auto log = std::make_shared<OtherLog>(log_with(1));
  StreamsConfig in_memory = config(log);
  {
    Streams streams(every_kind(StoreEngineKind::kInMemory), in_memory);
    ASSERT_TRUE(streams.start());
    produce(*log, "in", {{"a", "x", 1}});
    ASSERT_TRUE(streams.wait_until_caught_up(20s));
    ASSERT_TRUE(streams.close());
  }
  log->hold_reads(true);
  Streams streams(every_kind(StoreEngineKind::kInMemory), in_memory);
  ASSERT_TRUE(streams.start());
  const KeyQuery<Text, Long> a{.key = "a"};
  StateQueryRequest request{.store_name = "counts"};
  ASSERT_TRUE(eventually([&] { return streams.query(request, a).value().partition_results().size() == 1; }));
  const auto stale = streams.query(request, a).value().partition_results().at(0);
  EXPECT_EQ(stale.result(), std::nullopt);
  EXPECT_THAT(stale.position(), IsEmpty());
  EXPECT_EQ(stale.staleness(), QueryOutcome::kUnknownStaleness);
  request.require_active = true;
  const auto active = streams.query(request, a).value().partition_results().at(0);
  EXPECT_EQ(active.failure_reason(), FailureReason::kNotActive);
  EXPECT_THAT(active.failure_message(), HasSubstr("of store \"counts\" does not run"));
  request.require_active = false;
  request.position_bound = PositionBound::at({{"in", {{0, 0}}}});
  EXPECT_EQ(streams.query(request, a).value().partition_results().at(0).failure_reason(), FailureReason::kNotUpToBound);
  const QueryableStore<Text, Long> view(streams, "counts");
  EXPECT_EQ(view.get("a").error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(view.get("a", {.stale_stores = true}).value().value, std::nullopt);
  log->hold_reads(false);
  ASSERT_TRUE(eventually([&] { return streams.query(request, a).value().partition_results().at(0).is_success(); }));
  EXPECT_EQ(streams.query(request, a).value().only_partition_result()->result(), 1);
  EXPECT_TRUE(streams.close());
}

TEST_P(StateQueries, WhatCannotBeAnsweredGetsASentence) {
  const auto log = log_with(1);
  Streams streams(every_kind(GetParam().kind), config(log));
  const KeyQuery<Text, Long> a{.key = "a"};
  EXPECT_THAT(streams.query({.store_name = "counts"}, a).error().message, HasSubstr("start() first"));
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{"a", "x", 1}, {"b", "x", 1}});
  produce(*log, "versions-in", {{"k", "one", 1}});
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  const auto unknown = streams.query({.store_name = "nothing"}, a).error();
  EXPECT_EQ(unknown.kind, ErrorKind::kNotFound);
  EXPECT_THAT(unknown.message, HasSubstr("there is no store \"nothing\"; the topology has: counts"));
  for (const QueryIsolation isolation : {kLive, kCommitted}) {
    const auto failed = [&](const char* store, const auto& query) {
      return streams.query({.store_name = store, .isolation = isolation}, query).value().partition_results().at(0);
    };
    const auto other_type = [&](const char* store, const auto& query) -> Text {
      const auto result = failed(store, query);
      EXPECT_EQ(result.failure_reason(), FailureReason::kUnknownQueryType);
      return result.failure_message();
    };
    EXPECT_THAT(other_type("windows", a),
                HasSubstr("store \"windows\" is a timestamped window store and does not know KeyQuery: ask it "
                          "with WindowKeyQuery"));
    EXPECT_THAT(other_type("counts", WindowKeyQuery<Text, Long>{.key = "a"}), HasSubstr("ask it with KeyQuery, RangeQuery"));
    EXPECT_THAT(other_type("windows", WindowRangeQuery<Text, Long>{.key = "a"}), HasSubstr("WindowRangeQuery with a key"));
    EXPECT_THAT(other_type("sessions", WindowRangeQuery<Text, Long>{}), HasSubstr("ask it with WindowRangeQuery with a key"));
    EXPECT_THAT(other_type("versions", KeyQuery<Text, Text>{.key = "k"}), HasSubstr("ask it with VersionedKeyQuery"));
    EXPECT_THAT(other_type("counts", VersionedKeyQuery<Text, Long>{.key = "a"}), HasSubstr("does not know VersionedKeyQuery"));
    EXPECT_THAT(other_type("versions", TimestampedKeyQuery<Text, Text>{.key = "k"}),
                HasSubstr("does not know TimestampedKeyQuery"));

    const auto wrong_type = failed("versions", VersionedKeyQuery<Text, Long>{.key = "k"});
    EXPECT_EQ(wrong_type.failure_reason(), FailureReason::kStoreException);
    EXPECT_THAT(wrong_type.failure_message(), HasSubstr("is not of the types asked for"));

    const auto large =
        streams.query({.store_name = "counts", .isolation = isolation, .bytes_max = 100}, RangeQuery<Text, Long>{})
            .value()
            .partition_results()
            .at(0);
    EXPECT_EQ(large.failure_reason(), FailureReason::kStoreException);
    EXPECT_EQ(large.failure_error().kind, ErrorKind::kTooLarge);
    EXPECT_THAT(large.failure_message(), HasSubstr("has more than 100 bytes of one partition: narrow its bounds, set a limit"));
    const auto limited =
        streams.query({.store_name = "counts", .isolation = isolation, .bytes_max = 100}, RangeQuery<Text, Long>{.limit = 1});
    EXPECT_EQ(limited->only_partition_result()->result().size(), 1U);
  }
  ASSERT_TRUE(streams.close());
  EXPECT_EQ(streams.query({.store_name = "counts"}, a).error().kind, ErrorKind::kClosed);
}

/// A task that moves from thread to thread is with neither of them for a moment: who asks then hears so.
class MovingTasks : public OverEngines {
 protected:
  static constexpr int kKeys = 200;
  static constexpr int kMoves = 40;
  static constexpr std::int32_t kPartitions = 4;
  using Question = std::function<void(const Streams&, const Text& key, QueryIsolation)>;

  /// Asks all the time while threads come and go, and once more when all is there.
  void ask_while_threads_change(const Question& question) const {
    const auto log = in_memory_log({.default_partitions = kPartitions});
    StreamsConfig with_threads = config(log, 2);
    with_threads.commit_interval = 10ms;
    StreamsBuilder builder;
    builder.stream<Text, Text>("in").group_by_key().count({.store_name = "counts", .engine = GetParam().kind});
    Streams streams(builder.build(), with_threads);
    ASSERT_TRUE(streams.start());
    std::vector<Piped> records;
    for (int i = 0; i < kKeys; ++i) records.push_back({.key = "k" + std::to_string(i), .value = "x"});
    produce(*log, "in", records);
    ASSERT_TRUE(streams.wait_until_caught_up(20s));
    std::atomic<bool> done{false};
    std::thread asker([&] {
      for (int i = 0; !done; ++i) {
        question(streams, "k" + std::to_string(i % kKeys), i / kKeys % 2 == 0 ? kLive : kCommitted);
      }
    });
    for (int i = 0; i < kMoves; ++i) {
      EXPECT_TRUE(streams.add_stream_thread().value());
      std::this_thread::sleep_for(10ms);
      EXPECT_TRUE(streams.remove_stream_thread().value());
      std::this_thread::sleep_for(10ms);
    }
    done = true;
    asker.join();
    EXPECT_TRUE(streams.wait_until_caught_up(20s));
    EXPECT_EQ((QueryableStore<Text, Long>(streams, "counts").all().value().value.size()), kKeys);
    EXPECT_TRUE(streams.close());
  }
};
INSTANTIATE_TEST_SUITE_P(Engines, MovingTasks, ::testing::ValuesIn(all_engines()), name_of);

TEST_P(MovingTasks, ViewsAnswerForAllPartitionsOrHaveToBeAskedAgain) {
  int answers = 0;
  ask_while_threads_change([&answers](const Streams& streams, const Text& key, QueryIsolation isolation) {
    const QueryableStore<Text, Long> counts(streams, "counts");
    if (const auto all = counts.all({.isolation = isolation})) {
      ++answers;
      EXPECT_EQ(all->value.size(), kKeys);
    } else {
      EXPECT_EQ(all.error().kind, ErrorKind::kUnavailable) << all.error().message;
    }
    if (const auto one = counts.get(key, isolation)) {
      EXPECT_EQ(one->value, 1) << key;
    } else {
      EXPECT_EQ(one.error().kind, ErrorKind::kUnavailable) << one.error().message;
    }
  });
  EXPECT_GT(answers, 0);
}

TEST_P(MovingTasks, QuestionsHearOfEachPartitionThatItIsOnItsWay) {
  ask_while_threads_change([](const Streams& streams, const Text& key, QueryIsolation isolation) {
    const StateQueryRequest request{.store_name = "counts", .require_active = true, .isolation = isolation};
    const auto result = streams.query(request, KeyQuery<Text, Long>{.key = key}).value();
    EXPECT_EQ(result.partition_results().size(), kPartitions);
    bool known = false;
    for (const auto& [partition, answer] : result.partition_results()) {
      known = known || answer.is_failure() || answer.result() == 1;
      if (answer.is_success()) continue;
      EXPECT_THAT(answer.failure_reason(), ::testing::AnyOf(FailureReason::kNotPresent, FailureReason::kNotActive))
          << answer.failure_message();
    }
    EXPECT_TRUE(known) << key;
  });
}

TEST_P(StateQueries, AViewScansByPrefix) {
  const auto log = log_with(1);
  Streams streams(every_kind(GetParam().kind), config(log));
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{"ab", "x", 1}, {"b", "x", 2}, {"abc", "x", 3}, {"a", "x", 4}});
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  for (const QueryIsolation isolation : {kLive, kCommitted}) {
    const auto scan = [&](const Text& prefix, std::size_t limit = 0) {
      return QueryableStore<Text, Long>(streams, "counts")
          .prefix_scan(prefix, {.isolation = isolation, .limit = limit})
          .value()
          .value;
    };
    EXPECT_THAT(scan("ab"), ElementsAre(Pair("ab", 1), Pair("abc", 1)));
    EXPECT_THAT(scan("a", 1), ElementsAre(Pair("a", 1)));
    EXPECT_EQ((QueryableStore<Text, Long>(streams, "counts").prefix_scan("b", {.isolation = isolation}).value().value.size()),
              1U);
    EXPECT_TRUE(scan("c").empty());
  }
  EXPECT_EQ((QueryableStore<Text, Long>(streams, "windows").prefix_scan(Text("a")).error().kind), ErrorKind::kUnsupported);
  EXPECT_TRUE(streams.close());
}

TEST(PositionBound, OnePositionTakesOverWhatAnotherHasSeenMoreOf) {
  Position one{{"a", {{0, 5}, {1, 1}}}};
  merge(one, {{"a", {{0, 3}, {1, 2}}}, {"b", {{0, 0}}}});
  EXPECT_EQ(one, (Position{{"a", {{0, 5}, {1, 2}}}, {"b", {{0, 0}}}}));
  EXPECT_TRUE(PositionBound::unbounded().is_unbounded());
  EXPECT_TRUE(PositionBound::unbounded().admits({}));
  const PositionBound bound = PositionBound::at({{"a", {{0, 5}}}});
  EXPECT_TRUE(bound.admits(one));
  EXPECT_FALSE(bound.admits({{"a", {{0, 4}}}}, 0));
  EXPECT_FALSE(bound.admits({{"b", {{0, 9}}}}, 0));
  EXPECT_TRUE(bound.admits({}, 1)) << "of another partition it says nothing";
}

}  // namespace
}  // namespace tidemill::test
