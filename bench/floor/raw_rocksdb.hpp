// RawRocksDb: nothing but RocksDB, no write-ahead log, tuned as the library's own engine is. Gone with the object.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rocksdb {
class DB;
}

namespace tidemill_bench {

class RawRocksDb {
 public:
  explicit RawRocksDb(std::string path);
  ~RawRocksDb();
  RawRocksDb(const RawRocksDb&) = delete;
  RawRocksDb& operator=(const RawRocksDb&) = delete;

  /// False: there is no such row.
  [[nodiscard]] bool get(std::string_view key, std::string& value) const;
  void put(std::string_view key, std::string_view value);
  /// One write for all.
  void put(const std::vector<std::pair<std::string_view, std::string_view>>& rows);
  /// One more: a get and a put of eight bytes of timestamp and eight of count.
  std::int64_t count(std::string_view key, std::int64_t timestamp);
  /// To the disk, then shut.
  void close();

 private:
  std::string path_;
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace tidemill_bench
