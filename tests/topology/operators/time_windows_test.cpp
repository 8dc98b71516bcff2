#include <gtest/gtest.h>

#include <filesystem>

#ifdef TIDEMILL_ROCKSDB
#include <tidemill/adapters/rocksdb_stores.hpp>
#endif

#include "shown.hpp"

namespace tidemill {
namespace {

Topology counted(const TimeWindows& windows, EmitStrategy strategy = EmitStrategy::kOnWindowUpdate) {
  StreamsBuilder builder;
  to_out(
      builder.stream<Text, Text>("in").group_by_key().windowed_by(windows).emit_strategy(strategy).count({.store_name = "c"}));
  return builder.build();
}

void pipe_some(TopologyTestDriver& driver) {
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("a", "x", at(1s));
  in.pipe_input("b", "x", at(9s));
  in.pipe_input("a", "x", at(12s));
  in.pipe_input("a", "late, within grace", at(2s));
  in.pipe_input("a", "x", at(15s));
  in.pipe_input("a", "too late for the first", at(3s));
}
const Texts kCounts{"[a@0/10000]=1@1000", "[b@0/10000]=1@9000", "[a@10000/20000]=1@12000", "[a@0/10000]=2@2000",
                    "[a@10000/20000]=2@15000"};

TEST(TimeWindows, CountEachWindowAndDropWhatComesAfterItsGrace) {
  TopologyTestDriver driver(counted(TimeWindows::of_size_and_grace(10s, 5s)), at_once());
  pipe_some(driver);
  EXPECT_EQ(all_of<Long>(driver), kCounts);
  EXPECT_EQ(dropped(driver, "expired-window"), 1U);
}

#ifdef TIDEMILL_ROCKSDB
TEST(TimeWindows, AreTheSameOnDisk) {
  const std::string directory = testing::TempDir() + "time_windows_on_disk";
  std::filesystem::remove_all(directory);
  StreamsConfig config = at_once();
  config.state_engine = rocksdb_stores();
  config.state_dir = directory;
  TopologyTestDriver driver(counted(TimeWindows::of_size_and_grace(10s, 5s)), config);
  pipe_some(driver);
  EXPECT_EQ(all_of<Long>(driver), kCounts);
  driver.close();
  std::filesystem::remove_all(directory);
}
#endif

TEST(TimeWindows, OverlapWhenTheyHop) {
  TopologyTestDriver driver(counted(TimeWindows::of_size_with_no_grace(10s).advance_by(5s)), at_once());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("a", "x", at(7s));
  in.pipe_input("a", "x", at(12s));
  EXPECT_EQ(all_of<Long>(driver),
            (Texts{"[a@0/10000]=1@7000", "[a@5000/15000]=1@7000", "[a@5000/15000]=2@12000", "[a@10000/20000]=1@12000"}));
}

TEST(TimeWindows, ArePassedOnOnceWhenTheyClose) {
  TopologyTestDriver driver(counted(TimeWindows::of_size_and_grace(10s, 2s), EmitStrategy::kOnWindowClose), at_once());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("b", "x", at(1s));
  in.pipe_input("a", "x", at(2s));
  in.pipe_input("a", "x", at(11s));
  EXPECT_TRUE(all_of<Long>(driver).empty());
  in.pipe_input("a", "x", at(12s));
  EXPECT_EQ(all_of<Long>(driver), (Texts{"[a@0/10000]=1@2000", "[b@0/10000]=1@1000"}));
}

TEST(TimeWindows, KnowAfterARestartWhatTheyHavePassedOn) {
  TopologyTestDriver driver(counted(TimeWindows::of_size_with_no_grace(10s), EmitStrategy::kOnWindowClose), at_once());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("a", "x", at(2s));
  in.pipe_input("a", "x", at(11s));
  EXPECT_EQ(all_of<Long>(driver), (Texts{"[a@0/10000]=1@2000"}));
  driver.restart();
  in.pipe_input("a", "x", at(12s));
  EXPECT_TRUE(all_of<Long>(driver).empty());
  in.pipe_input("a", "x", at(20s));
  EXPECT_EQ(all_of<Long>(driver), (Texts{"[a@10000/20000]=2@12000"}));
}

TEST(TimeWindows, LetAnAggregatorSeeNullValues) {
  StreamsBuilder builder;
  to_out(builder.stream<Text, Long>("in")
             .group_by_key()
             .windowed_by(TimeWindows::of_size_with_no_grace(10s))
             .aggregate(Long{0}, [](const Text&, const Long* v, const Long& sum) { return sum + (v == nullptr ? 100 : *v); }));
  TopologyTestDriver driver(builder.build(), at_once());
  auto in = driver.create_input_topic<Text, Long>("in");
  in.pipe_input("a", 1, at(1s));
  in.pipe_input("a", std::nullopt, at(2s));
  EXPECT_EQ(all_of<Long>(driver), (Texts{"[a@0/10000]=1@1000", "[a@0/10000]=101@2000"}));
}

TEST(TimeWindows, SayWhatCannotBe) {
  EXPECT_THROW(TimeWindows::of_size_with_no_grace(0ms), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(TimeWindows::of_size_with_no_grace(10s).advance_by(11s)), std::invalid_argument);
  StreamsBuilder builder;
  auto windowed = builder.stream<Text, Text>("in").group_by_key().windowed_by(UnlimitedWindows::of());
  EXPECT_THROW(static_cast<void>(windowed.emit_strategy(EmitStrategy::kOnWindowClose)), TopologyException);
  auto short_lived = builder.stream<Text, Text>("in2").group_by_key().windowed_by(TimeWindows::of_size_with_no_grace(10s));
  EXPECT_THROW(static_cast<void>(short_lived.count({.retention = 5s})), TopologyException);
  const auto forever = std::chrono::milliseconds::max();
  auto endless = builder.stream<Text, Text>("in3").group_by_key().windowed_by(TimeWindows::of_size_and_grace(10s, forever));
  EXPECT_THROW(static_cast<void>(endless.count()), TopologyException);
}

TEST(TimeWindows, AreKeptInNoStoreThatLetsThemGoBeforeTheyEnd) {
  EXPECT_THROW((void)Stores::persistent_window_store("w", 9s, 10s, false), std::invalid_argument);
  EXPECT_THROW((void)Stores::persistent_timestamped_window_store("w", 9s, 10s, false), std::invalid_argument);
  EXPECT_THROW((void)Stores::in_memory_window_store("w", 0s, 10s, false), std::invalid_argument);
  EXPECT_THROW((void)Stores::in_memory_window_store("w", -1s, -1s, false), std::invalid_argument);
  StoreSpec spec = Stores::persistent_window_store("w", 10s, 10s, false);
  spec.retention = 9s;
  StreamsBuilder builder;
  builder.add_state_store(std::move(spec));
  EXPECT_THROW((void)builder.build(), TopologyException);
}

}  // namespace
}  // namespace tidemill
