#include <gtest/gtest.h>

#include "shown.hpp"

namespace tidemill {
namespace {

Text n(const Text* text) { return text == nullptr ? "-" : *text; }

struct Streams {
  explicit Streams(StreamsBuilder& builder) : l(builder.stream<Text, Text>("l")), r(builder.stream<Text, Text>("r")) {}
  KStream<Text, Text> l;
  KStream<Text, Text> r;
};
Topology outer(const JoinWindows& windows) {
  StreamsBuilder builder;
  const Streams streams(builder);
  streams.l
      .outer_join(
          streams.r, [](const Text* a, const Text* b) { return n(a) + n(b); }, windows)
      .to("out");
  return builder.build();
}
Topology left(const JoinWindows& windows) {
  StreamsBuilder builder;
  const Streams streams(builder);
  streams.l
      .left_join(
          streams.r, [](const Text& a, const Text* b) { return a + n(b); }, windows)
      .to("out");
  return builder.build();
}

TEST(StreamStreamJoin, FindsEachPairOnceWithinTheWindow) {
  StreamsBuilder builder;
  const Streams streams(builder);
  streams.l
      .join(
          streams.r, [](const Text& a, const Text& b) { return a + b; }, JoinWindows::of_time_difference_with_no_grace(10s))
      .to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  auto l = driver.create_input_topic<Text, Text>("l");
  auto r = driver.create_input_topic<Text, Text>("r");
  l.pipe_input("k", "a", at(0s));
  l.pipe_input("k", "b", at(5s));
  r.pipe_input("k", "x", at(10s));  // just within the window of a
  r.pipe_input("k", "y", at(10001ms));
  r.pipe_input("other", "z", at(10s));
  l.pipe_input("k", "c", at(1s));  // late, but x is there still
  EXPECT_EQ(all_of<Text>(driver), (Texts{"k=ax@10000", "k=bx@10000", "k=by@10001", "k=cx@10000", "k=cy@10001"}));
}

TEST(StreamStreamJoin, PassesUnmatchedRecordsOnWhenTheirWindowsHaveClosed) {
  TopologyTestDriver driver(outer(JoinWindows::of_time_difference_and_grace(10s, 5s)), at_once());
  auto l = driver.create_input_topic<Text, Text>("l");
  auto r = driver.create_input_topic<Text, Text>("r");
  l.pipe_input("a", "1", at(0s));
  r.pipe_input("b", "2", at(1s));
  l.pipe_input("c", "3", at(15s));
  EXPECT_TRUE(all_of<Text>(driver).empty());
  l.pipe_input("c", "4", at(16s));  // 0 + 10 + 5 is past, 1 + 10 + 5 is not
  EXPECT_EQ(all_of<Text>(driver), (Texts{"a=1-@0"}));
  // The right side's go with the next record that finds something due: not a moment after their windows have closed.
  r.pipe_input("d", "5", at(17s));
  EXPECT_TRUE(all_of<Text>(driver).empty());
  r.pipe_input("d", "6", at(32s));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"b=-2@1000", "c=3-@15000", "c=4-@16000"}));
}

TEST(StreamStreamJoin, DoesNotPassOnAloneWhatHasMetAnother) {
  TopologyTestDriver driver(left(JoinWindows::of_time_difference_with_no_grace(10s)), at_once());
  auto l = driver.create_input_topic<Text, Text>("l");
  auto r = driver.create_input_topic<Text, Text>("r");
  l.pipe_input("a", "1", at(0s));
  driver.restart();
  r.pipe_input("a", "x", at(5s));
  l.pipe_input("z", "far", at(100s));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"a=1x@5000"}));
}

TEST(StreamStreamJoin, PassesARecordWithoutKeyOnAtOnceWhereItMayBeAlone) {
  TopologyTestDriver driver(left(JoinWindows::of_time_difference_with_no_grace(10s)), at_once());
  auto l = driver.create_input_topic<Text, Text>("l");
  auto r = driver.create_input_topic<Text, Text>("r");
  l.pipe_value("1", at(0s));
  r.pipe_value("2", at(0s));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"null=1-@0"}));
  EXPECT_EQ(dropped(driver, "null-key"), 1U);
}

TEST(StreamStreamJoin, OfAStreamWithItselfIsTheSameOverOneStore) {
  const auto run = [](const char* optimization) {
    StreamsBuilder builder;
    auto s = builder.stream<Text, Text>("in");
    s.join(
         s, [](const Text& a, const Text& b) { return a + b; }, JoinWindows::of_time_difference_with_no_grace(10s))
        .to("out");
    Topology topology = builder.build(optimization);
    const std::size_t stores = topology.stores.size();
    TopologyTestDriver driver(std::move(topology), at_once());
    auto in = driver.create_input_topic<Text, Text>("in");
    in.pipe_input("k", "a", at(0s));
    in.pipe_input("k", "b", at(4s));
    in.pipe_input("k", "c", at(2s));
    return std::pair(stores, all_of<Text>(driver));
  };
  const auto [two, pairs] = run("none");
  const auto [one, same_pairs] = run("single.store.self.join");
  EXPECT_EQ(two, 2U);
  EXPECT_EQ(one, 1U);
  EXPECT_EQ(pairs.size(), 9U);
  EXPECT_EQ(pairs, same_pairs);
}

TEST(StreamStreamJoin, RefusesAStoreThatDoesNotFit) {
  StreamsBuilder builder;
  const Streams streams(builder);
  const auto join = [&] {
    static_cast<void>(streams.l.join(streams.r, [](const Text& a, const Text& b) { return a + b; },
                                     JoinWindows::of_time_difference_with_no_grace(10s),
                                     {.this_store = Stores::in_memory_window_store("w", 30s, 20s, true)}));
  };
  EXPECT_THROW(join(), TopologyException);
}

TEST(StreamStreamJoin, RefusesWindowsThatAreLongerThanTimeGoes) {
  EXPECT_THROW(JoinWindows::of_time_difference_with_no_grace(std::chrono::milliseconds::max()), std::invalid_argument);
  StreamsBuilder builder;
  const Streams streams(builder);
  const auto windows = JoinWindows::of_time_difference_and_grace(10s, std::chrono::milliseconds::max());
  const auto join = [&] {
    static_cast<void>(streams.l.join(
        streams.r, [](const Text& a, const Text& b) { return a + b; }, windows));
  };
  EXPECT_THROW(join(), TopologyException);
}

// In Java the sum of a record's time and such a window is a time before 1970, and nothing is found up to there.
TEST(StreamStreamJoin, AWindowBehindTheEndOfTimeHasNothingInIt) {
  const auto forever = JoinWindows::of_time_difference_with_no_grace(0ms).after(std::chrono::milliseconds::max());
  StreamsBuilder builder;
  const Streams streams(builder);
  streams.l
      .join(
          streams.r, [](const Text& a, const Text& b) { return a + b; }, forever)
      .to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  auto l = driver.create_input_topic<Text, Text>("l");
  auto r = driver.create_input_topic<Text, Text>("r");
  r.pipe_input("k", "2", at(5s));
  l.pipe_input("k", "1", at(1s));
  EXPECT_TRUE(all_of<Text>(driver).empty());
  l.pipe_input("k", "0", at(0s));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"k=02@5000"}));
}

// What a commit sends on out of a cache is told the time of the record that was processed last, not the commit's.
TEST(StreamStreamJoin, LooksForUnmatchedRecordsByTheClockOfTheLastRecord) {
  StreamsBuilder builder;
  builder.table<Text, Text>("in", {}, {.store_name = "rows"})
      .to_stream()
      .left_join(
          builder.stream<Text, Text>("r"), [](const Text& a, const Text* b) { return a + n(b); },
          JoinWindows::of_time_difference_with_no_grace(0ms))
      .to("out");
  StreamsConfig config;
  config.application_id = "app";
  TopologyTestDriver driver(builder.build(), config);
  driver.commit_after_each_record(false);
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("a", "1", at(10s));
  in.pipe_input("b", "2", at(20s));
  driver.advance_wall_clock_time(60s);
  driver.commit();  // looked for at the time of b
  EXPECT_EQ(all_of<Text>(driver), (Texts{"a=1-@10000"}));
  in.pipe_input("c", "3", at(300s));
  driver.commit();  // a minute later
  EXPECT_EQ(all_of<Text>(driver), (Texts{"b=2-@20000"}));
}

}  // namespace
}  // namespace tidemill
