// Restore as an application shows it: to its listener, to who asks for progress, and when it is cut short.
#include <atomic>
#include <mutex>

#include <gmock/gmock.h>

#include "running.hpp"

namespace tidemill::test {
namespace {

using namespace std::chrono_literals;
using Text = std::string;

constexpr int kRecords = 6000;
constexpr int kValueBytes = 2000;  // several polls of the restore consumer

Topology table() {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in").to_table({.store_name = "table"});
  return builder.build();
}
/// A log whose application has had its records and is gone.
std::shared_ptr<Log> log_with_changelog() {
  auto log = in_memory_log({.default_partitions = 1});
  Streams streams(table(), running_config(log));
  EXPECT_TRUE(streams.start());
  for (int at = 0; at < kRecords; at += 1000) {
    std::vector<Piped> records;
    for (int i = at; i < at + 1000; ++i) records.push_back({.key = "k" + std::to_string(i), .value = Text(kValueBytes, 'x')});
    produce(*log, "in", records);
  }
  EXPECT_TRUE(streams.wait_until_caught_up(60s));
  EXPECT_TRUE(streams.close());
  return log;
}

/// Hears a restore and holds its thread in the middle until it is told to go on.
class Listening {
 public:
  void listen(Streams& streams) {
    streams.set_restore_listener({.on_start = [this](const RestoreProgress& p) { start = p; },
                                  .on_batch = [this](const RestoreProgress& p, std::int64_t records) { batch(p, records); },
                                  .on_end =
                                      [this](const RestoreProgress& p, std::int64_t total) {
                                        ended = total;
                                        end = p;
                                      },
                                  .on_suspended = [this](const RestoreProgress&, std::int64_t total) { suspended = total; }});
  }
  void go_on() {
    released_ = true;
    released_.notify_all();
  }
  RestoreProgress start;
  RestoreProgress end;
  std::atomic<bool> half_way{false};
  std::int64_t in_batches = 0;
  std::int64_t ended = -1;
  std::int64_t suspended = -1;
  bool advanced_always = true;

 private:
  void batch(const RestoreProgress& p, std::int64_t records) {
    advanced_always =
        advanced_always && p.start == start.start && p.end == start.end && p.current > last_ && p.current <= p.end;
    last_ = p.current;
    in_batches += records;
    if (p.current.value * 2 < p.end.value || half_way.exchange(true)) return;
    released_.wait(false);
  }
  Offset last_{-1};
  std::atomic<bool> released_{false};
};

TEST(Restore, IsKnownWhileItRunsAndToldBatchByBatch) {
  const auto log = log_with_changelog();
  Listening listening;
  Streams streams(table(), running_config(log));
  listening.listen(streams);
  ASSERT_TRUE(streams.start());
  const bool reached = eventually([&] { return listening.half_way.load(); });
  const std::vector<RestoreProgress> progress = streams.restore_progress();
  EXPECT_EQ(streams.state(), StreamsState::kRebalancing) << "not running before the state is there";
  listening.go_on();
  ASSERT_TRUE(reached);
  ASSERT_EQ(progress.size(), 1U);
  EXPECT_EQ(progress[0].store, "table");
  EXPECT_EQ(to_string(progress[0].changelog), "app-table-changelog-0");
  EXPECT_GT(progress[0].current, progress[0].start);
  EXPECT_LT(progress[0].current, progress[0].end);
  ASSERT_TRUE(streams.wait_until_caught_up(60s));
  EXPECT_TRUE(streams.restore_progress().empty());
  EXPECT_EQ(streams.query_get("table", "k1").value().rows.size(), 1U);
  ASSERT_TRUE(streams.close());
  EXPECT_EQ(listening.start.current, listening.start.start);
  EXPECT_TRUE(listening.advanced_always);
  EXPECT_EQ(listening.in_batches, kRecords);
  EXPECT_EQ(listening.ended, kRecords);
  EXPECT_EQ(listening.end.current, listening.end.end);
  EXPECT_EQ(listening.suspended, -1);
}

TEST(Restore, CutShortIsSuspendedAndBeginsAgain) {
  const auto log = log_with_changelog();
  {
    Listening listening;
    Streams streams(table(), running_config(log));
    listening.listen(streams);
    ASSERT_TRUE(streams.start());
    const bool reached = eventually([&] { return listening.half_way.load(); });
    EXPECT_FALSE(streams.close({.timeout = 10ms})) << "the listener does not return";
    listening.go_on();
    ASSERT_TRUE(reached);
    ASSERT_TRUE(streams.close());
    EXPECT_GT(listening.suspended, 0);
    EXPECT_LT(listening.suspended, kRecords);
    EXPECT_EQ(listening.ended, -1);
  }
  Listening listening;
  Streams streams(table(), running_config(log));
  listening.listen(streams);
  listening.go_on();
  ASSERT_TRUE(streams.start());
  ASSERT_TRUE(streams.wait_until_caught_up(60s));
  ASSERT_TRUE(streams.close());
  EXPECT_EQ(listening.ended, kRecords);
}

/// Keeps the last count of each key in a store with a cache.
class Keeping final : public Processor<Text, std::int64_t, Text, std::int64_t> {
 public:
  void init(ProcessorContext<Text, std::int64_t>& context) override {
    kept_ = context.key_value_store<Text, std::int64_t>("kept");
  }
  void process(const Record<Text, std::int64_t>& record) override { kept_->put(record.key(), record.value()); }

 private:
  std::unique_ptr<KeyValueStore<Text, std::int64_t>> kept_;
};
/// A count with a cache, and a processor behind it that writes to a store which is there before it.
Topology kept_behind_a_cache(bool also_in_front) {
  StreamsBuilder builder;
  builder.add_state_store(Stores::in_memory_key_value_store("kept", {.caching = true}));
  auto in = builder.stream<Text, Text>("in");
  if (also_in_front) {
    in.map_values([](const Text&) { return std::int64_t{0}; }).process([] { return std::make_unique<Keeping>(); }, {"kept"});
  }
  in.group_by_key().count({.store_name = "counts"}).to_stream().process([] { return std::make_unique<Keeping>(); }, {"kept"});
  return builder.build();
}

// Caches are flushed from the inputs down, and again if somebody below writes to one above: a commit leaves nothing in them.
TEST(Restore, HasWhatAProcessorWroteBehindACacheWhereverItsStoreStands) {
  for (const bool also_in_front : {false, true}) {
    auto log = in_memory_log({.default_partitions = 1});
    for (int run = 0; run < 2; ++run) {
      Streams streams(kept_behind_a_cache(also_in_front), running_config(log));
      ASSERT_TRUE(streams.start());
      if (run == 0) produce(*log, "in", {{.key = "a", .value = "x"}, {.key = "a", .value = "y"}, {.key = "b", .value = "z"}});
      ASSERT_TRUE(streams.wait_until_caught_up(60s));
      const QueryableStore<Text, std::int64_t> kept(streams, "kept");
      const auto read = [&](const Text& key) { return kept.get(key, QueryIsolation::kReadCommitted).value().value; };
      EXPECT_EQ(read("a"), 2) << also_in_front << " in run " << run;
      EXPECT_EQ(read("b"), 1) << also_in_front << " in run " << run;
      ASSERT_TRUE(streams.close());
    }
  }
}

Topology held_back() {
  StreamsBuilder builder;
  builder.table<Text, Text>("in")
      .suppress(Suppressed::until_time_limit(1s, BufferConfig::unbounded()).with_name("held"))
      .to_stream()
      .to("out");
  return builder.build();
}
constexpr const char* kHeldBack = "app-held-store-changelog";
/// A log whose application holds back key "a" since time 0.
std::shared_ptr<Log> log_with_held_back() {
  auto log = in_memory_log({.default_partitions = 1});
  Streams streams(held_back(), running_config(log));
  EXPECT_TRUE(streams.start());
  produce(*log, "in", {{.key = "a", .value = "ours", .timestamp = 0}});
  EXPECT_TRUE(streams.wait_until_caught_up(60s));
  EXPECT_TRUE(streams.close());
  return log;
}

// A changelog that was begun with Kafka Streams 2.1: a time, no old value, the new one.
TEST(Restore, TakesWhatAnOldVersionOfJavaHasHeldBack) {
  const auto log = log_with_held_back();
  produce(*log, kHeldBack, {{.key = "b", .value = Text("\0\0\0\0\0\0\0\1\xff\xff\xff\xff\0\0\0\4java", 20), .timestamp = 1}});
  Streams streams(held_back(), running_config(log));
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{.key = "c", .value = "late", .timestamp = 1500}});
  ASSERT_TRUE(streams.wait_until_caught_up(60s));
  ASSERT_TRUE(streams.close());
  EXPECT_EQ(last_values(*log, "out"), (std::map<Text, Text>{{"a", "ours"}, {"b", "java"}}));
}

TEST(Restore, EndsAtAHeldBackChangeOfAVersionToCome) {
  const auto log = log_with_held_back();
  produce(*log, kHeldBack, {{.key = "b", .value = "?", .headers = {{"v", Text("\x04")}}}});
  Streams streams(held_back(), running_config(log));
  streams.set_uncaught_exception_handler([](const Text&, const Error&) { return UncaughtExceptionAnswer::kShutdownClient; });
  ASSERT_TRUE(streams.start());
  ASSERT_TRUE(streams.wait_until_stopped(20s));
  EXPECT_EQ(streams.error()->kind, ErrorKind::kUnsupported);
  EXPECT_THAT(streams.error()->message, ::testing::HasSubstr("store \"held-store\", offset 2 of app-held-store-changelog-0: a "
                                                             "held-back change has version 0x04"));
}

TEST(Restore, AStoreThatWasOfAnotherKindSaysWhichAndWhatToDo) {
  const auto log = in_memory_log({.default_partitions = 1});
  const auto counts = [](bool windowed) {
    StreamsBuilder builder;
    const auto words = builder.stream<Text, Text>("in").group_by_key();
    if (windowed) {
      words.windowed_by(TimeWindows::of_size_with_no_grace(10ms)).count({.store_name = "counts"});
    } else {
      words.count({.store_name = "counts"});
    }
    return builder.build();
  };
  {
    Streams streams(counts(false), running_config(log));
    ASSERT_TRUE(streams.start());
    produce(*log, "in", {{.key = "a", .value = "x"}});
    ASSERT_TRUE(streams.wait_until_caught_up(20s));
    ASSERT_TRUE(streams.close());
  }
  Streams streams(counts(true), running_config(log));
  ASSERT_TRUE(streams.start());
  ASSERT_TRUE(streams.wait_until_stopped(20s));
  ASSERT_TRUE(streams.error());
  EXPECT_THAT(streams.error()->message,
              testing::HasSubstr("store \"counts\" cannot take the records of app-counts-changelog-0"));
  EXPECT_THAT(streams.error()->message, testing::HasSubstr("give it another name"));
}

}  // namespace
}  // namespace tidemill::test
