// The windows of windowed aggregations and stream-stream joins. Values that say how time is cut, checked when they are made:
// std::invalid_argument says what cannot be.
//
//   TimeWindows::of_size_and_grace(1min, 10s).advance_by(20s)     [start, end), aligned to 1970
//   SlidingWindows::of_time_difference_with_no_grace(10s)         [t - 10 s, t], one per record's time
//   SessionWindows::of_inactivity_gap_with_no_grace(5min)         as long as records keep coming
//   UnlimitedWindows::of().start_on(t)                            everything from t on
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include <tidemill/base/types.hpp>
#include <tidemill/serde/windowed.hpp>

namespace tidemill {

/// When a window's aggregate is passed on: with each update, or once, when stream time has passed its end and grace.
enum class EmitStrategy : std::uint8_t { kOnWindowUpdate, kOnWindowClose };

/// Windows of one's own making: business days, shifts, whatever a function of the time can say. Given to windowed_by() as a
/// std::shared_ptr. Asked on the stream threads, several at once; the same time must always be in the same windows.
class Windows {
 public:
  virtual ~Windows() = default;
  /// Those that contain the time, in the order in which they are to be updated: no two with one start, none longer than size().
  [[nodiscard]] virtual std::vector<Window> windows_for(Timestamp time) const = 0;
  /// Of the longest: how long the store keeps them, and what is added to a start where an end is not kept (keys as others read
  /// them, what a cache held).
  [[nodiscard]] virtual std::chrono::milliseconds size() const = 0;
  /// Records that come later than that for their window are dropped.
  [[nodiscard]] virtual std::chrono::milliseconds grace_period() const = 0;
};

class TimeWindows {
 public:
  /// Records later than that for their window are dropped.
  static TimeWindows of_size_and_grace(std::chrono::milliseconds size, std::chrono::milliseconds grace);
  static TimeWindows of_size_with_no_grace(std::chrono::milliseconds size) { return of_size_and_grace(size, {}); }
  /// Hopping windows: one begins every `advance`, at most the size.
  [[nodiscard]] TimeWindows advance_by(std::chrono::milliseconds advance) const;
  [[nodiscard]] std::chrono::milliseconds size() const { return size_; }
  [[nodiscard]] std::chrono::milliseconds advance() const { return advance_; }
  [[nodiscard]] std::chrono::milliseconds grace() const { return grace_; }

 private:
  std::chrono::milliseconds size_{0};
  std::chrono::milliseconds advance_{0};
  std::chrono::milliseconds grace_{0};
};

class UnlimitedWindows {
 public:
  static UnlimitedWindows of() { return {}; }
  /// Earlier records are in no window.
  [[nodiscard]] UnlimitedWindows start_on(Timestamp start) const;
  [[nodiscard]] Timestamp start() const { return start_; }

 private:
  Timestamp start_{0};
};

class SlidingWindows {
 public:
  static SlidingWindows of_time_difference_and_grace(std::chrono::milliseconds difference, std::chrono::milliseconds grace);
  static SlidingWindows of_time_difference_with_no_grace(std::chrono::milliseconds difference) {
    return of_time_difference_and_grace(difference, {});
  }
  [[nodiscard]] std::chrono::milliseconds time_difference() const { return difference_; }
  [[nodiscard]] std::chrono::milliseconds grace() const { return grace_; }

 private:
  std::chrono::milliseconds difference_{0};
  std::chrono::milliseconds grace_{0};
};

class SessionWindows {
 public:
  static SessionWindows of_inactivity_gap_and_grace(std::chrono::milliseconds gap, std::chrono::milliseconds grace);
  static SessionWindows of_inactivity_gap_with_no_grace(std::chrono::milliseconds gap) {
    return of_inactivity_gap_and_grace(gap, {});
  }
  [[nodiscard]] std::chrono::milliseconds inactivity_gap() const { return gap_; }
  [[nodiscard]] std::chrono::milliseconds grace() const { return grace_; }

 private:
  std::chrono::milliseconds gap_{0};
  std::chrono::milliseconds grace_{0};
};

/// Two records meet when the other one's time is in [time - before, time + after] of this one's.
class JoinWindows {
 public:
  static JoinWindows of_time_difference_and_grace(std::chrono::milliseconds difference, std::chrono::milliseconds grace);
  static JoinWindows of_time_difference_with_no_grace(std::chrono::milliseconds difference) {
    return of_time_difference_and_grace(difference, {});
  }
  /// The deprecated form: a left or outer join passes an unmatched record on at once, and a match later.
  static JoinWindows of_eager(std::chrono::milliseconds difference);
  [[nodiscard]] JoinWindows grace(std::chrono::milliseconds grace) const;
  /// Negative: the other one has to come later (earlier) than that.
  [[nodiscard]] JoinWindows before(std::chrono::milliseconds before) const;
  [[nodiscard]] JoinWindows after(std::chrono::milliseconds after) const;
  [[nodiscard]] std::chrono::milliseconds before() const { return before_; }
  [[nodiscard]] std::chrono::milliseconds after() const { return after_; }
  [[nodiscard]] std::chrono::milliseconds grace() const { return grace_; }
  [[nodiscard]] std::chrono::milliseconds size() const { return before_ + after_; }
  /// Unmatched records come out at once.
  [[nodiscard]] bool eager() const { return eager_; }

 private:
  [[nodiscard]] JoinWindows checked() const;
  std::chrono::milliseconds before_{0};
  std::chrono::milliseconds after_{0};
  std::chrono::milliseconds grace_{0};
  bool eager_ = false;
};

}  // namespace tidemill
