// A stream joined with a global table: a selector says under which key the row is to be looked up, so that the stream need neither
// have that key nor be repartitioned.
#include <gtest/gtest.h>

#include "shown.hpp"

namespace tidemill {
namespace {

using MaybeText = std::optional<Text>;
using Names = std::set<std::string>;

Text or_null(const Text* text) { return text == nullptr ? "null" : *text; }
const auto kBoth = [](const Text& v, const Text& row) { return v + row; };
const auto kOneOrBoth = [](const Text& v, const Text* row) { return v + or_null(row); };
/// A value begins with the key of its row; `-` names none.
const auto kFirst = [](const Text& v) { return v == "-" ? std::nullopt : MaybeText(v.substr(0, 1)); };

using Stream = const KStream<Text, Text>&;
using Table = const GlobalKTable<Text, Text>&;
struct Outcome {
  Texts out;
  std::uint64_t null_keys = 0;  // one of them a row's
  std::uint64_t null_values = 0;
};
/// What `join` makes of records that come before, with and behind a row, and of null.
template <class Join>
Outcome made_by(Join join) {
  StreamsBuilder builder;
  const auto in = builder.stream<Text, Text>("in");
  const auto rows = builder.global_table<Text, Text>("global", {}, {.store_name = "rows"});
  EXPECT_EQ(rows.queryable_store_name(), "rows");
  join(in, rows).to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  auto records = driver.create_input_topic<Text, Text>("in");
  auto global = driver.create_input_topic<Text, Text>("global");
  records.pipe_input("k", "a1", at(5s));
  global.pipe_input("a", "A", at(9s));
  records.pipe_input("k", "a2", at(6s));
  records.pipe_input("k", "b3", at(7s));
  records.pipe_input("k", "-", at(8s));
  records.pipe_value("a4", at(8100ms));
  records.pipe_value("-", at(8150ms));
  records.pipe_input("k", std::nullopt, at(8200ms));
  records.pipe_input({.key = std::nullopt, .value = std::nullopt, .timestamp = at(8300ms)});
  global.pipe_input("a", "B", at(10ms));  // late, and yet the newest row
  EXPECT_EQ(kept<Text>(driver, "rows"), (Texts{"a=B@10"}));
  records.pipe_input("q", "a5", at(100ms));
  global.pipe_value("N", at(1ms));
  global.pipe_input("a", std::nullopt, at(1ms));
  EXPECT_EQ(kept<Text>(driver, "rows"), Texts());
  records.pipe_input("k", "a6", at(9s));
  EXPECT_EQ(driver.produced_topic_names(), (Names{"out"}));
  return {all_of<Text>(driver), dropped(driver, "null-key"), dropped(driver, "null-value")};
}

TEST(GlobalTableJoin, LooksUpTheKeyThatItsSelectorMakes) {
  const Outcome inner = made_by([](Stream s, Table t) { return s.join(t, kFirst, kBoth); });
  EXPECT_EQ(inner.out, (Texts{"k=a2A@6000", "null=a4A@8100", "q=a5B@100"}));
  EXPECT_EQ(inner.null_keys, 3U) << "two records select none";
  EXPECT_EQ(inner.null_values, 2U);
}

TEST(GlobalTableJoin, LeftGoesOnWithoutARowAndWithoutItsKey) {
  const Outcome left = made_by([](Stream s, Table t) { return s.left_join(t, kFirst, kOneOrBoth); });
  EXPECT_EQ(left.out, (Texts{"k=a1null@5000", "k=a2A@6000", "k=b3null@7000", "k=-null@8000", "null=a4A@8100", "null=-null@8150",
                             "q=a5B@100", "k=a6null@9000"}));
  EXPECT_EQ(left.null_keys, 1U);
  EXPECT_EQ(left.null_values, 2U);
}

// Not the one that was looked up.
TEST(GlobalTableJoin, MaySeeTheKeyOfTheStream) {
  EXPECT_EQ(made_by([](Stream s, Table t) {
              return s.join(t, kFirst, [](const Text* k, const Text& v, const Text& row) {
                return v == "a2" ? std::nullopt : MaybeText(or_null(k) + ":" + v + row);
              });
            }).out,
            (Texts{"k=null@6000", "null=null:a4A@8100", "q=q:a5B@100"}));
  EXPECT_EQ(made_by([](Stream s, Table t) {
              return s.left_join(t, kFirst,
                                 [](const Text& k, const Text& v, const Text* row) { return k + ":" + v + or_null(row); });
            }).out,
            (Texts{"k=k:a1null@5000", "k=k:a2A@6000", "k=k:b3null@7000", "k=k:-null@8000", "null=:a4A@8100", "null=:-null@8150",
                   "q=q:a5B@100", "k=k:a6null@9000"}));
}

TEST(GlobalTableJoin, MayLookUpTheKeyOfTheStream) {
  for (const bool left : {false, true}) {
    StreamsBuilder builder;
    const auto in = builder.stream<Text, Text>("in");
    const auto global = builder.global_table<Text, Text>("global");
    const auto own = [](const Text* k, const Text*) { return k == nullptr ? std::nullopt : MaybeText(*k); };
    (left ? in.left_join(global, own, kOneOrBoth) : in.join(global, own, kBoth)).to("out");
    TopologyTestDriver driver(builder.build(), at_once());
    driver.create_input_topic<Text, Text>("global").pipe_input("k", "A", at(9s));
    auto records = driver.create_input_topic<Text, Text>("in");
    records.pipe_input("k", "1", at(1ms));
    records.pipe_input("x", "2", at(2ms));
    records.pipe_value("3", at(3ms));
    EXPECT_EQ(all_of<Text>(driver), left ? (Texts{"k=1A@1", "x=2null@2", "null=3null@3"}) : (Texts{"k=1A@1"}));
    EXPECT_EQ(dropped(driver, "null-key"), left ? 0U : 1U);
  }
}

TEST(GlobalTableJoin, LooksUpKeysOfAnotherTypeThanTheStreams) {
  StreamsBuilder builder;
  const auto in = builder.stream<Text, Text>("in");
  const auto global = builder.global_table<Long, Long>("global");
  in.join(
        global, [](const Text& k, const Text& v) { return static_cast<Long>(k.size() + v.size()); },
        [](const Text& v, Long row) { return std::stol(v) * row; })
      .to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  driver.create_input_topic<Long, Long>("global").pipe_input(5, 3, at(1ms));
  auto records = driver.create_input_topic<Text, Text>("in");
  records.pipe_input("abc", "14", at(2ms));
  records.pipe_input("ab", "14", at(3ms));
  EXPECT_EQ(all_of<Long>(driver), (Texts{"abc=42@2"}));
}

TEST(GlobalTableJoin, RepartitionsNothingAndLeavesAChangedKeyToWhatComesBehind) {
  for (const bool rekeyed : {false, true}) {
    StreamsBuilder builder;
    auto in = builder.stream<Text, Text>("in");
    if (rekeyed) in = in.select_key([](const Text& v) { return v; });
    const auto global = builder.global_table<Text, Text>("global");
    in.join(
          global, [](const Text& v) { return v; }, kBoth)
        .group_by_key()
        .count({.store_name = "c"})
        .to_stream()
        .to("out");
    TopologyTestDriver driver(builder.build(), at_once());
    driver.create_input_topic<Text, Text>("global").pipe_input("x", "A", at(9s));
    driver.create_input_topic<Text, Text>("in").pipe_input("k", "x", at(1ms));
    EXPECT_EQ(all_of<Long>(driver), rekeyed ? (Texts{"x=1@1"}) : (Texts{"k=1@1"}));
    EXPECT_EQ(driver.produced_topic_names(),
              rekeyed ? (Names{"app-c-changelog", "app-c-repartition", "out"}) : (Names{"app-c-changelog", "out"}));
  }
}

TEST(GlobalTableJoin, FindsItsRowsBehindARestart) {
  StreamsBuilder builder;
  const auto in = builder.stream<Text, Text>("in");
  in.left_join(builder.global_table<Text, Text>("global"), kFirst, kOneOrBoth).to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  auto global = driver.create_input_topic<Text, Text>("global");
  global.pipe_input("a", "A", at(1s));
  global.pipe_input("b", "B", at(1s));
  global.pipe_input("b", std::nullopt, at(1s));
  driver.restart();
  auto records = driver.create_input_topic<Text, Text>("in");
  records.pipe_input("k", "a1", at(2s));
  records.pipe_input("k", "b2", at(3s));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"k=a1A@2000", "k=b2null@3000"}));
}

}  // namespace
}  // namespace tidemill
