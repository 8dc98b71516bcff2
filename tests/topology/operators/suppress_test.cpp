#include <gtest/gtest.h>

#include "shown.hpp"

namespace tidemill {
namespace {

Topology suppressed(const Suppressed& how) {
  StreamsBuilder builder;
  builder.table<Text, Text>("in", {}, {.store_name = "t"}).suppress(how).to_stream().to("out");
  return builder.build();
}

TEST(Suppress, PassesAWindowOnOnceWhenItCloses) {
  StreamsBuilder builder;
  to_out(builder.stream<Text, Text>("in")
             .group_by_key()
             .windowed_by(TimeWindows::of_size_and_grace(10s, 2s))
             .count()
             .suppress(Suppressed::until_window_closes(BufferConfig::unbounded())));
  TopologyTestDriver driver(builder.build(), at_once());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("a", "x", at(1s));
  in.pipe_input("a", "x", at(2s));
  in.pipe_input("a", "x", at(11s));
  EXPECT_TRUE(all_of<Long>(driver).empty());
  in.pipe_input("a", "x", at(12s));
  EXPECT_EQ(all_of<Long>(driver), (Texts{"[a@0/10000]=2@2000"}));
}

TEST(Suppress, KeepsAKeysPlaceWhenItChangesAgain) {
  TopologyTestDriver driver(suppressed(Suppressed::until_time_limit(5s, BufferConfig::unbounded())), at_once());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("a", "1", at(1s));
  in.pipe_input("a", "2", at(4s));
  in.pipe_input("b", "x", at(6s));  // five seconds behind the first of a
  EXPECT_EQ(all_of<Text>(driver), (Texts{"a=2@4000"}));
}

TEST(Suppress, HoldsBackAcrossARestart) {
  TopologyTestDriver driver(suppressed(Suppressed::until_time_limit(5s, BufferConfig::unbounded())), at_once());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("a", "1", at(1s));
  driver.restart();
  in.pipe_input("b", "x", at(6s));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"a=1@1000"}));
}

TEST(Suppress, EmitsTheEarliestWhenItIsFull) {
  TopologyTestDriver driver(suppressed(Suppressed::until_time_limit(60s, BufferConfig::max_records(2))), at_once());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("a", "1", at(3s));
  in.pipe_input("b", "2", at(2s));
  EXPECT_TRUE(all_of<Text>(driver).empty());
  in.pipe_input("c", "3", at(4s));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"b=2@2000"}));
}

TEST(Suppress, FailsWhenItIsFullAndSoAsked) {
  const auto how = Suppressed::until_time_limit(60s, BufferConfig::max_records(1).shut_down_when_full());
  TopologyTestDriver driver(suppressed(how), at_once());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("a", "1", at(3s));
  EXPECT_THROW(in.pipe_input("b", "2", at(4s)), StreamsException);
}

TEST(Suppress, SaysWhatCannotBe) {
  EXPECT_THROW((void)BufferConfig::max_records(-1), std::invalid_argument);
  EXPECT_THROW((void)BufferConfig::unbounded().with_max_bytes(-1), std::invalid_argument);
  EXPECT_THROW(Suppressed::until_window_closes(BufferConfig::max_records(1).emit_early_when_full()), std::invalid_argument);
  StreamsBuilder builder;
  auto table = builder.table<Text, Text>("in");
  EXPECT_THROW(static_cast<void>(table.suppress(Suppressed::until_window_closes(BufferConfig::unbounded()))),
               TopologyException);
}

}  // namespace
}  // namespace tidemill
