#include <gtest/gtest.h>

#include "shown.hpp"

namespace tidemill {
namespace {

Topology counted(const SessionWindows& windows, EmitStrategy strategy = EmitStrategy::kOnWindowUpdate) {
  StreamsBuilder builder;
  to_out(
      builder.stream<Text, Text>("in").group_by_key().windowed_by(windows).emit_strategy(strategy).count({.store_name = "c"}));
  return builder.build();
}

TEST(SessionWindows, GrowAndMerge) {
  TopologyTestDriver driver(counted(SessionWindows::of_inactivity_gap_and_grace(5s, 60s)), at_once());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("a", "x", at(0s));
  in.pipe_input("a", "x", at(4s));
  EXPECT_EQ(all_of<Long>(driver), (Texts{"[a@0/0]=1@0", "[a@0/0]=null@0", "[a@0/4000]=2@4000"}));
  in.pipe_input("a", "a session of its own", at(13s));
  EXPECT_EQ(all_of<Long>(driver), (Texts{"[a@13000/13000]=1@13000"}));
  in.pipe_input("a", "between both", at(8500ms));
  EXPECT_EQ(all_of<Long>(driver), (Texts{"[a@0/4000]=null@4000", "[a@13000/13000]=null@13000", "[a@0/13000]=4@13000"}));
}

TEST(SessionWindows, DropWhatComesAfterGapAndGrace) {
  TopologyTestDriver driver(counted(SessionWindows::of_inactivity_gap_with_no_grace(5s)), at_once());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("a", "x", at(20s));
  in.pipe_input("b", "not later than the gap", at(15s));
  EXPECT_EQ(all_of<Long>(driver), (Texts{"[a@20000/20000]=1@20000", "[b@15000/15000]=1@15000"}));
  in.pipe_input("c", "later", at(14999ms));
  EXPECT_TRUE(all_of<Long>(driver).empty());
  EXPECT_EQ(dropped(driver, "expired-window"), 1U);
}

TEST(SessionWindows, ArePassedOnOnceWhenTheyClose) {
  TopologyTestDriver driver(counted(SessionWindows::of_inactivity_gap_with_no_grace(5s), EmitStrategy::kOnWindowClose),
                            at_once());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("a", "x", at(0s));
  in.pipe_input("a", "x", at(3s));
  in.pipe_input("b", "x", at(8s));
  EXPECT_TRUE(all_of<Long>(driver).empty());
  in.pipe_input("b", "x", at(8001ms));
  EXPECT_EQ(all_of<Long>(driver), (Texts{"[a@0/3000]=2@3000"}));
}

// In Java the sum of a record's time and such a gap is a time before 1970, and no session begins before that.
TEST(SessionWindows, OfAGapBeyondTheEndOfTimeMeetNone) {
  TopologyTestDriver driver(counted(SessionWindows::of_inactivity_gap_with_no_grace(std::chrono::milliseconds::max())),
                            at_once());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("a", "x", at(1s));
  in.pipe_input("a", "x", at(2s));
  EXPECT_EQ(all_of<Long>(driver), (Texts{"[a@1000/1000]=1@1000", "[a@2000/2000]=1@2000"}));
}

TEST(SessionWindows, RefuseAGraceThatIsLongerThanTimeGoes) {
  const auto forever = std::chrono::milliseconds::max();
  EXPECT_THROW(counted(SessionWindows::of_inactivity_gap_and_grace(1ms, forever)), TopologyException);
}

TEST(SessionWindows, ComeBackFromTheirChangelog) {
  TopologyTestDriver driver(counted(SessionWindows::of_inactivity_gap_and_grace(5s, 60s)), at_once());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("a", "x", at(0s));
  in.pipe_input("a", "x", at(4s));
  driver.restart();
  in.pipe_input("a", "x", at(6s));
  const Texts texts = all_of<Long>(driver);
  EXPECT_EQ(texts.back(), "[a@0/6000]=3@6000");
}

}  // namespace
}  // namespace tidemill
