// The walking skeleton: input, log, task, store, changelog, commit, output, and again after it was killed.
#include <gmock/gmock.h>

#include "application.hpp"
#include "hand_made.hpp"

namespace tidemill::test {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(WordCount, GoesFromTheLogThroughTaskAndStoreToTheOutput) {
  World world;
  world.create("lines", 2);
  world.produce("lines", {{"1", "a b a"}, {"2", "b c"}, {"3", "a"}});
  Application application(world, word_count(), {});
  ASSERT_TRUE(application.settle());
  EXPECT_THAT(world.table("word-counts"), ElementsAre(Pair("a", "3"), Pair("b", "2"), Pair("c", "1")));
  EXPECT_THAT(world.table("app-counts-changelog"), ElementsAre(Pair("a", "3"), Pair("b", "2"), Pair("c", "1")));
}

TEST(WordCount, GoesOnWhereItStoodAfterItWasKilledAndTheLogReopened) {
  World world;
  world.create("lines", 2);
  world.produce("lines", {{"1", "a b a"}, {"2", "b c"}});
  {
    Application application(world, word_count(), {});
    ASSERT_TRUE(application.settle());
  }
  world.log.reset();
  world.open();
  world.produce("lines", {{"1", "a"}, {"2", "c d"}});
  Application application(world, word_count(), {});
  ASSERT_TRUE(application.settle());
  EXPECT_THAT(world.table("word-counts"), ElementsAre(Pair("a", "3"), Pair("b", "2"), Pair("c", "2"), Pair("d", "1")));
}

}  // namespace
}  // namespace tidemill::test
