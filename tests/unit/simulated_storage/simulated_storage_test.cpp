// The fake disk must lose what it may lose, and never what it may not: every proof that uses it stands on that.
#include "simulated_storage.hpp"

#include <gmock/gmock.h>

namespace tidemill::simulation {
namespace {

using ::testing::ElementsAre;

Bytes contents(Storage& storage, const std::string& path) {
  auto file = storage.open(path, OpenMode::kRead);
  if (!file) return "(none)";
  Bytes bytes;
  (*file)->read_at(0, std::size_t{1} << 20, bytes).value();
  return bytes;
}
void write(Storage& storage, const std::string& path, BytesView bytes, bool sync) {
  auto file = storage.open(path, OpenMode::kCreate).value();
  file->append(bytes).value();
  if (sync) file->sync().value();
}
void lose_power(SimulatedStorage& storage) {
  storage.power_off();
  storage.power_on();
}

TEST(SimulatedStorage, KeepsWhatWasSyncedOverAPowerFailure) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SimulatedStorage storage(seed);
    storage.create_directories("a/b").value();
    storage.sync_directory("").value();
    storage.sync_directory("a").value();
    write(storage, "a/b/file", Bytes(3000, 'x'), true);
    storage.sync_directory("a/b").value();
    lose_power(storage);
    ASSERT_EQ(contents(storage, "a/b/file"), Bytes(3000, 'x')) << "seed " << seed;
  }
}

TEST(SimulatedStorage, LosesUnsyncedBytesWhollyPartlyOrNotAtAllSectorBySector) {
  int lost = 0;
  int kept = 0;
  int mixed = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SimulatedStorage storage(seed);
    write(storage, "file", Bytes(4096, 'a'), true);
    storage.sync_directory("").value();
    storage.open("file", OpenMode::kReadWrite).value()->write_at(0, Bytes(4096, 'b')).value();
    lose_power(storage);
    const Bytes after = contents(storage, "file");
    ASSERT_EQ(after.size(), 4096u);
    for (std::size_t sector = 0; sector < 8; ++sector) {
      const Bytes part = after.substr(sector * 512, 512);
      ASSERT_TRUE(part == Bytes(512, 'a') || part == Bytes(512, 'b')) << "a sector is torn, seed " << seed;
    }
    if (after == Bytes(4096, 'a')) {
      ++lost;
    } else if (after == Bytes(4096, 'b')) {
      ++kept;
    } else {
      ++mixed;
    }
  }
  EXPECT_GT(lost, 20);
  EXPECT_GT(kept, 20);
  EXPECT_GT(mixed, 20);
}

TEST(SimulatedStorage, LosesNamesWhoseDirectoryWasNotSynced) {
  int lost = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SimulatedStorage storage(seed);
    write(storage, "file", "bytes", true);
    lose_power(storage);
    if (!storage.exists("file").value()) ++lost;
  }
  EXPECT_GT(lost, 20);
  EXPECT_LT(lost, 80);
}

TEST(SimulatedStorage, ShowsEitherTheOldOrTheNewFileAfterARenameThatWasNotSynced) {
  int before = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SimulatedStorage storage(seed);
    write(storage, "now", "old", true);
    write(storage, "next", "new", true);
    storage.sync_directory("").value();
    storage.rename("next", "now").value();
    lose_power(storage);
    const Bytes found = contents(storage, "now");
    ASSERT_TRUE(found == "old" || found == "new") << found;
    if (found == "old") ++before;
  }
  EXPECT_GT(before, 20);
  EXPECT_LT(before, 80);
}

TEST(SimulatedStorage, KeepsEverythingWhenOnlyTheProcessDies) {
  SimulatedStorage storage(1);
  write(storage, "file", "bytes", false);
  auto lock = storage.lock("lock").value();
  storage.power_off();
  EXPECT_FALSE(storage.open("file", OpenMode::kRead));
  storage.restart();
  EXPECT_EQ(contents(storage, "file"), "bytes");
  EXPECT_TRUE(storage.lock("lock"));
}

TEST(SimulatedStorage, FailsTheNthOperationOfAKindAndCountsIt) {
  SimulatedStorage storage(1);
  auto file = storage.open("file", OpenMode::kCreate).value();
  storage.fail(2, {Operation::kWrite});
  EXPECT_TRUE(file->append("1"));
  const auto failed = file->append("22222222");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::kIo);
  EXPECT_TRUE(file->append("3"));
  EXPECT_TRUE(storage.failed());
  EXPECT_EQ(storage.faults().failed_writes, 1u);
}

TEST(SimulatedStorage, ForgetsWhatAFailedSyncHasNotWrittenEvenIfTheNextOneSucceeds) {
  int lost = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SimulatedStorage storage(seed);
    write(storage, "file", Bytes(512, 'a'), true);
    storage.sync_directory("").value();
    auto file = storage.open("file", OpenMode::kReadWrite).value();
    file->write_at(0, Bytes(512, 'b')).value();
    storage.fail(1, {Operation::kSync});
    EXPECT_FALSE(file->sync());
    EXPECT_TRUE(file->sync());
    lose_power(storage);
    if (contents(storage, "file") == Bytes(512, 'a')) ++lost;
  }
  EXPECT_GT(lost, 10);
}

TEST(SimulatedStorage, IsFullAtItsCapacityAndLeavesWhatFitted) {
  SimulatedStorage storage(1);
  storage.set_capacity(10);
  auto file = storage.open("file", OpenMode::kCreate).value();
  EXPECT_TRUE(file->append("12345678"));
  const auto full = file->append("9abcdef");
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().kind, ErrorKind::kDiskFull);
  EXPECT_EQ(contents(storage, "file"), "123456789a");
  EXPECT_EQ(file->preallocate(100).error().kind, ErrorKind::kDiskFull);
  EXPECT_EQ(storage.faults().disk_full, 2u);
  EXPECT_TRUE(file->write_at(0, "x")) << "what is there can be overwritten";
}

TEST(SimulatedStorage, DoesTheSameForTheSameSeed) {
  const auto run = [](std::uint64_t seed) {
    SimulatedStorage storage(seed);
    write(storage, "file", Bytes(100 * 512, 'a'), false);
    storage.sync_directory("").value();
    lose_power(storage);
    return contents(storage, "file");
  };
  EXPECT_EQ(run(7), run(7));
}

TEST(SimulatedStorage, ListsFilesAndDirectoriesSorted) {
  SimulatedStorage storage(1);
  storage.create_directories("d/e").value();
  write(storage, "d/z", "", false);
  write(storage, "d/a", "", false);
  EXPECT_THAT(storage.list("d").value(), ElementsAre("a", "e", "z"));
  EXPECT_EQ(storage.list("x").error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace tidemill::simulation
