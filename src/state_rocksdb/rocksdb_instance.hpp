// One RocksDB instance and its column families: the state of one task on disk. Rows are `k` + key; a family's meta row `m` says
// in which format it is, how far it has followed its changelog, and which input it has seen.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <rocksdb/db.h>

#include <memory>
#include <string>
#include <vector>

#include <tidemill/state/bytes_store.hpp>

namespace tidemill::rocksdb_state {

inline constexpr char kRowPrefix = 'k';
inline constexpr const char* kMetaKey = "m";
/// Of the rows and the meta row. A family of another format is emptied and restored from its changelog, never guessed at.
inline constexpr std::uint32_t kFormat = 1;

Error translate(const rocksdb::Status& status, const std::string& what);
inline rocksdb::Slice slice(BytesView bytes) { return {bytes.data(), bytes.size()}; }
inline BytesView view(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }
inline Bytes row_of(BytesView key) { return kRowPrefix + Bytes(key); }

struct Meta {
  ChangelogPosition changelog;
  Position position;
  bool operator==(const Meta&) const = default;
};
Bytes encode(const Meta& meta);
/// nullopt: of another format, or damaged.
std::optional<Meta> decode(BytesView in);

/// Shared by the stores of a task, their snapshots and iterators, and the writer.
struct Instance {
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  std::size_t flush_bytes = 0;
  ~Instance();
};

struct BytesHash {
  using is_transparent = void;
  std::size_t operator()(BytesView bytes) const { return std::hash<std::string_view>()(bytes); }
};
struct BytesEqual {
  using is_transparent = void;
  bool operator()(BytesView a, BytesView b) const { return a == b; }
};
/// Rows that are not in the database yet; nullopt: deleted.
using Overlay = absl::flat_hash_map<std::string, OptionalBytes, BytesHash, BytesEqual>;

/// Rows of a family within a range, as of now or of a snapshot.
std::unique_ptr<BytesIterator> iterate(std::shared_ptr<Instance> instance, rocksdb::ColumnFamilyHandle* family,
                                       const rocksdb::Snapshot* snapshot, const BytesRange& range);
/// The rows of `above` over those of `below`; the former are copied, in order, now.
std::unique_ptr<BytesIterator> lay_over(std::unique_ptr<BytesIterator> below, const Overlay& above, const BytesRange& range);

}  // namespace tidemill::rocksdb_state
