#include <condition_variable>
#include <thread>

#include "base/endian.hpp"
#include "log_embedded/journal.hpp"
#include "world.hpp"

namespace tidemill::embedded {
namespace {

using simulation::Operation;
using simulation::SimulatedStorage;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::uint64_t kPrefixBytes = 28;

Bytes entry(const std::string& group, JournalEntry::Type type = JournalEntry::Type::kCommit) {
  JournalEntry entry;
  entry.type = type;
  entry.offsets.push_back({group, {{"t", PartitionId(0)}, Offset(1), kNoLeaderEpoch, ""}});
  return encode(entry);
}
Bytes checkpoint(const std::string& group) { return entry(group, JournalEntry::Type::kCheckpoint); }

class JournalTest : public testing::Test {
 protected:
  Result<Journal::Found> open(Journal::Options options = {}) {
    options.file_bytes = std::uint64_t{1} << 20;
    return Journal::open(storage, std::move(options));
  }
  /// What the entries say, in order.
  std::vector<std::string> read() {
    const Journal::Found found = open().value();
    torn = found.torn;
    std::vector<std::string> groups;
    for (const JournalEntry& each : found.entries) groups.push_back(each.offsets.front().group);
    return groups;
  }
  void write(const std::vector<std::string>& groups) {
    const Journal::Found found = open().value();
    found.journal->checkpoint(checkpoint("checkpoint")).value();
    for (const std::string& group : groups) {
      const std::uint64_t ticket = found.journal->append(entry(group)).value();
      found.journal->sync(ticket).value();
    }
  }
  /// Three owners have written, the last one to journal-b.
  void is_refused_without(const std::string& name) {
    for (const char* group : {"1", "2", "3"}) write({group});
    storage.remove("journal/" + name).value();
    for (int time = 0; time < 2; ++time) {
      const auto opened = open();
      ASSERT_FALSE(opened);
      EXPECT_EQ(opened.error().kind, ErrorKind::kCorruption);
      EXPECT_THAT(opened.error().message, HasSubstr(name + " is missing, and with it perhaps the last commits"));
    }
  }
  void damage(const std::string& path, std::uint64_t position, std::string_view bytes) {
    storage.open(path, OpenMode::kReadWrite).value()->write_at(position, bytes).value();
  }
  /// Where the n-th entry of write() begins.
  static std::uint64_t position(std::size_t n) {
    return n == 0 ? 0 : kPrefixBytes + checkpoint("checkpoint").size() + (n - 1) * (kPrefixBytes + entry("1").size());
  }

  SimulatedStorage storage{1};
  std::string torn;
};

TEST_F(JournalTest, GivesBackWhatWasWritten) {
  EXPECT_THAT(read(), IsEmpty());
  write({"1", "2", "3"});
  EXPECT_THAT(read(), ElementsAre("checkpoint", "1", "2", "3"));
  EXPECT_EQ(torn, "");
}

TEST_F(JournalTest, BeginsTheOtherFileWithACheckpointWhenOneIsFull) {
  Journal::Found found = open().value();
  found.journal->checkpoint(checkpoint("0")).value();
  int written = 0;
  for (int round = 1; round <= 5; ++round) {
    while (!found.journal->full(entry("x").size()).value()) {
      (void)found.journal->append(entry("x")).value();
      ++written;
    }
    found.journal->checkpoint(checkpoint(std::to_string(round))).value();
  }
  EXPECT_GT(written, 10000);
  (void)found.journal->append(entry("last")).value();
  found.journal.reset();
  EXPECT_THAT(read(), ElementsAre("5", "last"));
}

TEST_F(JournalTest, CutsOffATornTailAndSaysSo) {
  write({"1", "2", "3"});
  damage("journal/journal-b", position(3) + kPrefixBytes + 2, "#");
  EXPECT_THAT(read(), ElementsAre("checkpoint", "1", "2"));
  EXPECT_THAT(torn, HasSubstr("journal/journal-b: the entry at byte " + std::to_string(position(3))));
}

TEST_F(JournalTest, TellsDamageInTheMiddleFromATornTail) {
  write({"1", "2", "3"});
  for (const std::uint64_t at : {position(2), position(2) + 9, position(2) + kPrefixBytes + 5}) {
    damage("journal/journal-b", at, "#");
    const auto found = open();
    ASSERT_FALSE(found.has_value()) << at;
    EXPECT_EQ(found.error().kind, ErrorKind::kCorruption);
    EXPECT_THAT(found.error().message, HasSubstr("journal/journal-b: the entry at byte " + std::to_string(position(2))));
  }
}

TEST_F(JournalTest, ADamagedCheckpointIsAnErrorWhenSomethingFollowsIt) {
  write({"1"});
  damage("journal/journal-b", 40, "#");
  const auto found = open();
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().kind, ErrorKind::kCorruption);
  EXPECT_THAT(found.error().message, HasSubstr("journal/journal-b: the entry at byte 0 is damaged"));
}

TEST_F(JournalTest, ATornCheckpointLeavesWhatWasBeforeIt) {
  write({"1", "2"});
  {
    const Journal::Found found = open().value();
    found.journal->checkpoint(checkpoint("torn")).value();
  }
  damage("journal/journal-a", 40, "#");
  EXPECT_THAT(read(), ElementsAre("checkpoint", "1", "2"));
}

TEST_F(JournalTest, WhatWasLostTwiceIsNotTakenForDamage) {
  {
    Journal::Found found = open().value();
    found.journal->checkpoint(checkpoint("checkpoint")).value();
    (void)found.journal->append(entry("1")).value();
    found.journal->sync(found.journal->last_ticket()).value();
    for (const char* group : {"2", "3", "4", "5"}) (void)found.journal->append(entry(group)).value();  // never synced
  }
  damage("journal/journal-b", position(2) + kPrefixBytes, "#");  // a power failure took the first of them, not the others
  EXPECT_THAT(read(), ElementsAre("checkpoint", "1"));
  {
    const Journal::Found found = open().value();
    found.journal->checkpoint(checkpoint("second")).value();  // in the other file
    found.journal->checkpoint(checkpoint("third")).value();   // over the first entries of this one
  }
  damage("journal/journal-b", 40, "#");  // and a second power failure took that
  EXPECT_THAT(read(), ElementsAre("second"));
}

TEST_F(JournalTest, WithoutItsNewestFileIsAnErrorAlsoTheNextTime) { is_refused_without("journal-b"); }
TEST_F(JournalTest, WithoutItsOlderFileIsAnErrorAlsoTheNextTime) { is_refused_without("journal-a"); }
TEST_F(JournalTest, WithAnEmptyFileThatHadEntriesIsAnError) {
  for (const char* group : {"1", "2", "3"}) write({group});
  storage.open("journal/journal-b", OpenMode::kReadWrite).value()->truncate(0).value();
  const auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("journal-b is empty, and with it perhaps the last commits"));
}

TEST_F(JournalTest, OfAnotherVersionIsRefused) {
  write({"1"});
  damage("journal/journal-b", 0, "TMJ9");
  const auto found = open();
  ASSERT_FALSE(found.has_value());
  EXPECT_THAT(found.error().message, HasSubstr("journal/journal-b is of another version"));
}

TEST_F(JournalTest, OneSyncServesAllWhoWait) {
  Journal::Found found = open().value();
  found.journal->checkpoint(checkpoint("checkpoint")).value();
  const std::uint64_t syncs_before = storage.operations(Operation::kSync);
  std::mutex mutex;
  std::condition_variable changed;
  bool first_syncs = false;
  bool go_on = false;
  storage.set_sync_hook([&] {
    std::unique_lock lock(mutex);
    first_syncs = true;
    changed.notify_all();
    changed.wait(lock, [&] { return go_on; });
  });
  std::vector<std::thread> waiting;
  const auto commit = [&] {
    const std::uint64_t ticket = found.journal->append(entry("x")).value();
    waiting.emplace_back([&, ticket] { EXPECT_TRUE(found.journal->sync(ticket).has_value()); });
  };
  commit();
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return first_syncs; });
  }
  for (int i = 0; i < 5; ++i) commit();  // while the disk is busy with the first
  {
    std::lock_guard guard(mutex);
    go_on = true;
    changed.notify_all();
  }
  for (std::thread& thread : waiting) thread.join();
  EXPECT_EQ(storage.operations(Operation::kSync), syncs_before + 2);
}

TEST_F(JournalTest, IsBrokenForGoodAfterAFailedSync) {
  const Journal::Found found = open().value();
  found.journal->checkpoint(checkpoint("checkpoint")).value();
  const std::uint64_t ticket = found.journal->append(entry("1")).value();
  storage.fail(1, {Operation::kSync});
  EXPECT_FALSE(found.journal->sync(ticket).has_value());
  storage.clear_failure();
  EXPECT_FALSE(found.journal->sync(ticket).has_value()) << "what a later sync would say of it is not true";
  EXPECT_FALSE(found.journal->checkpoint(checkpoint("c")).has_value());
}

TEST_F(JournalTest, MakesDoWithASmallerFileOnAFullDisk) {
  storage.set_capacity(100'000);
  {
    const Journal::Found found = open().value();
    found.journal->checkpoint(checkpoint("checkpoint")).value();
    EXPECT_FALSE(found.journal->full(entry("1").size()).value());
    (void)found.journal->append(entry("1")).value();
    const auto full = found.journal->full(200'000);
    ASSERT_FALSE(full.has_value());
    EXPECT_EQ(full.error().kind, ErrorKind::kDiskFull);
    EXPECT_FALSE(found.journal->full(entry("2").size()).value());
    (void)found.journal->append(entry("2")).value();
  }
  EXPECT_THAT(read(), ElementsAre("checkpoint", "1", "2"));
}

}  // namespace
}  // namespace tidemill::embedded
