#include <gtest/gtest.h>

#include "shown.hpp"

namespace tidemill {
namespace {

/// Orders name their customer in front of a `|`.
std::optional<Text> customer(const Text& order) {
  const auto bar = order.find('|');
  return bar == Text::npos || bar == 0 ? std::nullopt : std::optional(order.substr(0, bar));
}

TEST(ForeignKeyJoin, FollowsBothTables) {
  StreamsBuilder builder;
  auto orders = builder.table<Text, Text>("orders");
  auto customers = builder.table<Text, Text>("customers");
  orders.join(customers, customer, [](const Text& order, const Text& name) { return order + "=" + name; })
      .to_stream()
      .to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  auto order = driver.create_input_topic<Text, Text>("orders");
  auto who = driver.create_input_topic<Text, Text>("customers");
  order.pipe_input("o1", "c1|x", at(1s));
  EXPECT_TRUE(all_of<Text>(driver).empty());
  who.pipe_input("c1", "Ann", at(2s));
  order.pipe_input("o2", "c1|y", at(3s));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"o1=c1|x=Ann@2000", "o2=c1|y=Ann@3000"}));
  who.pipe_input("c1", "Anna", at(4s));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"o1=c1|x=Anna@4000", "o2=c1|y=Anna@4000"}));
  order.pipe_input("o1", "c2|x", at(5s));  // nobody of that name
  EXPECT_EQ(all_of<Text>(driver), (Texts{"o1=null@5000"}));
  who.pipe_input("c1", std::nullopt, at(6s));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"o2=null@6000"}));
}

TEST(ForeignKeyJoin, KeepsWhatNamesNobodyInALeftJoin) {
  StreamsBuilder builder;
  auto orders = builder.table<Text, Text>("orders");
  auto customers = builder.table<Text, Text>("customers");
  orders.left_join(customers, customer, [](const Text& order, const Text* name) { return order + "=" + (name ? *name : "?"); })
      .to_stream()
      .to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  auto order = driver.create_input_topic<Text, Text>("orders");
  order.pipe_input("o1", "|x", at(1s));
  order.pipe_input("o1", "c1|x", at(2s));
  order.pipe_input("o1", std::nullopt, at(3s));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"o1=|x=?@1000", "o1=c1|x=?@2000", "o1=null@3000"}));
}

TEST(ForeignKeyJoin, RefusesAPartitionerThatDoesNotNameExactlyOnePartition) {
  using Chosen = std::optional<std::vector<PartitionId>>;
  const auto joined = [](Chosen questions, Chosen answers) {
    StreamsBuilder builder;
    auto orders = builder.table<Text, Text>("orders");
    auto customers = builder.table<Text, Text>("customers");
    const auto always = [](Chosen chosen) {
      return [chosen](std::string_view, const Text*, const void*, std::int32_t) { return chosen; };
    };
    orders
        .join(customers, customer, [](const Text& order, const Text& name) { return order + "=" + name; },
              {.partitioner = always(std::move(answers)), .other_partitioner = always(std::move(questions))})
        .to_stream()
        .to("out");
    TopologyTestDriver driver(builder.build(), at_once());
    driver.create_input_topic<Text, Text>("customers").pipe_input("c1", "Ann", at(1s));
    driver.create_input_topic<Text, Text>("orders").pipe_input("o1", "c1|x", at(2s));
    return all_of<Text>(driver);
  };
  const Chosen one{{PartitionId(0)}};
  const Chosen none{std::vector<PartitionId>{}};
  const Chosen two{{PartitionId(0), PartitionId(0)}};
  const Texts met{"o1=c1|x=Ann@2000"};
  EXPECT_EQ(joined(one, one), met);
  EXPECT_EQ(joined(std::nullopt, std::nullopt), met);
  EXPECT_THROW(joined(none, one), StreamsException);
  EXPECT_THROW(joined(two, one), StreamsException);
  EXPECT_THROW(joined(one, none), StreamsException);
  EXPECT_THROW(joined(one, two), StreamsException);
}

}  // namespace
}  // namespace tidemill
