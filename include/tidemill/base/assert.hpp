// ASSERT(condition, text...): a sentence about the program, never about the world; on in release.
// A false one calls the hook (the host's, or one that prints to stderr) and then aborts.
#pragma once

namespace tidemill {

/// Called with the failed condition, its place, and a message (may be empty). Must not return normally.
using AssertionHook = void (*)(const char* condition, const char* file, int line, const char* message);
/// Replaces the hook and returns the previous one. Thread-safe.
AssertionHook set_assertion_hook(AssertionHook hook);

namespace detail {
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line, const char* message = "");
}

}  // namespace tidemill

#define TIDEMILL_ASSERT(condition, ...) \
  (static_cast<bool>(condition)         \
       ? static_cast<void>(0)           \
       : ::tidemill::detail::assertion_failed(#condition, __FILE__, __LINE__ __VA_OPT__(, ) __VA_ARGS__))
