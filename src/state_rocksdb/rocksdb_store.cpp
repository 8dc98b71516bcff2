#include "state_rocksdb/rocksdb_store.hpp"

#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>
#include <spdlog/spdlog.h>

#include <tidemill/base/assert.hpp>

#include "base/crash_point.hpp"

namespace tidemill::rocksdb_state {
namespace {

/// The committed contents: the database as of now, and over it the commit that is on its way there.
class RocksDbSnapshot final : public BytesSnapshot {
 public:
  RocksDbSnapshot(std::shared_ptr<Instance> instance, rocksdb::ColumnFamilyHandle* family, Position position,
                  std::shared_ptr<const Commit> writing)
      : instance_(std::move(instance)), family_(family), position_(std::move(position)), writing_(std::move(writing)),
        snapshot_(instance_->db->GetSnapshot()) {}
  ~RocksDbSnapshot() override { instance_->db->ReleaseSnapshot(snapshot_); }
  Result<bool> get(BytesView key, Bytes& value) const override {
    if (writing_) {
      if (const auto found = writing_->rows.find(key); found != writing_->rows.end()) {
        if (found->second) value.assign(*found->second);
        return found->second.has_value();
      }
    }
    rocksdb::ReadOptions options;
    options.snapshot = snapshot_;
    const rocksdb::Status status = instance_->db->Get(options, family_, row_of(key), &value);
    if (status.IsNotFound()) return false;
    if (!status.ok()) return translate(status, "get");
    return true;
  }
  Result<std::unique_ptr<BytesIterator>> range(const BytesRange& range) const override {
    auto rows = iterate(instance_, family_, snapshot_, range);
    return writing_ ? lay_over(std::move(rows), writing_->rows, range) : std::move(rows);
  }
  const Position& position() const override { return position_; }

 private:
  std::shared_ptr<Instance> instance_;
  rocksdb::ColumnFamilyHandle* family_;
  Position position_;
  std::shared_ptr<const Commit> writing_;
  const rocksdb::Snapshot* snapshot_;
};

}  // namespace

RocksDbStore::RocksDbStore(std::shared_ptr<Instance> instance, rocksdb::ColumnFamilyHandle* family, std::string name,
                           std::shared_ptr<RocksDbWriter> writer)
    : instance_(std::move(instance)), family_(family), name_(std::move(name)), writer_(std::move(writer)) {}

RocksDbStore::~RocksDbStore() { static_cast<void>(settle().has_value()); }

Result<void> RocksDbStore::open() {
  std::string row;
  const rocksdb::Status status = instance_->db->Get({}, family_, kMetaKey, &row);
  if (status.IsNotFound()) return {};
  if (!status.ok()) return translate(status, where("open"));
  if (auto meta = decode(row)) {
    meta_ = *std::move(meta);
    durable_ = meta_.changelog;
    return {};
  }
  spdlog::warn("store \"{}\" has an unknown format; it is emptied and restored from its changelog", name_);
  return clear();
}

const Overlay* RocksDbStore::frozen() {
  if (!writing_) return nullptr;
  // What has been written may be read from the database; a failure is kept for the next commit.
  if (ticket_->done() && ticket_->outcome()) {
    writing_.reset();
    ticket_.reset();
    return nullptr;
  }
  return &writing_->rows;
}

Result<void> RocksDbStore::settle() {
  if (!writing_) return {};
  writer_->wait(*ticket_);
  Result<void> outcome = ticket_->outcome();
  if (outcome) {
    writing_.reset();
    ticket_.reset();
  }
  return outcome;
}

Result<bool> RocksDbStore::get(BytesView key, Bytes& value) {
  const auto in = [&](const Overlay& rows) -> std::optional<bool> {
    const auto found = rows.find(key);
    if (found == rows.end()) return std::nullopt;
    if (found->second) value.assign(*found->second);
    return found->second.has_value();
  };
  if (const auto found = in(uncommitted_)) return *found;
  if (const Overlay* rows = frozen()) {
    if (const auto found = in(*rows)) return *found;
  }
  row_.assign(1, kRowPrefix);
  row_ += key;
  rocksdb::PinnableSlice row;
  const rocksdb::Status status = instance_->db->Get(read_options_, family_, row_, &row);
  if (status.IsNotFound()) return false;
  if (!status.ok()) return translate(status, where("get"));
  value.assign(row.data(), row.size());
  return true;
}

Result<void> RocksDbStore::put(BytesView key, OptionalBytesView value) {
  auto found = uncommitted_.find(key);
  if (found == uncommitted_.end()) {
    found = uncommitted_.emplace(std::string(key), std::nullopt).first;
    uncommitted_bytes_ += key.size() + kEntryBytes;
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

Result<std::unique_ptr<BytesIterator>> RocksDbStore::range(const BytesRange& range) {
  const Overlay* rows = frozen();
  auto below = iterate(instance_, family_, nullptr, range);
  if (rows != nullptr) below = lay_over(std::move(below), *rows, range);
  return lay_over(std::move(below), uncommitted_, range);
}

std::uint64_t RocksDbStore::approximate_num_entries() const {
  std::uint64_t number = 0;
  (void)instance_->db->GetIntProperty(family_, rocksdb::DB::Properties::kEstimateNumKeys, &number);
  return number + uncommitted_.size() + (writing_ ? writing_->rows.size() : 0);
}

Result<void> RocksDbStore::commit(const ChangelogPosition& changelog, const Position& position) {
  if (uncommitted_.empty() && meta_.changelog == changelog && meta_.position == position) return {};
  TIDEMILL_TRY(settle());
  auto commit = std::make_shared<Commit>();
  commit->instance = instance_;
  commit->family = family_;
  commit->store = name_;
  commit->rows = std::exchange(uncommitted_, {});
  commit->bytes = std::exchange(uncommitted_bytes_, 0);
  commit->meta = meta_ = {changelog, position};
  bytes_since_flush_ += commit->bytes;
  if (bytes_since_flush_ >= instance_->flush_bytes) {
    bytes_since_flush_ = 0;
    commit->flush = true;
  }
  if (commit->rows.size() <= kInlineRows) return write(*commit);
  writing_ = commit;
  ticket_ = writer_->submit(std::move(commit));
  return {};
}

void RocksDbStore::abort() {
  uncommitted_.clear();
  uncommitted_bytes_ = 0;
}

Result<void> RocksDbStore::flush() {
  TIDEMILL_CRASH_POINT("store.flush");
  TIDEMILL_TRY(settle());
  if (const rocksdb::Status status = instance_->db->Flush(rocksdb::FlushOptions(), family_); !status.ok()) {
    return translate(status, where("flush"));
  }
  bytes_since_flush_ = 0;
  durable_ = meta_.changelog;
  return {};
}

Result<void> RocksDbStore::restore(std::span<const std::pair<BytesView, OptionalBytesView>> rows,
                                   const ChangelogPosition& changelog) {
  TIDEMILL_ASSERT(uncommitted_.empty(), "restore runs outside of any uncommitted change");
  TIDEMILL_TRY(settle());
  rocksdb::WriteBatch batch;
  for (const auto& [key, value] : rows) {
    row_.assign(1, kRowPrefix);
    row_ += key;
    const rocksdb::Status added = value ? batch.Put(family_, row_, slice(*value)) : batch.Delete(family_, row_);
    if (!added.ok()) return translate(added, where("restore"));
  }
  meta_.changelog = changelog;
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  rocksdb::Status status = batch.Put(family_, kMetaKey, encode(meta_));
  if (status.ok()) status = instance_->db->Write(options, &batch);
  if (!status.ok()) return translate(status, where("restore"));
  return {};
}

Result<void> RocksDbStore::clear() {
  abort();
  static_cast<void>(settle().has_value());  // what it did is deleted now
  writing_.reset();
  ticket_.reset();
  rocksdb::WriteBatch batch;
  (void)batch.DeleteRange(family_, rocksdb::Slice(""), rocksdb::Slice("\xff"));
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  rocksdb::Status status = instance_->db->Write(options, &batch);
  if (status.ok()) status = instance_->db->Flush(rocksdb::FlushOptions(), family_);
  if (!status.ok()) return translate(status, where("clear"));
  meta_ = {};
  durable_.reset();
  bytes_since_flush_ = 0;
  return {};
}

Result<std::unique_ptr<BytesSnapshot>> RocksDbStore::snapshot() {
  static_cast<void>(frozen());  // lets go of what has been written
  return std::unique_ptr<BytesSnapshot>(new RocksDbSnapshot(instance_, family_, meta_.position, writing_));
}

}  // namespace tidemill::rocksdb_state
