// Sums of times and spans as Java's are: behind the last time that there is comes the first one, and a window that would end
// there ends before 1970. What is found, and what is late, follows from that.
#pragma once

#include <chrono>
#include <cstdint>

#include <tidemill/base/types.hpp>

namespace tidemill::detail {

inline Timestamp wrapping_sum(Timestamp time, std::chrono::milliseconds span) {
  return Timestamp(
      static_cast<std::int64_t>(static_cast<std::uint64_t>(time.value) + static_cast<std::uint64_t>(span.count())));
}
inline Timestamp wrapping_difference(Timestamp time, std::chrono::milliseconds span) {
  return Timestamp(
      static_cast<std::int64_t>(static_cast<std::uint64_t>(time.value) - static_cast<std::uint64_t>(span.count())));
}

}  // namespace tidemill::detail
