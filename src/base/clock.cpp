#include <tidemill/base/clock.hpp>

#include <atomic>

namespace tidemill {
namespace {

class SystemClock final : public Clock {
 public:
  Now now() const override {
    const auto wall = std::chrono::system_clock::now().time_since_epoch();
    return Now{Timestamp(std::chrono::duration_cast<std::chrono::milliseconds>(wall).count()),
               std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now())};
  }
};

}  // namespace

const Clock& system_clock() {
  static const SystemClock kClock;
  return kClock;
}

// Both times in nanoseconds; the wall clock can be set, so they are kept apart.
struct ManualClock::State {
  std::atomic<std::int64_t> wall_ns;
  std::atomic<std::int64_t> monotonic_ns{0};
};

ManualClock::ManualClock(Timestamp wall) : state_(new State{wall.value * 1'000'000}) {}
ManualClock::~ManualClock() { delete state_; }

Now ManualClock::now() const {
  return Now{Timestamp(state_->wall_ns.load() / 1'000'000),
             MonotonicTime(std::chrono::nanoseconds(state_->monotonic_ns.load()))};
}
void ManualClock::advance(std::chrono::nanoseconds duration) {
  state_->wall_ns += duration.count();
  state_->monotonic_ns += duration.count();
}
void ManualClock::set_wall(Timestamp wall) { state_->wall_ns = wall.value * 1'000'000; }

}  // namespace tidemill
