// RocksDB behind the StateEngine port: one instance per task, a column family per store, no write-ahead log.
//
// Uncommitted writes live in a hash map of our own; a commit is one WriteBatch per store that holds them and the store's meta
// row (format, changelog position, input position), so contents and position are one atomic write, and each family recovers
// alone, as of its last memtable flush. Rows are `k` + key, the meta row is `m`.
#include <absl/container/flat_hash_map.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

#include <tidemill/adapters/rocksdb_stores.hpp>
#include <tidemill/base/assert.hpp>

#include "base/crash_point.hpp"
#include "base/endian.hpp"

namespace tidemill {
namespace {

constexpr char kRowPrefix = 'k';
constexpr const char* kMetaKey = "m";
constexpr std::uint32_t kFormat = 1;

Error translate(const rocksdb::Status& status, const std::string& what) {
  ErrorKind kind = ErrorKind::kIo;
  if (status.IsCorruption()) kind = ErrorKind::kCorruption;
  if (status.IsNoSpace()) kind = ErrorKind::kDiskFull;
  if (status.IsIOError() && status.ToString().find("lock") != std::string::npos) kind = ErrorKind::kLocked;
  return Error{kind, what + ": " + status.ToString()};
}
rocksdb::Slice slice(BytesView bytes) { return {bytes.data(), bytes.size()}; }
BytesView view(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

struct Meta {
  ChangelogPosition changelog;
  Position position;
};

Bytes encode(const Meta& meta) {
  Bytes out;
  append_big_endian(out, kFormat);
  append_big_endian(out, meta.changelog.offset.value);
  append_big_endian(out, meta.changelog.epoch.value);
  append_big_endian(out, static_cast<std::uint32_t>(meta.position.size()));
  for (const auto& [topic, partitions] : meta.position) {
    append_big_endian(out, static_cast<std::uint32_t>(topic.size()));
    out += topic;
    append_big_endian(out, static_cast<std::uint32_t>(partitions.size()));
    for (const auto& [partition, offset] : partitions) append_big_endian(out, partition), append_big_endian(out, offset);
  }
  return out;
}

// nullopt: of another format, or damaged.
std::optional<Meta> decode(BytesView in) {
  const auto has = [&](std::size_t bytes) { return in.size() >= bytes; };
  const auto number = [&]<class Int>(Int) {
    const Int value = load_big_endian<Int>(in.data());
    in.remove_prefix(sizeof(Int));
    return value;
  };
  Meta meta;
  if (!has(20) || number(std::uint32_t{}) != kFormat) return std::nullopt;
  meta.changelog.offset = Offset(number(std::int64_t{}));
  meta.changelog.epoch = LeaderEpoch(number(std::int32_t{}));
  for (auto topics = number(std::uint32_t{}); topics > 0; --topics) {
    if (!has(4)) return std::nullopt;
    const auto size = number(std::uint32_t{});
    if (!has(std::size_t{size} + 4)) return std::nullopt;
    auto& partitions = meta.position[std::string(in.substr(0, size))];
    in.remove_prefix(size);
    for (auto count = number(std::uint32_t{}); count > 0; --count) {
      if (!has(12)) return std::nullopt;
      const auto partition = number(std::int32_t{});
      partitions[partition] = number(std::int64_t{});
    }
  }
  return meta;
}

// One instance and its families; shared by the stores of a task and their snapshots.
struct Instance {
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  std::size_t flush_bytes = 0;
  ~Instance() {
    for (rocksdb::ColumnFamilyHandle* family : families) (void)db->DestroyColumnFamilyHandle(family);
    if (db) (void)db->Close();
  }
};

/// Rows of a RocksDB iterator within a range, without the prefix.
class RowIterator final : public BytesIterator {
 public:
  RowIterator(std::shared_ptr<Instance> instance, rocksdb::ColumnFamilyHandle* family, const rocksdb::Snapshot* snapshot,
              const BytesRange& range)
      : instance_(std::move(instance)), forward_(range.direction == Direction::kForward),
        from_(range.from ? kRowPrefix + Bytes(*range.from) : Bytes(1, kRowPrefix)),
        to_(range.to ? std::optional<Bytes>(kRowPrefix + Bytes(*range.to)) : std::nullopt) {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot;
    rows_.reset(instance_->db->NewIterator(options, family));
    if (forward_) {
      rows_->Seek(from_);
    } else if (to_) {
      rows_->SeekForPrev(*to_);
    } else {
      rows_->SeekForPrev(Bytes(1, kRowPrefix + 1));
    }
  }
  bool valid() const override {
    if (!rows_->Valid() || rows_->key().empty() || rows_->key()[0] != kRowPrefix) return false;
    return forward_ ? (!to_ || view(rows_->key()) <= *to_) : view(rows_->key()) >= from_;
  }
  BytesView key() const override { return view(rows_->key()).substr(1); }
  BytesView value() const override { return view(rows_->value()); }
  void next() override { forward_ ? rows_->Next() : rows_->Prev(); }
  Result<void> status() const override {
    if (!rows_->status().ok()) return translate(rows_->status(), "range");
    return {};
  }

 private:
  std::shared_ptr<Instance> instance_;
  bool forward_;
  Bytes from_;
  std::optional<Bytes> to_;
  std::unique_ptr<rocksdb::Iterator> rows_;
};

struct BytesHash {
  using is_transparent = void;
  std::size_t operator()(BytesView bytes) const { return std::hash<std::string_view>()(bytes); }
};
struct BytesEqual {
  using is_transparent = void;
  bool operator()(BytesView a, BytesView b) const { return a == b; }
};
using Uncommitted = absl::flat_hash_map<std::string, OptionalBytes, BytesHash, BytesEqual>;

/// Uncommitted rows over committed ones; the former are copied in order when the walk begins.
class OverlayIterator final : public BytesIterator {
 public:
  OverlayIterator(std::unique_ptr<BytesIterator> below, const Uncommitted& above, const BytesRange& range)
      : below_(std::move(below)), forward_(range.direction == Direction::kForward) {
    for (const auto& [key, value] : above) {
      if ((range.from && key < *range.from) || (range.to && key > *range.to)) continue;
      rows_.emplace_back(key, value);
    }
    std::sort(rows_.begin(), rows_.end(), [&](const auto& a, const auto& b) { return before(a.first, b.first); });
    settle();
  }
  bool valid() const override { return above_ || below_->valid(); }
  BytesView key() const override { return above_ ? BytesView(rows_[at_].first) : below_->key(); }
  BytesView value() const override { return above_ ? BytesView(*rows_[at_].second) : below_->value(); }
  void next() override {
    if (above_) {
      ++at_;
    } else {
      below_->next();
    }
    settle();
  }
  Result<void> status() const override { return below_->status(); }

 private:
  bool before(BytesView a, BytesView b) const { return forward_ ? a < b : a > b; }
  void settle() {
    above_ = false;
    for (; at_ < rows_.size(); ++at_) {
      if (below_->valid() && before(below_->key(), rows_[at_].first)) return;
      if (below_->valid() && below_->key() == rows_[at_].first) below_->next();
      if (rows_[at_].second) {
        above_ = true;
        return;
      }
    }
  }
  std::unique_ptr<BytesIterator> below_;
  bool forward_;
  std::vector<std::pair<std::string, OptionalBytes>> rows_;
  std::size_t at_ = 0;
  bool above_ = false;
};

class RocksDbSnapshot final : public BytesSnapshot {
 public:
  RocksDbSnapshot(std::shared_ptr<Instance> instance, rocksdb::ColumnFamilyHandle* family, Position position)
      : instance_(std::move(instance)), family_(family), position_(std::move(position)),
        snapshot_(instance_->db->GetSnapshot()) {}
  ~RocksDbSnapshot() override { instance_->db->ReleaseSnapshot(snapshot_); }
  Result<bool> get(BytesView key, Bytes& value) const override {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot_;
    const rocksdb::Status status = instance_->db->Get(options, family_, kRowPrefix + Bytes(key), &value);
    if (status.IsNotFound()) return false;
    if (!status.ok()) return translate(status, "get");
    return true;
  }
  Result<std::unique_ptr<BytesIterator>> range(const BytesRange& range) const override {
    return std::unique_ptr<BytesIterator>(new RowIterator(instance_, family_, snapshot_, range));
  }
  const Position& position() const override { return position_; }

 private:
  std::shared_ptr<Instance> instance_;
  rocksdb::ColumnFamilyHandle* family_;
  Position position_;
  const rocksdb::Snapshot* snapshot_;
};

class RocksDbStore final : public BytesStore {
 public:
  RocksDbStore(std::shared_ptr<Instance> instance, rocksdb::ColumnFamilyHandle* family, std::string name)
      : instance_(std::move(instance)), family_(family), name_(std::move(name)) {
    write_options_.disableWAL = true;
  }

  Result<void> open() {
    std::string row;
    const rocksdb::Status status = instance_->db->Get({}, family_, kMetaKey, &row);
    if (status.IsNotFound()) return {};
    if (!status.ok()) return translate(status, where("open"));
    if (auto meta = decode(row)) {
      meta_ = *std::move(meta);
      durable_ = meta_.changelog;
    } else {
      spdlog::warn("store \"{}\" has an unknown format; it is emptied and restored from its changelog", name_);
      TIDEMILL_TRY(clear());
    }
    return {};
  }

  const std::string& name() const override { return name_; }
  Result<bool> get(BytesView key, Bytes& value) override {
    if (const auto found = uncommitted_.find(key); found != uncommitted_.end()) {
      if (found->second) value.assign(*found->second);
      return found->second.has_value();
    }
    row_key(key);
    rocksdb::PinnableSlice row;
    const rocksdb::Status status = instance_->db->Get(read_options_, family_, row_key_, &row);
    if (status.IsNotFound()) return false;
    if (!status.ok()) return translate(status, where("get"));
    value.assign(row.data(), row.size());
    return true;
  }
  Result<void> put(BytesView key, OptionalBytesView value) override {
    auto found = uncommitted_.find(key);
    if (found == uncommitted_.end()) {
      found = uncommitted_.emplace(std::string(key), std::nullopt).first;
      uncommitted_bytes_ += key.size();
    } else if (found->second) {
      uncommitted_bytes_ -= found->second->size();
    }
    if (!value) {
      found->second.reset();
    } else if (found->second) {
      found->second->assign(*value);
    } else {
      found->second.emplace(*value);
    }
    uncommitted_bytes_ += value ? value->size() : 0;
    return {};
  }
  Result<std::unique_ptr<BytesIterator>> range(const BytesRange& range) override {
    std::unique_ptr<BytesIterator> rows(new RowIterator(instance_, family_, nullptr, range));
    if (uncommitted_.empty()) return rows;
    return std::unique_ptr<BytesIterator>(new OverlayIterator(std::move(rows), uncommitted_, range));
  }
  std::uint64_t approximate_num_entries() const override {
    std::uint64_t number = 0;
    (void)instance_->db->GetIntProperty(family_, rocksdb::DB::Properties::kEstimateNumKeys, &number);
    return number + uncommitted_.size();
  }
  std::size_t uncommitted_bytes() const override { return uncommitted_bytes_; }

  Result<void> commit(const ChangelogPosition& changelog, const Position& position) override {
    if (uncommitted_.empty() && meta_.changelog == changelog && meta_.position == position) return {};
    rocksdb::WriteBatch batch(uncommitted_bytes_ + uncommitted_.size() * 16 + 256);
    for (const auto& [key, value] : uncommitted_) {
      row_key(key);
      const rocksdb::Status added = value ? batch.Put(family_, row_key_, *value) : batch.Delete(family_, row_key_);
      if (!added.ok()) return translate(added, where("commit"));
    }
    meta_ = {changelog, position};
    TIDEMILL_TRY(write(batch));
    uncommitted_.clear();
    bytes_since_flush_ += std::exchange(uncommitted_bytes_, 0);
    if (bytes_since_flush_ >= instance_->flush_bytes) {
      bytes_since_flush_ = 0;
      rocksdb::FlushOptions options;
      options.wait = false;
      options.allow_write_stall = true;
      if (const rocksdb::Status status = instance_->db->Flush(options, family_); !status.ok()) {
        return translate(status, where("flush"));
      }
    }
    return {};
  }
  void abort() override {
    uncommitted_.clear();
    uncommitted_bytes_ = 0;
  }
  Result<void> flush() override {
    TIDEMILL_CRASH_POINT("store.flush");
    if (const rocksdb::Status status = instance_->db->Flush(rocksdb::FlushOptions(), family_); !status.ok()) {
      return translate(status, where("flush"));
    }
    bytes_since_flush_ = 0;
    durable_ = meta_.changelog;
    return {};
  }
  std::optional<ChangelogPosition> durable_position() const override { return durable_; }
  const Position& position() const override { return meta_.position; }
  Result<void> restore(std::span<const std::pair<BytesView, OptionalBytesView>> rows,
                       const ChangelogPosition& changelog) override {
    TIDEMILL_ASSERT(uncommitted_.empty(), "restore runs outside of any uncommitted change");
    rocksdb::WriteBatch batch;
    for (const auto& [key, value] : rows) {
      row_key(key);
      const rocksdb::Status added =
          value ? batch.Put(family_, row_key_, slice(*value)) : batch.Delete(family_, row_key_);
      if (!added.ok()) return translate(added, where("restore"));
    }
    meta_.changelog = changelog;
    return write(batch);
  }
  Result<void> clear() override {
    abort();
    rocksdb::WriteBatch batch;
    (void)batch.DeleteRange(family_, rocksdb::Slice(""), rocksdb::Slice("\xff"));
    rocksdb::Status status = instance_->db->Write(write_options_, &batch);
    if (status.ok()) status = instance_->db->Flush(rocksdb::FlushOptions(), family_);
    if (!status.ok()) return translate(status, where("clear"));
    meta_ = {};
    durable_.reset();
    return {};
  }
  Result<std::unique_ptr<BytesSnapshot>> snapshot() override {
    return std::unique_ptr<BytesSnapshot>(new RocksDbSnapshot(instance_, family_, meta_.position));
  }

 private:
  std::string where(const char* action) const { return std::string("store \"") + name_ + "\": " + action; }
  void row_key(BytesView key) {
    row_key_.assign(1, kRowPrefix);
    row_key_ += key;
  }
  Result<void> write(rocksdb::WriteBatch& batch) {
    rocksdb::Status status = batch.Put(family_, kMetaKey, encode(meta_));
    if (status.ok()) status = instance_->db->Write(write_options_, &batch);
    if (!status.ok()) return translate(status, where("commit"));
    return {};
  }
  std::shared_ptr<Instance> instance_;
  rocksdb::ColumnFamilyHandle* family_;
  std::string name_;
  rocksdb::WriteOptions write_options_;
  rocksdb::ReadOptions read_options_;
  Uncommitted uncommitted_;
  std::size_t uncommitted_bytes_ = 0;
  std::size_t bytes_since_flush_ = 0;
  Meta meta_;
  std::optional<ChangelogPosition> durable_;
  std::string row_key_;
};

class RocksDbEngine final : public StateEngine {
 public:
  explicit RocksDbEngine(RocksDbOptions options)
      : options_(options), cache_(rocksdb::NewLRUCache(options.memory_bytes)),
        buffers_(std::make_shared<rocksdb::WriteBufferManager>(options.memory_bytes / 2, cache_)) {}

  Result<std::vector<std::unique_ptr<BytesStore>>> open(const std::string& directory,
                                                        std::span<const StoreSpec> specs) override {
    TIDEMILL_TRY(make_directories(directory));
    rocksdb::DBOptions db_options;
    db_options.create_if_missing = true;
    db_options.create_missing_column_families = true;
    db_options.write_buffer_manager = buffers_;
    db_options.max_background_jobs = 2;
    db_options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
    db_options.keep_log_file_num = 1;
    db_options.max_open_files = 256;
    const std::string path = directory + "/rocksdb";
    std::vector<std::string> existing;
    (void)rocksdb::DB::ListColumnFamilies(db_options, path, &existing);
    std::vector<std::string> names{rocksdb::kDefaultColumnFamilyName};
    for (const StoreSpec& spec : specs) names.push_back(spec.name);
    for (const std::string& name : existing) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
    std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
    for (const std::string& name : names) descriptors.emplace_back(name, family_options());
    auto instance = std::make_shared<Instance>();
    instance->flush_bytes = options_.flush_bytes;
    rocksdb::DB* db = nullptr;
    const rocksdb::Status status = rocksdb::DB::Open(db_options, path, descriptors, &instance->families, &db);
    if (!status.ok()) return translate(status, "state in " + path);
    instance->db.reset(db);
    std::vector<std::unique_ptr<BytesStore>> stores;
    for (std::size_t i = 0; i < specs.size(); ++i) {
      auto store = std::unique_ptr<RocksDbStore>(new RocksDbStore(instance, instance->families[i + 1], specs[i].name));
      TIDEMILL_TRY(store->open());
      stores.push_back(std::move(store));
    }
    return stores;
  }
  bool persistent() const override { return true; }
  std::size_t memory_bytes() const override { return cache_->GetUsage(); }

 private:
  [[nodiscard]] rocksdb::ColumnFamilyOptions family_options() const {
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = cache_;
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    table.cache_index_and_filter_blocks = true;
    rocksdb::ColumnFamilyOptions family;
    family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    family.write_buffer_size = std::min<std::size_t>(options_.memory_bytes / 4, std::size_t{16} << 20);
    family.max_write_buffer_number = 3;
    family.compression = rocksdb::kNoCompression;
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
  std::shared_ptr<rocksdb::Cache> cache_;
  std::shared_ptr<rocksdb::WriteBufferManager> buffers_;
};

}  // namespace

std::shared_ptr<StateEngine> rocksdb_stores(RocksDbOptions options) { return std::make_shared<RocksDbEngine>(options); }

}  // namespace tidemill
