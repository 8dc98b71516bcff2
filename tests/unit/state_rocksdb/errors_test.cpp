#include "state_rocksdb/rocksdb_instance.hpp"

#include <filesystem>

#include <gmock/gmock.h>

namespace tidemill::rocksdb_state {
namespace {

TEST(RocksdbErrors, OnlyALockThatIsHeldIsOne) {
  const auto kind = [](const rocksdb::Status& status) { return translate(status, "open").kind; };
  EXPECT_EQ(kind(rocksdb::Status::IOError("While open a file for appending: /data/clock/000004.sst", "Input/output error")),
            ErrorKind::kIo);
  EXPECT_EQ(kind(rocksdb::Status::IOError("while open a file for lock: /data/0_0/LOCK", "Permission denied")), ErrorKind::kIo);
  EXPECT_EQ(kind(rocksdb::Status::IOError("While lock file: /data/0_0/LOCK", "Resource temporarily unavailable")),
            ErrorKind::kLocked);
}

TEST(RocksdbErrors, ADirectoryThatIsOpenIsLocked) {
  const std::string directory = ::testing::TempDir() + "tidemill-rocksdb-errors";
  std::filesystem::remove_all(directory);
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* first = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(options, directory, &first).ok());
  const std::unique_ptr<rocksdb::DB> owner(first);
  rocksdb::DB* second = nullptr;
  EXPECT_EQ(translate(rocksdb::DB::Open(options, directory, &second), "open").kind, ErrorKind::kLocked);
}

}  // namespace
}  // namespace tidemill::rocksdb_state
