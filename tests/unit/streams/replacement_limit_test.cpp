#include "streams/replacement_limit.hpp"

#include <gmock/gmock.h>

namespace tidemill {
namespace {

using namespace std::chrono_literals;
using Pauses = std::vector<std::optional<std::chrono::milliseconds>>;

Pauses ask(ReplacementLimit& limit, int times, MonotonicTime now, std::size_t threads) {
  Pauses pauses;
  for (int i = 0; i < times; ++i) pauses.push_back(limit.next(now, threads));
  return pauses;
}

TEST(ReplacementLimit, OnePerThreadIsAtOnceThenThePausesGrowAndThenItIsEnough) {
  ReplacementLimit limit;
  EXPECT_EQ(ask(limit, 15, MonotonicTime(1h), 3),
            (Pauses{0ms, 0ms, 0ms, 10ms, 20ms, 40ms, 80ms, 160ms, 320ms, 500ms, 500ms, 500ms, 500ms, {}, {}}));
}

TEST(ReplacementLimit, WhatIsAMinuteAgoIsForgotten) {
  ReplacementLimit limit;
  EXPECT_EQ(ask(limit, 2, MonotonicTime(1h), 1), (Pauses{0ms, 10ms}));
  EXPECT_EQ(ask(limit, 10, MonotonicTime(1h + 59s), 1).back(), std::nullopt);
  EXPECT_EQ(ask(limit, 1, MonotonicTime(1h + ReplacementLimit::kWindow), 1), (Pauses{500ms})) << "two less";
  EXPECT_EQ(ask(limit, 1, MonotonicTime(2h), 1), (Pauses{0ms}));
}

TEST(ReplacementLimit, AThreadThatFailsNowAndThenIsReplacedForEver) {
  ReplacementLimit limit;
  for (int i = 1; i < 1000; ++i) EXPECT_TRUE(limit.next(MonotonicTime(i * 10s), 1)) << i;
}

}  // namespace
}  // namespace tidemill
