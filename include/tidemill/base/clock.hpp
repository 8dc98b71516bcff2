// Clock: the only source of time. Everything that needs the time gets one through its constructor.
#pragma once

#include <tidemill/base/types.hpp>

namespace tidemill {

/// One reading of both clocks.
struct Now {
  Timestamp wall;
  MonotonicTime monotonic;
};

class Clock {
 public:
  virtual ~Clock() = default;
  /// Thread-safe.
  [[nodiscard]] virtual Now now() const = 0;
};

/// The operating system's clocks. Lives as long as the process.
const Clock& system_clock();

/// A clock that stands still until it is told to go; for tests and simulation. Starts at the given wall time,
/// monotonic time 0. Thread-safe.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp wall = Timestamp(0));
  ~ManualClock() override;
  [[nodiscard]] Now now() const override;
  /// Moves both clocks forward.
  void advance(std::chrono::nanoseconds duration);
  /// Sets the wall clock, also backwards; monotonic time stays.
  void set_wall(Timestamp wall);

 private:
  struct State;
  State* state_;
};

}  // namespace tidemill
