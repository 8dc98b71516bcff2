#include "runtime/topic_plan.hpp"

#include <gmock/gmock.h>

#include "hand_made.hpp"

namespace tidemill::runtime {
namespace {

using test::HandMade;
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

}  // namespace
}  // namespace tidemill::runtime
