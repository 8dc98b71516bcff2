// Stores of one's own kind under exactly-once, judged from outside: whatever happens to the application, each word's committed output
// counts 1, 2, 3, ... without a gap and without a repetition, though the store knows nothing of transactions.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include <tidemill/state/stores.hpp>

#include "application.hpp"
#include "hand_made.hpp"

namespace tidemill::test {
namespace {

/// How often a word came.
class Counts : public CustomStore {
 public:
  int add(const std::string& word) {
    const int count = ++counts_[word];
    context().log_change(word, BytesView(std::to_string(count)));
    return count;
  }
  void restore(std::span<const ChangelogRecord> records) override {
    for (const ChangelogRecord& record : records) counts_[std::string(record.key)] = std::stoi(std::string(*record.value));
  }

 protected:
  std::map<std::string, int> counts_;
};

/// The same in a file, which is written at every third commit.
class CountsOnDisk : public Counts {
 public:
  void init(StateStoreContext& context) override {
    file_ = context.state_dir() + "/counts";
    std::ifstream in(file_, std::ios::binary);
    std::size_t size = 0;
    if (!(in >> size)) return;
    in.get();
    checkpoint_.emplace(size, '\0');
    in.read(checkpoint_->data(), static_cast<std::streamsize>(size));
    std::string word;
    for (int count = 0; in >> word >> count;) counts_[word] = count;
  }
  std::optional<Bytes> committed() override { return checkpoint_; }
  void commit(BytesView checkpoint) override {
    if (++commits_ % 3 != 0) return;
    {
      std::ofstream out(file_ + ".new", std::ios::binary);
      out << checkpoint.size() << ' ' << checkpoint;
      for (const auto& [word, count] : counts_) out << '\n' << word << ' ' << count;
    }
    std::filesystem::rename(file_ + ".new", file_);
  }

 private:
  std::string file_;
  std::optional<Bytes> checkpoint_;
  int commits_ = 0;
};

/// Runs a random story: input, steps of single threads, crashes with the log reopened, exceptions of user code.
void tell_story(std::uint64_t seed, const StoreSpec& store, const std::string& directory) {
  SeededRandom random(seed);
  World world;
  world.create("words", 3);
  const auto countdown = std::make_shared<int>(-1);
  const auto topology = HandMade()
                            .source("source", {"words"})
                            .store(store)
                            .processor("count",
                                       [countdown](FunctionNode& node, const ErasedRecord& record) {
                                         auto& counts = dynamic_cast<Counts&>(*node.store("counts").custom());
                                         const std::string count = std::to_string(counts.add(key_of(record)));
                                         if (*countdown > 0 && --*countdown == 0)
                                           throw std::runtime_error("an exception of user code");
                                         node.emit(&key_of(record), &count, *record.context);
                                       },
                                       {"source"}, {"counts"})
                            .sink("sink", "word-counts", {"count"})
                            .build();
  StreamsConfig config;
  config.state_dir = directory;
  const auto start = [&] {
    return std::make_unique<Application>(world, topology, config, 1 + static_cast<int>(random.below(3)));
  };
  std::map<std::string, int> expected;
  auto application = start();
  for (int step = 0; step < 300; ++step) {
    switch (random.below(12)) {
      case 0: {
        std::vector<std::pair<std::string, std::string>> records;
        for (std::uint64_t i = 0; i < 1 + random.below(20); ++i) {
          records.emplace_back(std::string(1, static_cast<char>('a' + random.below(6))), "x");
          ++expected[records.back().first];
        }
        world.produce("words", records);
        break;
      }
      case 1:
        if (random.below(8) == 0) {
          application.reset();
          world.log.reset();
          world.open();
          application = start();
        }
        break;
      case 2:
        if (random.below(6) == 0) *countdown = 1 + static_cast<int>(random.below(20));
        break;
      default: {
        runtime::StreamThread& thread = application->thread(random.below(application->thread_count()));
        if (!thread.run_once(world.clock.now()).alive) {
          application.reset();
          application = start();
        }
        world.clock.advance(std::chrono::microseconds(random.below(3000)));
      }
    }
  }
  *countdown = -1;
  for (std::size_t i = 0; i < application->thread_count(); ++i) {
    if (!application->thread(i).failure()) continue;
    application.reset();
    application = start();
    break;
  }
  ASSERT_TRUE(application->settle());
  std::map<std::string, int> last;
  for (const World::Row& row : world.read("word-counts")) {
    ASSERT_EQ(row.value, std::to_string(++last[row.key])) << "seed " << seed << ": a gap or a repetition at " << row.key;
  }
  EXPECT_EQ(last, expected) << "seed " << seed;
  std::map<std::string, int> changelog;
  for (const auto& [word, count] : world.table("app-counts-changelog")) changelog[word] = std::stoi(count);
  EXPECT_EQ(changelog, expected) << "seed " << seed;
}

TEST(CustomStoreStory, InMemoryItCountsExactlyOnceOverCrashesAndExceptions) {
  for (std::uint64_t seed = 1; seed <= 100 && !HasFailure(); ++seed)
    tell_story(seed, Stores::custom<Counts>("counts"), "state");
}

TEST(CustomStoreStory, OnDiskItCountsExactlyOnceOverCrashesAndExceptions) {
  const std::string directory = ::testing::TempDir() + "custom-store-story";
  for (std::uint64_t seed = 1; seed <= 40 && !HasFailure(); ++seed) {
    std::filesystem::remove_all(directory);
    tell_story(seed, Stores::custom<CountsOnDisk>("counts", {.persistent = true}), directory);
  }
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace tidemill::test
