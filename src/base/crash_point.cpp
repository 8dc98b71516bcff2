#include "base/crash_point.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <string>

#include <tidemill/base/assert.hpp>

namespace tidemill {
namespace {

constexpr std::string_view kNames[] = {
    "commit.caches_flushed",  "commit.staged",
    "commit.flushed",         "commit.committed",
    "commit.store_committed", "store.flush",
    "journal.before_append",  "journal.appended",
    "journal.synced",         "segment.before_append",
    "segment.appended",       "segment.before_marker",
    "segment.markers",        "segment.roll",
    "segment.rolled",         "journal.recycled",
    "recovery.truncated",     "compaction.cleaned",
    "compaction.swap_named",  "compaction.old_removed",
    "compaction.swapped",     "recovery.compaction_finished",
};

struct Armed {
  std::string name;
  std::atomic<long> countdown{0};
};
Armed& armed() {
  static Armed instance;
  static const bool kRead = [] {
    if (const char* text = std::getenv("TIDEMILL_CRASH_POINT")) {
      const std::string whole = text;
      const auto colon = whole.find(':');
      instance.name = whole.substr(0, colon);
      instance.countdown = colon == std::string::npos ? 1 : std::atol(whole.c_str() + colon + 1);
    }
    return true;
  }();
  (void)kRead;
  return instance;
}

}  // namespace

namespace detail {

const bool kCrashPointsArmed = std::getenv("TIDEMILL_CRASH_POINT") != nullptr;

void reach_crash_point(std::string_view name) {
  TIDEMILL_ASSERT(std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames),
                  "a crash point that is not in the table of names");
  Armed& point = armed();
  if (point.name == name && --point.countdown == 0) ::kill(::getpid(), SIGKILL);
}

}  // namespace detail

std::span<const std::string_view> crash_points() { return kNames; }

}  // namespace tidemill
