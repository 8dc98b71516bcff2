// Void: keys and values that are always null, through a topology and back.
#include <gtest/gtest.h>

#include <tidemill/streams.hpp>
#include <tidemill/testing/topology_test_driver.hpp>

namespace tidemill {
namespace {

static_assert(!std::is_default_constructible_v<Void>);
static_assert(!std::is_aggregate_v<Void>);

Topology keyless() {
  StreamsBuilder builder;
  builder.stream<Void, std::string>("lines")
      .map_values([](const std::string& line) { return static_cast<std::int64_t>(line.size()); })
      .to("lengths");
  builder.stream<std::string, Void>("marks")
      .map_values([](const Void*) { return std::string("seen"); })
      .map_values([](const std::string&) { return std::optional<Void>(); })
      .to("marked");
  return builder.build();
}

TEST(Void, IsANullKey) {
  TopologyTestDriver driver(keyless());
  auto lines = driver.create_input_topic<Void, std::string>("lines");
  auto lengths = driver.create_output_topic<Void, std::int64_t>("lengths");
  lines.pipe_input(TestRecord<Void, std::string>{std::nullopt, "tide"});
  const auto record = lengths.read_record();
  EXPECT_FALSE(record.key.has_value());
  EXPECT_EQ(record.value, 4);
}

TEST(Void, IsANullValue) {
  TopologyTestDriver driver(keyless());
  auto marks = driver.create_input_topic<std::string, Void>("marks");
  auto marked = driver.create_output_topic<std::string, Void>("marked");
  marks.pipe_input(TestRecord<std::string, Void>{"k", std::nullopt});
  const auto record = marked.read_record();
  EXPECT_EQ(record.key, "k");
  EXPECT_FALSE(record.value.has_value());
}

TEST(Void, RefusesBytes) {
  try {
    (void)SerdeOf<Void>::serde().deserialize("t", "abc");
    FAIL() << "three bytes were taken for null";
  } catch (const SerializationException& error) {
    EXPECT_STREQ(error.what(), "void serde: null is expected, and there are 3 bytes (topic t)");
  }
}

}  // namespace
}  // namespace tidemill
