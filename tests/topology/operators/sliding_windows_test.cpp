#include <gtest/gtest.h>

#include "shown.hpp"

namespace tidemill {
namespace {

Topology joined_texts(std::chrono::milliseconds difference, std::chrono::milliseconds grace) {
  StreamsBuilder builder;
  to_out(builder.stream<Text, Text>("in")
             .group_by_key()
             .windowed_by(SlidingWindows::of_time_difference_and_grace(difference, grace))
             .aggregate(Text(), [](const Text&, const Text& v, const Text& so_far) { return so_far + v; }));
  return builder.build();
}

TEST(SlidingWindows, EndWithEachRecordAndBeginBehindIt) {
  TopologyTestDriver driver(joined_texts(10s, 60s), at_once());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("k", "a", at(20s));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"[k@10000/20000]=a@20000"}));
  in.pipe_input("k", "b", at(25s));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"[k@20001/30001]=b@25000", "[k@15000/25000]=ab@25000"}));
  in.pipe_input("k", "c", at(22s));  // out of order: into all that it is in, and two of its own
  EXPECT_EQ(all_of<Text>(driver), (Texts{"[k@20001/30001]=bc@25000", "[k@15000/25000]=abc@25000", "[k@12000/22000]=ac@22000",
                                         "[k@22001/32001]=b@25000"}));
}

TEST(SlidingWindows, HaveOneWindowForTheBeginningOfTime) {
  TopologyTestDriver driver(joined_texts(10s, 60s), at_once());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("k", "a", at(3s));
  in.pipe_input("k", "b", at(5s));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"[k@0/10000]=a@3000", "[k@3001/13001]=b@5000", "[k@0/10000]=ab@5000"}));
}

TEST(SlidingWindows, DropWhatIsLateAndWhatIsNull) {
  TopologyTestDriver driver(joined_texts(10s, 0s), at_once());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("k", "a", at(50s));
  in.pipe_input("k", "late", at(30s));
  in.pipe_input("k", std::nullopt, at(51s));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"[k@40000/50000]=a@50000"}));
  EXPECT_EQ(dropped(driver, "expired-window"), 1U);
  EXPECT_EQ(dropped(driver, "null-value"), 1U);
}

// In Java the end of such a window is a time before 1970.
TEST(SlidingWindows, DropWhatWouldEndBeyondTheEndOfTime) {
  TopologyTestDriver driver(joined_texts(10s, 0s), at_once());
  driver.create_input_topic<Text, Text>("in").pipe_input("k", "a", kMaxTimestamp);
  EXPECT_TRUE(all_of<Text>(driver).empty());
  EXPECT_EQ(dropped(driver, "expired-window"), 1U);
}

TEST(SlidingWindows, RefuseAGraceThatIsLongerThanTimeGoes) {
  EXPECT_THROW(joined_texts(10s, std::chrono::milliseconds::max() - 19s), TopologyException);
}

}  // namespace
}  // namespace tidemill
