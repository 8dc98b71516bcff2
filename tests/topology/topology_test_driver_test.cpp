// The driver itself, and the DSL's operators through it.
#include <gmock/gmock.h>

#include <algorithm>

#include <tidemill/dsl/streams_builder.hpp>
#include <tidemill/testing/topology_test_driver.hpp>

namespace tidemill {
namespace {

using Rows = std::vector<std::pair<std::optional<std::string>, std::optional<std::int64_t>>>;

std::vector<std::string> words(const std::string& line) {
  std::vector<std::string> result;
  std::string word;
  for (const char c : line + " ") {
    if (c != ' ') {
      word += c;
    } else if (!word.empty()) {
      result.push_back(std::move(word));
      word.clear();
    }
  }
  return result;
}

Topology word_count() {
  StreamsBuilder builder;
  builder.stream<std::string, std::string>("lines")
      .flat_map_values([](const std::string& line) { return words(line); })
      .group_by([](const auto&, const std::string& word) { return word; })
      .count({.store_name = "counts"})
      .to_stream()
      .to("word-counts");
  return builder.build();
}

TEST(TopologyTestDriver, RunsARecordThroughRepartitionTopicStoreAndSink) {
  TopologyTestDriver driver(word_count(), {.application_id = "app"});
  auto lines = driver.create_input_topic<std::string, std::string>("lines", Timestamp(100), std::chrono::milliseconds(10));
  auto counts = driver.create_output_topic<std::string, std::int64_t>("word-counts");
  EXPECT_TRUE(counts.is_empty());
  lines.pipe_input("1", "to be or not to be");
  EXPECT_EQ(counts.read_key_values_to_list(), (Rows{{"to", 1}, {"be", 1}, {"or", 1}, {"not", 1}, {"to", 2}, {"be", 2}}));
  lines.pipe_input("2", "be");
  const auto record = counts.read_record();
  EXPECT_EQ(record.key, "be");
  EXPECT_EQ(record.value, 3);
  EXPECT_EQ(record.timestamp, Timestamp(110));
  EXPECT_EQ((driver.key_value_store<std::string, std::int64_t>("counts")->get("to")), 2);
  const auto stamped = driver.timestamped_key_value_store<std::string, std::int64_t>("counts")->get("be");
  EXPECT_EQ(stamped->timestamp, Timestamp(110));
  EXPECT_EQ((driver.key_value_store<std::string, std::int64_t>("nothing")), nullptr);
  EXPECT_EQ(driver.produced_topic_names(),
            (std::set<std::string>{"app-counts-changelog", "app-counts-repartition", "word-counts"}));
}

TEST(TopologyTestDriver, SaysWhichTopicsAreReadWhenOneIsNot) {
  TopologyTestDriver driver(word_count());
  auto wrong = driver.create_input_topic<std::string, std::string>("line");
  try {
    wrong.pipe_input("1", "x");
    FAIL() << "an unknown topic was taken";
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find("the topology reads: lines"), std::string::npos) << error.what();
  }
  auto counts = driver.create_output_topic<std::string, std::int64_t>("word-counts");
  EXPECT_THROW(counts.read_value(), std::out_of_range);
}

TEST(TopologyTestDriver, ASinkThatIsASourceIsPipedInAgain) {
  StreamsBuilder builder;
  builder.stream<std::string, std::string>("in").map_values([](const std::string& v) { return v + "a"; }).to("middle");
  builder.stream<std::string, std::string>("middle").map_values([](const std::string& v) { return v + "b"; }).to("out");
  TopologyTestDriver driver(builder.build());
  driver.create_input_topic<std::string, std::string>("in").pipe_input("k", "v");
  auto out = driver.create_output_topic<std::string, std::string>("out");
  EXPECT_EQ(out.read_value(), "vab");
  EXPECT_EQ(driver.queue_size("middle"), 1U);
}

TEST(TopologyTestDriver, AProcessorMayForwardToASinkFromItsInit) {
  class Greets : public Processor<std::string, std::string> {
   public:
    void init(ProcessorContext<std::string, std::string>& context) override {
      const std::string key = "k";
      const std::string value = "hello";
      context.forward({key, value, Timestamp(1)});
    }
    void process(const Record<std::string, std::string>&) override {}
  };
  StreamsBuilder builder;
  builder.stream<std::string, std::string>("in").process([] { return std::make_unique<Greets>(); }).to("out");
  TopologyTestDriver driver(builder.build());
  EXPECT_EQ((driver.create_output_topic<std::string, std::string>("out").read_value()), "hello");
}

TEST(TopologyTestDriver, GlobalTablesAreFedAndJoined) {
  StreamsBuilder builder;
  auto names = builder.global_table<std::string, std::string>("names");
  builder.stream<std::string, std::string>("in")
      .join(
          names, [](const std::string&, const std::string& value) { return value; },
          [](const std::string& value, const std::string& name) { return value + "=" + name; })
      .to("out");
  TopologyTestDriver driver(builder.build());
  auto in = driver.create_input_topic<std::string, std::string>("in");
  driver.create_input_topic<std::string, std::string>("names").pipe_input("1", "one");
  in.pipe_input("a", "1");
  in.pipe_input("b", "2");
  auto out = driver.create_output_topic<std::string, std::string>("out");
  EXPECT_EQ(out.read_value(), "1=one");
  EXPECT_TRUE(out.is_empty());
}

TEST(TopologyTestDriver, NullKeysAndTombstonesAreAsInKafkaStreams) {
  StreamsBuilder builder;
  builder.table<std::string, std::string>("in", {}, {.store_name = "table"}).to_stream().to("out");
  TopologyTestDriver driver(builder.build());
  auto in = driver.create_input_topic<std::string, std::string>("in");
  in.pipe_input("a", "1");
  in.pipe_value("nobody's");
  in.pipe_input("a", std::nullopt);
  auto out = driver.create_output_topic<std::string, std::string>("out");
  EXPECT_EQ(out.read_values_to_list(), (std::vector<std::optional<std::string>>{"1", std::nullopt}));
  std::uint64_t dropped = 0;
  for (const auto& [reason, count] : driver.dropped_records()) dropped += count;
  EXPECT_EQ(dropped, 1U);
  EXPECT_EQ((driver.key_value_store<std::string, std::string>("table")->get("a")), std::nullopt);
}

TEST(TopologyTestDriver, WhatTheTopologyThrowsLeavesPipeInput) {
  StreamsBuilder builder;
  builder.stream<std::string, std::string>("in")
      .map_values([](const std::string& value) -> std::string { throw std::runtime_error("no " + value); })
      .to("out");
  TopologyTestDriver driver(builder.build());
  auto in = driver.create_input_topic<std::string, std::string>("in");
  EXPECT_ANY_THROW(in.pipe_input("k", "v"));
  // As an application's, the task has ended; it does not take records and lose them.
  try {
    in.pipe_input("k", "next");
    FAIL() << "the task has failed";
  } catch (const StreamsException& error) {
    EXPECT_THAT(error.what(), ::testing::AllOf(::testing::StartsWith("the task has failed"), ::testing::HasSubstr("no v")));
  }
  EXPECT_THROW(driver.advance_wall_clock_time(std::chrono::seconds(1)), StreamsException);
  driver.close();
}

TEST(TopologyTestDriver, ProcessorsThatAreNotThereGetASentence) {
  using Text = std::string;
  struct Early final : Processor<Text, Text> {
    Early() { static_cast<void>(this->context()); }
    void process(const Record<Text, Text>&) override {}
  };
  const auto what = [](auto supplier) -> Text {
    StreamsBuilder builder;
    builder.stream<Text, Text>("in").process(supplier, {}, {"mine"}).to("out");
    try {
      TopologyTestDriver driver(builder.build());
    } catch (const StreamsException& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(what([] { return std::unique_ptr<Early>(); }),
              ::testing::HasSubstr("the supplier of processor \"mine\" gave none"));
  EXPECT_THAT(what([] { return std::make_unique<Early>(); }), ::testing::HasSubstr("has no context before init()"));
}

TEST(TopologyTestDriver, HoldsItsConfigurationToTheRulesOfAllOthers) {
  const auto refused = [](const StreamsConfig& config, const char* sentence) {
    EXPECT_THAT([&] { TopologyTestDriver(word_count(), config); },
                ::testing::ThrowsMessage<ConfigException>(::testing::HasSubstr(sentence)));
  };
  refused({.application_id = "app", .num_stream_threads = 0}, "num.stream.threads=0: must be at least 1");
  refused({.application_id = "app", .max_poll_interval = std::chrono::milliseconds(0)},
          "max.poll.interval.ms=0: must be at least 1");
  refused({.application_id = "a b"}, "application.id=a b: give the application a name");
  refused({.application_id = "app", .state_dir = ""}, "state.dir is empty");
}

TEST(TopologyTestDriver, DeadLettersOfAGlobalStoreAreCountedAndNotWritten) {
  StreamsBuilder builder;
  (void)builder.global_table<std::string, std::int64_t>("numbers");
  TopologyTestDriver driver(
      builder.build(),
      {.application_id = "app", .deserialization_exception_handler = log_and_continue_on_deserialization_error("dead")});
  driver.pipe("numbers", {.key = "a", .value = "not a number", .timestamp = Timestamp(0)});
  EXPECT_EQ(driver.dropped_records(), (std::map<std::string, std::uint64_t>{{"deserialization-error", 1}}));
  const std::vector<Metric> metrics = driver.metrics();
  const auto lost = std::find_if(metrics.begin(), metrics.end(),
                                 [](const Metric& metric) { return metric.name == "dead-letters-not-written-total"; });
  ASSERT_NE(lost, metrics.end());
  EXPECT_EQ(lost->value, 1);
  EXPECT_EQ(driver.queue_size("dead"), 0U);
}

// A global store that left a record out would not be what its topic says: Java 4.2 asks no handler either.
TEST(TopologyTestDriver, WhatAGlobalStoresProcessorThrowsIsNoHandlersToAnswer) {
  class Throws : public Processor<std::string, std::string, void, void> {
    void process(const Record<std::string, std::string>&) override { throw std::logic_error("boom"); }
  };
  StreamsBuilder builder;
  builder.add_global_store<std::string, std::string>(Stores::in_memory_key_value_store("rows"), "in", {},
                                                     [] { return std::make_unique<Throws>(); });
  StreamsConfig config;
  config.processing_exception_handler = log_and_continue_on_processing_error();
  TopologyTestDriver driver(builder.build(), config);
  auto in = driver.create_input_topic<std::string, std::string>("in");
  try {
    in.pipe_input("k", "v");
    ADD_FAILURE();
  } catch (const StreamsException& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("boom"));
  }
}

TEST(TopologyTestDriver, ATopicThatTwoPatternsMatchIsRefused) {
  StreamsBuilder builder;
  builder.stream<std::string, std::string>(TopicPattern::compile("a.*")).to("o");
  builder.stream<std::string, std::string>(TopicPattern::compile(".*z")).to("p");
  TopologyTestDriver driver(builder.build());
  (driver.create_input_topic<std::string, std::string>("ab").pipe_input("k", "v"));
  EXPECT_EQ(driver.queue_size("o"), 1U);
  EXPECT_THROW((driver.create_input_topic<std::string, std::string>("az").pipe_input("k", "v")), TopologyException);
}

TEST(TopologyTestDriver, ShowsWindowsSessionsAndVersions) {
  using namespace std::chrono_literals;
  using Text = std::string;
  StreamsBuilder builder;
  const auto grouped = builder.stream<Text, Text>("in").group_by_key();
  grouped.windowed_by(TimeWindows::of_size_with_no_grace(10ms)).count({.store_name = "windows"});
  grouped.windowed_by(SessionWindows::of_inactivity_gap_with_no_grace(10ms)).count({.store_name = "sessions"});
  builder.table<Text, Text>("rows", {}, {.store_name = "versions", .history = 1h});
  TopologyTestDriver driver(builder.build());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("a", "x", Timestamp(13));
  in.pipe_input("a", "x", Timestamp(17));
  auto rows = driver.create_input_topic<Text, Text>("rows");
  rows.pipe_input("k", "old", Timestamp(100));
  rows.pipe_input("k", "new", Timestamp(200));
  using Stamped = ValueAndTimestamp<std::int64_t>;
  EXPECT_EQ((driver.window_store<Text, std::int64_t>("windows")->fetch("a", Timestamp(10))), 2);
  EXPECT_EQ((driver.window_store<Text, Stamped>("windows")->fetch("a", Timestamp(10))), (Stamped{2, Timestamp(17)}));
  EXPECT_EQ((driver.timestamped_window_store<Text, std::int64_t>("windows")->fetch("a", Timestamp(10))),
            (Stamped{2, Timestamp(17)}));
  std::vector<Text> keys;  // of a store that is asked for in passing
  for (auto row = driver.window_store<Text, std::int64_t>("windows")->all(); row.valid(); row.next())
    keys.push_back(row.key().key);
  EXPECT_EQ(keys, std::vector<Text>{"a"});
  EXPECT_EQ((driver.session_store<Text, std::int64_t>("sessions")->fetch_session("a", Timestamp(13), Timestamp(17))), 2);
  const auto versions = driver.versioned_store<Text, Text>("versions");
  EXPECT_EQ(versions->get("k")->value, "new");
  EXPECT_EQ(versions->get("k", Timestamp(150))->value, "old");
  EXPECT_THROW((driver.key_value_store<Text, Text>("versions")), std::invalid_argument) << "it would put without a time";
  EXPECT_EQ((driver.window_store<Text, std::int64_t>("nothing")), nullptr);
}

TEST(TopologyTestDriver, ARecordThatFailsWhenItHasWaitedForItsTableIsGivenUpAlone) {
  using namespace std::chrono_literals;
  using Text = std::string;
  StreamsBuilder builder;
  const auto table = builder.table<Text, Text>("table", {}, {.store_name = "versions", .history = 1h});
  builder.stream<Text, Text>("in")
      .join(table,
            [](const Text& left, const Text& right) {
              if (left == "bad") throw std::invalid_argument(left);
              return left + right;
            },
            {.grace_period = 10ms})
      .to("out");
  StreamsConfig config;
  int failed = 0;
  config.processing_exception_handler = [&](const ErrorHandlerContext& context, const HandledError&) -> HandlerResponse {
    ++failed;
    return log_and_continue_on_processing_error()(context, {});
  };
  TopologyTestDriver driver(builder.build(), config);
  driver.create_input_topic<Text, Text>("table").pipe_input("k", "+row", Timestamp(0));
  auto in = driver.create_input_topic<Text, Text>("in");
  auto out = driver.create_output_topic<Text, Text>("out");
  in.pipe_input("k", "bad", Timestamp(10));
  in.pipe_input("k", "good", Timestamp(11));
  in.pipe_input("k", "later", Timestamp(100));
  in.pipe_input("k", "last", Timestamp(200));
  EXPECT_EQ(failed, 1) << "it has been given up";
  EXPECT_EQ(out.read_value(), "good+row");
  EXPECT_EQ(out.read_value(), "later+row");
  EXPECT_TRUE(out.is_empty());
}

TEST(TopologyTestDriver, HeadersAndTimestampsGoThrough) {
  StreamsBuilder builder;
  builder.stream<std::string, std::string>("in").filter([](const auto&, const std::string&) { return true; }).to("out");
  TopologyTestDriver driver(builder.build(), {}, Timestamp(5000));
  EXPECT_EQ(driver.wall_clock_time(), Timestamp(5000));
  auto in = driver.create_input_topic<std::string, std::string>("in");
  auto out = driver.create_output_topic<std::string, std::string>("out");
  const TestRecord<std::string, std::string> record{
      .key = "k", .value = "v", .headers = {{"h", Bytes("1")}}, .timestamp = Timestamp(7)};
  in.pipe_input(record);
  EXPECT_EQ(out.read_record(), record);
  in.pipe_input("k", "v");
  EXPECT_EQ(out.read_record().timestamp, Timestamp(5000));
}

TEST(TopologyTestDriver, TakesNoRecordBehindClose) {
  StreamsBuilder builder;
  builder.stream<std::string, std::string>("in").to("out");
  TopologyTestDriver driver(builder.build());
  auto in = driver.create_input_topic<std::string, std::string>("in");
  driver.close();
  EXPECT_THROW(in.pipe_input("k", "v"), StreamsException);
}

TEST(TopologyTestDriver, AWalkAtItsEndSaysSo) {
  StreamsBuilder builder;
  builder.table<std::string, std::string>("in", {}, {.store_name = "rows"});
  TopologyTestDriver driver(builder.build());
  const auto store = driver.key_value_store<std::string, std::string>("rows");
  auto rows = store->all();
  EXPECT_FALSE(rows.valid());
  EXPECT_THROW((void)rows.key(), std::out_of_range);
  EXPECT_THROW((void)rows.value(), std::out_of_range);
  EXPECT_THROW(rows.next(), std::out_of_range);
}

class WritesToGlobalStore final : public Processor<std::string, std::string> {
  void process(const Record<std::string, std::string>& record) override {
    context().key_value_store<std::string, ValueAndTimestamp<std::string>>("names")->remove(record.key());
  }
};

TEST(TopologyTestDriver, AGlobalStoreIsWrittenByWhatFeedsItAloneAsInAnApplication) {
  StreamsBuilder builder;
  builder.global_table<std::string, std::string>("names-topic", {}, {.store_name = "names"});
  builder.stream<std::string, std::string>("in").process([] { return std::make_unique<WritesToGlobalStore>(); });
  TopologyTestDriver driver(builder.build());
  driver.create_input_topic<std::string, std::string>("names-topic").pipe_input("a", "Anna");
  auto in = driver.create_input_topic<std::string, std::string>("in");
  try {
    in.pipe_input("a", "x");
    FAIL() << "it was written";
  } catch (const StreamsException& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("global store \"names\" is written by the global thread only"));
  }
  EXPECT_EQ((driver.key_value_store<std::string, std::string>("names")->get("a")), "Anna");
}

/// A mistake of the processor's: it looks at the first row also where there is none.
class FirstRow final : public Processor<std::string, std::string, std::string, std::string> {
  void process(const Record<std::string, std::string>& record) override {
    const auto store = context().key_value_store<std::string, std::string>("rows");
    if (record.value() != "harmless") (void)store->all().key();
    context().forward(record);
  }
};

TEST(TopologyTestDriver, AWalkAtItsEndInAProcessorIsForTheProcessingExceptionHandler) {
  StreamsBuilder builder;
  builder.add_state_store(Stores::in_memory_key_value_store("rows"));
  builder.stream<std::string, std::string>("in").process([] { return std::make_unique<FirstRow>(); }, {"rows"}).to("out");
  StreamsConfig config{.application_id = "app"};
  config.processing_exception_handler = log_and_continue_on_processing_error();
  TopologyTestDriver driver(builder.build(), config);
  auto in = driver.create_input_topic<std::string, std::string>("in");
  in.pipe_input("a", "wrong");
  in.pipe_input("b", "harmless");
  EXPECT_EQ((driver.create_output_topic<std::string, std::string>("out").read_value()), "harmless");
}

}  // namespace
}  // namespace tidemill
