// Questions while there is much to do: records are processed, committed and taken back, threads die, tasks move. An answer has
// counted just what its position says, what was committed is never taken back, and nobody who asks holds up the application.
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include <gmock/gmock.h>

#include "engines.hpp"

namespace tidemill::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using Text = std::string;
using Long = std::int64_t;
constexpr auto kLive = QueryIsolation::kReadUncommitted;
constexpr auto kCommitted = QueryIsolation::kReadCommitted;
constexpr std::int32_t kPartitions = 4;
constexpr int kKeys = 40;

/// Every record is counted once in each store. Now and then the node before them fails, which takes all back to the last commit.
class Counting {
 public:
  Topology topology(StoreEngineKind engine) {
    StreamsBuilder builder;
    const auto words = builder.stream<Text, Text>("in")
                           .peek([this](const Text&, const Text&) {
                             if (to_fail_ > 0 && to_fail_.fetch_sub(1) == 1) throw std::runtime_error("boom");
                           })
                           .group_by_key();
    words.count({.store_name = "counts", .engine = engine});
    words.windowed_by(TimeWindows::of_size_with_no_grace(10ms))
        .count({.store_name = "windows", .engine = engine, .retention = 1h});
    words.windowed_by(SessionWindows::of_inactivity_gap_with_no_grace(10ms))
        .count({.store_name = "sessions", .engine = engine, .retention = 1h});
    return builder.build();
  }
  /// After so many records; of all instances together.
  void fail_after(int records) { to_fail_ = records; }
  [[nodiscard]] bool has_failed() const { return to_fail_ <= 0; }

 private:
  std::atomic<int> to_fail_{0};
};

template <class T>
Long sum_of(const T& rows) {
  Long sum = 0;
  for (const auto& row : rows) sum += row.second;
  return sum;
}
Long seen_records(const Position& position, std::int32_t partition) {
  const auto topic = position.find("in");
  if (topic == position.end()) return 0;
  const auto offset = topic->second.find(partition);
  return offset == topic->second.end() ? 0 : offset->second + 1;
}

/// Threads that ask all instances in turn, each its own question, until it is told to stop.
class Askers {
 public:
  explicit Askers(std::vector<const Streams*> instances) : instances_(std::move(instances)) {
    for (const QueryIsolation isolation : {kLive, kCommitted}) {
      start(isolation, "counts", RangeQuery<Text, Long>{});
      start(isolation, "windows", WindowRangeQuery<Text, Long>{});
      start_views(isolation);
    }
  }
  ~Askers() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
  }
  /// Everyone has got an answer that was asked for after this call.
  void wait_for_answers() {
    std::vector<std::uint64_t> before;
    for (const auto& count : answered_) before.push_back(count);
    ASSERT_TRUE(eventually([&] {
      for (std::size_t i = 0; i < before.size(); ++i) {
        if (answered_[i] < before[i] + 2) return false;
      }
      return true;
    })) << "somebody gets no answers";
  }

 private:
  template <class Q>
  void start(QueryIsolation isolation, Text store, Q query) {
    std::atomic<std::uint64_t>& answered = answered_.emplace_back(0);
    threads_.emplace_back([this, &answered, isolation, store = std::move(store), query = std::move(query)] {
      Position seen;
      for (std::size_t turn = 0; !stop_; ++turn) {
        StateQueryRequest request{.store_name = store, .require_active = true, .isolation = isolation};
        if (isolation == kCommitted) request.position_bound = PositionBound::at(seen);
        const auto result = instances_[turn % instances_.size()]->query(request, query);
        if (!result) continue;  // that instance does not run now
        for (const auto& [partition, answer] : result->partition_results()) {
          if (answer.is_failure()) {
            EXPECT_THAT(answer.failure_reason(),
                        ::testing::AnyOf(FailureReason::kNotPresent, FailureReason::kNotActive, FailureReason::kNotUpToBound))
                << answer.failure_message();
            continue;
          }
          EXPECT_EQ(sum_of(answer.result()), seen_records(answer.position(), partition)) << store << " " << partition;
          EXPECT_TRUE(request.position_bound.admits(answer.position(), partition));
          merge(seen, answer.position());
          ++answered;
        }
      }
    });
  }
  void start_views(QueryIsolation isolation) {
    std::atomic<std::uint64_t>& answered = answered_.emplace_back(0);
    threads_.emplace_back([this, &answered, isolation] {
      for (std::size_t turn = 0; !stop_; ++turn) {
        const Streams& instance = *instances_[turn % instances_.size()];
        const QueryableSessionStore<Text, Long> sessions(instance, "sessions");
        const auto all = sessions.fetch(nullptr, nullptr, {.isolation = isolation});
        if (!all) {
          EXPECT_THAT(all.error().kind, ::testing::AnyOf(ErrorKind::kUnavailable, ErrorKind::kClosed)) << all.error().message;
          continue;
        }
        Long seen = 0;
        for (std::int32_t partition = 0; partition < kPartitions; ++partition) seen += seen_records(all->position, partition);
        EXPECT_EQ(sum_of(all->value), seen);
        ++answered;
      }
    });
  }

  const std::vector<const Streams*> instances_;
  std::atomic<bool> stop_{false};
  std::deque<std::atomic<std::uint64_t>> answered_;
  std::vector<std::thread> threads_;
};

class BusyQueries : public OverEngines {
 protected:
  BusyQueries() {
    EXPECT_TRUE(
        log_->admin().create_topic({.name = "in", .partitions = kPartitions, .replication_factor = -1, .config = {}}, soon()));
  }
  [[nodiscard]] StreamsConfig exactly_once(const Text& instance, int threads) const {
    StreamsConfig made = config(log_, threads);
    made.state_dir += "/" + instance;
    made.processing_guarantee = ProcessingGuarantee::kExactlyOnceV2;
    return made;
  }
  void produce_some(int per_key = 4) {
    std::vector<Piped> records;
    for (int i = 0; i < kKeys * per_key; ++i) {
      records.push_back(
          {.key = "k" + std::to_string(i % kKeys), .value = "x", .timestamp = now_, .partition = i % kKeys % kPartitions});
    }
    produce(*log_, "in", records);
    produced_ += per_key;
  }
  const std::shared_ptr<Log> log_ = in_memory_log({.default_partitions = kPartitions});
  /// Of all records; of today, or the log would delete them from the changelogs of windows and sessions, as Kafka does.
  const std::int64_t now_ = system_clock().now().wall.value;
  Long produced_ = 0;  // of each key
};
INSTANTIATE_TEST_SUITE_P(Engines, BusyQueries, ::testing::ValuesIn(all_engines()), name_of);

TEST_P(BusyQueries, AnswersFitTheirPositionsWhileThreadsDieAndAreReplaced) {
  Counting counting;
  Streams streams(counting.topology(GetParam().kind), exactly_once("a", 2));
  streams.set_uncaught_exception_handler([](const Text&, const Error&) { return UncaughtExceptionAnswer::kReplaceThread; });
  ASSERT_TRUE(streams.start());
  {
    Askers askers({&streams});
    for (int round = 0; round < 12; ++round) {
      if (round % 4 == 1) counting.fail_after(57);
      produce_some();
      askers.wait_for_answers();
    }
    ASSERT_TRUE(eventually([&] { return streams.wait_until_caught_up(30s); }));
  }
  EXPECT_TRUE(counting.has_failed());
  const auto all = QueryableStore<Text, Long>(streams, "counts").all().value().value;
  EXPECT_EQ(all.size(), static_cast<std::size_t>(kKeys));
  for (const auto& [key, count] : all) EXPECT_EQ(count, produced_) << key;
  EXPECT_TRUE(streams.close());
}

TEST_P(BusyQueries, AnswersFitTheirPositionsWhileTasksMoveBetweenInstances) {
  Counting counting;
  const Topology topology = counting.topology(GetParam().kind);
  Streams stays(topology, exactly_once("a", 2));
  ASSERT_TRUE(stays.start());
  produce_some();
  for (int round = 0; round < 3; ++round) {
    Streams comes_and_goes(topology, exactly_once("b", 1));
    ASSERT_TRUE(comes_and_goes.start());
    Askers askers({&stays, &comes_and_goes});
    produce_some();
    ASSERT_TRUE(eventually([&] { return !comes_and_goes.metadata_for_local_threads().at(0).tasks.empty(); }));
    askers.wait_for_answers();
    produce_some();
    ASSERT_TRUE(comes_and_goes.close());
    askers.wait_for_answers();
  }
  ASSERT_TRUE(eventually([&] { return stays.wait_until_caught_up(30s); }));
  const auto all = QueryableStore<Text, Long>(stays, "counts").all({.isolation = kCommitted}).value();
  EXPECT_EQ(sum_of(all.value), produced_ * kKeys);
  EXPECT_TRUE(stays.close());
}

/// A gate that the readers of a question's rows wait at.
struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  int waiting = 0;
  bool open = false;
  void pass() {
    std::unique_lock lock(mutex);
    ++waiting;
    changed.notify_all();
    changed.wait(lock, [this] { return open; });
  }
};
Serde<Text> behind(std::shared_ptr<Gate> gate) {
  return Serde<Text>([](const void*, std::string_view, const Text& value, Bytes& out) { out += value; },
                     [](const void* state, std::string_view, BytesView bytes) {
                       const_cast<Gate*>(static_cast<const Gate*>(state))->pass();
                       return Text(bytes);
                     },
                     std::move(gate));
}

TEST_P(BusyQueries, WhoReadsAnAnswerLateHoldsUpNeitherRecordsNorCommits) {
  Counting counting;
  Streams streams(counting.topology(GetParam().kind), exactly_once("a", 1));
  ASSERT_TRUE(streams.start());
  produce_some(1);
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  const auto gate = std::make_shared<Gate>();
  std::vector<std::thread> late;
  for (const QueryIsolation isolation : {kLive, kCommitted}) {
    late.emplace_back([&, isolation] {
      const RangeQuery<Text, Long> query{.key_serde = behind(gate)};
      const auto result = streams.query({.store_name = "counts", .isolation = isolation}, query).value();
      Long records = 0;
      for (const auto& [partition, answer] : result.partition_results()) {
        EXPECT_EQ(sum_of(answer.result()), seen_records(answer.position(), partition));
        records += sum_of(answer.result());
      }
      EXPECT_EQ(records, kKeys) << "as it was asked for, not as it is now";
    });
  }
  {
    std::unique_lock lock(gate->mutex);
    ASSERT_TRUE(gate->changed.wait_for(lock, 20s, [&] { return gate->waiting == 2; }));
  }
  for (int round = 0; round < 5; ++round) {
    produce_some();
    ASSERT_TRUE(streams.wait_until_caught_up(20s)) << "it commits, too";
    EXPECT_EQ(sum_of(QueryableStore<Text, Long>(streams, "counts").all({.isolation = kCommitted}).value().value),
              produced_ * kKeys);
  }
  {
    const std::lock_guard lock(gate->mutex);
    gate->open = true;
    gate->changed.notify_all();
  }
  for (std::thread& thread : late) thread.join();
  EXPECT_TRUE(streams.close());
}

TEST_P(BusyQueries, AnswersKnowTheirPositionsBehindARestart) {
  Counting counting;
  const Topology topology = counting.topology(GetParam().kind);
  Position before;
  {
    Streams streams(topology, exactly_once("a", 1));
    ASSERT_TRUE(streams.start());
    produce_some();
    ASSERT_TRUE(streams.wait_until_caught_up(20s));
    before = streams.query({.store_name = "counts"}, RangeQuery<Text, Long>{}).value().position();
    ASSERT_TRUE(streams.close());
  }
  // With its own state, and as another instance that has none: from the changelogs alone.
  for (const char* instance : {"a", "b"}) {
    Streams streams(topology, exactly_once(instance, 2));
    ASSERT_TRUE(streams.start());
    ASSERT_TRUE(streams.wait_until_caught_up(20s));
    for (const QueryIsolation isolation : {kLive, kCommitted}) {
      const auto result = streams
                              .query({.store_name = "counts",
                                      .position_bound = PositionBound::at(before),
                                      .require_active = true,
                                      .isolation = isolation},
                                     RangeQuery<Text, Long>{})
                              .value();
      ASSERT_EQ(result.partition_results().size(), static_cast<std::size_t>(kPartitions));
      for (const auto& [partition, answer] : result.partition_results()) {
        ASSERT_TRUE(answer.is_success()) << instance << ": " << answer.failure_message();
        EXPECT_EQ(sum_of(answer.result()), seen_records(answer.position(), partition));
      }
      EXPECT_EQ(result.position(), before);
    }
    ASSERT_TRUE(streams.close());
  }
}

TEST_P(BusyQueries, AQuestionOfAStreamThreadIsRefusedAndOneThatNobodyWaitsForIsSkipped) {
  const auto gate = std::make_shared<Gate>();
  std::atomic<Streams*> application{nullptr};
  std::optional<Error> refused;
  StreamsBuilder builder;
  builder.stream<Text, Text>("in")
      .peek([&, gate](const Text&, const Text&) {
        refused = QueryableStore<Text, Long>(*application, "counts").get("k0").error();
        gate->pass();
      })
      .group_by_key()
      .count({.store_name = "counts", .engine = GetParam().kind});
  Streams streams(builder.build(), exactly_once("a", 1));
  application = &streams;
  ASSERT_TRUE(streams.start());
  produce(*log_, "in", {{.key = "k0", .value = "x", .partition = 0}});
  {
    std::unique_lock lock(gate->mutex);
    ASSERT_TRUE(gate->changed.wait_for(lock, 20s, [&] { return gate->waiting == 1; }));
  }
  EXPECT_EQ(refused->kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(refused->message, HasSubstr("was asked on a stream thread, which would wait for itself"));
  const KeyQuery<Text, Long> key{.key = "k0"};
  const auto late = streams.query({.store_name = "counts", .timeout = 1ms}, key);
  EXPECT_EQ(late.error().kind, ErrorKind::kTimeout) << "its thread is at work on the record";
  EXPECT_THAT(late.error().message, HasSubstr("was not answered for in 1 ms"));
  // What nobody waits for any more has its place in the mailbox still, and there is an end of places.
  std::optional<Error> last;
  for (int i = 0; i < 10'000 && (!last || last->kind == ErrorKind::kTimeout); ++i) {
    last = streams.query({.store_name = "counts", .timeout = 0ms}, key).error();
  }
  EXPECT_EQ(last->kind, ErrorKind::kFull);
  EXPECT_THAT(last->message, HasSubstr("4096 questions wait for an answer already"));
  {
    const std::lock_guard lock(gate->mutex);
    gate->open = true;
    gate->changed.notify_all();
  }
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  EXPECT_EQ(streams.query({.store_name = "counts"}, key).value().only_partition_result()->result(), 1);
  EXPECT_TRUE(streams.close());
}

TEST_P(BusyQueries, AskersGetAnAnswerOrAnErrorWhenTheApplicationIsClosed) {
  Counting counting;
  for (int round = 0; round < 5; ++round) {
    Streams streams(counting.topology(GetParam().kind), exactly_once("a", 2));
    ASSERT_TRUE(streams.start());
    produce_some();
    Askers askers({&streams});
    askers.wait_for_answers();
    ASSERT_TRUE(streams.close());
    // The askers end: nobody waits for an answer that does not come.
  }
}

}  // namespace
}  // namespace tidemill::test
