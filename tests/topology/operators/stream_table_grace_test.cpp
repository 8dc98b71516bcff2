#include <gtest/gtest.h>

#include "shown.hpp"

namespace tidemill {
namespace {

const auto kBoth = [](const Text& v, const Text& rate) { return v + rate; };

Topology joined(std::chrono::milliseconds history, std::chrono::milliseconds grace) {
  StreamsBuilder builder;
  auto rates = builder.table<Text, Text>("rates", {}, {.store_name = "rates", .history = history});
  builder.stream<Text, Text>("in").join(rates, kBoth, {.name = "j", .grace_period = grace}).to("out");
  return builder.build();
}

TEST(StreamTableGrace, WaitsForRatesThatComeLate) {
  TopologyTestDriver driver(joined(60s, 10s), at_once());
  auto rate = driver.create_input_topic<Text, Text>("rates");
  auto in = driver.create_input_topic<Text, Text>("in");
  rate.pipe_input("k", "1", at(1s));
  in.pipe_input("k", "a", at(5s));
  rate.pipe_input("k", "2", at(4s));  // late, and yet in time
  in.pipe_input("k", "b", at(14999ms));
  EXPECT_EQ(all_of<Text>(driver), Texts());
  in.pipe_input("k", "c", at(15s));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"k=a2@5000"}));
}

TEST(StreamTableGrace, WhatIsLaterThanTheGracePeriodJoinsAtOnce) {
  TopologyTestDriver driver(joined(60s, 10s), at_once());
  auto rate = driver.create_input_topic<Text, Text>("rates");
  auto in = driver.create_input_topic<Text, Text>("in");
  rate.pipe_input("k", "1", at(1s));
  in.pipe_input("k", "a", at(30s));
  in.pipe_input("k", "late", at(19999ms));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"k=late1@19999"}));
  in.pipe_input("k", "just", at(20s));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"k=just1@20000"}));
}

TEST(StreamTableGrace, TimeOfTheTableIsNoTimeOfTheStream) {
  TopologyTestDriver driver(joined(60s, 10s), at_once());
  driver.create_input_topic<Text, Text>("in").pipe_input("k", "a", at(5s));
  driver.create_input_topic<Text, Text>("rates").pipe_input("k", "1", at(50s));
  EXPECT_EQ(all_of<Text>(driver), Texts());
}

// In Java what waits is lost by a restart.
TEST(StreamTableGrace, WhatWaitsOutlivesARestart) {
  TopologyTestDriver driver(joined(60s, 10s), at_once());
  auto rate = driver.create_input_topic<Text, Text>("rates");
  auto in = driver.create_input_topic<Text, Text>("in");
  rate.pipe_input("k", "1", at(1s));
  in.pipe_input("k", "a", at(5s));
  in.pipe_input("k", "b", at(5s));  // of the same key and time
  driver.restart();
  in.pipe_input("k", "c", at(5s));
  in.pipe_input("other", "d", at(15s));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"k=a1@5000", "k=b1@5000", "k=c1@5000"}));
}

TEST(StreamTableGrace, KeepsTheHeadersOfWhatWaits) {
  TopologyTestDriver driver(joined(60s, 10s), at_once());
  driver.create_input_topic<Text, Text>("rates").pipe_input("k", "1", at(1s));
  Headers headers;
  headers.add("h", Bytes("v"));
  driver.pipe("in", {.key = "k", .value = "a", .headers = headers, .timestamp = at(5s)});
  driver.create_input_topic<Text, Text>("in").pipe_input("other", "b", at(15s));
  const auto record = driver.read("out");
  ASSERT_TRUE(record);
  ASSERT_EQ(record->headers.size(), 1U);
  EXPECT_EQ((*record->headers.begin()).key, "h");
}

// Java throws a NullPointerException.
TEST(StreamTableGrace, ALeftJoinKnowsTheResultOfARecordWithoutKeyAtOnce) {
  StreamsBuilder builder;
  auto rates = builder.table<Text, Text>("rates", {}, {.store_name = "rates", .history = 60s});
  builder.stream<Text, Text>("in")
      .left_join(rates, [](const Text& v, const Text* rate) { return v + (rate == nullptr ? "-" : *rate); },
                 {.grace_period = 10s})
      .to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  driver.pipe("in", {.key = {}, .value = "a", .headers = {}, .timestamp = at(5s)});
  driver.pipe("in", {.key = "k", .value = {}, .headers = {}, .timestamp = at(5s)});
  EXPECT_EQ(all_of<Text>(driver), (Texts{"null=a-@5000"}));
  EXPECT_EQ(dropped(driver, "null-value"), 1U);
}

TEST(StreamTableGrace, NeedsAHistoryThatIsLongEnough) {
  EXPECT_THROW((void)joined(5s, 10s), TopologyException);
  EXPECT_THROW((void)joined(0s, 10s), TopologyException);
}

}  // namespace
}  // namespace tidemill
