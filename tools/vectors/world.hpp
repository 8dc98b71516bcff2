// World: the same scenarios under other circumstances, with the same results wherever Kafka Streams promises them.
#pragma once

#include <string>
#include <string_view>

#include <tidemill/config/streams_config.hpp>
#include <tidemill/topology/topology.hpp>

namespace tidemill::vectors {

struct World {
  bool rocksdb = false;       // persistent stores are on disk
  bool no_cache = false;      // nothing is held back
  bool commit_each = false;   // after each record
  bool restart_each = false;  // between any two records
  bool own_ways = false;      // the library's defaults, also where Java loses something (D-51, D-52)

  /// `--rocksdb`, `--no-cache`, `--commit-each`, `--restart-each`, `--own-ways`; false: another word.
  bool take(std::string_view option);
  [[nodiscard]] StreamsConfig config(StreamsConfig config) const;
  /// Empty, or why nothing is promised of this topology here.
  [[nodiscard]] std::string promises_nothing(const Topology& topology) const;
  /// Caches are written at other times than in the scenario: what comes of each key last is the same, not what comes before.
  [[nodiscard]] bool last_values_only(const StreamsConfig& config) const {
    return config.statestore_cache_max_bytes > 0 && (no_cache || commit_each || restart_each || own_ways);
  }
};

}  // namespace tidemill::vectors
