// Sums of times, of which a large one means "for ever".
#pragma once

#include <cstdint>

namespace tidemill {

/// INT64_MAX where `a + b` would lie behind it.
[[nodiscard]] constexpr std::int64_t saturating_sum(std::int64_t a, std::int64_t b) {
  return b > 0 && a > INT64_MAX - b ? INT64_MAX : a + b;
}

}  // namespace tidemill
