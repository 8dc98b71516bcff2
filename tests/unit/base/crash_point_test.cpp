#include "base/crash_point.hpp"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

namespace tidemill {
namespace {

TEST(CrashPoint, DoesNothingUnlessItIsArmed) { TIDEMILL_CRASH_POINT("journal.appended"); }

TEST(CrashPoint, KnowsItsNames) {
  EXPECT_GT(crash_points().size(), 10U);
  EXPECT_NE(std::find(crash_points().begin(), crash_points().end(), "journal.synced"), crash_points().end());
}

// Run with TIDEMILL_CRASH_POINT=journal.synced:3 by the test below.
TEST(CrashPoint, DISABLED_ReachesJournalSynced) {
  for (int i = 0; i < 2; ++i) TIDEMILL_CRASH_POINT("journal.synced");
  TIDEMILL_CRASH_POINT("journal.appended");
  if (std::getenv("TIDEMILL_TEST_THIRD") != nullptr) TIDEMILL_CRASH_POINT("journal.synced");
}

int run_child(const std::string& environment) {
  char self[4096] = {};
  if (::readlink("/proc/self/exe", self, sizeof self - 1) < 0) return -1;
  return std::system(("env " + environment + " " + self +
                      " --gtest_also_run_disabled_tests --gtest_filter=CrashPoint.DISABLED_* >/dev/null 2>&1")
                         .c_str());
}

TEST(CrashPoint, KillsTheProcessAtTheNthTime) {
  EXPECT_EQ(run_child("TIDEMILL_CRASH_POINT=journal.synced:3"), 0);
  const int status = run_child("TIDEMILL_CRASH_POINT=journal.synced:3 TIDEMILL_TEST_THIRD=1");
  EXPECT_TRUE((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) ||
              (WIFEXITED(status) && WEXITSTATUS(status) == 128 + SIGKILL))
      << status;
}

}  // namespace
}  // namespace tidemill
