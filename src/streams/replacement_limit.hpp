// ReplacementLimit: how often stream threads that have failed are replaced, and after which pause.
//
// What time mends (a hiccup of a broker, a record that fails now and then) needs one replacement for each thread, at once. What it
// does not mend fails again and again: the pauses grow, and beyond the limit the application has to end, and say so.
#pragma once

#include <algorithm>
#include <chrono>
#include <deque>
#include <optional>

#include <tidemill/base/clock.hpp>

namespace tidemill {

class ReplacementLimit {
 public:
  static constexpr std::chrono::seconds kWindow{60};
  /// Within the window, beyond one for each thread.
  static constexpr std::size_t kRepeatedMax = 10;
  /// Before the first of those; doubles up to the last.
  static constexpr std::chrono::milliseconds kPauseMin{10};
  static constexpr std::chrono::milliseconds kPauseMax{500};

  /// One of so many threads has failed: how long to wait before it is replaced. nullopt: it must not be.
  [[nodiscard]] std::optional<std::chrono::milliseconds> next(MonotonicTime now, std::size_t threads) {
    while (!replaced_.empty() && now - replaced_.front() >= kWindow) replaced_.pop_front();
    const std::size_t repeated = replaced_.size() - std::min(replaced_.size(), threads);
    const bool repeats = replaced_.size() >= threads;
    if (repeated >= kRepeatedMax) return std::nullopt;
    replaced_.push_back(now);
    if (!repeats) return std::chrono::milliseconds(0);
    return std::min(kPauseMax, kPauseMin * (1 << repeated));
  }

 private:
  std::deque<MonotonicTime> replaced_;  // within the window
};

}  // namespace tidemill
