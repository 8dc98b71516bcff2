// One RocksDB instance and its column families: the state of one task on disk. Rows are `k` + key; a family's meta row `m` says
// in which format it is, how far it has followed its changelog, and which input it has seen.
#pragma once

#include <rocksdb/db.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include <tidemill/state/bytes_store.hpp>
#include <tidemill/state/store_spec.hpp>

namespace tidemill::rocksdb_state {

inline constexpr char kRowPrefix = 'k';
inline constexpr const char* kMetaKey = "m";
/// Of the rows and the meta row, and so of the kind of the store and its segments. A family of another format is emptied and restored from its
/// changelog, never guessed at.
[[nodiscard]] std::uint32_t format_of(const StoreSpec& spec);

/// Behind an error that damaged files may be the cause of.
inline constexpr const char* kDeleteDamaged = "; if its files are damaged, delete this directory of local state while the "
                                              "application is stopped: stores are restored from their "
                                              "changelogs, those without one begin anew";
/// Of damage, with that.
Error translate(const rocksdb::Status& status, const std::string& what);
inline rocksdb::Slice slice(BytesView bytes) { return {bytes.data(), bytes.size()}; }
inline BytesView view(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }
inline Bytes row_of(BytesView key) { return kRowPrefix + Bytes(key); }

struct Meta {
  std::uint32_t format = 0;
  ChangelogPosition changelog;
  Position position;
  bool operator==(const Meta&) const = default;
};
Bytes encode(const Meta& meta);
/// nullopt: of another format, or damaged.
std::optional<Meta> decode(BytesView in, std::uint32_t format);

/// What all stores of an engine hold in memory for their databases. There is too much of it when a store has a good part of
/// `max`, or when all have more than `max` and a store more than an equal part: then its next commit gives its rows away. A store
/// that does not commit any more keeps what it has and makes nobody else give away crumbs, as long as all are below `most()`.
struct GatheredBytes {
  std::atomic<std::size_t> now{0};
  std::atomic<std::size_t> holders{0};
  std::size_t max = 0;
  [[nodiscard]] std::size_t store_max() const { return max / 4; }
  [[nodiscard]] std::size_t most() const { return max + max / 2; }
  [[nodiscard]] std::size_t equal_part() const {
    return max / std::max<std::size_t>(1, holders.load(std::memory_order_relaxed));
  }
};

/// One holder's part of it; ends with the holder.
class GatheredShare {
 public:
  explicit GatheredShare(std::shared_ptr<GatheredBytes> all) : all_(std::move(all)) {}
  GatheredShare(const GatheredShare&) = delete;
  GatheredShare& operator=(const GatheredShare&) = delete;
  ~GatheredShare() { set(0); }
  void set(std::size_t bytes) {
    all_->now.fetch_add(bytes - bytes_, std::memory_order_relaxed);
    if ((bytes == 0) != (bytes_ == 0)) all_->holders.fetch_add(bytes == 0 ? -1 : 1, std::memory_order_relaxed);
    bytes_ = bytes;
  }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] bool too_much() const {
    const std::size_t now = all_->now.load(std::memory_order_relaxed);
    return bytes_ > all_->store_max() || (now > all_->max && bytes_ > all_->equal_part()) || now > all_->most();
  }

 private:
  std::shared_ptr<GatheredBytes> all_;
  std::size_t bytes_ = 0;
};

/// Shared by the stores of a task, their snapshots and iterators, and the writer.
struct Instance {
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  std::size_t flush_bytes = 0;
  std::shared_ptr<GatheredBytes> gathered;
  ~Instance();
};

/// Rows of a family within a range, as of a snapshot.
std::unique_ptr<BytesIterator> iterate(std::shared_ptr<Instance> instance, rocksdb::ColumnFamilyHandle* family,
                                       const rocksdb::Snapshot* snapshot, const BytesRange& range);

/// An iterator of RocksDB that was made for one range and serves the next ones: to make one costs as much as to seek with it, and
/// an application that looks through a window makes one a record. It shows the family as of when it was made, so whoever writes
/// there forgets it. One thread.
class SpareIterator {
 public:
  SpareIterator(std::shared_ptr<Instance> instance, rocksdb::ColumnFamilyHandle* family);
  /// Rows within a range, as of now.
  [[nodiscard]] static std::unique_ptr<BytesIterator> iterate(const std::shared_ptr<SpareIterator>& spare,
                                                              const BytesRange& range);
  /// The family is, or may be, another now; iterators in use stay what they are.
  void forget();

 private:
  class Rows;
  std::shared_ptr<Instance> instance_;
  rocksdb::ColumnFamilyHandle* family_;
  std::unique_ptr<rocksdb::Iterator> unused_;
  std::uint64_t generation_ = 0;
};

}  // namespace tidemill::rocksdb_state
