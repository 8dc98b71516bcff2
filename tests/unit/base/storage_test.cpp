// One suite for both storages.
#include <tidemill/base/storage.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "base/file_system_type.hpp"

namespace tidemill {
namespace {

using testing::ElementsAre;

class StorageTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/tidemill-storage-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    storage_ = GetParam() ? real_storage(root_ + "/root") : memory_storage();
    storage_->create_directories("").value();
  }
  void TearDown() override { real_storage(root_)->remove_all("").value(); }
  std::string contents(std::string_view path) {
    Bytes bytes;
    storage_->open(path, OpenMode::kRead).value()->read_at(0, 1000, bytes).value();
    return bytes;
  }
  std::string root_;
  std::unique_ptr<Storage> storage_;
};

TEST_P(StorageTest, FilesHoldWhatWasWritten) {
  auto file = storage_->open("a", OpenMode::kCreate).value();
  EXPECT_EQ(file->append("hello").value(), 0U);
  EXPECT_EQ(file->append(" world").value(), 5U);
  file->write_at(0, "J").value();
  file->write_at(13, "!").value();
  EXPECT_EQ(file->size().value(), 14U);
  file->sync().value();
  EXPECT_EQ(contents("a"), std::string("Jello world\0\0!", 14));
  Bytes part;
  file->read_at(6, 5, part).value();
  EXPECT_EQ(part, "world");
  file->read_at(100, 5, part).value();
  EXPECT_EQ(part, "");
  file->truncate(5).value();
  EXPECT_EQ(file->append("!").value(), 5U);
  EXPECT_EQ(contents("a"), "Jello!");
}

TEST_P(StorageTest, PreallocationFillsWithZerosAndKeepsWhatIsThere) {
  auto file = storage_->open("a", OpenMode::kCreate).value();
  (void)file->append("x").value();
  file->preallocate(4096).value();
  EXPECT_EQ(file->size().value(), 4096U);
  EXPECT_EQ(contents("a").substr(0, 3), std::string("x\0\0", 3));
}

TEST_P(StorageTest, ModesOfOpening) {
  EXPECT_EQ(storage_->open("a", OpenMode::kRead).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(storage_->open("a", OpenMode::kReadWrite).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(storage_->open("none/a", OpenMode::kCreate).error().kind, ErrorKind::kNotFound);
  (void)storage_->open("a", OpenMode::kCreate).value()->append("text").value();
  (void)storage_->open("a", OpenMode::kReadWrite).value();
  EXPECT_EQ(contents("a"), "text");
  (void)storage_->open("a", OpenMode::kTruncate).value();
  EXPECT_EQ(contents("a"), "");
}

TEST_P(StorageTest, DirectoriesAreListedRenamedAndRemoved) {
  storage_->create_directories("x/y").value();
  storage_->create_directories("x/y").value();
  (void)storage_->open("x/y/b", OpenMode::kCreate).value()->append("b").value();
  (void)storage_->open("x/a", OpenMode::kCreate).value();
  EXPECT_THAT(storage_->list("x").value(), ElementsAre("a", "y"));
  EXPECT_TRUE(storage_->is_directory("x/y").value());
  EXPECT_FALSE(storage_->is_directory("x/a").value());
  storage_->sync_directory("x").value();
  storage_->rename("x/y", "x/z").value();
  EXPECT_EQ(contents("x/z/b"), "b");
  EXPECT_FALSE(storage_->exists("x/y").value());
  storage_->remove("x/a").value();
  storage_->remove_all("x").value();
  storage_->remove_all("x").value();
  EXPECT_EQ(storage_->list("x").error().kind, ErrorKind::kNotFound);
}

TEST_P(StorageTest, RenamingReplacesTheTarget) {
  (void)storage_->open("old", OpenMode::kCreate).value()->append("old").value();
  (void)storage_->open("new", OpenMode::kCreate).value()->append("new").value();
  storage_->rename("new", "old").value();
  EXPECT_EQ(contents("old"), "new");
  EXPECT_FALSE(storage_->exists("new").value());
}

TEST_P(StorageTest, ALockIsHeldWhenItsFileIsRemoved) {
  auto lock = storage_->lock("lock").value();
  (void)storage_->remove("lock").has_value();  // in memory there is none
  const auto second = storage_->lock("lock");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::kLocked);
  lock.reset();
  EXPECT_TRUE(storage_->lock("lock").has_value());
}

TEST_P(StorageTest, ALockIsHeldOnceAndUntilItIsGone) {
  auto lock = storage_->lock("lock").value();
  const auto second = storage_->lock("lock");
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().kind, ErrorKind::kLocked);
  if (GetParam()) {
    EXPECT_THAT(second.error().message, testing::HasSubstr("is held by this process already"));
    const pid_t other = ::fork();
    if (other == 0) {
      const auto third = storage_->lock("lock");
      ::_exit(!third && third.error().message.find("is held by process " + std::to_string(::getppid())) != std::string::npos
                  ? 0
                  : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(other, &status, 0), other);
    EXPECT_EQ(status, 0) << "another process is told who has it";
  }
  lock.reset();
  EXPECT_TRUE(storage_->lock("lock").has_value());
}

INSTANTIATE_TEST_SUITE_P(Both, StorageTest, testing::Bool(), [](const auto& info) { return info.param ? "Real" : "Memory"; });

TEST(RealStorage, KnowsNetworkFileSystems) {
  for (const std::uint64_t type : {0x6969ULL, 0xff534d42ULL, 0xfe534d42ULL, 0x00c36400ULL, 0x01021997ULL}) {
    EXPECT_TRUE(is_network_file_system(type)) << type;
  }
  EXPECT_TRUE(is_network_file_system(0xffffffffff534d42ULL)) << "f_type may be signed";
  for (const std::uint64_t type : {0xef53ULL /* ext4 */, 0x58465342ULL /* XFS */, 0x9123683eULL /* Btrfs */,
                                   0x01021994ULL /* tmpfs */, 0x794c7630ULL /* overlayfs */, 0x2fc12fc1ULL /* ZFS */}) {
    EXPECT_FALSE(is_network_file_system(type)) << type;
  }
}

TEST(RealStorage, SaysThatADiskIsFull) {
  const auto storage = real_storage("/dev");
  auto file = storage->open("full", OpenMode::kReadWrite);
  if (!file) GTEST_SKIP() << "no /dev/full here";
  EXPECT_EQ((*file)->write_at(0, "x").error().kind, ErrorKind::kDiskFull);
}

}  // namespace
}  // namespace tidemill
