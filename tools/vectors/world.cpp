#include "world.hpp"

#include <stdexcept>

#ifdef TIDEMILL_ROCKSDB
#include <tidemill/adapters/rocksdb_stores.hpp>
#endif

namespace tidemill::vectors {

bool World::take(std::string_view option) {
  if (option == "--rocksdb") return rocksdb = true;
  if (option == "--no-cache") return no_cache = true;
  if (option == "--commit-each") return commit_each = true;
  if (option == "--restart-each") return restart_each = true;
  if (option == "--own-ways") return own_ways = true;
  return false;
}

StreamsConfig World::config(StreamsConfig config) const {
  if (own_ways) config.exactly_as_kafka_streams = false;
  if (no_cache) config.statestore_cache_max_bytes = 0;
  if (rocksdb) {
#ifdef TIDEMILL_ROCKSDB
    config.state_engine = rocksdb_stores();
#else
    throw std::runtime_error("--rocksdb: built without RocksDB");
#endif
  }
  return config;
}

std::string World::promises_nothing(const Topology& topology) const {
  for (const auto& [name, store] : topology.stores) {
    if (own_ways && store.spec.time_ordered) return "store \"" + name + "\" has closed windows that Java does not emit (D-52)";
  }
  if (!restart_each) return {};
  for (const auto& [name, store] : topology.stores) {
    if (store.spec.max_entries > 0) {
      return "store \"" + name + "\" drops what was not used for longest: a changelog knows writes, not uses";
    }
    if (!store.global && !store.spec.logging && store.spec.source_topic_as_changelog.empty()) {
      return "store \"" + name + "\" has no changelog: a restart empties it";
    }
  }
  return {};
}

}  // namespace tidemill::vectors
