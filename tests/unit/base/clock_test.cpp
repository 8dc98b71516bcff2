#include <tidemill/base/clock.hpp>
#include <tidemill/base/random.hpp>

#include <gtest/gtest.h>

#include <set>

namespace tidemill {
namespace {

using namespace std::chrono_literals;

TEST(ManualClock, GoesOnlyWhenTold) {
  ManualClock clock(Timestamp(1000));
  EXPECT_EQ(clock.now().wall, Timestamp(1000));
  const MonotonicTime start = clock.now().monotonic;
  clock.advance(1500ms);
  EXPECT_EQ(clock.now().wall, Timestamp(2500));
  EXPECT_EQ(clock.now().monotonic - start, 1500ms);
  clock.set_wall(Timestamp(7));
  EXPECT_EQ(clock.now().wall, Timestamp(7));
  EXPECT_EQ(clock.now().monotonic - start, 1500ms);
}

TEST(ManualClock, KeepsPartsOfAMillisecond) {
  ManualClock clock(Timestamp(0));
  for (int i = 0; i < 4; ++i) clock.advance(250us);
  EXPECT_EQ(clock.now().wall, Timestamp(1));
}

TEST(SystemClock, DoesNotGoBack) {
  const Now before = system_clock().now();
  const Now after = system_clock().now();
  EXPECT_LE(before.monotonic, after.monotonic);
  EXPECT_GT(after.wall, Timestamp(1'600'000'000'000));
}

TEST(SeededRandom, GivesTheSameNumbersForTheSameSeed) {
  SeededRandom one(42);
  SeededRandom two(42);
  SeededRandom other(43);
  EXPECT_EQ(one.next(), two.next());
  EXPECT_NE(one.next(), other.next());
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(one.below(10));
  EXPECT_EQ(seen.size(), 10U);
  EXPECT_LT(*seen.rbegin(), 10U);
}

TEST(RandomUuid, IsOfVersionFour) {
  const std::string uuid = random_uuid(system_random());
  ASSERT_EQ(uuid.size(), 36U);
  EXPECT_EQ(uuid[14], '4');
  EXPECT_NE(uuid, random_uuid(system_random()));
}

}  // namespace
}  // namespace tidemill
