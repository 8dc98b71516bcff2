// Exactly once, judged from outside: whatever happens to the application, each word's committed output counts 1, 2, 3, ...
// without a gap and without a repetition, and the last number is how often the word was in the input.
#include <gmock/gmock.h>

#include "application.hpp"
#include "hand_made.hpp"

namespace tidemill::test {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

std::map<std::string, int> fold(const std::vector<std::string>& lines) {
  std::map<std::string, int> counts;
  for (const std::string& line : lines) {
    std::size_t at = 0;
    while (at < line.size()) {
      const std::size_t end = std::min(line.find(' ', at), line.size());
      ++counts[line.substr(at, end - at)];
      at = end + 1;
    }
  }
  return counts;
}

void expect_exactly_once(const World& world, const std::map<std::string, int>& expected, const std::string& what) {
  std::map<std::string, int> last;
  for (const World::Row& row : world.read("word-counts")) {
    ASSERT_EQ(row.value, std::to_string(++last[row.key])) << what << ": a gap or a repetition at word " << row.key;
  }
  EXPECT_EQ(last, expected) << what;
  std::map<std::string, int> changelog;
  for (const auto& [key, value] : world.table("app-counts-changelog")) changelog[key] = std::stoi(value);
  EXPECT_EQ(changelog, expected) << what << ": the changelog";
}

/// Runs a random story: input, steps of single threads, crashes with the log reopened, exceptions of user code.
void tell_story(std::uint64_t seed, bool caching) {
  SeededRandom random(seed);
  World world;
  world.create("lines", 3);
  auto countdown = std::make_shared<int>(-1);
  auto topology = std::make_shared<Topology>(*word_count());
  topology->stores.at("counts").spec.caching = caching;
  const auto count = counting("counts");
  topology->nodes[4].prototype = std::make_shared<FunctionNode>([=](FunctionNode& node, const ErasedRecord& record) {
    if (*countdown > 0 && --*countdown == 0) throw std::runtime_error("an exception of user code");
    count(node, record);
  });
  std::vector<std::string> lines;
  const auto start = [&] {
    return std::make_unique<Application>(world, topology, StreamsConfig{}, 1 + static_cast<int>(random.below(3)));
  };
  auto application = start();
  int failures = 0;
  for (int step = 0; step < 400; ++step) {
    switch (random.below(12)) {
      case 0: {
        std::vector<std::pair<std::string, std::string>> records;
        for (std::uint64_t i = 0; i < 1 + random.below(20); ++i) {
          std::string line;
          for (std::uint64_t w = 0; w < 1 + random.below(4); ++w) {
            line += (line.empty() ? "" : " ") + std::string(1, static_cast<char>('a' + random.below(6)));
          }
          lines.push_back(line);
          records.emplace_back(std::to_string(random.below(100)), line);
        }
        world.produce("lines", records);
        break;
      }
      case 1:
        if (random.below(8) == 0) {
          application.reset();
          world.log.reset();
          world.open();
          application = start();
          ++failures;
        }
        break;
      case 2:
        if (random.below(6) == 0) *countdown = 1 + static_cast<int>(random.below(20));
        break;
      default: {
        runtime::StreamThread& thread = application->thread(random.below(application->thread_count()));
        if (!thread.run_once(world.clock.now()).alive) {
          application = start();
          ++failures;
        }
        world.clock.advance(std::chrono::microseconds(random.below(3000)));
      }
    }
  }
  *countdown = -1;
  for (std::size_t i = 0; i < application->thread_count(); ++i) {
    if (!application->thread(i).failure()) continue;
    application = start();
    break;
  }
  ASSERT_TRUE(application->settle());
  if (!caching) expect_exactly_once(world, fold(lines), "seed " + std::to_string(seed));
  std::map<std::string, std::string> expected;
  for (const auto& [word, times] : fold(lines)) expected[word] = std::to_string(times);
  EXPECT_EQ(world.table("word-counts"), expected) << "seed " << seed;
  EXPECT_EQ(world.table("app-counts-changelog"), expected) << "seed " << seed;
}

TEST(ExactlyOnce, HoldsOverCrashesAndExceptionsOfUserCode) {
  for (std::uint64_t seed = 1; seed <= 200 && !HasFailure(); ++seed) tell_story(seed, false);
}

TEST(ExactlyOnce, HoldsWithRecordCaches) {
  for (std::uint64_t seed = 1001; seed <= 1100 && !HasFailure(); ++seed) tell_story(seed, true);
}

TEST(ExactlyOnce, AThreadThatFailsTakesTheWholeGroupBackToItsLastCommit) {
  World world;
  world.create("lines", 2);
  auto countdown = std::make_shared<int>(3);
  auto topology = std::make_shared<Topology>(*word_count());
  const auto count = counting("counts");
  topology->nodes[4].prototype = std::make_shared<FunctionNode>([=](FunctionNode& node, const ErasedRecord& record) {
    if (*countdown > 0 && --*countdown == 0) throw std::runtime_error("boom");
    count(node, record);
  });
  Application application(world, topology, {}, 2);
  ASSERT_TRUE(application.settle());
  world.produce("lines", {{"1", "a b c d e f g h"}, {"2", "a b c d e f g h"}});
  // One of the two dies; the other goes back with it, takes its tasks, and counts everything once.
  ASSERT_TRUE(application.settle());
  int dead = 0;
  for (std::size_t i = 0; i < application.thread_count(); ++i) dead += application.thread(i).failure().has_value() ? 1 : 0;
  EXPECT_EQ(dead, 1);
  expect_exactly_once(world, {{"a", 2}, {"b", 2}, {"c", 2}, {"d", 2}, {"e", 2}, {"f", 2}, {"g", 2}, {"h", 2}},
                      "after the failure");
}

TEST(ExactlyOnce, HoldsWhenTwoInstancesBelieveToBeTheSame) {
  // Two instances with one transactional id fence each other out again and again; what is committed stays right.
  World world;
  world.create("lines", 2);
  auto first = std::make_unique<Application>(world, word_count(), StreamsConfig{}, 1, "same");
  for (int i = 0; i < 10; ++i) first->step();
  world.produce("lines", {{"1", "a b"}, {"2", "a c"}});
  first->step();
  Application second(world, word_count(), {}, 1, "same");
  for (int i = 0; i < 100; ++i) {
    if (i % 10 == 0) world.produce("lines", {{std::to_string(i), "a b"}});
    first->step();
    second.step();
  }
  first.reset();
  ASSERT_TRUE(second.settle());
  expect_exactly_once(world, {{"a", 12}, {"b", 11}, {"c", 1}}, "two of the same");
}

TEST(ExactlyOnce, OneSeedOneStory) {
  // The same calls give the same log, also with three threads in one group.
  const auto run = [] {
    World world;
    world.create("lines", 3);
    Application application(world, word_count(), {}, 3);
    for (int i = 0; i < 200; ++i) {
      if (i % 10 == 0) world.produce("lines", {{std::to_string(i), "a b c"}, {std::to_string(i + 1), "c d"}});
      application.step();
    }
    std::string text;
    for (const auto& row : world.read("word-counts"))
      text += row.key + "=" + row.value + "@" + std::to_string(row.partition) + " ";
    for (std::size_t i = 0; i < 3; ++i) text += std::to_string(application.thread(i).metrics().commits.value()) + " ";
    return text;
  };
  const std::string first = run();
  EXPECT_EQ(first, run());
  EXPECT_NE(first.find("c=40"), std::string::npos);
}

TEST(ExactlyOnce, NothingIsVisibleOutsideBeforeTheCommit) {
  World world;
  world.create("lines", 1);
  StreamsConfig config;
  Application application(world, word_count(), config);
  ASSERT_TRUE(application.settle());
  world.produce("lines", {{"1", "a"}});
  // One round reads, splits and counts (the repartition topic is read inside the open transaction), none of it committed.
  application.thread().run_once(world.clock.now());
  EXPECT_EQ(world.table("word-counts").size(), 0U);
  ASSERT_TRUE(application.settle());
  EXPECT_THAT(world.table("word-counts"), ElementsAre(Pair("a", "1")));
}

}  // namespace
}  // namespace tidemill::test
