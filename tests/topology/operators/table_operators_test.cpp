// Operators of tables: filter(), filter_not(), map_values(), to_stream(), to_table(), and what is read of tables that have no store.
// A table in a cache says nothing of a row that is deleted and never was there; without one it passes on every tombstone.
#include <gtest/gtest.h>

#include "shown.hpp"

namespace tidemill {
namespace {

using MaybeText = std::optional<Text>;
using Names = std::set<std::string>;
using Table = KTable<Text, Text>;

/// Rows that come, change, go, and go once more.
void pipe_rows(TopologyTestDriver& driver) {
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("a", "xa", at(1s));
  in.pipe_input("b", "y", at(2s));
  in.pipe_input("b", "z", at(3s));
  in.pipe_input("a", "y", at(4s));
  in.pipe_input("b", "xb", at(5s));
  in.pipe_input("b", std::nullopt, at(6s));
  in.pipe_input("b", std::nullopt, at(7s));
  in.pipe_input("c", std::nullopt, at(8s));
}
const Texts kRows = {"a=xa@1000", "b=y@2000", "b=z@3000", "a=y@4000", "b=xb@5000", "b=null@6000", "b=null@7000", "c=null@8000"};

/// What `write` makes of the table "in".
template <class V = Text, class Write>
Texts made_by(Write write, const Materialized<Text, Text>& materialized = {}) {
  StreamsBuilder builder;
  write(builder.table<Text, Text>("in", {}, materialized)).to_stream().to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  pipe_rows(driver);
  return all_of<V>(driver);
}
bool begins_with_x(const Text& v) { return v.starts_with("x"); }

// ---------------------------------------------------------------- table, to_table

TEST(TableOfATopic, HasNoStoreWhereNobodyAsksForOne) {
  StreamsBuilder builder;
  const Table table = builder.table<Text, Text>("in");
  EXPECT_EQ(table.queryable_store_name(), "");
  table.to_stream().to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  pipe_rows(driver);
  EXPECT_EQ(all_of<Text>(driver), kRows);
  EXPECT_EQ(driver.produced_topic_names(), (Names{"out"}));
  EXPECT_EQ(driver.state_store_names().size(), 0U);
}

TEST(TableOfATopic, TakesLateRowsAndDropsWhatHasNoKey) {
  for (const bool caching : {true, false}) {
    StreamsBuilder builder;
    const Table table = builder.table<Text, Text>("in", {}, {.store_name = "rows", .caching = caching});
    EXPECT_EQ(table.queryable_store_name(), "rows");
    table.to_stream().to("out");
    TopologyTestDriver driver(builder.build(), at_once());
    pipe_rows(driver);
    auto in = driver.create_input_topic<Text, Text>("in");
    in.pipe_value("x", at(9s));
    in.pipe_input("b", "late", at(100ms));
    in.pipe_input("b", "late", at(100ms));  // nothing new, and yet passed on
    Texts expected = kRows;
    if (caching) expected.resize(6);
    expected.insert(expected.end(), {"b=late@100", "b=late@100"});
    EXPECT_EQ(all_of<Text>(driver), expected);
    EXPECT_EQ(kept<Text>(driver, "rows"), (Texts{"a=y@4000", "b=late@100"}));
    EXPECT_EQ(dropped(driver, "null-key"), 1U);
    EXPECT_EQ(driver.produced_topic_names(), (Names{"app-rows-changelog", "out"}));
  }
}

TEST(ToTable, MakesAStreamATable) {
  StreamsBuilder builder;
  const Table table = builder.stream<Text, Text>("in").to_table({.store_name = "rows", .caching = false});
  EXPECT_EQ(table.queryable_store_name(), "rows");
  table.to_stream().to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  pipe_rows(driver);
  driver.create_input_topic<Text, Text>("in").pipe_value("x", at(9s));
  EXPECT_EQ(all_of<Text>(driver), kRows);
  EXPECT_EQ(kept<Text>(driver, "rows"), (Texts{"a=y@4000"}));
  EXPECT_EQ(dropped(driver, "null-key"), 1U);
  EXPECT_EQ(driver.produced_topic_names(), (Names{"app-rows-changelog", "out"}));
}

TEST(ToTable, RepartitionsAStreamWhoseKeyHasChanged) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in")
      .select_key([](const Text* v) { return v == nullptr || *v == "z" ? std::nullopt : MaybeText(*v); })
      .to_table({.store_name = "rows", .caching = false})
      .to_stream()
      .to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  pipe_rows(driver);
  driver.create_input_topic<Text, Text>("in").pipe_value("x", at(9s));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"xa=xa@1000", "y=y@2000", "y=y@4000", "xb=xb@5000", "x=x@9000"}));
  EXPECT_EQ(kept<Text>(driver, "rows"), (Texts{"x=x@9000", "xa=xa@1000", "xb=xb@5000", "y=y@4000"}));
  EXPECT_EQ(dropped(driver, "null-key"), 0U);
  EXPECT_EQ(driver.produced_topic_names(), (Names{"app-KSTREAM-TOTABLE-0000000002-repartition", "app-rows-changelog", "out"}));
}

// ---------------------------------------------------------------- filter

TEST(TableFilter, MakesATombstoneOfWhatItDoesNotLetThrough) {
  EXPECT_EQ(made_by([](const Table& t) { return t.filter(begins_with_x); }),
            (Texts{"a=xa@1000", "b=null@2000", "b=null@3000", "a=null@4000", "b=xb@5000", "b=null@6000", "b=null@7000",
                   "c=null@8000"}));
  EXPECT_EQ(
      made_by([](const Table& t) { return t.filter_not([](const Text& k, const Text& v) { return k == "a" && v == "xa"; }); }),
      (Texts{"a=null@1000", "b=y@2000", "b=z@3000", "a=y@4000", "b=xb@5000", "b=null@6000", "b=null@7000", "c=null@8000"}));
}

TEST(TableFilter, OfATableWithOldValuesSaysNothingOfWhatItNeverLetThrough) {
  const Texts expected = {"a=xa@1000", "a=null@4000", "b=xb@5000", "b=null@6000"};
  for (const bool caching : {true, false}) {
    const Materialized<Text, Text> rows = {.store_name = "rows", .caching = caching};
    EXPECT_EQ(made_by([](const Table& t) { return t.filter(begins_with_x); }, rows), expected);
    EXPECT_EQ(made_by([](const Table& t) { return t.filter_not([](const Text& v) { return !begins_with_x(v); }); }, rows),
              expected);
    EXPECT_EQ(made_by([](const Table& t) { return t.filter(begins_with_x, {.store_name = "some", .caching = false}); }, rows),
              expected);
  }
}

// Only where another operator has asked for old values; what has no store and is asked by nobody has none.
TEST(TableFilter, HasOldValuesWhereAnotherOperatorWantsThem) {
  StreamsBuilder builder;
  const Table table = builder.table<Text, Text>("in");
  table.group_by([](const Text&, const Text& v) { return std::pair(v, v); }).count().to_stream().to("counts");
  table.filter(begins_with_x).to_stream().to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  pipe_rows(driver);
  EXPECT_EQ(all_of<Text>(driver), (Texts{"a=xa@1000", "a=null@4000", "b=xb@5000", "b=null@6000"}));
  EXPECT_EQ(all_of<Long>(driver, "counts"), (Texts{"xa=1@1000", "y=1@2000", "y=0@3000", "z=1@3000", "xa=0@4000", "y=1@4000",
                                                   "z=0@5000", "xb=1@5000", "xb=0@6000"}));
}

TEST(TableFilter, CanBeQueriedWhereItHasAStore) {
  for (const bool caching : {true, false}) {
    StreamsBuilder builder;
    const Table table = builder.table<Text, Text>("in");
    EXPECT_EQ(table.filter(begins_with_x).queryable_store_name(), "");
    const Table some = table.filter(begins_with_x, {.store_name = "some", .caching = caching});
    EXPECT_EQ(some.queryable_store_name(), "some");
    some.to_stream().to("out");
    TopologyTestDriver driver(builder.build(), at_once());
    pipe_rows(driver);
    EXPECT_EQ(kept<Text>(driver, "some"), Texts());
    driver.create_input_topic<Text, Text>("in").pipe_input("d", "xd", at(100ms));
    EXPECT_EQ(kept<Text>(driver, "some"), (Texts{"d=xd@100"}));
    EXPECT_EQ((driver.key_value_store<Text, Text>("some")->get("a")), std::nullopt);
    const Texts expected = caching ? Texts{"a=xa@1000", "a=null@4000", "b=xb@5000", "b=null@6000", "d=xd@100"}
                                   : Texts{"a=xa@1000",   "b=null@2000", "b=null@3000", "a=null@4000", "b=xb@5000",
                                           "b=null@6000", "b=null@7000", "c=null@8000", "d=xd@100"};
    EXPECT_EQ(all_of<Text>(driver), expected);
    EXPECT_EQ(all_of<Text>(driver, "app-some-changelog"), expected);
    EXPECT_EQ(driver.produced_topic_names(), (Names{"app-some-changelog", "out"}));
  }
}

// ---------------------------------------------------------------- map_values

TEST(TableMapValues, IsNotAskedOfTombstones) {
  Texts asked;
  const auto map = [&asked](const Text& k, const Text& v) {
    asked.push_back(v);
    return v == "z" ? std::nullopt : MaybeText(k + v);
  };
  EXPECT_EQ(made_by([&](const Table& t) { return t.map_values(map); }),
            (Texts{"a=axa@1000", "b=by@2000", "b=null@3000", "a=ay@4000", "b=bxb@5000", "b=null@6000", "b=null@7000",
                   "c=null@8000"}));
  EXPECT_EQ(asked, (Texts{"xa", "y", "z", "y", "xb"}));
  EXPECT_EQ(
      made_by<Long>([](const Table& t) { return t.map_values([](const Text& v) { return static_cast<Long>(v.size()); }); },
                    {.store_name = "rows"}),
      (Texts{"a=2@1000", "b=1@2000", "b=1@3000", "a=1@4000", "b=2@5000", "b=null@6000"}));
}

TEST(TableMapValues, CanBeQueriedWhereItHasAStore) {
  for (const bool caching : {true, false}) {
    StreamsBuilder builder;
    const Table table = builder.table<Text, Text>("in");
    const auto map = [](const Text& k, const Text& v) { return v == "z" ? std::nullopt : MaybeText(k + v); };
    EXPECT_EQ(table.map_values(map).queryable_store_name(), "");
    const Table mapped = table.map_values(map, {.store_name = "mapped", .caching = caching});
    EXPECT_EQ(mapped.queryable_store_name(), "mapped");
    mapped.to_stream().to("out");
    TopologyTestDriver driver(builder.build(), at_once());
    pipe_rows(driver);
    EXPECT_EQ(kept<Text>(driver, "mapped"), (Texts{"a=ay@4000"}));
    Texts expected = {"a=axa@1000", "b=by@2000",   "b=null@3000", "a=ay@4000",
                      "b=bxb@5000", "b=null@6000", "b=null@7000", "c=null@8000"};
    if (caching) expected.resize(6);
    EXPECT_EQ(all_of<Text>(driver), expected);
    EXPECT_EQ(driver.produced_topic_names(), (Names{"app-mapped-changelog", "out"}));
  }
}

// ---------------------------------------------------------------- to_stream

TEST(ToStream, MayGiveRowsAndTombstonesANewKey) {
  StreamsBuilder builder;
  const Table table = builder.table<Text, Text>("in");
  table.to_stream([](const Text& k, const Text* v) { return v == nullptr ? k + "-gone" : *v; }).to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  pipe_rows(driver);
  EXPECT_EQ(all_of<Text>(driver), (Texts{"xa=xa@1000", "y=y@2000", "z=z@3000", "y=y@4000", "xb=xb@5000", "b-gone=null@6000",
                                         "b-gone=null@7000", "c-gone=null@8000"}));
}

TEST(ToStream, IsAStreamOfRecordsWhichIsRepartitionedUnderANewKey) {
  for (const bool selects : {true, false}) {
    StreamsBuilder builder;
    const Table table = builder.table<Text, Text>("in");
    const auto stream = selects ? table.to_stream([](const Text* v) { return v == nullptr ? std::nullopt : MaybeText(*v); })
                                : table.to_stream();
    stream.group_by_key().count({.store_name = "c"}).to_stream().to("out");
    TopologyTestDriver driver(builder.build(), at_once());
    pipe_rows(driver);
    EXPECT_EQ(all_of<Long>(driver), selects ? (Texts{"xa=1@1000", "y=1@2000", "z=1@3000", "y=2@4000", "xb=1@5000"})
                                            : (Texts{"a=1@1000", "b=1@2000", "b=2@3000", "a=2@4000", "b=3@5000"}));
    EXPECT_EQ(driver.produced_topic_names(),
              selects ? (Names{"app-c-changelog", "app-c-repartition", "out"}) : (Names{"app-c-changelog", "out"}));
    EXPECT_EQ(dropped(driver, "null-key-or-value"), selects ? 0U : 3U);
  }
}

// ---------------------------------------------------------------- old values

/// Who has come to a group, and who has gone.
void group_to_out(const Table& table) {
  table.group_by([](const Text& k, const Text& v) { return std::pair(v.substr(0, 1), k); })
      .aggregate(
          Text(), [](const Text&, const Text& v, const Text& so_far) { return so_far + "+" + v; },
          [](const Text&, const Text& v, const Text& so_far) { return so_far + "-" + v; }, {.store_name = "g"})
      .to_stream()
      .to("out");
}

TEST(OldValues, ComeThroughAMapWithAndWithoutAStore) {
  for (const Materialized<Text, Text>& kept_in :
       {Materialized<Text, Text>{}, Materialized<Text, Text>{.store_name = "m", .caching = false}}) {
    StreamsBuilder builder;
    group_to_out(builder.table<Text, Text>("in").map_values([](const Text& v) { return v.substr(0, 1); }, kept_in));
    TopologyTestDriver driver(builder.build(), at_once());
    pipe_rows(driver);
    EXPECT_EQ(all_of<Text>(driver), (Texts{"x=+a@1000", "y=+b@2000", "y=+b-b@3000", "z=+b@3000", "x=+a-a@4000", "y=+b-b+a@4000",
                                           "z=+b-b@5000", "x=+a-a+b@5000", "x=+a-a+b-b@6000"}));
    EXPECT_EQ(driver.produced_topic_names(),
              (Names{"app-g-changelog", "app-g-repartition",
                     kept_in.store_name.empty() ? "app-in-STATE-STORE-0000000000-changelog" : "app-m-changelog", "out"}));
  }
}

TEST(OldValues, ComeThroughAFilterWithAndWithoutAStore) {
  for (const Materialized<Text, Text>& kept_in : {Materialized<Text, Text>{}, Materialized<Text, Text>{.store_name = "f"}}) {
    StreamsBuilder builder;
    group_to_out(builder.table<Text, Text>("in").filter([](const Text& v) { return v != "z"; }, kept_in));
    TopologyTestDriver driver(builder.build(), at_once());
    pipe_rows(driver);
    EXPECT_EQ(all_of<Text>(driver), (Texts{"x=+a@1000", "y=+b@2000", "y=+b-b@3000", "x=+a-a@4000", "y=+b-b+a@4000",
                                           "x=+a-a+b@5000", "x=+a-a+b-b@6000"}));
    EXPECT_EQ(driver.produced_topic_names(),
              (Names{"app-g-changelog", "app-g-repartition",
                     kept_in.store_name.empty() ? "app-in-STATE-STORE-0000000000-changelog" : "app-f-changelog", "out"}));
  }
}

TEST(OldValues, ComeThroughTwoFilters) {
  StreamsBuilder builder;
  builder.table<Text, Text>("in")
      .filter([](const Text& v) { return v != "z"; })
      .filter_not([](const Text& k, const Text&) { return k == "a"; })
      .group_by([](const Text&, const Text& v) { return std::pair(Text("all"), v); })
      .count({.store_name = "g"})
      .to_stream()
      .to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  pipe_rows(driver);
  EXPECT_EQ(all_of<Long>(driver), (Texts{"all=1@2000", "all=0@3000", "all=1@5000", "all=0@6000"}));
}

TEST(OldValues, OfRowsThatAreInNoGroupAreNotTakenAway) {
  StreamsBuilder builder;
  builder.table<Text, Text>("in")
      .group_by([](const Text&, const Text& v) {
        return std::pair(v == "z" ? std::nullopt : MaybeText("g"), v == "y" ? std::nullopt : MaybeText(v));
      })
      .reduce([](const Text& so_far, const Text& v) { return so_far + "+" + v; },
              [](const Text& so_far, const Text& v) { return so_far + "-" + v; }, {.store_name = "g"})
      .to_stream()
      .to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  pipe_rows(driver);
  EXPECT_EQ(all_of<Text>(driver), (Texts{"g=xa@1000", "g=xa-xa@4000", "g=xa-xa+xb@5000", "g=xa-xa+xb-xb@6000"}));
}

TEST(OldValues, AreThoseOfTheLastCommitWhereThereIsACache) {
  for (const bool caching : {true, false}) {
    StreamsBuilder builder;
    builder.stream<Text, Text>("in")
        .flat_map_values(parts)
        .to_table({.store_name = "rows", .caching = caching})
        .filter([](const Text& v) { return v != "no"; })
        .to_stream()
        .to("out");
    TopologyTestDriver driver(builder.build(), at_once());
    auto in = driver.create_input_topic<Text, Text>("in");
    in.pipe_input("a", "x;y", at(1ms));
    in.pipe_input("a", "-;z", at(2ms));
    in.pipe_input("b", "x;-", at(3ms));
    in.pipe_input("a", "no;-", at(4ms));
    in.pipe_input("a", "-;no", at(5ms));
    in.pipe_input("c", "no", at(6ms));
    EXPECT_EQ(all_of<Text>(driver), caching ? (Texts{"a=y@1", "a=z@2", "a=null@4"})
                                            : (Texts{"a=x@1", "a=y@1", "a=null@2", "a=z@2", "b=x@3", "b=null@3", "a=null@4"}));
  }
}

// ---------------------------------------------------------------- looked up

TEST(TableView, WithoutAStoreIsLookedUpInTheTableThatItComesFrom) {
  StreamsBuilder builder;
  const Table view =
      builder.table<Text, Text>("in").filter([](const Text& v) { return v != "z"; }).map_values([](const Text& v) {
        return v + "!";
      });
  builder.stream<Text, Text>("asks")
      .left_join(view, [](const Text& v, const Text* row) { return v + (row == nullptr ? "null" : *row); })
      .to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  auto in = driver.create_input_topic<Text, Text>("in");
  auto asks = driver.create_input_topic<Text, Text>("asks");
  asks.pipe_input("b", "1", at(1ms));
  in.pipe_input("b", "y", at(2s));
  asks.pipe_input("b", "2", at(1ms));
  in.pipe_input("b", "z", at(3s));
  asks.pipe_input("b", "3", at(1ms));
  in.pipe_input("b", "y", at(2s));
  asks.pipe_input("b", "4", at(1ms));
  in.pipe_input("b", std::nullopt, at(2s));
  asks.pipe_input("b", "5", at(1ms));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"b=1null@1", "b=2y!@1", "b=3null@1", "b=4y!@1", "b=5null@1"}));
  EXPECT_EQ(driver.produced_topic_names(), (Names{"app-in-STATE-STORE-0000000000-changelog", "out"}));
}

}  // namespace
}  // namespace tidemill
