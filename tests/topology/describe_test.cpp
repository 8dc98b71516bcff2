// The texts and names of Java's topologies, for the same DSL written here.
#include <gtest/gtest.h>

#include <tidemill/dsl/streams_builder.hpp>

#include <fstream>
#include <sstream>

namespace tidemill {
namespace {

using Text = std::string;

std::string golden(const std::string& id) {
  std::ifstream in(GOLDEN + id + ".txt", std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_FALSE(text.str().empty()) << id;
  return text.str();
}
void expect_describe(StreamsBuilder& builder, const std::string& id) {
  std::string text = builder.build().describe();
  std::string expected = golden(id);
  while (text.ends_with('\n')) text.pop_back();
  while (expected.ends_with('\n')) expected.pop_back();
  EXPECT_EQ(text, expected) << id;
}
const auto kFirst = [](const Text& v) { return v.substr(0, 1); };
const auto kJoin = [](const Text& a, const Text& b) { return a + b; };
const auto kSame = [](const Text& v) { return v; };

TEST(Describe, StatelessOperatorsHaveJavasNames) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in").select_key(kFirst).to("out");
  expect_describe(builder, "select-key");
}
TEST(Describe, MergeKeepsTheOrderOfItsParents) {
  StreamsBuilder builder;
  const auto one = builder.stream<Text, Text>("in1");
  const auto two = builder.stream<Text, Text>("in2");
  one.map_values(kSame).merge(two.map_values(kSame)).merge(one).to("out");
  expect_describe(builder, "merge");
}
TEST(Describe, SplitNamesItsBranches) {
  StreamsBuilder builder;
  const auto branches = builder.stream<Text, Text>("in")
                            .split({"s-"})
                            .branch([](const Text& v) { return v.starts_with("a"); }, {.name = "a"})
                            .branch([](const Text* v) { return v == nullptr; })
                            .default_branch({.name = "rest"});
  const auto& a = branches.at("s-a");
  const auto& b = branches.at("s-2");
  const auto& rest = branches.at("s-rest");
  a.to("out-a");
  b.to("out-null");
  rest.to("out-rest");
  a.map_values(kSame).merge(b.map_values(kSame)).merge(rest.map_values(kSame)).to("out-all");
  expect_describe(builder, "split-default");
}
TEST(Describe, CountWithoutAChangeOfKeyNeedsNoRepartition) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in").group_by_key().count().to_stream().to("out");
  expect_describe(builder, "count");
}
TEST(Describe, ReduceHasItsOwnPrefix) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in").group_by_key().reduce(kJoin).to_stream().to("out");
  expect_describe(builder, "reduce");
}
TEST(Describe, CountBehindGroupByGoesThroughARepartitionTopicNamedAfterTheStore) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in").group_by(kFirst).count({.store_name = "counts"}).to_stream().to("out");
  expect_describe(builder, "count-group-by");
}
TEST(Describe, GivenNamesStillBurnAnIndex) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in")
      .group_by(kSame, {.name = "g"})
      .count({.store_name = "c", .name = "cnt"})
      .to_stream({"ts"})
      .to("out");
  expect_describe(builder, "count-named");
}
TEST(Describe, RepartitionNamesItsTopicAfterItselfOrAsGiven) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in")
      .map([](const Text& v) { return std::pair(v, v); })
      .repartition()
      .map_values(kSame)
      .repartition({.name = "two", .number_of_partitions = 3})
      .to("out");
  expect_describe(builder, "repartition");
}
TEST(Describe, TableWithANamedStore) {
  StreamsBuilder builder;
  builder.table<Text, Text>("in", {}, {.store_name = "t"}).to_stream().to("out");
  expect_describe(builder, "table");
}
TEST(Describe, FiltersOfATable) {
  StreamsBuilder builder;
  const auto t = builder.table<Text, Text>("in", {}, {.store_name = "t"});
  t.filter([](const Text& v) { return v.starts_with("a"); }).to_stream().to("out1");
  t.filter_not([](const Text& v) { return v.starts_with("a"); }, {.store_name = "f"}).to_stream().to("out2");
  expect_describe(builder, "table-filter");
}
TEST(Describe, ToTableRepartitionsAChangedKey) {
  StreamsBuilder builder;
  const auto s = builder.stream<Text, Text>("in");
  s.to_table({.store_name = "t1"}).to_stream().to("out1");
  s.select_key(kFirst).to_table({.store_name = "t2", .name = "tt"}).to_stream().to("out2");
  expect_describe(builder, "to-table");
}
TEST(Describe, StreamTableJoinKeepsTheTablesStore) {
  StreamsBuilder builder;
  const auto s = builder.stream<Text, Text>("s");
  s.join(builder.table<Text, Text>("t"), kJoin).to("out");
  expect_describe(builder, "stream-table-inner");
}
TEST(Describe, StreamGlobalTableJoin) {
  StreamsBuilder builder;
  const auto g = builder.global_table<Text, Text>("g", {}, {.store_name = "gs"});
  builder.stream<Text, Text>("s")
      .join(
          g, [](const Text&, const Text& v) { return v; }, kJoin)
      .to("out");
  expect_describe(builder, "stream-global-inner");
}
TEST(Describe, TableTableJoins) {
  for (const bool left : {false, true}) {
    StreamsBuilder builder;
    const auto l = builder.table<Text, Text>("l", {}, {.store_name = "l"});
    const auto r = builder.table<Text, Text>("r", {}, {.store_name = "r"});
    if (left) {
      l.left_join(r, [](const Text& a, const Text*) { return a; }).to_stream().to("out");
    } else {
      l.join(r, kJoin).to_stream().to("out");
    }
    expect_describe(builder, left ? "table-table-left" : "table-table-inner");
  }
}

}  // namespace
}  // namespace tidemill
