#include <gtest/gtest.h>

#include "shown.hpp"

namespace tidemill {
namespace {

Long one(const Text&, const Long& v, const Long& sum) { return sum + v; }
Long ten(const Text&, const Long& v, const Long& sum) { return sum + 10 * v; }

TEST(Cogroup, MakesOneTableOfSeveralStreams) {
  StreamsBuilder builder;
  auto first = builder.stream<Text, Long>("in1").group_by_key();
  auto second = builder.stream<Text, Long>("in2").group_by_key();
  first.cogroup<Long>(one).cogroup(second, ten).aggregate(Long{0}, {.store_name = "sum"}).to_stream().to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  auto in1 = driver.create_input_topic<Text, Long>("in1");
  auto in2 = driver.create_input_topic<Text, Long>("in2");
  in1.pipe_input("a", 1, at(1s));
  in2.pipe_input("a", 2, at(2s));
  in1.pipe_input("a", 3, at(3s));
  EXPECT_EQ(all_of<Long>(driver), (Texts{"a=1@1000", "a=21@2000", "a=24@3000"}));
}

TEST(Cogroup, CutsIntoWindows) {
  StreamsBuilder builder;
  auto first = builder.stream<Text, Long>("in1").group_by_key();
  auto second = builder.stream<Text, Long>("in2").group_by_key();
  to_out(first.cogroup<Long>(one).cogroup(second, ten).windowed_by(TimeWindows::of_size_with_no_grace(10s)).aggregate(Long{0}));
  TopologyTestDriver driver(builder.build(), at_once());
  auto in1 = driver.create_input_topic<Text, Long>("in1");
  auto in2 = driver.create_input_topic<Text, Long>("in2");
  in1.pipe_input("a", 1, at(1s));
  in2.pipe_input("a", 2, at(2s));
  in2.pipe_input("a", 3, at(12s));
  EXPECT_EQ(all_of<Long>(driver), (Texts{"[a@0/10000]=1@1000", "[a@0/10000]=21@2000", "[a@10000/20000]=30@12000"}));
}

TEST(Cogroup, MergesSessions) {
  StreamsBuilder builder;
  auto first = builder.stream<Text, Long>("in1").group_by_key();
  auto second = builder.stream<Text, Long>("in2").group_by_key();
  to_out(first.cogroup<Long>(one)
             .cogroup(second, ten)
             .windowed_by(SessionWindows::of_inactivity_gap_and_grace(5s, 60s))
             .aggregate(Long{0}, [](const Text&, const Long& a, const Long& b) { return a + b; }));
  TopologyTestDriver driver(builder.build(), at_once());
  auto in1 = driver.create_input_topic<Text, Long>("in1");
  auto in2 = driver.create_input_topic<Text, Long>("in2");
  in1.pipe_input("a", 1, at(1s));
  in2.pipe_input("a", 2, at(4s));
  EXPECT_EQ(all_of<Long>(driver), (Texts{"[a@1000/1000]=1@1000", "[a@1000/1000]=null@1000", "[a@1000/4000]=21@4000"}));
}

}  // namespace
}  // namespace tidemill
