// RocksDB as the engine of persistent stores: one instance per task, a column family per store.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include <tidemill/state/state_engine.hpp>

namespace tidemill {

/// RocksDB's own options of one store, by their names in RocksDB and as text, over what the library sets.
struct RocksDbStoreOptions {
  /// rocksdb::ColumnFamilyOptions: `{"compression", "kZSTD"}`, `{"level0_file_num_compaction_trigger", "8"}`.
  std::map<std::string, std::string> column_family = {};
  /// rocksdb::BlockBasedTableOptions: `{"block_size", "16384"}`.
  std::map<std::string, std::string> table = {};
};

struct RocksDbOptions {
  /// Block cache, memtables, and commits that are on their way there, of all instances together.
  std::size_t memory_bytes = std::size_t{64} << 20;
  /// A flush at least every so many bytes of changes bounds what a restart reads again.
  std::size_t flush_bytes = std::size_t{16} << 20;
  /// rocksdb::DBOptions of each task's instance, which all of its stores share: `{"max_background_jobs", "4"}`.
  std::map<std::string, std::string> database = {};
  /// Asked for each store when its task opens it, from the stream threads: several at once. Null: as the library has them.
  std::function<RocksDbStoreOptions(const std::string& store)> config_setter = nullptr;
};
/// An option that RocksDB does not know, or that the library's promises stand on (where files lie, memory, the order of rows, that
/// none is lost), ends the start of the application with kInvalidArgument, which names it and the reason.
[[nodiscard]] std::shared_ptr<StateEngine> rocksdb_stores(RocksDbOptions options = {});

}  // namespace tidemill
