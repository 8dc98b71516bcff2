#include "floor/raw_rocksdb.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "floor/count_bytes.hpp"

namespace tidemill_bench {
namespace {

constexpr std::size_t kBlockCacheBytes = std::size_t{64} << 20;
constexpr std::size_t kMemtableBytes = std::size_t{16} << 20;

void check(const rocksdb::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "floor: %s\n", status.ToString().c_str());
  std::abort();
}
rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

rocksdb::Options tuned() {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(kBlockCacheBytes);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  rocksdb::Options options;
  options.create_if_missing = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.write_buffer_size = kMemtableBytes;
  options.max_write_buffer_number = 3;
  options.max_background_jobs = 2;
  options.compression = rocksdb::kNoCompression;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  return options;
}
rocksdb::WriteOptions unlogged() {
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  return options;
}

}  // namespace

RawRocksDb::RawRocksDb(std::string path) : path_(std::move(path)) {
  rocksdb::DB* opened = nullptr;
  check(rocksdb::DB::Open(tuned(), path_, &opened));
  db_.reset(opened);
}
RawRocksDb::~RawRocksDb() {
  db_.reset();
  (void)rocksdb::DestroyDB(path_, {});
}

bool RawRocksDb::get(std::string_view key, std::string& value) const {
  rocksdb::PinnableSlice row;
  const rocksdb::Status found = db_->Get({}, db_->DefaultColumnFamily(), slice(key), &row);
  if (found.IsNotFound()) return false;
  check(found);
  value.assign(row.data(), row.size());
  return true;
}
void RawRocksDb::put(std::string_view key, std::string_view value) { check(db_->Put(unlogged(), slice(key), slice(value))); }
void RawRocksDb::put(const std::vector<std::pair<std::string_view, std::string_view>>& rows) {
  rocksdb::WriteBatch batch;
  for (const auto& [key, value] : rows) check(batch.Put(slice(key), slice(value)));
  check(db_->Write(unlogged(), &batch));
}

std::int64_t RawRocksDb::count(std::string_view key, std::int64_t timestamp) {
  rocksdb::PinnableSlice row;
  const rocksdb::Status found = db_->Get({}, db_->DefaultColumnFamily(), slice(key), &row);
  if (!found.IsNotFound()) check(found);
  const std::int64_t count = 1 + (found.ok() ? CountBytes::read(row.data() + 8) : 0);
  char stored[16];
  std::memcpy(stored, CountBytes(timestamp).view().data(), 8);
  std::memcpy(stored + 8, CountBytes(count).view().data(), 8);
  put(key, {stored, sizeof stored});
  return count;
}

void RawRocksDb::close() {
  check(db_->Flush({}));
  check(db_->Close());
}

}  // namespace tidemill_bench
