// Global stores and tables: whole before start() returns, kept up, continued after a restart, read by every task.
#include <atomic>
#include <thread>

#include <gmock/gmock.h>

#include <tidemill/base/random.hpp>

#include "running.hpp"

namespace tidemill::test {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using Text = std::string;

Topology names_joined(StoreEngineKind engine) {
  StreamsBuilder builder;
  auto names = builder.global_table<Text, Text>("names", {}, {.store_name = "names-store", .engine = engine});
  (void)builder.global_table<Text, Text>("cities", {}, {.store_name = "cities-store", .engine = engine});
  builder.stream<Text, Text>("in")
      .left_join(
          names, [](const Text& value) { return value; },
          [](const Text& id, const Text* name) { return name ? *name : id + "?"; })
      .to("out");
  return builder.build();
}
std::map<Text, Text> rows(const Streams& streams, const Text& store) {
  std::map<Text, Text> result;
  for (const auto& [key, value] : QueryableStore<Text, Text>(streams, store).all().value().value) result[key] = value;
  return result;
}

Text key_of(int partition, int number) { return "p" + std::to_string(partition) + "-" + std::to_string(number); }

TEST(GlobalStore, IsWholeBeforeStartReturnsAndReportsItsRestore) {
  const auto log = in_memory_log({.default_partitions = 3});
  {
    Streams first(names_joined(StoreEngineKind::kInMemory), running_config(log));
    ASSERT_TRUE(first.start());
    ASSERT_TRUE(first.close());
  }
  std::vector<Piped> records;
  for (int i = 0; i < 3000; ++i) records.push_back({.key = "k" + std::to_string(i), .value = "v" + std::to_string(i)});
  produce(*log, "names", records);
  std::map<Text, std::int64_t> started;
  std::map<Text, std::int64_t> advanced;
  std::map<Text, std::int64_t> ended;
  Streams streams(names_joined(StoreEngineKind::kInMemory), running_config(log));
  streams.set_restore_listener({.on_start = [&](const RestoreProgress& p) { started[p.store] += p.end - p.start; },
                                .on_batch = [&](const RestoreProgress& p, std::int64_t n) { advanced[p.store] += n; },
                                .on_end = [&](const RestoreProgress& p, std::int64_t n) { ended[p.store] += n; }});
  ASSERT_TRUE(streams.start());
  EXPECT_EQ(rows(streams, "names-store").size(), 3000U);
  EXPECT_EQ(started["names-store"], 3000);
  EXPECT_EQ(advanced["names-store"], 3000);
  EXPECT_EQ(ended["names-store"], 3000);
  EXPECT_TRUE(ended.contains("cities-store"));
}

TEST(GlobalStore, FollowsItsTopicAndTombstonesAndSaysHowOldItIs) {
  const auto log = in_memory_log({.default_partitions = 2});
  Streams streams(names_joined(StoreEngineKind::kInMemory), running_config(log, 2));
  ASSERT_TRUE(streams.start());
  produce(*log, "names", {{.key = "1", .value = "Anna", .partition = 0}, {.key = "2", .value = "Bert", .partition = 1}});
  ASSERT_TRUE(eventually([&] { return rows(streams, "names-store").size() == 2; }));
  produce(*log, "in", {{.key = "a", .value = "1"}, {.key = "b", .value = "2"}, {.key = "c", .value = "3"}});
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  EXPECT_THAT(last_values(*log, "out"), ElementsAre(Pair("a", "Anna"), Pair("b", "Bert"), Pair("c", "3?")));
  const auto answer = QueryableStore<Text, Text>(streams, "names-store").get("1").value();
  EXPECT_EQ(answer.value, "Anna");
  EXPECT_EQ(answer.position.at("names").at(0), 0);
  EXPECT_LT(answer.staleness, 20s);
  const auto count = QueryableStore<Text, Text>(streams, "names-store").count();
  EXPECT_EQ(count.value().value, 2U);
}

TEST(GlobalStore, AnswersQuestionsWithWhatItHadSeenAtThatMoment) {
  const auto log = in_memory_log({.default_partitions = 2});
  Streams streams(names_joined(StoreEngineKind::kInMemory), running_config(log));
  StateQueryRequest request{.store_name = "names-store"};
  const KeyQuery<Text, Text> first{.key = "p0-0"};
  EXPECT_EQ(streams.query(request, first).error().kind, ErrorKind::kUnavailable) << "not started";
  ASSERT_TRUE(streams.start());
  std::atomic<bool> stop{false};
  std::thread asker([&] {
    Position seen;
    while (!stop) {
      const auto all = streams.query(request, RangeQuery<Text, Text>{}).value();
      const Position before = std::exchange(seen, all.position());
      std::size_t records = 0;
      for (const auto& [partition, offset] : seen["names"]) records += static_cast<std::size_t>(offset) + 1;
      EXPECT_EQ(all.global_result()->result().size(), records);
      EXPECT_TRUE(PositionBound::at(before).admits(seen)) << "it does not go back";
    }
  });
  for (int round = 0; round < 20; ++round) {
    std::vector<Piped> records;
    for (int i = round * 100; i < round * 100 + 100; ++i) {
      for (const int p : {0, 1}) records.push_back({.key = key_of(p, i), .value = "v", .partition = p});
    }
    produce(*log, "names", records);
  }
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  stop = true;
  asker.join();
  const Position whole{{"names", {{0, 1999}, {1, 1999}}}};
  request.position_bound = PositionBound::at(whole);
  const auto found = streams.query(request, first).value();
  EXPECT_TRUE(found.partition_results().empty());
  EXPECT_EQ(found.only_partition_result()->result(), "v");
  EXPECT_EQ(found.position(), whole);
  request.position_bound = PositionBound::at({{"names", {{0, 1999}, {1, 2000}}}});
  const auto late = streams.query(request, first).value();
  EXPECT_EQ(late.global_result()->failure_reason(), FailureReason::kNotUpToBound);
  EXPECT_THAT(late.global_result()->failure_message(),
              HasSubstr("has seen {names: {0: 1999, 1: 1999}}, which is not yet up to"));
  EXPECT_EQ(late.position(), whole);
  request.position_bound = PositionBound::unbounded();
  EXPECT_EQ(streams.query(request, WindowKeyQuery<Text, Text>{.key = "a"}).value().global_result()->failure_reason(),
            FailureReason::kUnknownQueryType);
  ASSERT_TRUE(streams.close());
  EXPECT_EQ(streams.query(request, first).error().kind, ErrorKind::kClosed);
}

TEST(GlobalStore, OnDiskGoesOnBehindWhatItHasSeen) {
#ifndef TIDEMILL_ROCKSDB
  GTEST_SKIP() << "no persistent engine is built in";
#endif
  const auto log = in_memory_log({.default_partitions = 2});
  StreamsConfig config = running_config(log);
  config.state_dir = ::testing::TempDir() + "tidemill-global-" + random_uuid(system_random());
  std::int64_t restored = 0;
  const auto run = [&](const std::vector<Piped>& names) {
    restored = 0;
    Streams streams(names_joined(StoreEngineKind::kPersistent), config);
    streams.set_restore_listener(
        {.on_start = {}, .on_batch = {}, .on_end = [&](const RestoreProgress&, std::int64_t n) { restored += n; }});
    ASSERT_TRUE(streams.start());
    const std::int64_t at_start = restored;
    produce(*log, "names", names);
    ASSERT_TRUE(streams.wait_until_caught_up(20s));
    ASSERT_TRUE(streams.close());
    restored = at_start;
  };
  run({{.key = "1", .value = "Anna", .partition = 0}, {.key = "2", .value = "Bert", .partition = 1}});
  run({{.key = "3", .value = "Carl", .partition = 0}});
  EXPECT_EQ(restored, 0) << "what was seen is not read again";
  run({});
  EXPECT_EQ(restored, 0) << "also in the partition that got nothing in the run before";
  // The topic is made anew and is shorter now: what the store has seen never was.
  ASSERT_TRUE(log->admin().delete_topic("names", soon()));
  Streams streams(names_joined(StoreEngineKind::kPersistent), config);
  ASSERT_TRUE(streams.start());
  EXPECT_TRUE(rows(streams, "names-store").empty());
  produce(*log, "names", {{.key = "9", .value = "Zoe", .partition = 0}});
  ASSERT_TRUE(eventually([&] { return rows(streams, "names-store").size() == 1; }));
  ASSERT_TRUE(streams.close());
  std::system(("rm -rf " + config.state_dir).c_str());
}

TEST(GlobalStore, ARecordThatCannotBeDecodedIsCountedOrEndsTheApplication) {
  const auto log = in_memory_log({.default_partitions = 1});
  StreamsBuilder builder;
  (void)builder.global_table<Text, std::int64_t>("numbers", {}, {.store_name = "numbers-store"});
  builder.stream<Text, Text>("in").to("out");
  const Topology topology = builder.build();
  StreamsConfig config = running_config(log);
  {
    StreamsConfig lenient = config;
    lenient.deserialization_exception_handler = log_and_continue_on_deserialization_error();
    Streams streams(topology, lenient);
    ASSERT_TRUE(streams.start());
    produce(*log, "numbers", {{.key = "a", .value = "not a number"}});
    ASSERT_TRUE(streams.wait_until_caught_up(20s));
    EXPECT_EQ(metric(streams, "dropped-records-by-reason-total", {"reason", "deserialization-error"}), 1);
    ASSERT_TRUE(streams.close());
  }
  Streams streams(topology, config);
  EXPECT_THAT(streams.start().error().message, HasSubstr("cannot decode the record at offset 0 of numbers-0"));
}

TEST(GlobalStore, ADeadLetterOfARecordThatCannotBeDecodedIsCountedAndNotWritten) {
  const auto log = in_memory_log({.default_partitions = 1});
  StreamsBuilder builder;
  (void)builder.global_table<Text, std::int64_t>("numbers", {}, {.store_name = "numbers-store"});
  builder.stream<Text, Text>("in").to("out");
  StreamsConfig config = running_config(log);
  config.errors_dead_letter_queue_topic_name = "dead";
  config.deserialization_exception_handler = log_and_continue_on_deserialization_error("dead");
  Streams streams(builder.build(), config);
  ASSERT_TRUE(streams.start());
  produce(*log, "numbers", {{.key = "a", .value = "not a number"}});
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  EXPECT_EQ(metric(streams, "dropped-records-by-reason-total", {"reason", "deserialization-error"}), 1);
  EXPECT_EQ(metric(streams, "dead-letters-not-written-total"), 1);
  ASSERT_TRUE(streams.close());
  EXPECT_TRUE(last_values(*log, "dead").empty());
}

TEST(GlobalStore, AQuestionOfItsOwnThreadIsRefused) {
  const auto log = in_memory_log({.default_partitions = 1});
  std::atomic<Streams*> application{nullptr};
  std::vector<Error> refused;
  std::atomic<bool> asked{false};
  class Asks : public Processor<Text, Text, void, void> {
   public:
    explicit Asks(std::function<void()> ask) : ask_(std::move(ask)) {}
    void process(const Record<Text, Text>&) override { ask_(); }

   private:
    std::function<void()> ask_;
  };
  const auto ask = [&] {
    for (const char* store : {"names", "counts"}) {
      refused.push_back(QueryableStore<Text, Text>(*application, store).get("a").error());
    }
    asked = true;
  };
  StreamsBuilder builder;
  builder.add_global_store<Text, Text>(Stores::in_memory_key_value_store("names"), "names-topic", {.name = "keep-names"},
                                       [&] { return std::make_unique<Asks>(ask); });
  builder.stream<Text, Text>("in").group_by_key().count({.store_name = "counts"});
  Streams streams(builder.build(), running_config(log));
  application = &streams;
  ASSERT_TRUE(streams.start());
  produce(*log, "names-topic", {{.key = "a", .value = "1"}});
  ASSERT_TRUE(eventually([&] { return asked.load(); }));
  ASSERT_TRUE(streams.close());
  ASSERT_EQ(refused.size(), 2U);
  for (const Error& error : refused) {
    EXPECT_EQ(error.kind, ErrorKind::kInvalidArgument);
    EXPECT_THAT(error.message, HasSubstr("was asked on a global thread, which would wait for itself"));
  }
}

TEST(GlobalStore, AQuestionWithoutTheKeyItNeedsIsRefused) {
  const auto log = in_memory_log({.default_partitions = 1});
  Streams streams(names_joined(StoreEngineKind::kInMemory), running_config(log));
  ASSERT_TRUE(streams.start());
  const auto answer = streams.query_rows("names-store", {.kind = StoreQuery::Kind::kKey, .name = "get()"});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(answer.error().message, "get() of store \"names-store\" names no key");
}

/// Of one's own kind: names in lower case.
class LowerCase : public CustomStore {
 public:
  void put(const Text& id, Text name) {
    for (char& c : name) c = static_cast<char>(c | 0x20);
    names_[id] = std::move(name);
  }
  [[nodiscard]] Text get(const Text& id) const { return names_.contains(id) ? names_.at(id) : ""; }

 private:
  std::map<Text, Text> names_;
};
class Lowers : public Processor<Text, Text> {
  void process(const Record<Text, Text>& record) override {
    context().custom_store<LowerCase>("lower").put(record.key(), record.value());
  }
};
class LooksTwice : public Processor<Text, Text, Text, Text> {
  void process(const Record<Text, Text>& record) override {
    const auto titles = context().key_value_store<Text, ValueAndTimestamp<Text>>("titles-store");
    const Text told = context().read_custom_store<LowerCase>(
        "lower", [&](const LowerCase& lower) { return titles->get(record.value())->value + " " + lower.get(record.value()); });
    context().forward(record.with_value(told));
  }
};

TEST(GlobalStore, MayBeReadWhileAnotherOneIs) {
  const auto log = in_memory_log({.default_partitions = 1});
  StreamsBuilder builder;
  builder.add_global_store(Stores::custom<LowerCase>("lower"), "names", Consumed<Text, Text>{},
                           [] { return std::make_unique<Lowers>(); });
  (void)builder.global_table<Text, Text>("titles", {}, {.store_name = "titles-store"});
  builder.stream<Text, Text>("in").process([] { return std::make_unique<LooksTwice>(); }).to("out");
  Streams streams(builder.build(), running_config(log));
  for (const char* topic : {"names", "titles"}) {
    ASSERT_TRUE(log->admin().create_topic({.name = topic, .partitions = 1, .replication_factor = -1, .config = {}}, soon()));
  }
  produce(*log, "names", {{.key = "1", .value = "ANNA"}});
  produce(*log, "titles", {{.key = "1", .value = "Dr."}});
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{.key = "a", .value = "1"}});
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  EXPECT_THAT(last_values(*log, "out"), ElementsAre(Pair("a", "Dr. anna")));
}

/// Cannot be committed.
class Unsaved : public LowerCase {
 public:
  explicit Unsaved(bool may_pass) : may_pass_(may_pass) {}

 private:
  void commit(BytesView) override {
    if (may_pass_) throw StateStoreException(Error{ErrorKind::kFull, "no more room"});
    throw std::runtime_error("no more");
  }
  bool may_pass_;
};
class LowersUnsaved : public Processor<Text, Text> {
  void process(const Record<Text, Text>& record) override {
    context().custom_store<Unsaved>("lower").put(record.key(), record.value());
  }
};

TEST(GlobalStore, ThatCannotBeSavedEndsTheApplication) {
  for (const bool may_pass : {false, true}) {
    const auto log = in_memory_log({.default_partitions = 1});
    StreamsBuilder builder;
    builder.add_global_store(Stores::custom<Unsaved>("lower", [may_pass] { return std::make_unique<Unsaved>(may_pass); }),
                             "names", Consumed<Text, Text>{}, [] { return std::make_unique<LowersUnsaved>(); });
    StreamsConfig config = running_config(log);
    config.task_timeout = 100ms;
    Streams streams(builder.build(), config);
    ASSERT_TRUE(streams.start());
    produce(*log, "names", {{.key = "1", .value = "ANNA"}});
    ASSERT_TRUE(streams.wait_until_stopped(20s));
    EXPECT_EQ(streams.state(), StreamsState::kError);
    EXPECT_THAT(streams.error()->message, AllOf(HasSubstr("\"lower\""), HasSubstr("no more")));
    EXPECT_EQ(streams.error()->message.find("tried for task.timeout.ms") != Text::npos, may_pass);
  }
}

/// Keeps what comes in global stores of windows, sessions and versions, all of them under one name after the other.
class Keeps : public Processor<Text, Text> {
 public:
  explicit Keeps(Text store) : store_(std::move(store)) {}
  void process(const Record<Text, Text>& record) override {
    const Timestamp time = record.timestamp();
    if (store_ == "windows") context().window_store<Text, Text>(store_)->put(record.key(), record.value(), time);
    if (store_ == "sessions") {
      context().session_store<Text, Text>(store_)->put({record.key(), {time, Timestamp(time.value + 5)}}, record.value());
    }
    if (store_ == "versions") context().versioned_store<Text, Text>(store_)->put(record.key(), record.value(), time);
  }

 private:
  Text store_;
};
TEST(GlobalStore, OfAnyKindIsReadByTasks) {
  class Reads : public Processor<Text, Text> {
    void process(const Record<Text, Text>& record) override {
      const Text& key = record.key();
      Text all;
      auto windows = context().window_store<Text, Text>("windows");
      all += windows->fetch(key, Timestamp(10)).value_or("?");
      for (auto row = windows->fetch(key, Timestamp(0), Timestamp(100)); row.valid(); row.next()) all += row.value();
      auto sessions = context().session_store<Text, Text>("sessions");
      all += "/" + sessions->fetch_session(key, Timestamp(10), Timestamp(15)).value_or("?");
      for (auto row = sessions->fetch(key); row.valid(); row.next()) all += row.value();
      auto versions = context().versioned_store<Text, Text>("versions");
      all += "/" + versions->get(key)->value + versions->get(key, Timestamp(10))->value;
      all += "/" + context().key_value_store<Text, Text>("versions")->get(key).value_or("?");
      context().forward(record.with_value(all));
    }
  };
  const auto log = in_memory_log({.default_partitions = 1});
  StreamsConfig config = running_config(log);
  config.state_engine = in_memory_stores();
  const auto topology = [] {
    StreamsBuilder builder;
    for (const StoreSpec& store :
         {Stores::in_memory_window_store("windows", 1h, 1h, false), Stores::in_memory_session_store("sessions", 1h),
          Stores::persistent_versioned_key_value_store("versions", 1h)}) {
      builder.add_global_store<Text, Text>(store, store.name + "-in", {},
                                           [name = store.name] { return std::make_unique<Keeps>(name); });
    }
    builder.stream<Text, Text>("in").process([] { return std::make_unique<Reads>(); }).to("out");
    return builder.build();
  };
  {
    Streams makes_topics(topology(), config);
    ASSERT_TRUE(makes_topics.start());
    ASSERT_TRUE(makes_topics.close());
  }
  for (const char* topic : {"windows-in", "sessions-in", "versions-in"}) {
    produce(*log, topic, {{.key = "k", .value = "a", .timestamp = 10}, {.key = "k", .value = "b", .timestamp = 20}});
  }
  Streams streams(topology(), config);
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{.key = "k", .value = ""}});
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  EXPECT_THAT(last_values(*log, "out"), ElementsAre(Pair("k", "aab/aab/ba/b")));
}

TEST(GlobalStore, IsNotWrittenByTasks) {
  const auto log = in_memory_log({.default_partitions = 1});
  class Writes : public Processor<Text, Text> {
    void process(const Record<Text, Text>& record) override {
      context()
          .key_value_store<Text, ValueAndTimestamp<Text>>("names-store")
          ->put(record.key(), {record.value(), Timestamp(1)});
    }
  };
  StreamsBuilder builder;
  (void)builder.global_table<Text, Text>("names", {}, {.store_name = "names-store"});
  builder.stream<Text, Text>("in").process([] { return std::make_unique<Writes>(); });
  Streams streams(builder.build(), running_config(log));
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{.key = "a", .value = "1"}});
  ASSERT_TRUE(streams.wait_until_stopped(20s));
  EXPECT_THAT(streams.error()->message, HasSubstr("global store \"names-store\" is written by the global thread only"));
}

}  // namespace
}  // namespace tidemill::test
