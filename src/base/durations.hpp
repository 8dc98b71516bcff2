// How long "for ever" is. A duration is compared with the monotonic clock in nanoseconds, and the largest one of
// milliseconds, which people write for "never", would overflow there and mean the opposite.
#pragma once

#include <algorithm>
#include <chrono>

namespace tidemill {

/// A hundred years: twice as much still fits behind any reading of the clock.
inline constexpr std::chrono::milliseconds kForever = std::chrono::hours(24 * 365 * 100);

[[nodiscard]] constexpr std::chrono::milliseconds bounded(std::chrono::milliseconds duration) {
  return std::clamp(duration, -kForever, kForever);
}

}  // namespace tidemill
