#include <tidemill/base/assert.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace tidemill {
namespace {

void print_to_stderr(const char* condition, const char* file, int line, const char* message) {
  std::fprintf(stderr, "%s:%d: assertion failed: %s%s%s\n", file, line, condition, *message != '\0' ? ": " : "", message);
  std::fflush(stderr);
}
std::atomic<AssertionHook> hook{print_to_stderr};

}  // namespace

AssertionHook set_assertion_hook(AssertionHook replacement) {
  return hook.exchange(replacement != nullptr ? replacement : print_to_stderr);
}

namespace detail {
void assertion_failed(const char* condition, const char* file, int line, const char* message) {
  hook.load()(condition, file, line, message);
  std::abort();
}
}  // namespace detail

}  // namespace tidemill
