// Stream threads that are added, removed and replaced while an application runs.
#include <atomic>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <sstream>

#include "running.hpp"
#include "simulated_storage.hpp"

namespace tidemill::test {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;
using Text = std::string;
using Step = std::function<void(const Text& key, const Text& value)>;

/// in -> `step` -> by value -> count per value -> out: two sub-topologies, a repartition topic between them.
Topology counting(Step step = [](const Text&, const Text&) {}) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in")
      .peek([step = std::move(step)](const Text& key, const Text& value) { step(key, value); }, {"look"})
      .group_by([](const Text&, const Text& value) { return value; })
      .count({.store_name = "counts"})
      .to_stream()
      .map_values([](const std::int64_t& count) { return std::to_string(count); })
      .to("out");
  return builder.build();
}
StreamsConfig changing_config(const std::shared_ptr<Log>& log, int threads, std::size_t cache_bytes = 0) {
  StreamsConfig config = running_config(log, threads);
  config.client_id = "client";
  config.statestore_cache_max_bytes = cache_bytes;
  config.poll = 5ms;
  return config;
}
std::set<Text> names(const Streams& streams) {
  std::set<Text> result;
  for (const ThreadMetadata& thread : streams.metadata_for_local_threads()) {
    result.insert(thread.name.substr(thread.name.rfind('-') + 1));
  }
  return result;
}
std::map<TaskId, int> owners(const Streams& streams) {
  std::map<TaskId, int> result;
  for (const ThreadMetadata& thread : streams.metadata_for_local_threads()) {
    for (const TaskMetadata& task : thread.tasks) ++result[task.id];
  }
  return result;
}
bool runs(const Streams& streams) {
  return eventually([&] { return streams.state() == StreamsState::kRunning; });
}
/// Each value's results are 1, 2, 3, ... without a gap and without a repetition, up to `count`.
void expect_exact(Log& log, const std::map<Text, std::int64_t>& counts) {
  std::map<Text, std::int64_t> last;
  for (const Taken& record : consume(log, "out")) {
    ASSERT_EQ(record.value, std::to_string(++last[record.key.value()])) << record.key.value();
  }
  EXPECT_EQ(last, counts);
}

TEST(ChangingThreads, AnAddedOneTakesTasksAndTheLowestFreeNumber) {
  const auto log = in_memory_log({.default_partitions = 6});
  Streams streams(counting(), changing_config(log, 1));
  EXPECT_EQ(streams.add_stream_thread().value(), std::nullopt) << "it has not started";
  EXPECT_EQ(streams.remove_stream_thread().value(), std::nullopt);
  ASSERT_TRUE(streams.start());
  ASSERT_TRUE(runs(streams));
  EXPECT_EQ(streams.add_stream_thread().value(), "client-StreamThread-2");
  EXPECT_EQ(streams.add_stream_thread().value(), "client-StreamThread-3");
  ASSERT_TRUE(eventually([&] {
    const auto threads = streams.metadata_for_local_threads();
    return std::all_of(threads.begin(), threads.end(), [](const ThreadMetadata& one) { return one.tasks.size() == 4; });
  })) << "12 tasks for 3 threads";
  ASSERT_TRUE(runs(streams));
  EXPECT_EQ(metric(streams, "alive-stream-threads"), 3);
  EXPECT_EQ(streams.remove_stream_thread().value(), "client-StreamThread-1") << "the one that is there longest";
  EXPECT_EQ(streams.remove_stream_thread().value(), "client-StreamThread-2");
  EXPECT_EQ(names(streams), std::set<Text>{"3"});
  EXPECT_EQ(metric(streams, "alive-stream-threads"), 1);
  EXPECT_EQ(streams.add_stream_thread().value(), "client-StreamThread-1");
  EXPECT_EQ(streams.add_stream_thread().value(), "client-StreamThread-2");
  EXPECT_EQ(streams.add_stream_thread().value(), "client-StreamThread-4");
  EXPECT_EQ(names(streams), (std::set<Text>{"1", "2", "3", "4"}));
  ASSERT_TRUE(runs(streams));
  ASSERT_TRUE(streams.close());
  EXPECT_EQ(streams.add_stream_thread().value(), std::nullopt);
  EXPECT_EQ(streams.remove_stream_thread().value(), std::nullopt);
  EXPECT_THAT(names(streams), IsEmpty());
}

TEST(ChangingThreads, WithoutAnyTheApplicationRestsAndGoesOnWithTheNextOne) {
  const auto log = in_memory_log({.default_partitions = 4});
  Streams streams(counting(), changing_config(log, 2));
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{.key = "a", .value = "x"}, {.key = "b", .value = "x"}});
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  ASSERT_TRUE(streams.remove_stream_thread().value());
  ASSERT_TRUE(streams.wait_until_caught_up(20s)) << "the other one has all tasks: the state is that of the rest, and stays";
  ASSERT_TRUE(streams.remove_stream_thread().value());
  EXPECT_EQ(streams.remove_stream_thread().value(), std::nullopt) << "there is none left";
  EXPECT_EQ(streams.state(), StreamsState::kRunning);
  EXPECT_EQ(metric(streams, "alive-stream-threads"), 0);
  EXPECT_THAT(streams.metadata_for_local_threads(), IsEmpty());
  produce(*log, "in", {{.key = "c", .value = "x"}});
  EXPECT_FALSE(streams.wait_until_caught_up(50ms));
  EXPECT_THAT(consume(*log, "out"), SizeIs(2));
  EXPECT_EQ(streams.add_stream_thread().value(), "client-StreamThread-1");
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  expect_exact(*log, {{"x", 3}});
  EXPECT_EQ(streams.query_get("counts", "x").value().rows.size(), 1U);
  ASSERT_TRUE(streams.remove_stream_thread().value());
  EXPECT_TRUE(streams.close()) << "without threads, too";
  EXPECT_EQ(streams.state(), StreamsState::kNotRunning);
}

/// Records flow from one thread, threads come and go from another, and at the end each count is what it must be.
class Flowing : public ::testing::TestWithParam<std::size_t> {
 protected:
  static constexpr int kValues = 7;
  static constexpr int kRounds = 12;
  static constexpr int kBurstsMax = 5000;

  void flow(const std::function<void(Streams&, int round)>& change) {
    const auto log = in_memory_log({.default_partitions = 4});
    Streams streams(counting(), changing_config(log, 2, GetParam()));
    ASSERT_TRUE(streams.start());
    std::map<Text, std::int64_t> counts;
    std::atomic<bool> changed{false};
    std::thread producer([&] {
      int number = 0;
      for (int burst = 0; burst < kBurstsMax && !changed; ++burst) {
        std::vector<Piped> records;
        for (int i = 0; i < 20; ++i, ++number) {
          records.push_back({.key = "k" + std::to_string(number), .value = "v" + std::to_string(number % kValues)});
          ++counts[records.back().value];
        }
        produce(*log, "in", records);
      }
    });
    for (int round = 0; round < kRounds; ++round) change(streams, round);
    changed = true;
    producer.join();
    ASSERT_TRUE(eventually([&] { return streams.wait_until_caught_up(1s); }, 60s));
    for (const auto& [task, times] : owners(streams)) EXPECT_EQ(times, 1) << to_string(task);
    EXPECT_THAT(owners(streams), SizeIs(8));
    EXPECT_EQ(streams.state(), StreamsState::kRunning);
    EXPECT_EQ(streams.error(), std::nullopt);
    for (const auto& [value, count] : counts) {
      const auto rows = streams.query_get("counts", value).value().rows;
      ASSERT_THAT(rows, SizeIs(1)) << value;
      EXPECT_EQ(SerdeOf<std::int64_t>::serde().deserialize({}, BytesView(rows.front().value).substr(8)), count) << value;
    }
    if (GetParam() == 0) {
      expect_exact(*log, counts);
    } else {
      for (const auto& [value, last] : last_values(*log, "out")) EXPECT_EQ(last, std::to_string(counts[value])) << value;
    }
    EXPECT_TRUE(streams.close());
  }
};
INSTANTIATE_TEST_SUITE_P(Caches, Flowing, ::testing::Values(0, 4000, 1 << 20));

TEST_P(Flowing, CountsStayExactWhileThreadsAreAdded) {
  flow([](Streams& streams, int round) {
    if (round < 4) {
      ASSERT_TRUE(streams.add_stream_thread().value());
    }
    static_cast<void>(streams.wait_until_caught_up(20ms));
  });
}
TEST_P(Flowing, CountsStayExactWhileThreadsAreRemoved) {
  flow([](Streams& streams, int round) {
    if (round < 3) {
      ASSERT_TRUE(streams.add_stream_thread().value());
    }
    if (round >= 3 && round < 7) {
      ASSERT_TRUE(streams.remove_stream_thread(20s).value());
    }
    static_cast<void>(streams.wait_until_caught_up(20ms));
  });
}
TEST_P(Flowing, CountsStayExactWhileAllThreadsGoAndOthersCome) {
  flow([](Streams& streams, int round) {
    while (streams.remove_stream_thread(20s).value()) {
    }
    EXPECT_THAT(streams.metadata_for_local_threads(), IsEmpty());
    for (int i = 0; i <= round % 3; ++i) ASSERT_TRUE(streams.add_stream_thread().value());
    static_cast<void>(streams.wait_until_caught_up(20ms));
  });
}
TEST_P(Flowing, CountsStayExactWhileTwoChangeThreadsAtOnce) {
  flow([](Streams& streams, int) {
    std::thread other([&] {
      for (int i = 0; i < 2; ++i) static_cast<void>(streams.add_stream_thread().value());
      static_cast<void>(streams.metrics());
      static_cast<void>(streams.remove_stream_thread(20s).value());
    });
    static_cast<void>(streams.remove_stream_thread(20s).value());
    static_cast<void>(streams.query_get("counts", "v1"));
    streams.pause();
    static_cast<void>(streams.add_stream_thread().value());
    streams.resume();
    for (int i = 0; i < 2; ++i) static_cast<void>(streams.remove_stream_thread(20s).value());
    other.join();
    if (streams.metadata_for_local_threads().empty()) {
      ASSERT_TRUE(streams.add_stream_thread().value());
    }
  });
}

TEST(ChangingThreads, ThoseOfAPausedApplicationAreBornPaused) {
  const auto log = in_memory_log({.default_partitions = 2});
  std::atomic<int> seen{0};
  Streams streams(counting([&](const Text&, const Text&) { ++seen; }), changing_config(log, 1));
  ASSERT_TRUE(streams.start());
  ASSERT_TRUE(runs(streams));
  streams.pause();
  ASSERT_TRUE(streams.remove_stream_thread().value());
  ASSERT_TRUE(streams.add_stream_thread().value());
  produce(*log, "in", {{.key = "a", .value = "x"}});
  EXPECT_FALSE(streams.wait_until_caught_up(50ms));
  EXPECT_EQ(seen, 0);
  streams.resume();
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  EXPECT_EQ(seen, 1);
}

TEST(ChangingThreads, AProcessorMayRemoveAnotherThreadAndAtLastItsOwn) {
  const auto log = in_memory_log({.default_partitions = 4});
  Streams* application = nullptr;
  std::mutex mutex;
  std::vector<Text> removed;
  Streams streams(counting([&](const Text&, const Text& value) {
                    if (value != "fewer") return;
                    const auto name = application->remove_stream_thread().value();
                    const std::lock_guard lock(mutex);
                    removed.push_back(name.value_or("none"));
                  }),
                  changing_config(log, 2));
  application = &streams;
  ASSERT_TRUE(streams.start());
  ASSERT_TRUE(runs(streams));
  produce(*log, "in", {{.key = "a", .value = "fewer"}});
  ASSERT_TRUE(eventually([&] { return metric(streams, "alive-stream-threads") == 1; }));
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  produce(*log, "in", {{.key = "b", .value = "fewer"}});
  ASSERT_TRUE(eventually([&] { return streams.metadata_for_local_threads().empty(); }));
  EXPECT_THAT(removed, UnorderedElementsAre("client-StreamThread-1", "client-StreamThread-2"));
  EXPECT_EQ(streams.state(), StreamsState::kRunning);
  EXPECT_EQ(streams.add_stream_thread().value().value().substr(0, 20), "client-StreamThread-");
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  expect_exact(*log, {{"fewer", 2}});
}

TEST(ChangingThreads, AListenerMayAddAndRemoveThem) {
  const auto log = in_memory_log({.default_partitions = 4});
  Streams* application = nullptr;
  std::atomic<int> changes{0};
  Streams streams(counting(), changing_config(log, 2));
  application = &streams;
  streams.set_state_listener([&](StreamsState now, StreamsState) {
    if (now != StreamsState::kRunning || changes >= 4) return;
    const bool adds = ++changes % 2 == 1;
    EXPECT_TRUE((adds ? application->add_stream_thread() : application->remove_stream_thread()).value());
  });
  ASSERT_TRUE(streams.start());
  ASSERT_TRUE(eventually([&] { return changes == 4; }));
  produce(*log, "in", {{.key = "a", .value = "x"}});
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  EXPECT_EQ(metric(streams, "alive-stream-threads"), 2);
  expect_exact(*log, {{"x", 1}});
}

TEST(ChangingThreads, OneThatDoesNotEndIsNamedAndEndsLater) {
  const auto log = in_memory_log({.default_partitions = 1});
  std::atomic<bool> at_work{false};
  std::atomic<bool> go_on{false};
  Streams streams(counting([&](const Text&, const Text&) {
                    at_work = true;
                    go_on.wait(false);
                  }),
                  changing_config(log, 1));
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{.key = "a", .value = "x"}});
  ASSERT_TRUE(eventually([&] { return at_work.load(); }));
  const auto removed = streams.remove_stream_thread(20ms);
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().kind, ErrorKind::kTimeout);
  EXPECT_THAT(removed.error().message,
              AllOf(HasSubstr("client-StreamThread-1 has not ended within 20 ms"), HasSubstr("node \"look\" of task 0_0")));
  EXPECT_EQ(streams.remove_stream_thread(20ms).value(), std::nullopt) << "it goes already";
  EXPECT_EQ(streams.add_stream_thread().value(), "client-StreamThread-2") << "its number is not free yet";
  go_on = true;
  go_on.notify_all();
  ASSERT_TRUE(eventually([&] { return names(streams) == std::set<Text>{"2"}; }));
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  expect_exact(*log, {{"x", 1}});
}

TEST(ChangingThreads, TheRecordCachesKeepTheirCommonBudget) {
  constexpr std::size_t kBudget = 40000;
  const auto log = in_memory_log({.default_partitions = 4});
  Streams streams(counting(), changing_config(log, 1, kBudget));
  ASSERT_TRUE(streams.start());
  const auto fill = [&] {
    std::vector<Piped> records;
    for (int i = 0; i < 2000; ++i) records.push_back({.key = "k", .value = "v" + std::to_string(i)});
    produce(*log, "in", records);
  };
  fill();
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  EXPECT_GT(metric(streams, "cache-size-bytes-total"), kBudget / 2);
  EXPECT_LE(metric(streams, "cache-size-bytes-total"), kBudget);
  for (int threads = 2; threads <= 4; ++threads) {
    ASSERT_TRUE(streams.add_stream_thread().value());
    fill();
    ASSERT_TRUE(streams.wait_until_caught_up(20s));
    ASSERT_TRUE(eventually([&] {
      double most = 0;
      for (const Metric& one : streams.metrics()) {
        if (one.name == "cache-size-bytes-total") most = std::max(most, one.value);
      }
      return most <= static_cast<double>(kBudget) / threads;
    })) << threads;
  }
  while (streams.remove_stream_thread().value()) {
  }
  ASSERT_TRUE(streams.add_stream_thread().value());
  fill();
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  EXPECT_GT(metric(streams, "cache-size-bytes-total"), kBudget / 2) << "one alone has all of it again";
  std::map<Text, Text> expected;
  for (int i = 0; i < 2000; ++i) expected["v" + std::to_string(i)] = "5";
  EXPECT_EQ(last_values(*log, "out"), expected);
}

/// What the library logs, for as long as it is there.
class Logged {
 public:
  Logged() {
    spdlog::register_logger(
        std::make_shared<spdlog::logger>("tidemill", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_)));
  }
  ~Logged() { spdlog::drop("tidemill"); }
  Logged(const Logged&) = delete;
  Logged& operator=(const Logged&) = delete;
  /// When nobody logs any more.
  [[nodiscard]] Text text() const { return text_.str(); }

 private:
  std::ostringstream text_;
};

TEST(ChangingThreads, AThreadThatFailsAgainAndAgainIsNotReplacedForEver) {
  const Logged logged;
  const auto log = in_memory_log({.default_partitions = 2});
  std::atomic<int> failed{0};
  std::set<Text> failed_names;
  Streams streams(counting([](const Text&, const Text&) { throw std::runtime_error("boom"); }), changing_config(log, 2));
  streams.set_uncaught_exception_handler([&](const Text& thread, const Error&) {
    failed_names.insert(thread);
    ++failed;
    return UncaughtExceptionAnswer::kReplaceThread;
  });
  ASSERT_TRUE(streams.start());
  ASSERT_TRUE(runs(streams));
  produce(*log, "in", {{.key = "a", .value = "x"}});
  ASSERT_TRUE(streams.wait_until_stopped(60s));
  EXPECT_EQ(streams.state(), StreamsState::kError);
  EXPECT_THAT(streams.error()->message, AllOf(HasSubstr("boom"), HasSubstr("10 times more than there are threads within 60 s"),
                                              HasSubstr("does not mend")));
  EXPECT_GE(failed, 10);
  EXPECT_LE(failed, 14);
  EXPECT_GE(failed_names.size(), 2U);
  EXPECT_EQ(metric(streams, "failed-stream-threads"), failed);
  EXPECT_EQ(metric(streams, "alive-stream-threads"), 0);
  EXPECT_TRUE(streams.close());
  EXPECT_THAT(logged.text(),
              AllOf(HasSubstr(" has failed and is replaced in "),
                    HasSubstr("the application ends in ERROR: stream threads fail again as soon as they are replaced")));
}

TEST(ChangingThreads, ThreadsOfALogThatHasFailedAreNotReplacedForEver) {
  simulation::SimulatedStorage storage(1);
  SeededRandom random(1);
  const std::shared_ptr<Log> log =
      open_embedded_log(storage, system_clock(), random, {.default_partitions = 2, .background_thread = false}).value();
  std::atomic<int> failed{0};
  Streams streams(counting([&](const Text&, const Text& value) {
                    if (value == "gone") storage.fail(1, {simulation::Operation::kSync, simulation::Operation::kWrite}, true);
                  }),
                  changing_config(log, 2));
  streams.set_uncaught_exception_handler([&](const Text&, const Error&) {
    ++failed;
    return UncaughtExceptionAnswer::kReplaceThread;
  });
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{.key = "a", .value = "x"}});
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  produce(*log, "in", {{.key = "a", .value = "gone"}});
  ASSERT_TRUE(streams.wait_until_stopped(60s));
  EXPECT_EQ(streams.state(), StreamsState::kError);
  EXPECT_LE(failed, 14);
  EXPECT_THAT(streams.error()->message, AllOf(HasSubstr("a new thread does not mend this"), HasSubstr("Input/output error")));
  EXPECT_TRUE(streams.close());
}

TEST(ChangingThreads, OneThatFailsWhileItLeavesIsNotReplaced) {
  const auto log = in_memory_log({.default_partitions = 1});
  std::atomic<bool> at_work{false};
  std::atomic<bool> go_on{false};
  std::atomic<bool> armed{true};
  Streams streams(counting([&](const Text&, const Text&) {
                    at_work = true;
                    go_on.wait(false);
                    if (armed) throw std::runtime_error("boom");
                  }),
                  changing_config(log, 1));
  streams.set_uncaught_exception_handler([](const Text&, const Error&) { return UncaughtExceptionAnswer::kReplaceThread; });
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{.key = "a", .value = "x"}});
  ASSERT_TRUE(eventually([&] { return at_work.load(); }));
  EXPECT_FALSE(streams.remove_stream_thread(1ms));
  go_on = true;
  go_on.notify_all();
  ASSERT_TRUE(eventually([&] { return streams.metadata_for_local_threads().empty(); }));
  armed = false;
  EXPECT_TRUE(streams.add_stream_thread().value());
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  EXPECT_EQ(metric(streams, "alive-stream-threads"), 1);
  expect_exact(*log, {{"x", 1}});
}

TEST(ChangingThreads, AllStoresGlobalThereIsNothingForOneToDo) {
  const auto log = in_memory_log({.default_partitions = 1});
  StreamsBuilder builder;
  static_cast<void>(builder.global_table<Text, Text>("names"));
  Streams streams(builder.build(), changing_config(log, 1));
  ASSERT_TRUE(streams.start());
  EXPECT_EQ(streams.add_stream_thread().value(), std::nullopt);
  EXPECT_EQ(streams.remove_stream_thread().value(), std::nullopt);
}

}  // namespace
}  // namespace tidemill::test
