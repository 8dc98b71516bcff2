// Named places at which a crash test ends the process: between any two writes of a commit.
//
// TIDEMILL_CRASH_POINT=name[:nth] in the environment: the nth time that place is reached the process gets SIGKILL.
// Without it a crash point costs one load of a flag.
#pragma once

#include <span>
#include <string_view>

namespace tidemill {

namespace detail {
extern const bool kCrashPointsArmed;
void reach_crash_point(std::string_view name);
}  // namespace detail

/// All names, for tests that must hit every one.
std::span<const std::string_view> crash_points();

}  // namespace tidemill

#define TIDEMILL_CRASH_POINT(name) \
  (::tidemill::detail::kCrashPointsArmed ? ::tidemill::detail::reach_crash_point(name) : static_cast<void>(0))
