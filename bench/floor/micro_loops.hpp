// The floors of the micro rows: the same work on the same data, by hand.
#pragma once

#include <string>
#include <vector>

#include "harness/suite.hpp"

namespace tidemill_bench {

/// `operators` steps on 64-bit keys and values, one virtual call each.
[[nodiscard]] Sample floor_operator_chain(std::uint64_t records, int operators);
/// Records of 100 bytes into sealed batches, over and over the same ones.
[[nodiscard]] Sample floor_batch_encode(std::uint64_t records);
[[nodiscard]] Sample floor_batch_decode(std::uint64_t records);
/// A get and a put for each key in turn.
[[nodiscard]] Sample floor_store_in_memory(const std::vector<std::string>& keys);
[[nodiscard]] Sample floor_store_rocksdb(const std::vector<std::string>& keys, const std::string& directory);
/// The same through a cache that holds them all: least recently used order and a list of what is dirty, written off every
/// `flush_every` records.
[[nodiscard]] Sample floor_record_cache(const std::vector<std::string>& keys, std::uint64_t flush_every);

}  // namespace tidemill_bench
