// RocksDB as the engine of persistent stores: one instance per task, a column family per store.
#pragma once

#include <cstddef>
#include <memory>

#include <tidemill/state/state_engine.hpp>

namespace tidemill {

struct RocksDbOptions {
  /// Block cache, memtables, and commits that are on their way there, of all instances together.
  std::size_t memory_bytes = std::size_t{64} << 20;
  /// A flush at least every so many bytes of changes bounds what a restart reads again.
  std::size_t flush_bytes = std::size_t{16} << 20;
};
[[nodiscard]] std::shared_ptr<StateEngine> rocksdb_stores(RocksDbOptions options = {});

}  // namespace tidemill
