// RocksDB behind the StateEngine port: one instance per task, a column family per store, no write-ahead log. Contents and position
// of a family are one atomic write, and each family recovers alone, as of its last memtable flush.
#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <tidemill/adapters/rocksdb_stores.hpp>

#include "state_rocksdb/rocksdb_log.hpp"
#include "state_rocksdb/rocksdb_options.hpp"
#include "state_rocksdb/rocksdb_store.hpp"

namespace tidemill {
namespace {

using namespace rocksdb_state;

class RocksDbEngine final : public StateEngine {
 public:
  explicit RocksDbEngine(RocksDbOptions options)
      : options_(std::move(options)),
        gathered_(std::make_shared<GatheredBytes>()),
        cache_(rocksdb::NewLRUCache(options_.memory_bytes - most_gathered(options_))),
        buffers_(std::make_shared<rocksdb::WriteBufferManager>(options_.memory_bytes / 2, cache_)) {
    gathered_->max = options_.memory_bytes / kGatheredPart;
  }

  Result<std::vector<std::unique_ptr<BytesStore>>> open(const std::string& directory,
                                                        std::span<const StoreSpec> specs) override {
    const std::string path = directory + "/rocksdb";
    TIDEMILL_TRY(make_directories(path));
    rocksdb::DBOptions db_options;
    db_options.create_if_missing = true;
    db_options.create_missing_column_families = true;
    db_options.write_buffer_manager = buffers_;
    db_options.max_background_jobs = 2;
    db_options.max_open_files = 256;
    db_options.info_log = rocksdb_log("state in " + path);
    db_options.max_file_opening_threads = 1;  // sixteen otherwise, for each instance, before the first record
    TIDEMILL_TRY(apply(options_.database, "RocksDbOptions::database", db_options));
    std::vector<std::string> existing;
    (void)rocksdb::DB::ListColumnFamilies(db_options, path, &existing);
    std::vector<std::string> names{rocksdb::kDefaultColumnFamilyName};
    for (const StoreSpec& spec : specs) names.push_back(spec.name);
    for (const std::string& name : existing) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
    std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
    for (const std::string& name : names) {
      if (name == rocksdb::kDefaultColumnFamilyName) {
        descriptors.emplace_back(name, rocksdb::ColumnFamilyOptions());
        continue;
      }
      TIDEMILL_ASSIGN(rocksdb::ColumnFamilyOptions family, family_options(name));
      descriptors.emplace_back(name, std::move(family));
    }
    auto instance = std::make_shared<Instance>();
    instance->flush_bytes = options_.flush_bytes;
    instance->gathered = gathered_;
    rocksdb::DB* db = nullptr;
    const rocksdb::Status status = rocksdb::DB::Open(db_options, path, descriptors, &instance->families, &db);
    if (!status.ok()) {
      Error error = translate(status, "state in " + path);
      if (error.kind == ErrorKind::kIo) error.message.append(kDeleteDamaged);
      return error;
    }
    instance->db.reset(db);
    std::vector<std::unique_ptr<BytesStore>> stores;
    for (std::size_t i = 0; i < specs.size(); ++i) {
      auto store = std::unique_ptr<RocksDbStore>(new RocksDbStore(instance, instance->families[i + 1], specs[i], writer()));
      TIDEMILL_TRY(store->open());
      stores.push_back(std::move(store));
    }
    return stores;
  }
  bool persistent() const override { return true; }
  std::size_t memory_bytes() const override { return cache_->GetUsage() + gathered_->now.load(std::memory_order_relaxed); }
  std::size_t memory_bytes_max() const override { return options_.memory_bytes; }

 private:
  /// Of the memory, for what has been committed and is not in a memtable yet; half as much more stands ready for what stores hold
  /// that have fallen silent.
  static constexpr std::size_t kGatheredPart = 4;
  static std::size_t most_gathered(const RocksDbOptions& options) {
    return GatheredBytes{.max = options.memory_bytes / kGatheredPart}.most();
  }
  /// Made when the first store is: an application without stores on disk has no such thread.
  std::shared_ptr<RocksDbWriter> writer() {
    const std::lock_guard lock(mutex_);
    if (!writer_) writer_ = std::make_shared<RocksDbWriter>();
    return writer_;
  }
  [[nodiscard]] Result<rocksdb::ColumnFamilyOptions> family_options(const std::string& store) const {
    RocksDbStoreOptions given;
    try {
      if (options_.config_setter) given = options_.config_setter(store);
    } catch (const std::exception& error) {
      return Error{ErrorKind::kInvalidArgument,
                   "RocksDbOptions::config_setter threw for store \"" + store + "\": " + error.what()};
    }
    const std::string whose = "RocksDB's options of store \"" + store + "\"";
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = cache_;
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    table.cache_index_and_filter_blocks = true;
    table.pin_l0_filter_and_index_blocks_in_cache = true;
    table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
    TIDEMILL_TRY(apply(given.table, whose, table));
    rocksdb::ColumnFamilyOptions family;
    family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    family.write_buffer_size = std::min<std::size_t>(options_.memory_bytes / 4, std::size_t{16} << 20);
    family.max_write_buffer_number = 3;
    // Most keys that are looked for in a memtable are not there, and its skip list is what a miss costs most.
    family.memtable_prefix_bloom_size_ratio = 0.02;
    family.memtable_whole_key_filtering = true;
    family.compression = rocksdb::kNoCompression;
    TIDEMILL_TRY(apply(given.column_family, whose, family));
    return family;
  }
  static Result<void> make_directories(const std::string& path) {
    for (std::size_t at = 1; at <= path.size(); ++at) {
      if (at != path.size() && path[at] != '/') continue;
      const std::string part = path.substr(0, at);
      if (::mkdir(part.c_str(), 0755) != 0 && errno != EEXIST) {
        return Error{errno == ENOSPC ? ErrorKind::kDiskFull : ErrorKind::kIo,
                     "create directory " + part + ": " + std::strerror(errno)};
      }
    }
    return {};
  }
  RocksDbOptions options_;
  std::shared_ptr<GatheredBytes> gathered_;
  std::shared_ptr<rocksdb::Cache> cache_;
  std::shared_ptr<rocksdb::WriteBufferManager> buffers_;
  std::mutex mutex_;
  std::shared_ptr<RocksDbWriter> writer_;  // guarded by mutex_
};

}  // namespace

std::shared_ptr<StateEngine> rocksdb_stores(RocksDbOptions options) {
  return std::make_shared<RocksDbEngine>(std::move(options));
}

}  // namespace tidemill
