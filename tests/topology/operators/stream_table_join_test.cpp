// A stream joined with a table: the stream's records ask, each once and with their own time; the table only answers.
#include <gtest/gtest.h>

#include "shown.hpp"

namespace tidemill {
namespace {

using MaybeText = std::optional<Text>;
using Names = std::set<std::string>;

Text or_null(const Text* text) { return text == nullptr ? "null" : *text; }
const auto kBoth = [](const Text& v, const Text& row) { return v + row; };
const auto kOneOrBoth = [](const Text& v, const Text* row) { return v + or_null(row); };

using Stream = const KStream<Text, Text>&;
using Table = const KTable<Text, Text>&;
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
  join(in, builder.table<Text, Text>("table")).to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  auto records = driver.create_input_topic<Text, Text>("in");
  auto table = driver.create_input_topic<Text, Text>("table");
  records.pipe_input("k", "1", at(5s));
  table.pipe_input("k", "a", at(9s));
  records.pipe_input("k", "2", at(6s));
  records.pipe_input("other", "3", at(7s));
  table.pipe_input("k", "b", at(1s));  // late, and yet the newest row
  records.pipe_input("k", "4", at(500ms));
  records.pipe_input("k", std::nullopt, at(8s));
  records.pipe_value("5", at(8100ms));
  records.pipe_input({.key = std::nullopt, .value = std::nullopt, .timestamp = at(8200ms)});
  table.pipe_value("c", at(1ms));
  table.pipe_input("k", std::nullopt, at(1ms));
  records.pipe_input("k", "6", at(9s));
  EXPECT_EQ(driver.produced_topic_names(), (Names{"app-table-STATE-STORE-0000000001-changelog", "out"}));
  return {all_of<Text>(driver), dropped(driver, "null-key"), dropped(driver, "null-value")};
}

TEST(StreamTableJoin, JoinsARecordWithTheRowThatThereIsThen) {
  const Outcome inner = made_by([](Stream s, Table t) { return s.join(t, kBoth); });
  EXPECT_EQ(inner.out, (Texts{"k=2a@6000", "k=4b@500"}));
  EXPECT_EQ(inner.null_keys, 2U);
  EXPECT_EQ(inner.null_values, 2U);
}

TEST(StreamTableJoin, LeftGoesOnWithoutARow) {
  const Outcome left = made_by([](Stream s, Table t) { return s.left_join(t, kOneOrBoth); });
  EXPECT_EQ(left.out, (Texts{"k=1null@5000", "k=2a@6000", "other=3null@7000", "k=4b@500", "null=5null@8100", "k=6null@9000"}));
  EXPECT_EQ(left.null_keys, 1U);
  EXPECT_EQ(left.null_values, 2U);
}

TEST(StreamTableJoin, MaySeeTheKeyAndMakeNull) {
  EXPECT_EQ(made_by([](Stream s, Table t) {
              return s.join(t, [](const Text& k, const Text& v, const Text& row) {
                return v == "2" ? std::nullopt : MaybeText(k + v + row);
              });
            }).out,
            (Texts{"k=null@6000", "k=k4b@500"}));
  EXPECT_EQ(
      made_by([](Stream s, Table t) {
        return s.left_join(t, [](const Text* k, const Text& v, const Text* row) { return or_null(k) + v + or_null(row); });
      }).out,
      (Texts{"k=k1null@5000", "k=k2a@6000", "other=other3null@7000", "k=k4b@500", "null=null5null@8100", "k=k6null@9000"}));
}

TEST(StreamTableJoin, MakesAnotherTypeOfTwo) {
  StreamsBuilder builder;
  const auto prices = builder.table<Text, Long>("table");
  builder.stream<Text, Text>("in")
      .join(prices, [](const Text& v, Long price) { return static_cast<Long>(v.size()) * price; })
      .to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  driver.create_input_topic<Text, Long>("table").pipe_input("k", 7, at(1ms));
  driver.create_input_topic<Text, Text>("in").pipe_input("k", "abc", at(2ms));
  EXPECT_EQ(all_of<Long>(driver), (Texts{"k=21@2"}));
}

TEST(StreamTableJoin, KeepsTheHeadersOfTheRecord) {
  StreamsBuilder builder;
  const auto in = builder.stream<Text, Text>("in");
  in.join(builder.table<Text, Text>("table"), kBoth).to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  driver.create_input_topic<Text, Text>("table").pipe_input({"k", "a", {{"row", "1"}}, at(9s)});
  driver.create_input_topic<Text, Text>("in").pipe_input({"k", "1", {{"record", "2"}}, at(1s)});
  EXPECT_EQ((driver.create_output_topic<Text, Text>("out").read_record()),
            (TestRecord<Text, Text>{"k", "1a", {{"record", "2"}}, at(1s)}));
}

// ---------------------------------------------------------------- behind a changed key

TEST(StreamTableJoin, RepartitionsAStreamWhoseKeyHasChanged) {
  for (const bool left : {false, true}) {
    StreamsBuilder builder;
    const auto in = builder.stream<Text, Text>("in").select_key(
        [](const Text* v) { return v == nullptr || v->empty() ? std::nullopt : MaybeText(*v); });
    const auto table = builder.table<Text, Text>("table");
    (left ? in.left_join(table, kOneOrBoth, {.name = "j"}) : in.join(table, kBoth, {.name = "j"})).to("out");
    TopologyTestDriver driver(builder.build(), at_once());
    driver.create_input_topic<Text, Text>("table").pipe_input("x", "a", at(1ms));
    auto records = driver.create_input_topic<Text, Text>("in");
    records.pipe_input("1", "x", at(5s));
    records.pipe_input("2", "", at(6s));
    records.pipe_input("3", std::nullopt, at(7s));
    records.pipe_input("4", "y", at(8s));
    // Only a left join has a use for records without key.
    EXPECT_EQ(all_of<Text>(driver, "app-j-repartition"),
              left ? (Texts{"x=x@5000", "null=@6000", "null=null@7000", "y=y@8000"}) : (Texts{"x=x@5000", "y=y@8000"}));
    EXPECT_EQ(all_of<Text>(driver), left ? (Texts{"x=xa@5000", "null=null@6000", "y=ynull@8000"}) : (Texts{"x=xa@5000"}));
    EXPECT_EQ(dropped(driver, "null-key"), 0U);
    EXPECT_EQ(dropped(driver, "null-value"), left ? 1U : 0U);
    EXPECT_EQ(driver.produced_topic_names(), (Names{"app-j-repartition", "app-table-STATE-STORE-0000000002-changelog", "out"}));
  }
}

TEST(StreamTableJoin, SharesTheTopicOfTwoJoinsWithoutNames) {
  StreamsBuilder builder;
  const auto in = builder.stream<Text, Text>("in").select_key([](const Text& v) { return v; });
  in.join(builder.table<Text, Text>("table"), kBoth).to("out");
  in.left_join(builder.table<Text, Text>("second"), kOneOrBoth).to("left");
  TopologyTestDriver driver(builder.build(), at_once());
  driver.create_input_topic<Text, Text>("table").pipe_input("x", "a", at(1ms));
  driver.create_input_topic<Text, Text>("in").pipe_input("1", "x", at(5s));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"x=xa@5000"}));
  EXPECT_EQ(all_of<Text>(driver, "left"), (Texts{"x=xnull@5000"}));
  EXPECT_EQ(driver.produced_topic_names(), (Names{"app-KSTREAM-KEY-SELECT-0000000001-repartition",
                                                  "app-table-STATE-STORE-0000000002-changelog", "left", "out"}));
}

TEST(StreamTableJoin, KeepsTheKeySoThatAGroupBehindItNeedsNoTopic) {
  StreamsBuilder builder;
  const auto in = builder.stream<Text, Text>("in");
  in.join(builder.table<Text, Text>("table"), kBoth).group_by_key().count({.store_name = "c"}).to_stream().to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  driver.create_input_topic<Text, Text>("table").pipe_input("a", "t", at(9s));
  auto records = driver.create_input_topic<Text, Text>("in");
  records.pipe_input("a", "x", at(1s));
  records.pipe_input("a", "y", at(500ms));
  EXPECT_EQ(all_of<Long>(driver), (Texts{"a=1@1000", "a=2@1000"}));
  EXPECT_EQ(driver.produced_topic_names(), (Names{"app-c-changelog", "app-table-STATE-STORE-0000000001-changelog", "out"}));
}

// ---------------------------------------------------------------- with which row

TEST(StreamTableJoin, WithItsOwnCountSeesItselfCounted) {
  StreamsBuilder builder;
  const auto in = builder.stream<Text, Text>("in");
  in.join(in.group_by_key().count(), [](const Text& v, Long count) { return v + std::to_string(count); }).to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  auto records = driver.create_input_topic<Text, Text>("in");
  records.pipe_input("a", "x", at(1s));
  records.pipe_input("a", "y", at(2s));
  records.pipe_input("b", "z", at(500ms));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"a=x1@1000", "a=y2@2000", "b=z1@500"}));
}

TEST(StreamTableJoin, SeesWhatATableHasNotToldAnybodyYet) {
  StreamsBuilder builder;
  const auto in = builder.stream<Text, Text>("in").flat_map_values([](const Text& v) {
    Texts texts;
    for (const auto& part : parts(v)) texts.push_back(*part);
    return texts;
  });
  const auto of_table = [](const Text& v) { return v.starts_with("t"); };
  const auto table = in.filter(of_table)
                         .map_values([](const Text& v) { return v == "t-" ? std::nullopt : MaybeText(v); })
                         .to_table({.store_name = "t"});
  in.filter_not(of_table).left_join(table, kOneOrBoth).to("out");
  table.to_stream().to("rows");
  TopologyTestDriver driver(builder.build(), at_once());
  driver.create_input_topic<Text, Text>("in").pipe_input("k", "1;ta;2;tb;3;t-;4", at(1s));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"k=1null@1000", "k=2ta@1000", "k=3tb@1000", "k=4null@1000"}));
  EXPECT_EQ(all_of<Text>(driver, "rows"), Texts());
}

TEST(StreamTableJoin, FindsItsRowsBehindARestart) {
  StreamsBuilder builder;
  const auto in = builder.stream<Text, Text>("in");
  in.left_join(builder.table<Text, Text>("table"), kOneOrBoth).to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  auto table = driver.create_input_topic<Text, Text>("table");
  table.pipe_input("k", "a", at(1s));
  table.pipe_input("gone", "b", at(1s));
  table.pipe_input("gone", std::nullopt, at(2s));
  driver.restart();
  auto records = driver.create_input_topic<Text, Text>("in");
  records.pipe_input("k", "1", at(3s));
  records.pipe_input("gone", "2", at(4s));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"k=1a@3000", "gone=2null@4000"}));
}

}  // namespace
}  // namespace tidemill
