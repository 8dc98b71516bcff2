// A grouped stream made a table: count(), reduce(), aggregate(), with and without caches, and the topic in front of them where the
// key has changed.
#include <gtest/gtest.h>

#include "shown.hpp"

namespace tidemill {
namespace {

using MaybeText = std::optional<Text>;
using Names = std::set<std::string>;

/// Its values in a row; a value "del" deletes them.
MaybeText append(const Text& key, const Text& value, const Text& so_far) {
  return value == "del" ? std::nullopt : MaybeText(so_far + key + value);
}
std::uint64_t dropped_nulls(const TopologyTestDriver& driver) { return dropped(driver, "null-key-or-value"); }

TEST(Count, CountsAndHasTheLatestTime) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in").group_by_key().count({.store_name = "c"}).to_stream().to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("a", "x", at(2s));
  in.pipe_input("b", "x", at(1s));
  in.pipe_input("a", "y", at(1s));
  EXPECT_EQ(all_of<Long>(driver), (Texts{"a=1@2000", "b=1@1000", "a=2@2000"}));
  EXPECT_EQ(kept<Long>(driver, "c"), (Texts{"a=2@2000", "b=1@1000"}));
  EXPECT_EQ(all_of<Long>(driver, "app-c-changelog"), (Texts{"a=1@2000", "b=1@1000", "a=2@2000"}));
  EXPECT_EQ(driver.produced_topic_names(), (Names{"app-c-changelog", "out"}));
}

TEST(Count, DropsWhatHasNoKeyOrNoValue) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in").group_by_key().count().to_stream().to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("a", "x", at(2s));
  in.pipe_input("a", std::nullopt, at(5s));
  in.pipe_value("x", at(6s));
  in.pipe_input({.key = std::nullopt, .value = std::nullopt, .timestamp = at(7s)});
  in.pipe_input("a", "", at(1s));
  EXPECT_EQ(all_of<Long>(driver), (Texts{"a=1@2000", "a=2@2000"}));
  EXPECT_EQ(dropped_nulls(driver), 3U);
}

TEST(Reduce, BeginsWithTheFirstValueAlsoBehindADeletion) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in")
      .group_by_key()
      .reduce([](const Text& so_far, const Text& v) { return v == "del" ? std::nullopt : MaybeText(so_far + v); },
              {.store_name = "c"})
      .to_stream()
      .to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("a", "del", at(1s));  // the reducer is not asked
  in.pipe_input("a", "y", at(3s));
  in.pipe_input("a", "del", at(2s));
  in.pipe_input("a", "z", at(500ms));  // what was deleted has no time
  in.pipe_input("a", std::nullopt, at(9s));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"a=del@1000", "a=dely@3000", "a=null@2000", "a=z@500"}));
  EXPECT_EQ(kept<Text>(driver, "c"), (Texts{"a=z@500"}));
  EXPECT_EQ(dropped_nulls(driver), 1U);
}

/// What comes of values that delete.
Topology appending(bool caching) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in")
      .group_by_key()
      .aggregate(Text("0"), append, {.store_name = "c", .caching = caching})
      .to_stream()
      .to("out");
  return builder.build();
}
void pipe_deletions(TopologyTestDriver& driver) {
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("a", "del", at(1s));
  in.pipe_input("a", "y", at(3s));
  in.pipe_input("a", "z", at(2s));
  in.pipe_input("a", "del", at(2500ms));
  in.pipe_input("a", "del", at(2600ms));
  in.pipe_input("a", "w", at(500ms));
}

TEST(Aggregate, DeletesAndBeginsAnew) {
  StreamsConfig no_cache = at_once();
  no_cache.statestore_cache_max_bytes = 0;
  for (const bool caching : {true, false}) {
    TopologyTestDriver driver(appending(caching), caching ? no_cache : at_once());
    pipe_deletions(driver);
    EXPECT_EQ(all_of<Text>(driver),
              (Texts{"a=null@1000", "a=0ay@3000", "a=0ayaz@3000", "a=null@3000", "a=null@2600", "a=0aw@500"}));
    // A deletion is written with the time of its record.
    EXPECT_EQ(all_of<Text>(driver, "app-c-changelog"),
              (Texts{"a=null@1000", "a=0ay@3000", "a=0ayaz@3000", "a=null@2500", "a=null@2600", "a=0aw@500"}));
    EXPECT_EQ(kept<Text>(driver, "c"), (Texts{"a=0aw@500"}));
    EXPECT_EQ(dropped_nulls(driver), 0U);
  }
}

TEST(Aggregate, WithACacheSaysNothingOfADeletionOfNothing) {
  TopologyTestDriver driver(appending(true), at_once());
  pipe_deletions(driver);
  EXPECT_EQ(all_of<Text>(driver), (Texts{"a=0ay@3000", "a=0ayaz@3000", "a=null@2500", "a=0aw@500"}));
  EXPECT_EQ(all_of<Text>(driver, "app-c-changelog"), (Texts{"a=0ay@3000", "a=0ayaz@3000", "a=null@2500", "a=0aw@500"}));
  EXPECT_EQ(kept<Text>(driver, "c"), (Texts{"a=0aw@500"}));
}

TEST(Aggregate, WithACacheSaysTheLastOfWhatHappensBetweenTwoCommits) {
  for (const bool caching : {true, false}) {
    StreamsBuilder builder;
    builder.stream<Text, Text>("in")
        .flat_map_values(parts)
        .group_by_key()
        .aggregate(
            Text("0"),
            [](const Text&, const Text& v, const Text& so_far) { return v == "del" ? std::nullopt : MaybeText(so_far + v); },
            {.store_name = "c", .caching = caching})
        .to_stream()
        .to("out");
    TopologyTestDriver driver(builder.build(), at_once());
    auto in = driver.create_input_topic<Text, Text>("in");
    in.pipe_input("a", "x;y;z", at(1s));
    in.pipe_input("b", "x;del", at(2s));  // never was there
    in.pipe_input("a", "w;del", at(3s));
    in.pipe_input("a", "x;del;y", at(2500ms));
    const Texts last = {"a=0xyz@1000", "a=null@3000", "a=0y@2500"};
    const Texts each = {"a=0x@1000",    "a=0xy@1000",  "a=0xyz@1000", "b=0x@2000",   "b=null@2000",
                        "a=0xyzw@3000", "a=null@3000", "a=0x@2500",   "a=null@2500", "a=0y@2500"};
    EXPECT_EQ(all_of<Text>(driver), caching ? last : each);
    EXPECT_EQ(all_of<Text>(driver, "app-c-changelog"), caching ? last : each);
    EXPECT_EQ(kept<Text>(driver, "c"), (Texts{"a=0y@2500"}));
  }
}

TEST(Aggregate, InACacheHasTheLatestTime) {
  TopologyTestDriver driver(appending(true), at_once());
  driver.commit_after_each_record(false);
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("a", "x", at(3s));
  in.pipe_input("b", "x", at(2s));
  in.pipe_input("a", "y", at(1s));
  EXPECT_EQ(all_of<Text>(driver), Texts());
  EXPECT_EQ(kept<Text>(driver, "c"), (Texts{"a=0axay@3000", "b=0bx@2000"}));
  driver.commit();
  EXPECT_EQ(all_of<Text>(driver), (Texts{"b=0bx@2000", "a=0axay@3000"})) << "what has changed last is written last";
}

TEST(Aggregate, GoesOnBehindARestart) {
  for (const bool caching : {true, false}) {
    TopologyTestDriver driver(appending(caching), at_once());
    auto in = driver.create_input_topic<Text, Text>("in");
    in.pipe_input("a", "x", at(3s));
    in.pipe_input("b", "x", at(2s));
    in.pipe_input("b", "del", at(2s));
    driver.restart();
    in.pipe_input("a", "y", at(1s));
    in.pipe_input("b", "y", at(1s));
    EXPECT_EQ(all_of<Text>(driver), (Texts{"a=0ax@3000", "b=0bx@2000", "b=null@2000", "a=0axay@3000", "b=0by@1000"}));
  }
}

// The first aggregate of a key takes its initial value away from the group where it never was: as Java.
TEST(Aggregate, SendsItsInitialValueAsTheFirstOldOneWithoutACache) {
  for (const bool caching : {true, false}) {
    StreamsBuilder builder;
    builder.stream<Text, Text>("in")
        .group_by_key()
        .aggregate(Text("0"), [](const Text&, const Text& v, const Text&) { return v; }, {.caching = caching})
        .group_by([](const Text& k, const Text& v) { return std::pair(v, k); })
        .count({.store_name = "counts", .caching = false})
        .to_stream()
        .to("out");
    TopologyTestDriver driver(builder.build(), at_once());
    auto in = driver.create_input_topic<Text, Text>("in");
    in.pipe_input("a", "x", at(1s));
    in.pipe_input("a", "y", at(2s));
    in.pipe_input("a", "0", at(3s));
    in.pipe_input("b", "z", at(4s));
    EXPECT_EQ(all_of<Long>(driver), caching ? (Texts{"x=1@1000", "x=0@2000", "y=1@2000", "y=0@3000", "0=1@3000", "z=1@4000"})
                                            : (Texts{"0=null@1000", "x=1@1000", "x=0@2000", "y=1@2000", "y=0@3000", "0=1@3000",
                                                     "0=0@4000", "z=1@4000"}));
  }
}

// ---------------------------------------------------------------- behind a changed key

TEST(Group, ByANewKeyGoesThroughATopicThatTakesKeysOnly) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in")
      .group_by([](const Text* v) { return v == nullptr || v->empty() ? std::nullopt : MaybeText(*v); })
      .count({.store_name = "c"})
      .to_stream()
      .to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("1", "x", at(1s));
  in.pipe_input("2", "x", at(500ms));
  in.pipe_value("y", at(3s));
  in.pipe_input("1", "", at(4s));
  in.pipe_input("1", std::nullopt, at(5s));
  EXPECT_EQ(all_of<Text>(driver, "app-c-repartition"), (Texts{"x=x@1000", "x=x@500", "y=y@3000"}));
  EXPECT_EQ(all_of<Long>(driver), (Texts{"x=1@1000", "x=2@1000", "y=1@3000"}));
  EXPECT_EQ(driver.produced_topic_names(), (Names{"app-c-changelog", "app-c-repartition", "out"}));
  EXPECT_EQ(driver.dropped_records().size(), 0U) << "what has no key is left out silently";
}

TEST(Group, DropsANullValueBehindTheTopicOrWhereItsSelectorNeedsIt) {
  for (const bool needed : {true, false}) {
    StreamsBuilder builder;
    const auto in = builder.stream<Text, Text>("in");
    const auto rekeyed = needed ? in.select_key([](const Text& k, const Text&) { return "n" + k; })
                                : in.select_key([](const Text& k, const Text*) { return "n" + k; });
    rekeyed.group_by_key().count({.store_name = "c"}).to_stream().to("out");
    TopologyTestDriver driver(builder.build(), at_once());
    auto texts = driver.create_input_topic<Text, Text>("in");
    texts.pipe_input("1", "x", at(1s));
    texts.pipe_input("1", std::nullopt, at(500ms));
    EXPECT_EQ(all_of<Text>(driver, "app-c-repartition"), needed ? (Texts{"n1=x@1000"}) : (Texts{"n1=x@1000", "n1=null@500"}));
    EXPECT_EQ(all_of<Long>(driver), (Texts{"n1=1@1000"}));
    EXPECT_EQ(dropped(driver, "null-value"), needed ? 1U : 0U);
    EXPECT_EQ(dropped_nulls(driver), needed ? 0U : 1U);
  }
}

TEST(Group, NeedsNoTopicWhereOnlyTheValueHasChanged) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in")
      .map_values([](const Text& v) { return v + v; })
      .filter([](const Text&) { return true; })
      .flat_map_values([](const Text& v) { return std::vector{v}; })
      .peek([](const Text&) {})
      .group_by_key()
      .count({.store_name = "c"})
      .to_stream()
      .to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  driver.create_input_topic<Text, Text>("in").pipe_input("1", "x", at(1s));
  EXPECT_EQ(all_of<Long>(driver), (Texts{"1=1@1000"}));
  EXPECT_EQ(driver.produced_topic_names(), (Names{"app-c-changelog", "out"}));
}

TEST(Group, SharesItsTopicWhereItHasAName) {
  for (const bool named : {true, false}) {
    StreamsBuilder builder;
    const auto group =
        builder.stream<Text, Text>("in").group_by([](const Text& v) { return v; }, {.name = named ? "by-value" : ""});
    group.count({.store_name = "c"}).to_stream().to("out");
    group.reduce([](const Text& so_far, const Text& v) { return so_far + v; }, {.store_name = "r"}).to_stream().to("texts");
    TopologyTestDriver driver(builder.build(), at_once());
    auto in = driver.create_input_topic<Text, Text>("in");
    in.pipe_input("1", "x", at(1s));
    in.pipe_input("2", "x", at(500ms));
    EXPECT_EQ(all_of<Long>(driver), (Texts{"x=1@1000", "x=2@1000"}));
    EXPECT_EQ(all_of<Text>(driver, "texts"), (Texts{"x=x@1000", "x=xx@1000"}));
    EXPECT_EQ(driver.produced_topic_names(),
              named ? (Names{"app-by-value-repartition", "app-c-changelog", "app-r-changelog", "out", "texts"})
                    : (Names{"app-c-changelog", "app-c-repartition", "app-r-changelog", "app-r-repartition", "out", "texts"}));
  }
}

TEST(Group, KeepsTheTypesOfANewKeyAndANewValue) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in")
      .map([](const Text& k, const Text& v) { return std::pair(static_cast<Long>(v.size()), std::stol(k)); })
      .group_by_key()
      .reduce([](Long so_far, Long number) { return so_far + number; }, {.store_name = "r"})
      .to_stream()
      .map([](Long size, Long sum) { return std::pair(std::to_string(size), sum); })
      .to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("3", "ab", at(1s));
  in.pipe_input("40", "cd", at(2s));
  in.pipe_input("5", "c", at(3s));
  EXPECT_EQ(all_of<Long>(driver), (Texts{"2=3@1000", "2=43@2000", "1=5@3000"}));
  EXPECT_EQ((driver.key_value_store<Long, Long>("r")->get(2)), 43);
}

}  // namespace
}  // namespace tidemill
