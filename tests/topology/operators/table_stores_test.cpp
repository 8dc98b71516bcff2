// Tables in stores that the user has chosen: Materialized::supplier, as Java's Materialized.as(supplier).
#include <gmock/gmock.h>

#include "shown.hpp"

namespace tidemill {
namespace {

using ::testing::HasSubstr;

TEST(TableStores, ATableMayBeKeptInAnLruMap) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in")
      .group_by_key()
      .count({.caching = false, .supplier = Stores::lru_map("latest", 2)})
      .to_stream()
      .to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  auto in = driver.create_input_topic<Text, Text>("in");
  for (const char* key : {"a", "b", "a", "c", "b", "a"}) in.pipe_input(key, "x", at(1ms));
  EXPECT_EQ(all_of<Long>(driver), (Texts{"a=1@1", "b=1@1", "a=2@1", "c=1@1", "b=1@1", "a=1@1"}))
      << "b, and then a, had been evicted";
  EXPECT_EQ((driver.key_value_store<Text, Long>("latest")->get("c")), std::nullopt);
  EXPECT_EQ((driver.key_value_store<Text, Long>("latest")->get("a")), 1);
}

TEST(TableStores, WindowsSessionsAndVersionsMayBeKeptInStoresOfOnesOwnChoice) {
  StreamsBuilder builder;
  const auto grouped = builder.stream<Text, Text>("in").group_by_key();
  grouped.windowed_by(TimeWindows::of_size_with_no_grace(10ms))
      .count({.logging = false, .supplier = Stores::in_memory_window_store("windows", 1h, 10ms, false)});
  grouped.windowed_by(SessionWindows::of_inactivity_gap_with_no_grace(10ms))
      .count({.supplier = Stores::in_memory_session_store("sessions", 2h)});
  static_cast<void>(
      builder.table<Text, Text>("rows", {}, {.supplier = Stores::persistent_versioned_key_value_store("versions", 1h, 1min)}));
  const Topology topology = builder.build();
  const auto spec = [&](const char* name) { return topology.stores.at(name).spec; };
  EXPECT_EQ(spec("windows").retention, 1h);
  EXPECT_EQ(spec("windows").kind, StoreKind::kTimestampedWindow);
  EXPECT_EQ(spec("windows").engine, StoreEngineKind::kInMemory);
  EXPECT_FALSE(spec("windows").logging);
  EXPECT_TRUE(spec("windows").caching);
  EXPECT_EQ(spec("sessions").retention, 2h);
  EXPECT_EQ(spec("versions").segment_interval, 1min);
  TopologyTestDriver driver(topology);
  driver.create_input_topic<Text, Text>("in").pipe_input("a", "x", at(13ms));
  EXPECT_EQ((driver.window_store<Text, ValueAndTimestamp<Long>>("windows")->fetch("a", at(10ms))->value), 1);
  EXPECT_EQ((driver.session_store<Text, Long>("sessions")->fetch_session("a", at(13ms), at(13ms))), 1);
  auto rows = driver.create_input_topic<Text, Text>("rows");
  rows.pipe_input("k", "old", at(100ms));
  rows.pipe_input("k", "new", at(200ms));
  EXPECT_EQ((driver.versioned_store<Text, Text>("versions")->get("k", at(150ms))->value), "old");
}

/// What is said of it.
Text refusal(const std::function<void(StreamsBuilder&)>& build) {
  StreamsBuilder builder;
  try {
    build(builder);
  } catch (const TopologyException& error) {
    return error.what();
  }
  return "";
}

TEST(TableStores, ASupplierThatDoesNotFitIsRefused) {
  const auto count = [](StreamsBuilder& builder, Materialized<Text, Long> materialized) {
    builder.stream<Text, Text>("in").group_by_key().count(materialized);
  };
  const auto windows = [](StreamsBuilder& builder, StoreSpec supplier) {
    builder.stream<Text, Text>("in")
        .group_by_key()
        .windowed_by(TimeWindows::of_size_with_no_grace(10ms))
        .count({.supplier = std::move(supplier)});
  };
  EXPECT_THAT(refusal([&](StreamsBuilder& b) { count(b, {.supplier = Stores::in_memory_session_store("s", 1h)}); }),
              HasSubstr("store \"s\": its supplier gives another kind of store than is needed here"));
  EXPECT_THAT(refusal([&](StreamsBuilder& b) { count(b, {.store_name = "other", .supplier = Stores::lru_map("s", 5)}); }),
              HasSubstr("leave one of them out"));
  EXPECT_THAT(refusal([&](StreamsBuilder& b) { count(b, {.retention = 1h, .supplier = Stores::lru_map("s", 5)}); }),
              HasSubstr("engine, retention and history are its supplier's to say"));
  EXPECT_THAT(refusal([&](StreamsBuilder& b) { windows(b, Stores::lru_map("s", 5)); }), HasSubstr("_window_store()"));
  EXPECT_THAT(refusal([&](StreamsBuilder& b) { windows(b, Stores::in_memory_window_store("s", 1h, 20ms, false)); }),
              HasSubstr("its supplier keeps windows of 20 ms, and these are of 10 ms"));
  EXPECT_THAT(refusal([&](StreamsBuilder& b) {
                b.stream<Text, Text>("in")
                    .group_by_key()
                    .windowed_by(TimeWindows::of_size_with_no_grace(10ms))
                    .count({.store_name = "s", .history = 1h});
              }),
              HasSubstr("windows have a retention, and no history"));
  EXPECT_THAT(refusal([&](StreamsBuilder& b) { windows(b, Stores::in_memory_window_store("s", 1h, 10ms, true)); }),
              HasSubstr("keeps duplicates"));
  EXPECT_THAT(refusal([&](StreamsBuilder& b) {
                static_cast<void>(b.global_table<Text, Text>("in", {}, {.store_name = "s", .history = 1h}));
              }),
              HasSubstr("a global table keeps no versions"));
}

}  // namespace
}  // namespace tidemill
