// emit_strategy(kOnWindowClose): each window once, with all its records, whatever the pace of time, the clock and restarts (D-52).
// Random records against windows that are computed at once.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "shown.hpp"

namespace tidemill {
namespace {

enum class Kind { kTumbling, kHopping, kSliding, kSession };
constexpr Kind kKinds[] = {Kind::kTumbling, Kind::kHopping, Kind::kSliding, Kind::kSession};
constexpr Long kSize = 200;
constexpr Long kAdvance = 50;
constexpr Long kGrace = 70;
/// So long behind the last record all windows are closed.
constexpr Long kLong = 1'000'000'000;

using Counts = std::map<Text, Long>;  // [key@start/end] and how many records

Topology counted(Kind kind, StoreEngineKind engine) {
  StreamsBuilder builder;
  const auto grouped = builder.stream<Text, Text>("in").group_by_key();
  const Materialized<Text, Long> store{.store_name = "counts", .engine = engine};
  const auto close = EmitStrategy::kOnWindowClose;
  const std::chrono::milliseconds size(kSize);
  const std::chrono::milliseconds grace(kGrace);
  switch (kind) {
    case Kind::kTumbling:
      to_out(grouped.windowed_by(TimeWindows::of_size_and_grace(size, grace)).emit_strategy(close).count(store));
      break;
    case Kind::kHopping:
      to_out(grouped.windowed_by(TimeWindows::of_size_and_grace(size, grace).advance_by(std::chrono::milliseconds(kAdvance)))
                 .emit_strategy(close)
                 .count(store));
      break;
    case Kind::kSliding:
      to_out(grouped.windowed_by(SlidingWindows::of_time_difference_and_grace(size, grace)).emit_strategy(close).count(store));
      break;
    case Kind::kSession:
      to_out(grouped.windowed_by(SessionWindows::of_inactivity_gap_and_grace(size, grace)).emit_strategy(close).count(store));
      break;
  }
  return builder.build();
}

Text named(const Text& key, Long start, Long end) {
  return "[" + key + "@" + std::to_string(start) + "/" + std::to_string(end) + "]";
}

/// The windows of fixed size that take a record of this time when stream time is `observed`.
void add_record(Kind kind, const Text& key, Long time, Long observed, Counts& windows) {
  const Long advance = kind == Kind::kTumbling ? kSize : kAdvance;
  for (Long start = time / advance * advance; start > time - kSize && start >= 0; start -= advance) {
    if (start + kSize > observed - kGrace) ++windows[named(key, start, start + kSize)];
  }
}

struct Session {
  Long start = 0;
  Long end = 0;
  Long count = 0;
};
/// A record of this time among a key's sessions, when stream time is `observed`: those that are closed are as they are.
void add_to_sessions(Long time, Long observed, std::vector<Session>& sessions) {
  const Long closed = observed - kSize - kGrace;
  Session session{time, time, 1};
  const auto merged = [&](const Session& old) {
    if (old.end < closed || old.end < time - kSize || old.start > time + kSize) return false;
    session = {std::min(session.start, old.start), std::max(session.end, old.end), session.count + old.count};
    return true;
  };
  std::vector<Session> others;
  for (const Session& old : sessions) {
    if (!merged(old)) others.push_back(old);
  }
  if (session.end < closed) return;
  others.push_back(session);
  sessions = std::move(others);
}

/// Sliding windows, of one key's times, in order.
void add_windows(const Text& key, const std::vector<Long>& times, Counts& windows) {
  const auto count = [&times](Long from, Long to) {  // both inclusive
    return std::upper_bound(times.begin(), times.end(), to) - std::lower_bound(times.begin(), times.end(), from);
  };
  for (const Long time : times) {
    windows[named(key, time - kSize, time)] = count(time - kSize, time);
    const Long behind = count(time + 1, time + 1 + kSize);
    if (behind > 0) windows[named(key, time + 1, time + 1 + kSize)] = behind;
  }
}

/// What `in` has come to, each window once.
void take(TopologyTestDriver& driver, Counts& emitted) {
  auto out = driver.create_output_topic<Text, Long>("out");
  while (!out.is_empty()) {
    const auto row = out.read_record();
    EXPECT_TRUE(emitted.emplace(*row.key, row.value.value_or(-1)).second) << *row.key << " comes twice";
  }
}

struct Outcome {
  Counts emitted;
  Counts expected;
};
Outcome run(Kind kind, StoreEngineKind engine, bool exactly_as_kafka_streams, std::mt19937& random) {
  StreamsConfig config{.application_id = "app"};
  config.exactly_as_kafka_streams = exactly_as_kafka_streams;
  TopologyTestDriver driver(counted(kind, engine), config);
  std::map<Text, std::vector<Long>> times;
  std::map<Text, std::vector<Session>> sessions;
  Outcome outcome;
  const Long pace = Long{1} << (random() % 18);
  const Long clock = Long{1} << (random() % 12);
  const bool restarts = random() % 2 == 0;
  Long time = 1000;
  Long observed = 0;
  for (int record = 0; record < 60; ++record) {
    time += static_cast<Long>(random() % (random() % 10 == 0 ? 40 * pace : pace));
    const Text key(1, static_cast<char>('a' + random() % 2));
    Long at_time = time;
    // Late, some too late.
    if (kind != Kind::kSliding && random() % 3 == 0) {
      at_time -=
          static_cast<Long>(random() % static_cast<unsigned>(kind == Kind::kSession ? 2 * (kSize + kGrace) : 2 * kGrace));
    }
    at_time = std::max<Long>(at_time, 0);
    driver.create_input_topic<Text, Text>("in").pipe_input(key, "x", Timestamp(at_time));
    observed = std::max(observed, at_time);
    if (kind == Kind::kSliding) {
      times[key].push_back(at_time);
    } else if (kind == Kind::kSession) {
      add_to_sessions(at_time, observed, sessions[key]);
    } else {
      add_record(kind, key, at_time, observed, outcome.expected);
    }
    driver.advance_wall_clock_time(std::chrono::milliseconds(random() % clock));
    if (restarts && random() % 8 == 0) driver.restart();
    take(driver, outcome.emitted);
  }
  for (const auto& [key, of_key] : times) add_windows(key, of_key, outcome.expected);
  for (const auto& [key, of_key] : sessions) {
    for (const Session& session : of_key) outcome.expected[named(key, session.start, session.end)] = session.count;
  }
  driver.advance_wall_clock_time(2s);
  driver.create_input_topic<Text, Text>("in").pipe_input("z", "x", Timestamp(time + kLong));
  take(driver, outcome.emitted);
  return outcome;
}

TEST(EmitOnClose, EachWindowOnceWithAllItsRecords) {
  std::mt19937 random(1);
  for (const Kind kind : kKinds) {
    for (const StoreEngineKind engine : {StoreEngineKind::kInMemory, StoreEngineKind::kPersistent}) {
      for (int i = 0; i < 100; ++i) {
        const Outcome outcome = run(kind, engine, false, random);
        ASSERT_EQ(outcome.emitted, outcome.expected) << "kind " << static_cast<int>(kind) << ", run " << i;
      }
    }
  }
}

TEST(EmitOnClose, LosesSomeExactlyAsKafkaStreams) {
  std::mt19937 random(1);
  for (const Kind kind : kKinds) {
    int wrong = 0;
    for (int i = 0; i < 20; ++i) {
      const Outcome outcome = run(kind, StoreEngineKind::kInMemory, true, random);
      wrong += outcome.emitted != outcome.expected ? 1 : 0;
    }
    EXPECT_GT(wrong, 0) << "kind " << static_cast<int>(kind);
  }
}

/// What comes to "out" of these records (key, time); between them the task restarts, or the clock goes on, as it does by 2 s in front
/// of the last one.
Texts emitted(StreamsBuilder& builder, const std::vector<std::pair<Text, Long>>& records) {
  TopologyTestDriver driver(builder.build(), StreamsConfig{.application_id = "app"});
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (i + 1 == records.size()) driver.advance_wall_clock_time(2s);
    if (records[i].first == "restart") {
      driver.restart();
    } else if (records[i].first == "clock") {
      driver.advance_wall_clock_time(std::chrono::milliseconds(records[i].second));
    } else {
      driver.create_input_topic<Text, Text>("in").pipe_input(records[i].first, "x", Timestamp(records[i].second));
    }
  }
  return all_of<Long>(driver);
}

TEST(EmitOnClose, WhatIsLateIsLateAlsoAfterARestart) {
  StreamsBuilder builder;
  to_out(builder.stream<Text, Text>("in")
             .group_by_key()
             .windowed_by(TimeWindows::of_size_with_no_grace(100ms))
             .emit_strategy(EmitStrategy::kOnWindowClose)
             .count({.store_name = "counts", .engine = StoreEngineKind::kInMemory}));
  EXPECT_EQ(emitted(builder, {{"a", 10}, {"a", 20}, {"b", 5000}, {"restart", 0}, {"a", 30}, {"b", 5200}}),
            (Texts{"[a@0/100]=2@20", "[b@5000/5100]=1@5000"}));
}

TEST(EmitOnClose, AnEmittedSessionIsNotMergedWithAnother) {
  StreamsBuilder builder;
  to_out(builder.stream<Text, Text>("in")
             .group_by_key()
             .windowed_by(SessionWindows::of_inactivity_gap_and_grace(200ms, 70ms))
             .emit_strategy(EmitStrategy::kOnWindowClose)
             .count({.store_name = "counts", .retention = 10s}));
  EXPECT_EQ(emitted(builder, {{"a", 1000}, {"clock", 2000}, {"b", 1271}, {"a", 1150}, {"b", 100'000}}),
            (Texts{"[a@1000/1000]=1@1000", "[a@1150/1150]=1@1150", "[b@1271/1271]=1@1271"}));
}

// Also in its last millisecond, when the default retention would hide it.
TEST(EmitOnClose, AnOpenSessionIsMerged) {
  for (const StoreEngineKind engine : {StoreEngineKind::kInMemory, StoreEngineKind::kPersistent}) {
    for (const Long late : {1000, 1100}) {
      StreamsBuilder builder;
      to_out(builder.stream<Text, Text>("in")
                 .group_by_key()
                 .windowed_by(SessionWindows::of_inactivity_gap_and_grace(200ms, 70ms))
                 .emit_strategy(EmitStrategy::kOnWindowClose)
                 .count({.store_name = "counts", .engine = engine}));
      const Text end = std::to_string(late);
      EXPECT_EQ(emitted(builder, {{"a", 1000}, {"b", 1270}, {"a", late}, {"c", 100'000}}),
                (Texts{"[a@1000/" + end + "]=2@" + end, "[b@1270/1270]=1@1270"}));
    }
  }
}

// The store's own time is that of the windows put, which may begin behind the last record.
TEST(EmitOnClose, ALateRecordSeesItsNeighbourAlsoAtTheEdgeOfTheRetention) {
  for (const StoreEngineKind engine : {StoreEngineKind::kInMemory, StoreEngineKind::kPersistent}) {
    StreamsBuilder builder;
    to_out(builder.stream<Text, Text>("in")
               .group_by_key()
               .windowed_by(SlidingWindows::of_time_difference_and_grace(200ms, 70ms))
               .emit_strategy(EmitStrategy::kOnWindowClose)
               .count({.store_name = "counts", .engine = engine}));
    const Texts texts = emitted(builder, {{"a", 1000}, {"b", 1269}, {"b", 1270}, {"a", 1150}, {"c", 100'000}});
    EXPECT_EQ(std::count(texts.begin(), texts.end(), "[a@1001/1201]=1@1150"), 1);
  }
}

// Neither what waits in a cache of the other table nor what lies below it, but what that has closed with.
TEST(EmitOnClose, JoinsOfClosedWindowsHaveAllRecordsOfBoth) {
  for (const bool commit_between : {false, true}) {
    StreamsBuilder builder;
    const auto grouped = builder.stream<Text, Text>("in").group_by_key().windowed_by(TimeWindows::of_size_with_no_grace(100ms));
    const auto closed = grouped.emit_strategy(EmitStrategy::kOnWindowClose);
    to_out(
        closed.count({.store_name = "counts"})
            .join(closed.reduce([](const Text& so_far, const Text& value) { return so_far + value; }, {.store_name = "texts"}),
                  [](Long count, const Text& text) { return std::to_string(count) + text; }));
    TopologyTestDriver driver(builder.build(), at_once());
    driver.commit_after_each_record(false);
    auto in = driver.create_input_topic<Text, Text>("in");
    in.pipe_input("a", "x", at(10ms));
    if (commit_between) driver.commit();
    in.pipe_input("a", "y", at(20ms));
    in.pipe_input("b", "z", at(5s));
    driver.commit();
    const Texts texts = all_of<Text>(driver);
    ASSERT_FALSE(texts.empty());
    EXPECT_EQ(texts.back(), "[a@0/100]=2xy@20") << commit_between;
  }
}

/// From 300 to 700 of each thousand.
class Shifts final : public Windows {
 public:
  std::vector<Window> windows_for(Timestamp time) const override {
    const Long start = time.value / 1000 * 1000 + 300;
    if (time.value < start || time.value >= start + 400) return {};
    return {{Timestamp(start), Timestamp(start + 400)}};
  }
  std::chrono::milliseconds size() const override { return 400ms; }
  std::chrono::milliseconds grace_period() const override { return 0ms; }
};
TEST(EmitOnClose, WindowsOfOnesOwnMayLeavePauses) {
  StreamsBuilder builder;
  to_out(builder.stream<Text, Text>("in")
             .group_by_key()
             .windowed_by(std::make_shared<Shifts>())
             .emit_strategy(EmitStrategy::kOnWindowClose)
             .count({.store_name = "counts"}));
  Texts expected;
  std::vector<std::pair<Text, Long>> records;
  for (Long day = 0; day < 500; ++day) {
    records.emplace_back("a", day * 1000 + 400);
    records.emplace_back("a", day * 1000 + 450);
    expected.push_back("[a@" + std::to_string(day * 1000 + 300) + "/" + std::to_string(day * 1000 + 700) + "]=2@" +
                       std::to_string(day * 1000 + 450));
  }
  records.emplace_back("b", 10'000'000'400);
  EXPECT_EQ(emitted(builder, records), expected);
}

}  // namespace
}  // namespace tidemill
