// The floors of the end-to-end rows: loops over batches in memory that check the checksum, decode, do the work, encode, make
// the checksum and write(2). One thread, no library, no transaction.
//
// With `journal` (what durability `power` costs at least) every byte is written a second time, with one more checksum, to a
// recycled file that is fdatasync()ed as often as a commit would.
#pragma once

#include <string>
#include <vector>

#include "harness/suite.hpp"
#include "records.hpp"

namespace tidemill_bench {

struct FloorInput {
  std::vector<std::string> batches;
  std::uint64_t records = 0;
};
[[nodiscard]] FloorInput make_floor_input(const RecordSet& set);

struct FloorOptions {
  /// Files are made in here, and are gone afterwards.
  std::string directory;
  bool journal = false;
  /// Records before the figures begin.
  std::uint64_t warm_up = 0;
  /// How many distinct keys to expect.
  std::uint32_t keys = 0;
};

/// Each record once to each of `hops` outputs, every hop reading what the one before has sealed.
[[nodiscard]] Sample floor_copy(const FloorInput& input, const FloorOptions& options, int hops = 1);
/// Counts by key in a hash map; each new count goes to an output and to a changelog.
[[nodiscard]] Sample floor_count(const FloorInput& input, const FloorOptions& options);
/// The same with RocksDB in the map's place: a get and a put each.
[[nodiscard]] Sample floor_count_rocksdb(const FloorInput& input, const FloorOptions& options);
/// Counts by key and window: the key is followed by the window's beginning.
[[nodiscard]] Sample floor_windowed_count(const FloorInput& input, const FloorOptions& options);
[[nodiscard]] Sample floor_windowed_count_rocksdb(const FloorInput& input, const FloorOptions& options);
/// Of each key the last session; one that grows is two records, what it was and what it is.
[[nodiscard]] Sample floor_session_count(const FloorInput& input, const FloorOptions& options);
/// Each side's values by key, looked through from the other side; a pair goes out.
[[nodiscard]] Sample floor_join_of_streams(const FloorInput& input, const FloorOptions& options);

}  // namespace tidemill_bench
