#include <gtest/gtest.h>

#include "shown.hpp"

namespace tidemill {
namespace {

TEST(VersionedTable, GivesAStreamWhatWasValidThen) {
  StreamsBuilder builder;
  auto rates = builder.table<Text, Text>("rates", {}, {.store_name = "rates", .history = 60s});
  builder.stream<Text, Text>("in").join(rates, [](const Text& v, const Text& rate) { return v + rate; }).to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  auto rate = driver.create_input_topic<Text, Text>("rates");
  auto in = driver.create_input_topic<Text, Text>("in");
  rate.pipe_input("k", "1", at(10s));
  rate.pipe_input("k", "2", at(20s));
  rate.pipe_input("k", "between", at(15s));
  in.pipe_input("k", "a", at(12s));
  in.pipe_input("k", "b", at(17s));
  in.pipe_input("k", "c", at(20s));
  in.pipe_input("k", "d", at(5s));  // before there was any
  EXPECT_EQ(all_of<Text>(driver), (Texts{"k=a1@12000", "k=bbetween@17000", "k=c2@20000"}));
}

TEST(VersionedTable, DoesNotTellAnAggregateOfOldVersions) {
  StreamsBuilder builder;
  builder.table<Text, Text>("in", {}, {.store_name = "t", .history = 60s})
      .group_by([](const Text&, const Text& v) { return std::pair(v, v); })
      .count()
      .to_stream()
      .to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("k", "new", at(20s));
  in.pipe_input("k", "old", at(10s));
  EXPECT_EQ(all_of<Long>(driver), (Texts{"new=1@20000"}));
}

TEST(VersionedTable, RefusesWhatIsOlderThanItsHistory) {
  StreamsBuilder builder;
  builder.table<Text, Text>("in", {}, {.store_name = "t", .history = 60s}).to_stream().to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("k", "1", at(100s));
  in.pipe_input("k", "0", at(39999ms));
  in.pipe_input("k", "just", at(40s));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"k=1@100000", "k=just@40000"}));
  EXPECT_EQ(dropped(driver, "expired-in-store"), 1U);
}

}  // namespace
}  // namespace tidemill
