#include "runtime/topic_plan.hpp"

#include <gmock/gmock.h>

#include <tidemill/dsl/streams_builder.hpp>

#include "hand_made.hpp"

namespace tidemill::runtime {
namespace {

using test::HandMade;
using Text = std::string;
using ::testing::HasSubstr;

std::map<std::string, std::int32_t> counts(const std::vector<TopicSpec>& topics) {
  std::map<std::string, std::int32_t> result;
  for (const TopicSpec& topic : topics) result[topic.name] = topic.partitions;
  return result;
}
using Counts = std::map<std::string, std::int32_t>;

TEST(TopicPlan, ARepartitionTopicHasTheLargestCountOfWhatIsWrittenIntoIt) {
  const TopicPlan plan = plan_topics(
      *test::word_count(), {.application_id = "app", .existing = {{"lines", 6}, {"word-counts", 1}}, .overrides = {}});
  EXPECT_EQ(counts(plan.internal), (Counts{{"app-words-repartition", 6}, {"app-counts-changelog", 6}}));
  EXPECT_TRUE(plan.missing.empty());
  ASSERT_EQ(plan.tasks.size(), 2U);
  EXPECT_EQ(plan.tasks[1].partitions, 6);
  EXPECT_TRUE(plan.tasks[1].stateful);
  EXPECT_THAT(plan.tasks[1].source_topics, ::testing::ElementsAre("app-words-repartition"));
}

TEST(TopicPlan, MissingUserTopicsGetTheDefaultCount) {
  const TopicPlan plan =
      plan_topics(*test::word_count(), {.application_id = "app", .existing = {}, .default_partitions = 3, .overrides = {}});
  EXPECT_EQ(counts(plan.missing), (Counts{{"lines", 3}, {"word-counts", 3}}));
  EXPECT_EQ(counts(plan.internal), (Counts{{"app-words-repartition", 3}, {"app-counts-changelog", 3}}));
}

std::shared_ptr<Topology> joined(std::optional<std::int32_t> explicit_count = std::nullopt) {
  auto topology = HandMade()
                      .repartition("r")
                      .source("a", {"left"})
                      .sink("to-r", "r", {"a"})
                      .subtopology()
                      .source("b", {"right"})
                      .source("c", {"r"})
                      .build();
  topology->subtopologies[1].copartition_groups = {{"r", "right"}};
  topology->internal_topics.at("r").partitions = explicit_count;
  return topology;
}

TEST(TopicPlan, ARepartitionTopicAdoptsTheCountOfTheTopicItIsJoinedWith) {
  const TopicPlan plan =
      plan_topics(*joined(), {.application_id = "app", .existing = {{"left", 8}, {"right", 3}}, .overrides = {}});
  EXPECT_EQ(counts(plan.internal), (Counts{{"app-r", 3}}));
}

TEST(TopicPlan, AMissingTopicAdoptsTheCountOfItsCopartitionGroup) {
  auto topology = HandMade().source("a", {"left"}).source("b", {"right"}).build();
  topology->subtopologies[0].copartition_groups = {{"left", "right"}};
  const TopicPlan plan = plan_topics(*topology, {.application_id = "app", .existing = {{"left", 5}}, .overrides = {}});
  EXPECT_EQ(counts(plan.missing), (Counts{{"right", 5}}));
}

TEST(TopicPlan, ContradictionsNameTheTopicsAndTheRemedy) {
  const auto message = [](const Topology& topology, std::map<std::string, std::int32_t> existing) -> std::string {
    try {
      static_cast<void>(plan_topics(topology, {.application_id = "app", .existing = std::move(existing), .overrides = {}}));
    } catch (const TopologyException& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(message(*joined(4), {{"left", 8}, {"right", 3}}), HasSubstr("r has 4, right has 3"));
  EXPECT_THAT(message(*joined(), {{"left", 8}, {"right", 3}, {"app-r", 5}}),
              HasSubstr("\"app-r\" has 5 partitions and 3 are needed"));
}

/// By store, the topic and the number of partitions that say where a key of it is.
using KeyTopics = std::map<std::string, std::pair<Text, std::int32_t>>;
KeyTopics key_topics(const Topology& topology, const Counts& existing) {
  KeyTopics found;
  const TopicPlan plan = plan_topics(topology, {.application_id = "app", .existing = existing, .overrides = {}});
  for (const auto& [store, topic] : plan.key_topics) found[store] = {topic.name, topic.partitions};
  return found;
}

// Java's StreamsMetadataState goes by the largest of the topics that lead to the processor which a store was first connected to, with
// the application's id in front of an internal one.
TEST(TopicPlan, KeysAreWhereTheLargestTopicThatLeadsToTheirStoreHasThem) {
  StreamsBuilder builder;
  const auto small = builder.table<Text, Text>("small", {}, {.store_name = "s"}).to_stream();
  const auto large = builder.table<Text, Text>("large", {}, {.store_name = "l"}).to_stream();
  const auto both = small.merge(large);
  both.group_by_key().count({.store_name = "both"});
  both.group_by([](const Text&, const Text& v) { return v; }, {.name = "moved"}).count({.store_name = "values"});
  builder.global_table<Text, Text>("everywhere", {}, {.store_name = "global"});
  EXPECT_EQ(
      key_topics(builder.build(), {{"small", 2}, {"large", 4}, {"everywhere", 8}}),
      (KeyTopics{{"s", {"small", 2}}, {"l", {"large", 4}}, {"both", {"large", 4}}, {"values", {"app-moved-repartition", 4}}}));
}

TEST(TopicPlan, KeysOfATableAreWhereItsTopicHasThemWhoeverElseReadsIt) {
  class Reads final : public Processor<Text, Text> {
    void process(const Record<Text, Text>&) override {}
  };
  for (const char* optimization : {"none", "all"}) {
    SCOPED_TRACE(optimization);
    StreamsBuilder builder;
    const auto customers = builder.table<Text, Text>("customers", {}, {.store_name = "C"});
    builder.stream<Text, Text>("big").process([] { return std::make_unique<Reads>(); }, {"C"});
    builder.stream<Text, Text>("a-orders").join(customers, [](const Text& a, const Text& b) { return a + b; }).to("out");
    const auto left = builder.table<Text, Text>("left", {}, {.store_name = "L"});
    const auto right = builder.table<Text, Text>("right", {}, {.store_name = "R"});
    left.join(
            right, [](const Text& v) { return v; }, [](const Text& a, const Text& b) { return a + b; },
            TableJoined<Text, Text>{}, {.store_name = "F"})
        .to_stream()
        .to("out2");
    const KeyTopics found =
        key_topics(builder.build(optimization), {{"customers", 2}, {"big", 8}, {"a-orders", 2}, {"left", 3}, {"right", 5}});
    EXPECT_EQ(found.at("C"), (std::pair<Text, std::int32_t>{"customers", 2}));
    EXPECT_EQ(found.at("L"), (std::pair<Text, std::int32_t>{"left", 3}));
    EXPECT_EQ(found.at("R"), (std::pair<Text, std::int32_t>{"right", 5}));
  }
}

TEST(TopicPlan, KeysOfAStoreAreWhereTheFirstProcessorThatWasConnectedHasThem) {
  class Puts final : public Processor<Text, Text> {
    void process(const Record<Text, Text>&) override {}
  };
  StreamsBuilder builder;
  builder.add_state_store(Stores::in_memory_key_value_store("S"));
  for (const char* topic : {"z-two", "b-four"}) {
    builder.stream<Text, Text>(topic).process([] { return std::make_unique<Puts>(); }, {"S"});
  }
  EXPECT_EQ(key_topics(builder.build(), {{"z-two", 2}, {"b-four", 4}}), (KeyTopics{{"S", {"z-two", 2}}}));
}

TEST(TopicPlan, OverridesGoBetweenDefaultsAndTheStoresOwnConfiguration) {
  auto topology = test::word_count();
  topology->stores.at("counts").spec.log_config = {{"segment.bytes", "5"}};
  topology->internal_topics.at("counts-changelog").config = {{"cleanup.policy", "compact"}, {"segment.bytes", "5"}};
  const TopicPlan plan = plan_topics(*topology, {.application_id = "app",
                                                 .existing = {{"lines", 1}},
                                                 .overrides = {{"segment.bytes", "9"}, {"compression.type", "zstd"}}});
  for (const TopicSpec& topic : plan.internal) {
    EXPECT_EQ(topic.config.at("compression.type"), "zstd");
    EXPECT_EQ(topic.config.at("segment.bytes"), topic.name == "app-counts-changelog" ? "5" : "9");
  }
}

// Java 4.2.0 with topic.retention.ms=99, topic.min.compaction.lag.ms=3 and windowstore.changelog.additional.retention.ms=1000: windows
// and sessions of ten minutes 601000 ms, versions of an hour a lag of 90000000 ms, a plain store 99 ms.
TEST(TopicPlan, HowLongAChangelogIsNeededFollowsFromItsStore) {
  using namespace std::chrono_literals;
  StreamsBuilder builder;
  const auto grouped = builder.stream<Text, Text>("in").group_by_key();
  grouped.count({.store_name = "plain"});
  grouped.windowed_by(TimeWindows::of_size_with_no_grace(10min)).count({.store_name = "windows"});
  grouped.windowed_by(SessionWindows::of_inactivity_gap_with_no_grace(10min)).count({.store_name = "sessions"});
  grouped.windowed_by(TimeWindows::of_size_with_no_grace(10min))
      .count({.store_name = "own", .log_config = {{"retention.ms", "5"}}});
  grouped.windowed_by(TimeWindows::of_size_with_no_grace(10min))
      .emit_strategy(EmitStrategy::kOnWindowClose)
      .count({.store_name = "closing"});
  static_cast<void>(builder.table<Text, Text>("rows", {}, {.store_name = "versions", .history = 1h}));
  const TopicPlan plan = plan_topics(builder.build(), {.application_id = "app",
                                                       .existing = {{"in", 1}, {"rows", 1}},
                                                       .overrides = {{"retention.ms", "99"}, {"min.compaction.lag.ms", "3"}},
                                                       .additional_retention = 1000ms});
  const auto config = [&](const std::string& store, const std::string& key) {
    for (const TopicSpec& topic : plan.internal) {
      if (topic.name == "app-" + store + "-changelog") return topic.config.contains(key) ? topic.config.at(key) : "none";
    }
    return std::string("no topic");
  };
  EXPECT_EQ(config("windows", "retention.ms"), "601000");
  EXPECT_EQ(config("sessions", "retention.ms"), "601000");
  EXPECT_EQ(config("own", "retention.ms"), "5");
  EXPECT_EQ(config("closing", "retention.ms"), "1201000") << "the store keeps unemitted windows as long again";
  EXPECT_EQ(config("versions", "min.compaction.lag.ms"), "90000000");
  EXPECT_EQ(config("versions", "retention.ms"), "99");
  EXPECT_EQ(config("plain", "retention.ms"), "99");
}

TEST(TopicPlan, TopicsThatAPatternMatchesAreJoinedLikeOthers) {
  const auto joined = [](const char* stream, const char* table) {
    StreamsBuilder builder;
    const auto rows = builder.table<Text, Text>(table);
    builder.stream<Text, Text>(TopicPattern::compile(stream))
        .join(rows, [](const Text& a, const Text& b) { return a + b; })
        .to("out");
    return builder.build();
  };
  const Topology topology = joined("ord-.*", "t");
  const std::map<std::string, std::int32_t> equal{{"ord-1", 2}, {"ord-2", 2}, {"t", 2}, {"out", 1}};
  std::vector<std::string> names{"ord-1", "ord-2", "t", "out"};
  const Topology reading = topology.reading(names);
  EXPECT_EQ(reading.subtopologies[0].copartition_groups, (std::vector<std::vector<std::string>>{{"ord-1", "ord-2", "t"}}));
  EXPECT_NO_THROW(plan_topics(reading, {.application_id = "app", .existing = equal, .overrides = {}}));
  std::map<std::string, std::int32_t> other = equal;
  other["ord-2"] = 3;
  try {
    plan_topics(reading, {.application_id = "app", .existing = other, .overrides = {}});
    ADD_FAILURE();
  } catch (const TopologyException& error) {
    EXPECT_THAT(error.what(), HasSubstr("ord-1 has 2, ord-2 has 3, t has 2"));
  }
}

TEST(TopicPlan, ATopicThatTwoPatternsMatchIsRefused) {
  StreamsBuilder builder;
  builder.stream<Text, Text>(TopicPattern::compile("a.*")).to("o");
  builder.stream<Text, Text>(TopicPattern::compile(".*z")).to("p");
  const Topology topology = builder.build();
  EXPECT_NO_THROW(static_cast<void>(topology.reading(std::vector<std::string>{"ab", "bz"})));
  try {
    static_cast<void>(topology.reading(std::vector<std::string>{"ab", "az"}));
    ADD_FAILURE();
  } catch (const TopologyException& error) {
    EXPECT_STREQ(error.what(),
                 "topic \"az\" matches the pattern .*z of source \"KSTREAM-SOURCE-0000000002\" and is read by source "
                 "\"KSTREAM-SOURCE-0000000000\", too: a topic can be read by one source only; make the patterns narrower");
  }
}

}  // namespace
}  // namespace tidemill::runtime
