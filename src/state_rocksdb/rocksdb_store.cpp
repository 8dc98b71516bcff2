#include "state_rocksdb/rocksdb_store.hpp"

#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include <algorithm>

#include <tidemill/base/assert.hpp>

#include "base/crash_point.hpp"
#include "base/logging.hpp"

namespace tidemill::rocksdb_state {
namespace {

/// The committed contents: the database as of now, and over it what is on its way there.
class RocksDbSnapshot final : public BytesSnapshot {
 public:
  RocksDbSnapshot(std::shared_ptr<Instance> instance, rocksdb::ColumnFamilyHandle* family, Position position,
                  std::shared_ptr<const Overlay> writing)
      : instance_(std::move(instance)),
        family_(family),
        position_(std::move(position)),
        writing_(std::move(writing)),
        snapshot_(instance_->db->GetSnapshot()) {}
  ~RocksDbSnapshot() override { instance_->db->ReleaseSnapshot(snapshot_); }
  Result<bool> get(BytesView key, Bytes& value) const override {
    if (const Overlay::Row* row = writing_ ? writing_->find(key) : nullptr) {
      if (row->view()) value.assign(row->value);
      return row->view().has_value();
    }
    if (writing_ && writing_->hides(key)) return false;
    rocksdb::ReadOptions options;
    options.snapshot = snapshot_;
    const rocksdb::Status status = instance_->db->Get(options, family_, row_of(key), &value);
    if (status.IsNotFound()) return false;
    if (!status.ok()) return translate(status, "get");
    return true;
  }
  Result<std::unique_ptr<BytesIterator>> range(const BytesRange& range) const override {
    auto rows = iterate(instance_, family_, snapshot_, range);
    return writing_ ? lay_frozen_over(std::move(rows), writing_, range) : std::move(rows);
  }
  const Position& position() const override { return position_; }

 private:
  std::shared_ptr<Instance> instance_;
  rocksdb::ColumnFamilyHandle* family_;
  Position position_;
  std::shared_ptr<const Overlay> writing_;
  const rocksdb::Snapshot* snapshot_;
};

}  // namespace

RocksDbStore::RocksDbStore(std::shared_ptr<Instance> instance, rocksdb::ColumnFamilyHandle* family, const StoreSpec& spec,
                           std::shared_ptr<RocksDbWriter> writer)
    : instance_(std::move(instance)),
      family_(family),
      name_(spec.name),
      logged_(spec.logging || !spec.source_topic_as_changelog.empty()),
      writer_(std::move(writer)),
      iterator_(std::make_shared<SpareIterator>(instance_, family)),
      share_(std::make_unique<GatheredShare>(instance_->gathered)) {
  meta_.format = format_of(spec);
}

// What fails here was said at the last commit or flush, or is in the changelog.
RocksDbStore::~RocksDbStore() {
  overlay_->abort();
  static_cast<void>(hand_over(false).has_value() && settle().has_value());
}

Result<void> RocksDbStore::open() {
  std::string row;
  const rocksdb::Status status = instance_->db->Get({}, family_, kMetaKey, &row);
  if (status.IsNotFound()) return {};
  if (!status.ok()) return translate(status, where("open"));
  if (auto meta = decode(row, meta_.format)) {
    meta_ = *std::move(meta);
    durable_ = meta_.changelog;
    return {};
  }
  logger()->warn(
      "store \"{}\" was kept in another format, as another kind of store, or with another retention; it is emptied{}", name_,
      logged_ ? ", and restored from its changelog" : " and begins anew: it has no changelog");
  return clear();
}

std::shared_ptr<const Overlay> RocksDbStore::frozen() {
  if (!writing_) return nullptr;
  // What has been written may be read from the database; a failure is kept for the next commit.
  if (ticket_->done() && ticket_->outcome()) {
    written();
    return nullptr;
  }
  return writing_->overlay;
}

Result<void> RocksDbStore::settle() {
  if (!writing_) return {};
  writer_->wait(*ticket_);
  Result<void> outcome = ticket_->outcome();
  if (outcome) written();
  return outcome;
}

void RocksDbStore::written() {
  iterator_->forget();
  if (writing_->overlay->rows().size() > kInlineRows) writer_->free(writing_->overlay);
  writing_.reset();
  ticket_.reset();
}

Result<void> RocksDbStore::hand_over(bool flush) {
  if (!gathered_) return {};
  TIDEMILL_TRY(settle());
  std::shared_ptr<Overlay> open = overlay_->split();
  writing_ = std::shared_ptr<const Commit>(new Commit{.instance = instance_,
                                                      .family = family_,
                                                      .store = name_,
                                                      .overlay = std::exchange(overlay_, std::move(open)),
                                                      .share = std::move(share_),
                                                      .meta = meta_,
                                                      .flush = flush});
  share_ = std::make_unique<GatheredShare>(instance_->gathered);
  gathered_ = false;
  if (flush) bytes_since_flush_ = 0;
  if (writing_->overlay->rows().size() > kInlineRows) {
    ticket_ = writer_->submit(writing_);
    return {};
  }
  ticket_ = RocksDbWriter::write_now(*writing_);
  return settle();
}

Result<bool> RocksDbStore::get(BytesView key, Bytes& value) {
  const Overlay::Row* found = overlay_->look(key);
  if (found == nullptr) {
    if (overlay_->hides(key)) return false;
    if (const std::shared_ptr<const Overlay> below = frozen()) {
      found = below->find(key);
      if (found == nullptr && below->hides(key)) return false;
    }
  }
  if (found != nullptr) {
    if (found->view()) value.assign(found->value);
    return found->view().has_value();
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

bool RocksDbStore::below(BytesView key) {
  if (const std::shared_ptr<const Overlay> writing = frozen(); writing && writing->find(key) != nullptr) return true;
  // As KeyMayExist(), which takes a look that fails for a no: the deletion of a row that is there would be forgotten.
  rocksdb::ReadOptions in_memory = read_options_;
  in_memory.read_tier = rocksdb::kBlockCacheTier;
  row_.assign(1, kRowPrefix);
  row_ += key;
  rocksdb::PinnableSlice unused;
  return !instance_->db->Get(in_memory, family_, row_, &unused).IsNotFound();
}

Result<void> RocksDbStore::put(BytesView key, OptionalBytesView value) {
  overlay_->put(key, value, !value && below(key));
  bytes_since_flush_ += key.size() + (value ? value->size() : 0) + kChangeBytes;
  return {};
}

Result<void> RocksDbStore::remove_range(BytesView from, BytesView to) {
  if (from < to) overlay_->remove_range(from, to);
  return {};
}

Result<std::unique_ptr<BytesIterator>> RocksDbStore::range(const BytesRange& range) {
  std::shared_ptr<const Overlay> writing = frozen();
  auto rows = SpareIterator::iterate(iterator_, range);
  if (writing) rows = lay_frozen_over(std::move(rows), std::move(writing), range);
  return lay_over(std::move(rows), overlay_, range);
}

std::uint64_t RocksDbStore::approximate_num_entries() const {
  std::uint64_t number = 0;
  (void)instance_->db->GetIntProperty(family_, rocksdb::DB::Properties::kEstimateNumKeys, &number);
  const std::int64_t more = change_of_size(*overlay_) + (writing_ ? change_of_size(*writing_->overlay) : 0);
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, static_cast<std::int64_t>(number) + more));
}

std::int64_t RocksDbStore::change_of_size(const Overlay& overlay) const {
  // Rows of a hash map come in no order, so the first ones speak for all.
  std::int64_t looked_at = 0;
  std::int64_t change = 0;
  std::string unused;
  for (const auto& [key, row] : overlay.rows()) {
    if (looked_at == kRowsLookedAt) break;
    ++looked_at;
    const bool below = instance_->db->KeyMayExist(read_options_, family_, row_of(key), &unused);
    change += (row.view() ? 1 : 0) - (below ? 1 : 0);
  }
  const auto size = static_cast<std::int64_t>(overlay.rows().size());
  return looked_at == 0 ? 0 : change * size / looked_at;
}

Result<void> RocksDbStore::commit(const ChangelogPosition& changelog, const Position& position) {
  if (overlay_->clean() && meta_.changelog == changelog && meta_.position == position) return {};
  if (writing_ && ticket_->done()) TIDEMILL_TRY(settle());
  iterator_->forget();
  overlay_->commit();
  meta_ = {meta_.format, changelog, position};
  gathered_ = true;
  share_->set(overlay_->bytes());
  const bool flush = bytes_since_flush_ >= instance_->flush_bytes;
  if (flush || share_->too_much()) return hand_over(flush);
  return {};
}

void RocksDbStore::abort() { overlay_->abort(); }

Result<void> RocksDbStore::flush() {
  TIDEMILL_CRASH_POINT("store.flush");
  TIDEMILL_TRY(hand_over(false));
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
  TIDEMILL_ASSERT(overlay_->clean(), "restore runs outside of any uncommitted change");
  TIDEMILL_TRY(hand_over(false));
  TIDEMILL_TRY(settle());
  iterator_->forget();
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
  overlay_ = std::make_shared<Overlay>();
  share_->set(0);
  gathered_ = false;
  static_cast<void>(settle().has_value());  // what it did is deleted now
  writing_.reset();
  ticket_.reset();
  iterator_->forget();
  rocksdb::WriteBatch batch;
  (void)batch.DeleteRange(family_, rocksdb::Slice(""), rocksdb::Slice("\xff"));
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  rocksdb::Status status = instance_->db->Write(options, &batch);
  if (status.ok()) status = instance_->db->Flush(rocksdb::FlushOptions(), family_);
  if (!status.ok()) return translate(status, where("clear"));
  meta_ = {meta_.format, {}, {}};
  durable_.reset();
  bytes_since_flush_ = 0;
  return {};
}

Result<std::unique_ptr<BytesSnapshot>> RocksDbStore::snapshot() {
  TIDEMILL_TRY(hand_over(false));
  return std::unique_ptr<BytesSnapshot>(new RocksDbSnapshot(instance_, family_, meta_.position, frozen()));
}

}  // namespace tidemill::rocksdb_state
