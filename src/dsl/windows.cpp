#include <tidemill/dsl/windows.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "dsl/wrapping_time.hpp"

namespace tidemill {
namespace {

using std::chrono::milliseconds;

/// What Java's deprecated windows wait for late records.
constexpr milliseconds kEagerGrace{24 * 3600 * 1000};

void require(bool holds, const char* what, milliseconds given, const char* rule) {
  if (holds) return;
  throw std::invalid_argument(std::string(what) + " of " + std::to_string(given.count()) + " ms: it " + rule);
}
void require_grace(milliseconds grace) { require(grace.count() >= 0, "a grace period", grace, "must not be negative"); }

}  // namespace

TimeWindows TimeWindows::of_size_and_grace(milliseconds size, milliseconds grace) {
  require(size.count() > 0, "a window size", size, "must be more than nothing");
  require_grace(grace);
  TimeWindows windows;
  windows.size_ = windows.advance_ = size;
  windows.grace_ = grace;
  return windows;
}
TimeWindows TimeWindows::advance_by(milliseconds advance) const {
  require(advance.count() > 0 && advance <= size_, "an advance", advance,
          "must be more than nothing and at most the window size");
  TimeWindows windows = *this;
  windows.advance_ = advance;
  return windows;
}

UnlimitedWindows UnlimitedWindows::start_on(Timestamp start) const {
  require(start.value >= 0, "a start", milliseconds(start.value), "must not be negative");
  UnlimitedWindows windows;
  windows.start_ = start;
  return windows;
}

SlidingWindows SlidingWindows::of_time_difference_and_grace(milliseconds difference, milliseconds grace) {
  require(difference.count() >= 0, "a time difference", difference, "must not be negative");
  require_grace(grace);
  SlidingWindows windows;
  windows.difference_ = difference;
  windows.grace_ = grace;
  return windows;
}

SessionWindows SessionWindows::of_inactivity_gap_and_grace(milliseconds gap, milliseconds grace) {
  require(gap.count() >= 0, "an inactivity gap", gap, "must not be negative");
  require_grace(grace);
  SessionWindows windows;
  windows.gap_ = gap;
  windows.grace_ = grace;
  return windows;
}

JoinWindows JoinWindows::of_time_difference_and_grace(milliseconds difference, milliseconds grace) {
  JoinWindows windows;
  windows.before_ = windows.after_ = difference;
  windows.grace_ = grace;
  return windows.checked();
}
JoinWindows JoinWindows::of_eager(milliseconds difference) {
  JoinWindows windows = of_time_difference_with_no_grace(difference);
  windows.grace_ = std::max(milliseconds(0), kEagerGrace - 2 * difference);
  windows.eager_ = true;
  return windows;
}
JoinWindows JoinWindows::grace(milliseconds grace) const {
  JoinWindows windows = *this;
  windows.grace_ = grace;
  return windows.checked();
}
JoinWindows JoinWindows::before(milliseconds before) const {
  JoinWindows windows = *this;
  windows.before_ = before;
  return windows.checked();
}
JoinWindows JoinWindows::after(milliseconds after) const {
  JoinWindows windows = *this;
  windows.after_ = after;
  return windows.checked();
}
JoinWindows JoinWindows::checked() const {
  const milliseconds none(0);
  // The sum of two that are too long is negative.
  const milliseconds sum(detail::wrapping_sum(Timestamp(before_.count()), after_).value);
  require(sum >= none && (before_ >= none || after_ >= none), "a join window", sum,
          "must not end before it begins, nor be longer than time goes: before + after is its size");
  require_grace(grace_);
  return *this;
}

}  // namespace tidemill
