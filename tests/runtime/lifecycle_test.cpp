// The life of an application with several threads: its states, what becomes of failures, how it ends.
#include <atomic>
#include <set>
#include <thread>

#include <gmock/gmock.h>

#include "running.hpp"

namespace tidemill::test {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Text = std::string;

constexpr int kThreads = 3;

class Transitions {
 public:
  void add(StreamsState now, StreamsState before) {
    const std::lock_guard lock(mutex_);
    if (seen_.empty()) seen_.emplace_back(to_string(before));
    EXPECT_EQ(seen_.back(), to_string(before)) << "a change was left out, or came out of order";
    EXPECT_TRUE(allowed().contains({Text(to_string(before)), Text(to_string(now))}))
        << to_string(before) << " -> " << to_string(now);
    seen_.emplace_back(to_string(now));
  }
  [[nodiscard]] std::vector<Text> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  /// Kafka Streams' state machine.
  static const std::set<std::pair<Text, Text>>& allowed() {
    static const std::set<std::pair<Text, Text>> edges = {
        {"CREATED", "REBALANCING"},          {"CREATED", "PENDING_SHUTDOWN"},  {"REBALANCING", "RUNNING"},
        {"REBALANCING", "PENDING_SHUTDOWN"}, {"REBALANCING", "PENDING_ERROR"}, {"RUNNING", "REBALANCING"},
        {"RUNNING", "PENDING_SHUTDOWN"},     {"RUNNING", "PENDING_ERROR"},     {"PENDING_SHUTDOWN", "NOT_RUNNING"},
        {"PENDING_ERROR", "ERROR"}};
    return edges;
  }
  mutable std::mutex mutex_;
  std::vector<Text> seen_;
};

TEST(Lifecycle, CleaningUpTakesTheLocalStateOfOneThatDoesNotRun) {
  const auto log = in_memory_log({.default_partitions = 2});
  const std::string directory = ::testing::TempDir() + "tidemill-clean-up-" + random_uuid(system_random());
  StreamsBuilder builder;
  builder.stream<Text, Text>("in").group_by_key().count({.store_name = "counts"}).to_stream().to("out");
  const Topology topology = builder.build();
  StreamsConfig config = running_config(log);
  config.default_dsl_store = StoreEngineKind::kPersistent;
  config.state_dir = directory;
  const auto folders = [&] {
    std::set<Text> names;
    for (const Text& name : real_storage(directory + "/app")->list("").value()) {
      if (name.find('_') != Text::npos) names.insert(name);
    }
    return names;
  };
  for (int run = 1; run <= 2; ++run) {
    Streams streams(topology, config);
    EXPECT_TRUE(streams.clean_up()) << "before it starts";
    ASSERT_TRUE(streams.start());
    if (!real_storage(directory)->exists("app").value()) GTEST_SKIP() << "no stores on disk are built in";
    EXPECT_THAT(streams.clean_up().error().message, AllOf(HasSubstr("app is "), HasSubstr("close it first")));
    produce(*log, "in", {{.key = "a", .value = "x"}});
    ASSERT_TRUE(streams.wait_until_caught_up(20s));
    EXPECT_EQ(last_values(*log, "out").size(), 1U);
    EXPECT_FALSE(folders().empty());
    ASSERT_TRUE(streams.close());
    EXPECT_TRUE(streams.clean_up());
    EXPECT_THAT(folders(), ::testing::IsEmpty());
  }
  std::system(("rm -rf " + directory).c_str());
}

TEST(Lifecycle, StatesGoAsInKafkaStreamsAndTheListenerHearsEachOnceInOrder) {
  const auto log = in_memory_log({.default_partitions = 6});
  Transitions transitions;
  Streams streams(counting_after([](const Text&, const Text&) {}), running_config(log, kThreads));
  // The listener may ask and even close.
  streams.set_state_listener([&](StreamsState now, StreamsState before) {
    transitions.add(now, before);
    static_cast<void>(streams.state());
  });
  EXPECT_EQ(streams.state(), StreamsState::kCreated);
  ASSERT_TRUE(streams.start());
  ASSERT_TRUE(eventually([&] { return streams.state() == StreamsState::kRunning; }));
  {
    // A second instance takes some of the tasks, and gives them back.
    Streams other(counting_after([](const Text&, const Text&) {}), running_config(log, kThreads));
    ASSERT_TRUE(other.start());
    ASSERT_TRUE(eventually([&] { return other.state() == StreamsState::kRunning; }));
    ASSERT_TRUE(other.close());
  }
  ASSERT_TRUE(eventually([&] { return streams.state() == StreamsState::kRunning; }));
  ASSERT_TRUE(streams.close());
  const std::vector<Text> seen = transitions.seen();
  EXPECT_THAT(seen, ::testing::IsSupersetOf({"CREATED", "REBALANCING", "RUNNING", "PENDING_SHUTDOWN", "NOT_RUNNING"}));
  EXPECT_EQ(seen.back(), "NOT_RUNNING");
}

TEST(Lifecycle, NothingCanBeSetOrStartedTwice) {
  const auto log = in_memory_log({.default_partitions = 1});
  Streams streams(counting_after([](const Text&, const Text&) {}), running_config(log));
  ASSERT_TRUE(streams.start());
  EXPECT_THAT(streams.start().error().message, HasSubstr("start() was called twice"));
  EXPECT_THROW(streams.set_state_listener([](StreamsState, StreamsState) {}), ConfigException);
  EXPECT_THROW(streams.set_restore_listener({}), ConfigException);
  EXPECT_THROW(streams.set_uncaught_exception_handler(nullptr), ConfigException);
}

TEST(Lifecycle, CloseWithoutStartAndCloseTwiceAreFine) {
  const auto log = in_memory_log({.default_partitions = 1});
  Streams streams(counting_after([](const Text&, const Text&) {}), running_config(log));
  EXPECT_TRUE(streams.close());
  EXPECT_TRUE(streams.close());
  EXPECT_EQ(streams.state(), StreamsState::kNotRunning);
  EXPECT_FALSE(streams.start());
}

TEST(Lifecycle, AReplacedThreadGoesOnWhereTheFailedOneStood) {
  const auto log = in_memory_log({.default_partitions = 6});
  std::atomic<int> to_fail{4};
  std::atomic<int> asked{0};
  Streams streams(counting_after([&](const Text&, const Text& value) {
                    if (value == "bad" && to_fail.fetch_sub(1) > 0) throw std::runtime_error("boom");
                  }),
                  running_config(log, kThreads));
  streams.set_uncaught_exception_handler([&](const Text& thread, const Error& error) {
    EXPECT_THAT(thread, HasSubstr("StreamThread-"));
    EXPECT_THAT(error.message, AllOf(HasSubstr("processor \"fragile\""), HasSubstr("boom")));
    EXPECT_EQ(error.task, (TaskId{0, 5}));
    ++asked;
    return UncaughtExceptionAnswer::kReplaceThread;
  });
  ASSERT_TRUE(streams.start());
  std::vector<Piped> records;
  for (int i = 0; i < 60; ++i) records.push_back({.key = "k" + std::to_string(i % 6), .value = "1", .partition = i % 6});
  records.push_back({.key = "k5", .value = "bad", .partition = 5});
  produce(*log, "in", records);
  ASSERT_TRUE(eventually([&] { return asked == 4; }));
  while (!streams.wait_until_caught_up(20s)) {
    ASSERT_EQ(streams.state(), StreamsState::kRunning);
  }
  EXPECT_THAT(last_values(*log, "out"), ::testing::SizeIs(6));
  for (int i = 0; i < 6; ++i) {
    const auto answer = streams.query_get("counts", "k" + std::to_string(i)).value();
    ASSERT_EQ(answer.rows.size(), 1U);
    EXPECT_EQ(SerdeOf<std::int64_t>::serde().deserialize({}, BytesView(answer.rows.front().value).substr(8)), i == 5 ? 11 : 10);
  }
  EXPECT_EQ(metric(streams, "alive-stream-threads"), kThreads);
  EXPECT_EQ(metric(streams, "failed-stream-threads"), 4);
  EXPECT_EQ(streams.metadata_for_local_threads().size(), 3U);
}

TEST(Lifecycle, ShutdownClientEndsAllThreadsOfOneInstanceAndLeavesTheOthersAlone) {
  const auto log = in_memory_log({.default_partitions = 6});
  std::atomic<bool> armed{true};
  Streams fragile(counting_after([&](const Text&, const Text& value) {
                    if (value == "bad" && armed) throw std::runtime_error("boom");
                  }),
                  running_config(log, kThreads));
  Transitions transitions;
  fragile.set_state_listener([&](StreamsState now, StreamsState before) { transitions.add(now, before); });
  fragile.set_uncaught_exception_handler([](const Text&, const Error&) { return UncaughtExceptionAnswer::kShutdownClient; });
  ASSERT_TRUE(fragile.start());
  ASSERT_TRUE(eventually([&] { return fragile.state() == StreamsState::kRunning; }));
  produce(*log, "in", {{.key = "a", .value = "bad", .partition = 0}, {.key = "b", .value = "1", .partition = 1}});
  ASSERT_TRUE(fragile.wait_until_stopped(20s));
  EXPECT_EQ(fragile.state(), StreamsState::kError);
  EXPECT_THAT(fragile.error()->message, HasSubstr("boom"));
  EXPECT_EQ(metric(fragile, "alive-stream-threads"), 0);
  armed = false;
  Streams sturdy(counting_after([](const Text&, const Text&) {}), running_config(log, 1));
  ASSERT_TRUE(sturdy.start());
  ASSERT_TRUE(sturdy.wait_until_caught_up(20s));
  EXPECT_EQ(last_values(*log, "out").size(), 2U);
  EXPECT_TRUE(fragile.close());
  EXPECT_EQ(fragile.state(), StreamsState::kError) << "closing does not hide it";
  EXPECT_EQ(transitions.seen().back(), "ERROR");
  EXPECT_EQ(sturdy.state(), StreamsState::kRunning);
}

TEST(Lifecycle, ShutdownApplicationEndsEveryInstance) {
  const auto log = in_memory_log({.default_partitions = 6});
  const auto step = [](const Text&, const Text& value) {
    if (value == "bad") throw std::runtime_error("boom");
  };
  Streams one(counting_after(step), running_config(log, kThreads));
  Streams two(counting_after(step), running_config(log, kThreads));
  for (Streams* streams : {&one, &two}) {
    streams->set_uncaught_exception_handler(
        [](const Text&, const Error&) { return UncaughtExceptionAnswer::kShutdownApplication; });
    ASSERT_TRUE(streams->start());
  }
  ASSERT_TRUE(eventually([&] { return one.state() == StreamsState::kRunning && two.state() == StreamsState::kRunning; }));
  produce(*log, "in", {{.key = "a", .value = "bad", .partition = 3}});
  ASSERT_TRUE(one.wait_until_stopped(20s));
  ASSERT_TRUE(two.wait_until_stopped(20s));
  EXPECT_EQ(one.state(), StreamsState::kError);
  EXPECT_EQ(two.state(), StreamsState::kError);
}

TEST(Lifecycle, APausedApplicationNeitherProcessesNorPunctuates) {
  const auto log = in_memory_log({.default_partitions = 6});
  std::atomic<int> processed{0};
  Streams streams(counting_after([&](const Text&, const Text&) { ++processed; }), running_config(log, kThreads));
  streams.pause();
  ASSERT_TRUE(streams.start());
  ASSERT_TRUE(eventually([&] { return streams.state() == StreamsState::kRunning; }));
  produce(*log, "in", {{.key = "a", .value = "1"}, {.key = "b", .value = "1"}});
  EXPECT_FALSE(streams.wait_until_caught_up(100ms));
  EXPECT_EQ(processed, 0);
  streams.resume();
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  EXPECT_EQ(processed, 2);
  streams.pause();
  produce(*log, "in", {{.key = "a", .value = "2"}});
  EXPECT_TRUE(streams.close()) << "a paused one closes, too";
  EXPECT_EQ(processed, 2);
}

// Kafka Streams forbids close() in its listener; here it begins the end, which nobody has to wait for.
TEST(Lifecycle, AListenerMayCloseWheneverItIsTold) {
  for (const StreamsState when : {StreamsState::kRebalancing, StreamsState::kRunning, StreamsState::kPendingShutdown,
                                  StreamsState::kNotRunning, StreamsState::kError}) {
    SCOPED_TRACE(std::string(to_string(when)));
    const auto log = in_memory_log({.default_partitions = 3});
    Streams streams(counting_after([](const Text&, const Text& value) {
                      if (value == "bad") throw std::runtime_error("boom");
                    }),
                    running_config(log, kThreads));
    std::atomic<int> told{0};
    streams.set_state_listener([&](StreamsState now, StreamsState) {
      if (now != when) return;
      ++told;
      static_cast<void>(streams.close());
    });
    const bool started = streams.start().has_value();
    EXPECT_EQ(started, when != StreamsState::kRebalancing);
    if (when == StreamsState::kError) produce(*log, "in", {{.key = "k", .value = "bad"}});
    if (when == StreamsState::kPendingShutdown || when == StreamsState::kNotRunning) {
      EXPECT_TRUE(streams.close());
    }
    EXPECT_TRUE(streams.wait_until_stopped(20s));
    EXPECT_EQ(streams.state(), when == StreamsState::kError ? StreamsState::kError : StreamsState::kNotRunning);
    EXPECT_TRUE(streams.close());
    EXPECT_EQ(told, 1);
  }
}

TEST(Lifecycle, AListenerMayCloseOneThatHasNoStreamThreads) {
  const auto log = in_memory_log({.default_partitions = 1});
  StreamsBuilder builder;
  builder.global_table<Text, Text>("everywhere");
  Streams streams(builder.build(), running_config(log));
  streams.set_state_listener([&](StreamsState now, StreamsState) {
    if (now == StreamsState::kRunning) static_cast<void>(streams.close());
  });
  ASSERT_TRUE(streams.start());
  EXPECT_TRUE(streams.wait_until_stopped(20s));
  EXPECT_EQ(streams.state(), StreamsState::kNotRunning);
  EXPECT_TRUE(streams.close());
}

class Closes : public Processor<Text, Text> {
 public:
  explicit Closes(Streams*& streams) : streams_(streams) {}

 private:
  void process(const Record<Text, Text>&) override { static_cast<void>(streams_->close()); }
  Streams*& streams_;
};
TEST(Lifecycle, AGlobalProcessorMayCloseOneThatHasNoStreamThreads) {
  const auto log = in_memory_log({.default_partitions = 1});
  Streams* closing = nullptr;
  StreamsBuilder builder;
  builder.add_global_store<Text, Text>(Stores::in_memory_key_value_store("names"), "names-topic", {},
                                       [&closing] { return std::make_unique<Closes>(closing); });
  Streams streams(builder.build(), running_config(log));
  closing = &streams;
  ASSERT_TRUE(streams.start());
  produce(*log, "names-topic", {{.key = "a", .value = "1"}});
  EXPECT_TRUE(streams.wait_until_stopped(20s));
  EXPECT_EQ(streams.state(), StreamsState::kNotRunning);
  EXPECT_TRUE(streams.close());
}

TEST(Lifecycle, AListenerThatStartsItAgainIsToldSo) {
  const auto log = in_memory_log();
  for (const auto& [topic, partitions] : {std::pair("a", 2), std::pair("b", 3)}) {  // which a join does not take
    ASSERT_TRUE(
        log->admin().create_topic({.name = topic, .partitions = partitions, .replication_factor = -1, .config = {}}, soon()));
  }
  StreamsBuilder builder;
  builder.stream<Text, Text>("a")
      .join(builder.table<Text, Text>("b"), [](const Text& a, const Text& b) { return a + b; })
      .to("out");
  Streams streams(builder.build(), running_config(log));
  std::optional<Error> again;
  streams.set_state_listener([&](StreamsState now, StreamsState) {
    if (now == StreamsState::kError) again = streams.start().error();
  });
  EXPECT_FALSE(streams.start());
  EXPECT_EQ(streams.state(), StreamsState::kError);
  ASSERT_TRUE(again);
  EXPECT_THAT(again->message, HasSubstr("start() was called twice"));
}

// A new thread can have the id of one that has ended, that of the global thread as well.
TEST(Lifecycle, AnyNewThreadMayCloseWhatHasFailed) {
  const auto log = in_memory_log({.default_partitions = 3});
  StreamsBuilder builder;
  builder.global_table<Text, Text>("everywhere");
  builder.stream<Text, Text>("in")
      .peek([](const Text&, const Text&) { throw std::runtime_error("boom"); })
      .group_by_key()
      .count({.store_name = "counts"});
  const Topology topology = builder.build();
  const std::string directory = ::testing::TempDir() + "tidemill-any-thread-" + random_uuid(system_random());
  StreamsConfig config = running_config(log, kThreads);
  config.default_dsl_store = StoreEngineKind::kPersistent;
  config.state_dir = directory;
  Streams streams(topology, config);
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{.key = "k", .value = "1"}});
  ASSERT_TRUE(streams.wait_until_stopped(20s));
  Result<void> closed = Error{ErrorKind::kInternal, "not called"};
  std::thread closing([&] { closed = streams.close(); });
  closing.join();
  ASSERT_TRUE(closed);
  EXPECT_TRUE(streams.clean_up()) << "it has let go of its directory";
  std::system(("rm -rf " + directory).c_str());
}

TEST(Lifecycle, AProcessorThatClosesIsToldThatItCannotWait) {
  const auto log = in_memory_log({.default_partitions = 3});
  Streams* closing = nullptr;
  std::optional<Error> answer;
  Streams streams(counting_after([&](const Text&, const Text&) { answer = closing->close().error(); }),
                  running_config(log, kThreads));
  closing = &streams;
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{.key = "k", .value = "1"}});
  ASSERT_TRUE(streams.wait_until_stopped(20s));
  EXPECT_EQ(streams.state(), StreamsState::kNotRunning);
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->message, HasSubstr("one of its own threads"));
  EXPECT_TRUE(streams.close());
  EXPECT_THAT(last_values(*log, "out"), ::testing::SizeIs(1)) << "the record was processed and committed";
}

TEST(Lifecycle, AListenerThatThrowsIsToldTheNextChangeAllTheSame) {
  const auto log = in_memory_log({.default_partitions = 3});
  Transitions transitions;
  Streams streams(counting_after([](const Text&, const Text&) {}), running_config(log, kThreads));
  streams.set_state_listener([&](StreamsState now, StreamsState before) {
    transitions.add(now, before);
    throw std::runtime_error("not now");
  });
  ASSERT_TRUE(streams.start());
  ASSERT_TRUE(eventually([&] { return streams.state() == StreamsState::kRunning; }));
  EXPECT_TRUE(streams.close());
  EXPECT_EQ(transitions.seen().back(), "NOT_RUNNING");
}

TEST(Lifecycle, AnUncaughtExceptionHandlerThatThrowsHasAnsweredToShutDown) {
  const auto log = in_memory_log({.default_partitions = 3});
  Streams streams(counting_after([](const Text&, const Text&) { throw std::runtime_error("boom"); }),
                  running_config(log, kThreads));
  std::atomic<int> asked{0};
  streams.set_uncaught_exception_handler([&](const Text&, const Error&) -> UncaughtExceptionAnswer {
    ++asked;
    throw std::runtime_error("I do not know");
  });
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{.key = "k", .value = "1"}});
  ASSERT_TRUE(streams.wait_until_stopped(20s));
  EXPECT_EQ(streams.state(), StreamsState::kError);
  EXPECT_EQ(asked, 1);
  EXPECT_THAT(streams.error()->message, AllOf(HasSubstr("boom"), HasSubstr("I do not know")));
}

TEST(Lifecycle, ManyMayCloseWhileItStarts) {
  for (int round = 0; round < 20; ++round) {
    const auto log = in_memory_log({.default_partitions = 3});
    StreamsBuilder builder;
    builder.global_table<Text, Text>("everywhere");
    builder.stream<Text, Text>("in").group_by_key().count({.store_name = "counts"}).to_stream().to("out");
    Streams streams(builder.build(), running_config(log, kThreads));
    std::vector<std::thread> closing;
    for (int i = 0; i < 3; ++i) {
      closing.emplace_back([&] {
        static_cast<void>(streams.metrics());
        EXPECT_TRUE(streams.close());
      });
    }
    static_cast<void>(streams.start());
    for (std::thread& thread : closing) thread.join();
    EXPECT_EQ(streams.state(), StreamsState::kNotRunning);
  }
}

}  // namespace
}  // namespace tidemill::test
