#include <gtest/gtest.h>

#include "shown.hpp"

namespace tidemill {
namespace {

/// How often it was asked for a key, behind the value; a text "drop" becomes none.
class Numbering final : public ValueTransformerWithKey<Text, Text, Text> {
  void init(ProcessingContext& context) override { seen_ = context.key_value_store<Text, Long>("seen"); }
  std::optional<Text> transform(const Text& key, const Text* value) override {
    const Long count = seen_->get(key).value_or(0) + 1;
    seen_->put(key, count);
    if (value != nullptr && *value == "drop") return std::nullopt;
    return (value == nullptr ? "null" : *value) + "#" + std::to_string(count);
  }
  std::unique_ptr<KeyValueStore<Text, Long>> seen_;
};
struct BringsItsStore {
  [[nodiscard]] std::unique_ptr<Numbering> operator()() const { return std::make_unique<Numbering>(); }
  [[nodiscard]] std::vector<StoreSpec> stores() const { return {Stores::in_memory_key_value_store("seen")}; }
};
class Doubling final : public ValueTransformerWithKey<Text, Text, Text> {
  std::optional<Text> transform(const Text&, const Text* value) override {
    return value == nullptr ? std::optional<Text>("none") : std::optional<Text>(*value + *value);
  }
};

TEST(TransformValues, HasAStoreOfItsOwnAndSeesDeletions) {
  StreamsBuilder builder;
  builder.add_state_store(Stores::in_memory_key_value_store("seen"));
  builder.table<Text, Text>("in")
      .transform_values([] { return std::make_unique<Numbering>(); }, {.store_name = "t"}, {"seen"})
      .to_stream()
      .to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("k", "a", at(1s));
  in.pipe_input("k", std::nullopt, at(2s));
  in.pipe_input("k", "drop", at(3s));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"k=a#1@1000", "k=null#2@2000", "k=null@3000"}));
}

TEST(TransformValues, ASupplierCanBringItsStoreAlong) {
  StreamsBuilder builder;
  builder.table<Text, Text>("in").transform_values(BringsItsStore()).to_stream().to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  driver.create_input_topic<Text, Text>("in").pipe_input("k", "a", at(1s));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"k=a#1@1000"}));
}

// An aggregate of the table asks for old values: without a store they are transformed anew, each time. What is taken away from a
// group that nobody has been in leaves no trace.
TEST(TransformValues, WithoutAStoreOldValuesAreTransformedAnew) {
  StreamsBuilder builder;
  builder.table<Text, Text>("in")
      .transform_values(BringsItsStore())
      .group_by([](const Text&, const Text& v) { return std::pair(v, v); })
      .count()
      .to_stream()
      .to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("k", "a", at(1s));  // a#1; of nothing: null#2
  in.pipe_input("k", "b", at(2s));  // b#3; of a: a#4
  EXPECT_EQ(all_of<Long>(driver), (Texts{"a#1=1@1000", "b#3=1@2000"}));
}

TEST(TransformValues, WithoutAStoreALookUpTransforms) {
  StreamsBuilder builder;
  auto doubled = builder.table<Text, Text>("table").transform_values([] { return std::make_unique<Doubling>(); });
  builder.stream<Text, Text>("in").join(doubled, [](const Text& a, const Text& b) { return a + b; }).to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("k", "a", at(1s));
  driver.create_input_topic<Text, Text>("table").pipe_input("k", "x", at(1s));
  in.pipe_input("k", "b", at(2s));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"k=anone@1000", "k=bxx@2000"}));
}

}  // namespace
}  // namespace tidemill
