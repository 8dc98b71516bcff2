// Functions of every size are the topology's, copied with it: each task has its own.
#include <gtest/gtest.h>

#include <array>
#include <memory>

#include "shown.hpp"

namespace tidemill {
namespace {

Texts through(const Topology& topology, int records) {
  TopologyTestDriver driver(topology, {});
  auto in = driver.create_input_topic<Text, Text>("in");
  for (int i = 0; i < records; ++i) in.pipe_input("k", "v", at(0ms));
  return all_of<Text>(driver);
}
template <class F>
Topology mapping(F function) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in").map_values(std::move(function)).to("out");
  return builder.build();
}

TEST(Functions, ThatCountDoSoForEachTaskAnew) {
  const Topology small = mapping([n = 0](const Text&) mutable { return std::to_string(++n); });
  EXPECT_EQ(through(small, 2), (Texts{"k=1@0", "k=2@0"}));
  EXPECT_EQ(through(small, 1), (Texts{"k=1@0"}));

  const Topology large =
      mapping([n = 0, more = std::array<int, 20>{}](const Text&) mutable { return std::to_string(++n + more.back()); });
  EXPECT_EQ(through(large, 2), (Texts{"k=1@0", "k=2@0"}));
  EXPECT_EQ(through(large, 1), (Texts{"k=1@0"}));

  const Topology owning = mapping([text = Text("a text that is too long to be kept in place")](const Text&) mutable {
    text.pop_back();
    return std::to_string(text.size());
  });
  EXPECT_EQ(through(owning, 2), (Texts{"k=42@0", "k=41@0"}));
  EXPECT_EQ(through(owning, 1), (Texts{"k=42@0"}));
}

TEST(Functions, MayMakeTheNumbersThatArithmeticMakes) {
  StreamsBuilder builder;
  const auto texts = builder.stream<Text, Text>("in").group_by_key();
  // A size is unsigned, a product of ints an int, and a sum of shorts, too.
  texts.aggregate(std::int64_t{0}, [](const Text&, const Text& v, const std::int64_t& sum) { return sum + v.size(); });
  texts.aggregate(0.0, [](const Text&, const Text& v, const double&) { return v.empty() ? 1 : 0; });
  const auto shorts =
      texts.aggregate(std::int16_t{0}, [](const Text&, const Text&, const std::int16_t& sum) { return sum + std::int16_t{1}; });
  shorts.to_stream().to("out");
  TopologyTestDriver driver(builder.build());
  driver.create_input_topic<Text, Text>("in").pipe_key_value_list({{"a", "x"}, {"a", "y"}});
  auto out = driver.create_output_topic<Text, std::int16_t>("out");
  EXPECT_EQ(out.read_value(), 1);
  EXPECT_EQ(out.read_value(), 2);
}

TEST(Functions, EndWithTheirTopology) {
  const auto shared = std::make_shared<Text>("!");
  {
    const Topology topology = mapping([shared](const Text& value) { return value + *shared; });
    EXPECT_EQ(through(topology, 1), (Texts{"k=v!@0"}));
    EXPECT_GT(shared.use_count(), 1);
  }
  EXPECT_EQ(shared.use_count(), 1);
}

}  // namespace
}  // namespace tidemill
