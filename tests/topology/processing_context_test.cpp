// What a processor, a handler and an extractor are told of their record and their task; metrics of a processor's own; windows
// of one's own making; a processor alone.
#include <gmock/gmock.h>

#include <tidemill/dsl/streams_builder.hpp>
#include <tidemill/testing/mock_processor_context.hpp>
#include <tidemill/testing/topology_test_driver.hpp>

#include <cmath>
#include <fstream>

namespace tidemill {
namespace {

using Text = std::string;
using Long = std::int64_t;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

// ---------------------------------------------------------------- the record and its task

TEST(RecordContext, AnExtractorSeesTheInputRecordAsItWasRead) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in")
      .map([](const Text& key, const Text& value) { return std::pair(key + "!", value + "!"); })
      .to([](const Text*, const Text*, const RecordContext& context) {
        return Text(context.source_raw_key().value_or("none")) + "-" + Text(context.source_raw_value().value_or("none"));
      });
  TopologyTestDriver driver(builder.build());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("a", "one");
  in.pipe_value("two");
  EXPECT_EQ(driver.produced_topic_names(), (std::set<Text>{"a-one", "none-two"}));
}

TEST(RecordContext, BehindACacheAndInAPunctuationThereIsNoInputRecord) {
  class Ticks : public Processor<Text, Long> {
    void init(ProcessorContext<Text, Long>& context) override {
      context.schedule(milliseconds(10), PunctuationType::kWallClockTime, [&context](Timestamp now) {
        const Text key = "tick";
        const Long value = 0;
        context.forward(Record<Text, Long>(key, value, now));
      });
    }
    void process(const Record<Text, Long>& record) override { context().forward(record); }
  };
  StreamsBuilder builder;
  builder.stream<Text, Text>("in")
      .group_by_key()
      .count({.store_name = "counts"})
      .to_stream()
      .process([] { return std::make_unique<Ticks>(); })
      .to([](const Text* key, const Long*, const RecordContext& context) {
        return *key + (context.source_raw_value() ? "-raw" : "-none");
      });
  TopologyTestDriver driver(builder.build());
  driver.create_input_topic<Text, Text>("in").pipe_input("a", "one");
  driver.advance_wall_clock_time(milliseconds(10));
  EXPECT_THAT(driver.produced_topic_names(), ::testing::AllOf(::testing::Contains("a-none"), ::testing::Contains("tick-none")));
}

TEST(AppConfigs, AreAskedAllAtOnceAndByPrefix) {
  std::map<Text, Text> all;
  std::map<Text, Text> below;
  class Asks : public Processor<Text, Text> {
   public:
    Asks(std::map<Text, Text>& all, std::map<Text, Text>& below) : all_(all), below_(below) {}
    void init(ProcessorContext<Text, Text>& context) override {
      all_ = context.app_configs();
      below_ = context.app_configs_with_prefix("limits.");
      EXPECT_EQ(*context.app_config("limits.daily"), "5");
      EXPECT_EQ(context.app_config("limits."), nullptr);
    }
    void process(const Record<Text, Text>&) override {}

   private:
    std::map<Text, Text>& all_;
    std::map<Text, Text>& below_;
  };
  StreamsBuilder builder;
  builder.stream<Text, Text>("in").process([&] { return std::make_unique<Asks>(all, below); });
  StreamsConfig config;
  config.application = {{"limits.daily", "5"}, {"limits.monthly", "9"}, {"shop", "north"}};
  TopologyTestDriver driver(builder.build(), config);
  EXPECT_THAT(all, ElementsAre(Pair("limits.daily", "5"), Pair("limits.monthly", "9"), Pair("shop", "north")));
  EXPECT_THAT(below, ElementsAre(Pair("daily", "5"), Pair("monthly", "9")));
}

Serde<Text> picky(const char* what) {
  return {[](const void* state, std::string_view, const Text& value, Bytes& out) {
            if (value == "bad") throw SerializationException(*static_cast<const Text*>(state) + " is bad");
            out += value;
          },
          [](const void*, std::string_view, BytesView bytes) { return Text(bytes); }, std::make_shared<const Text>(what)};
}

TEST(SerializationExceptionOrigin, SaysWhetherItWasTheKeyOrTheValue) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in").to("out", {.key_serde = picky("the key"), .value_serde = picky("the value")});
  std::vector<std::pair<SerializationExceptionOrigin, Text>> told;
  StreamsConfig config;
  config.production_exception_handler = [&](const ErrorHandlerContext&, const ProductionError& error) {
    EXPECT_TRUE(error.serialization);
    told.emplace_back(error.origin, error.error.message);
    return HandlerResponse{.answer = HandlerAnswer::kResume};
  };
  TopologyTestDriver driver(builder.build(), config);
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("a", "bad");
  in.pipe_input("bad", "a");
  in.pipe_input("bad", "bad");
  in.pipe_input("a", "a");
  using Origin = SerializationExceptionOrigin;
  EXPECT_THAT(told,
              ElementsAre(Pair(Origin::kValue, HasSubstr("the value is bad")), Pair(Origin::kKey, HasSubstr("the key is bad")),
                          Pair(Origin::kKey, HasSubstr("the key is bad"))));
  EXPECT_EQ(driver.queue_size("out"), 1U);
}

TEST(StreamsException, SaysWhichTaskFailed) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in").peek([](const Text&) { throw std::runtime_error("boom"); });
  TopologyTestDriver driver(builder.build());
  try {
    driver.create_input_topic<Text, Text>("in").pipe_input("a", "b");
    FAIL() << "nothing was thrown";
  } catch (const StreamsException& error) {
    EXPECT_EQ(error.task_id(), (TaskId{0, 0}));
  }
  EXPECT_FALSE(StreamsException("elsewhere").task_id().has_value());
}

/// Asks in init() for the store "store" as something.
template <class Ask>
std::string refusal_of(const StoreSpec& store, Ask ask) {
  class Asks : public Processor<Text, Text> {
   public:
    explicit Asks(Ask ask) : ask_(ask) {}
    void init(ProcessorContext<Text, Text>& context) override { ask_(context); }
    void process(const Record<Text, Text>&) override {}

   private:
    Ask ask_;
  };
  StreamsBuilder builder;
  builder.add_state_store(store);
  builder.stream<Text, Text>("in").process([ask] { return std::make_unique<Asks>(ask); }, {store.name}, {"asks"});
  try {
    const TopologyTestDriver driver(builder.build());
  } catch (const std::exception& error) {
    return error.what();
  }
  return "nothing is refused";
}

class Idles : public Processor<Text, Text> {
  void process(const Record<Text, Text>&) override {}
};

TEST(ProcessingContext, GivesAStoreAsWhatItIs) {
  using std::chrono::hours;
  const auto keys = [](auto& context) { (void)context.template key_value_store<Text, Text>("store"); };
  const auto windows = [](auto& context) { (void)context.template window_store<Text, Text>("store"); };
  const auto sessions = [](auto& context) { (void)context.template session_store<Text, Text>("store"); };
  const auto versions = [](auto& context) { (void)context.template versioned_store<Text, Text>("store"); };
  const StoreSpec key_store = Stores::in_memory_key_value_store("store");
  const StoreSpec window_store = Stores::in_memory_window_store("store", hours(1), hours(1), false);
  const StoreSpec session_store = Stores::in_memory_session_store("store", hours(1));
  const StoreSpec versioned_store = Stores::persistent_versioned_key_value_store("store", hours(1));
  EXPECT_EQ(refusal_of(key_store, keys), "nothing is refused");
  EXPECT_EQ(refusal_of(window_store, windows), "nothing is refused");
  EXPECT_EQ(refusal_of(session_store, sessions), "nothing is refused");
  EXPECT_EQ(refusal_of(versioned_store, versions), "nothing is refused");
  const Text asks = "processor \"asks\": store \"store\" is no ";
  EXPECT_THAT(refusal_of(window_store, keys),
              HasSubstr(asks + "key-value store, it is a window store: ask for it with window_store()"));
  EXPECT_THAT(refusal_of(session_store, windows),
              HasSubstr(asks + "window store, it is a session store: ask for it with session_store()"));
  EXPECT_THAT(refusal_of(versioned_store, sessions),
              HasSubstr(asks + "session store, it is a versioned store: ask for it with versioned_store()"));
  EXPECT_THAT(refusal_of(key_store, versions),
              HasSubstr(asks + "versioned store, it is a key-value store: ask for it with key_value_store()"));

  StreamsBuilder builder;
  builder.add_state_store(window_store);
  builder.stream<Text, Text>("in").process([] { return std::make_unique<Idles>(); }, {"store"});
  TopologyTestDriver driver(builder.build());
  EXPECT_THROW((void)(driver.key_value_store<Text, Text>("store")), std::invalid_argument);
  EXPECT_EQ((driver.key_value_store<Text, Text>("another")), nullptr);
}

// ---------------------------------------------------------------- metrics of a processor's own

class Counts : public Processor<Text, Text> {
 public:
  void init(ProcessorContext<Text, Text>& context) override {
    plain_ = context.metrics().add_sensor("plain");
    plain_.add({.name = "plain-total", .group = "mine", .tags = {{"who", "me"}}}, SensorStat::kTotal);
    rate_ = context.metrics().add_rate_total_sensor("scope", "entity", "operation", {{"shop", "north"}});
    latency_ = context.metrics().add_latency_rate_total_sensor("scope", "entity", "slow");
  }
  void process(const Record<Text, Text>& record) override {
    plain_.record(2);
    rate_.record();
    latency_.record(static_cast<double>(record.timestamp().value));
  }

 private:
  Sensor plain_, rate_, latency_;
};

/// As java/Surface.java prints them: without rates, which depend on the time of day there, and descriptions, which ours lack.
std::set<Text> own_metrics(const std::vector<Metric>& metrics, bool rates = false) {
  std::set<Text> lines;
  for (const Metric& metric : metrics) {
    if (metric.group != "mine" && metric.group != "stream-scope-metrics") continue;
    Text tags;
    for (const auto& [key, value] : std::map<Text, Text>(metric.tags.begin(), metric.tags.end())) {
      tags += (tags.empty() ? "" : ", ") + key + "=" + (key == "thread-id" ? "main" : value);
    }
    Text line = metric.name + " " + metric.group + " {" + tags + "}";
    char value[32];
    std::snprintf(value, sizeof value, " %.1f", metric.value);
    if (rates || !metric.name.ends_with("-rate")) line += value;
    lines.insert(line);
  }
  return lines;
}

TEST(StreamsMetrics, HaveJavasNamesTagsAndValues) {
  TopologyBuilder builder;
  builder.add_source<Text, Text>("source", {"in"});
  builder.add_processor("counts", [] { return std::make_unique<Counts>(); }, {"source"});
  TopologyTestDriver driver(builder.build());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("a", "b", Timestamp(10));
  in.pipe_input("a", "b", Timestamp(30));
  std::set<Text> theirs;
  std::ifstream golden(GOLDEN "surface.txt");
  bool here = false;
  for (Text line; std::getline(golden, line);) {
    if (line.starts_with("##### ")) {
      here = line == "##### metrics of a processor's own";
    } else if (here) {
      const auto from = line.find(" \"");  // the description
      theirs.insert(line.substr(0, from) + line.substr(line.rfind('"') + 1));
    }
  }
  ASSERT_EQ(theirs.size(), 7U);
  EXPECT_EQ(own_metrics(driver.metrics()), theirs);
}

TEST(StreamsMetrics, ALookBackEndsAfterAMinute) {
  TopologyBuilder builder;
  builder.add_source<Text, Text>("source", {"in"});
  builder.add_processor("counts", [] { return std::make_unique<Counts>(); }, {"source"});
  TopologyTestDriver driver(builder.build(), {}, Timestamp(0));
  const auto now = [&](const Text& name) {
    for (const Metric& metric : driver.metrics()) {
      if (metric.name == name) return metric.value;
    }
    return -1.0;
  };
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("a", "b", Timestamp(10));
  in.pipe_input("a", "b", Timestamp(20));
  in.pipe_input("a", "b", Timestamp(30));
  EXPECT_EQ(now("slow-rate"), 3.0 / 30) << "as if a sample had been whole";
  driver.advance_wall_clock_time(std::chrono::seconds(30));
  in.pipe_input("a", "b", Timestamp(100));
  EXPECT_EQ(now("slow-latency-avg"), 40);
  EXPECT_EQ(now("slow-latency-max"), 100);
  EXPECT_EQ(now("slow-rate"), 4.0 / 30);
  driver.advance_wall_clock_time(std::chrono::seconds(30));
  EXPECT_EQ(now("slow-latency-avg"), 100) << "the first sample is too old";
  driver.advance_wall_clock_time(std::chrono::seconds(60));
  EXPECT_TRUE(std::isnan(now("slow-latency-avg")));
  EXPECT_EQ(now("slow-rate"), 0);
  EXPECT_EQ(now("slow-total"), 4);
}

TEST(StreamsMetrics, ASensorIsSharedByNameUntilItIsRemoved) {
  const ManualClock clock(Timestamp(0));
  const auto registry = std::make_shared<SensorRegistry>(clock);
  const StreamsMetrics metrics(registry, "thread");
  const auto totals = [&] {
    std::vector<Metric> all;
    registry->report(all);
    std::map<Text, double> values;
    for (const Metric& metric : all) values[metric.name] = metric.value;
    return values;
  };
  const Sensor all = metrics.add_sensor("all");
  EXPECT_TRUE(all.add({.name = "all-total", .group = "mine"}, SensorStat::kTotal));
  EXPECT_FALSE(all.add({.name = "all-total", .group = "mine"}, SensorStat::kTotal)) << "it has it already";
  const Sensor some = metrics.add_sensor("some", {all});
  some.add({.name = "some-count", .group = "mine"}, SensorStat::kCount);
  some.add({.name = "some-min", .group = "mine"}, SensorStat::kMin);
  EXPECT_THROW(some.add({.name = "all-total", .group = "mine"}, SensorStat::kTotal), std::invalid_argument);
  metrics.add_sensor("some").record(5);
  some.record(3);
  EXPECT_THAT(totals(), ElementsAre(Pair("all-total", 8), Pair("some-count", 2), Pair("some-min", 3)));
  metrics.remove_sensor(some);
  some.record(1);
  EXPECT_THAT(totals(), ElementsAre(Pair("all-total", 9)));
  Sensor().record();
  EXPECT_THROW(Sensor().add({.name = "x", .group = "mine"}, SensorStat::kTotal), std::invalid_argument);
}

// ---------------------------------------------------------------- windows of one's own making

/// Two shifts a day, of unequal length: from 6 to 14 o'clock, and all the rest; an "hour" has a millisecond.
class Shifts : public Windows {
 public:
  std::vector<Window> windows_for(Timestamp time) const override {
    const Timestamp day(time.value / 24 * 24);
    const Long hour = time - day;
    if (hour < 6) return {{day, day + 6}};
    if (hour < 14) return {{day + 6, day + 14}};
    return {{day + 14, day + 24}};
  }
  milliseconds size() const override { return milliseconds(10); }
  milliseconds grace_period() const override { return milliseconds(2); }
};

std::vector<Text> shifts_counted(EmitStrategy strategy, bool caching) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in")
      .group_by_key()
      .windowed_by(std::make_shared<Shifts>())
      .emit_strategy(strategy)
      .count({.store_name = "counts", .caching = caching})
      .to_stream()
      .map([](const Windowed<Text>& key, const Long& count) {
        const Text text =
            std::to_string(key.window.start.value) + "-" + std::to_string(key.window.end.value) + ": " + std::to_string(count);
        return std::pair(key.key, text);
      })
      .to("out");
  TopologyTestDriver driver(builder.build());
  auto in = driver.create_input_topic<Text, Text>("in");
  for (const int time : {1, 7, 13, 5, 15, 7, 17, 12, 33}) in.pipe_input("a", "x", Timestamp(time));
  std::vector<Text> seen;
  for (const auto& row : driver.create_output_topic<Text, Text>("out").read_values_to_list()) seen.push_back(*row);
  EXPECT_EQ(driver.dropped_records()["expired-window"], 2U) << "5 after 13, and 12 after 17";
  return seen;
}

TEST(WindowsOfOnesOwn, CountAsTheUserCutsThem) {
  EXPECT_THAT(shifts_counted(EmitStrategy::kOnWindowUpdate, false),
              ElementsAre("0-6: 1", "6-14: 1", "6-14: 2", "14-24: 1", "6-14: 3", "14-24: 2", "30-38: 1"));
}

TEST(WindowsOfOnesOwn, CannotHaveASizeOfNothing) {
  class Nothing : public Shifts {
    milliseconds size() const override { return milliseconds(0); }
  };
  StreamsBuilder builder;
  const auto grouped = builder.stream<Text, Text>("in").group_by_key();
  EXPECT_THROW((void)grouped.windowed_by(std::make_shared<Nothing>()), TopologyException);
}

// ---------------------------------------------------------------- MockProcessorContext

/// Sums by key; a sum over ten goes to "large", every second tells the number of keys.
class Sums : public Processor<Text, Long> {
 public:
  void init(ProcessorContext<Text, Long>& context) override {
    sums_ = context.key_value_store<Text, Long>("sums");
    context.schedule(std::chrono::seconds(1), PunctuationType::kWallClockTime, [this](Timestamp now) {
      const Text key = "keys";
      this->context().forward(Record<Text, Long>(key, keys_, now));
    });
    stop_ = context.schedule(
        milliseconds(5), PunctuationType::kStreamTime, [](Timestamp) {}, Timestamp(7));
  }
  void process(const Record<Text, Long>& record) override {
    const auto before = sums_->get(record.key());
    if (!before) ++keys_;
    const Long sum = before.value_or(0) + record.value();
    sums_->put(record.key(), sum);
    if (sum > 10) context().forward(record.with_value(sum), "large");
    else context().forward(record.with_value(sum));
    if (sum < 0) context().commit();
    if (const auto from = context().record_metadata()) from_ = from->topic + "@" + std::to_string(from->offset.value);
  }
  void stop() { stop_.cancel(); }
  Text from_ = "nowhere";

 private:
  std::unique_ptr<KeyValueStore<Text, Long>> sums_;
  Long keys_ = 0;
  Cancellable stop_;
};

Record<Text, Long> record(const Text& key, const Long& value, Long time, const Headers* headers = nullptr) {
  return Record<Text, Long>(&key, &value, Timestamp(time), headers);
}

TEST(MockProcessorContext, KeepsWhatIsForwarded) {
  MockProcessorContext<Text, Long> context;
  context.add_state_store(Stores::in_memory_key_value_store("sums"));
  Sums sums;
  context.init(sums);
  const Headers headers{{"trace", "t1"}};
  const Text key = "a";
  const Long nine = 9;
  sums.process(record(key, nine, 100, &headers));
  sums.process(record(key, nine, 200));
  ASSERT_EQ(context.forwarded().size(), 2U);
  EXPECT_EQ(context.forwarded()[0].key, "a");
  EXPECT_EQ(context.forwarded()[0].value, 9);
  EXPECT_EQ(context.forwarded()[0].timestamp, Timestamp(100));
  EXPECT_EQ(context.forwarded()[0].headers.last("trace")->value, "t1");
  EXPECT_EQ(context.forwarded()[0].child_name, std::nullopt);
  EXPECT_EQ(context.forwarded()[1].record().value(), 18);
  EXPECT_EQ(context.forwarded()[1].child_name, "large");
  EXPECT_EQ(context.forwarded("large").size(), 2U) << "what goes to all goes there, too";
  EXPECT_EQ(context.forwarded("small").size(), 1U);
  EXPECT_EQ(*(context.key_value_store<Text, Long>("sums")->get("a")), 18);
  context.reset_forwards();
  EXPECT_TRUE(context.forwarded().empty());
}

TEST(MockProcessorContext, KeepsSchedulesAndRunsThemWhenTold) {
  MockProcessorContext<Text, Long> context;
  context.add_state_store(Stores::in_memory_key_value_store("sums"));
  Sums sums;
  context.init(sums);
  auto& punctuators = context.scheduled_punctuators();
  ASSERT_EQ(punctuators.size(), 2U);
  EXPECT_EQ(punctuators[0].interval(), milliseconds(1000));
  EXPECT_EQ(punctuators[0].type(), PunctuationType::kWallClockTime);
  EXPECT_EQ(punctuators[0].start_time(), kNoTimestamp);
  EXPECT_EQ(punctuators[1].start_time(), Timestamp(7));
  punctuators[0].punctuate(Timestamp(3000));
  ASSERT_EQ(context.forwarded().size(), 1U);
  EXPECT_EQ(context.forwarded()[0].key, "keys");
  EXPECT_EQ(context.forwarded()[0].timestamp, Timestamp(3000));
  EXPECT_FALSE(punctuators[1].cancelled());
  sums.stop();
  EXPECT_TRUE(punctuators[1].cancelled());
}

TEST(MockProcessorContext, StandsWhereTheTestPutsIt) {
  StreamsConfig config;
  config.application_id = "shop";
  config.application = {{"limit", "5"}};
  MockProcessorContext<Text, Long> context({.config = config, .task_id = {1, 2}, .state_dir = "state"});
  context.add_state_store(Stores::in_memory_key_value_store("sums"));
  EXPECT_THROW(context.add_state_store(Stores::in_memory_key_value_store("sums")), TopologyException);
  EXPECT_EQ(context.application_id(), "shop");
  EXPECT_EQ(context.task_id(), (TaskId{1, 2}));
  EXPECT_EQ(context.state_dir(), "state");
  EXPECT_EQ(*context.app_config("limit"), "5");
  context.set_current_system_time(Timestamp(70));
  context.set_current_stream_time(Timestamp(60));
  EXPECT_EQ(context.current_system_time(), Timestamp(70));
  EXPECT_EQ(context.current_stream_time(), Timestamp(60));
  EXPECT_FALSE(context.record_metadata().has_value());
  Sums sums;
  context.init(sums);
  context.set_record_metadata("payments", PartitionId(3), Offset(42));
  const Text key = "a";
  const Long less = -1;
  EXPECT_FALSE(context.committed());
  sums.process(record(key, less, 5));
  EXPECT_EQ(sums.from_, "payments@42");
  EXPECT_TRUE(context.committed());
  context.reset_commit();
  EXPECT_FALSE(context.committed());
  context.metrics().add_rate_total_sensor("scope", "entity", "operation").record();
  EXPECT_EQ(own_metrics(context.sensor_metrics()).size(), 2U);
}

TEST(MockProcessorContext, WhatTheProcessorThrowsReachesTheTest) {
  MockProcessorContext<Text, Long> context;
  Sums sums;
  EXPECT_THAT([&] { context.init(sums); },
              ::testing::ThrowsMessage<StreamsException>(HasSubstr("store \"sums\" is not connected")));
}

}  // namespace
}  // namespace tidemill
