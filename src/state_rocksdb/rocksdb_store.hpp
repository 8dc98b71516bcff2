// RocksDbStore: one column family as a BytesStore. Without a log of its own the database keeps nothing safer than a map does,
// until it is flushed. So what is put stays in an overlay, commit after commit, and reaches the database when there is much of
// it, before a flush, at the end, and when somebody wants a snapshot: then the overlay is frozen, the writer thread writes it,
// and reads look into the new one, then the frozen one, then the database. A restart finds the last flush and reads the
// changelog's tail, which `flush_bytes` of changes bound.
#pragma once

#include "state_rocksdb/rocksdb_writer.hpp"

namespace tidemill::rocksdb_state {

class RocksDbStore final : public BytesStore {
 public:
  /// At most so many rows are written at once: handing them over would cost more.
  static constexpr std::size_t kInlineRows = 128;
  /// What a change takes in the changelog beside its bytes.
  static constexpr std::size_t kChangeBytes = 16;
  /// From so many rows of an overlay it is told how many of all of them the database has as well.
  static constexpr std::int64_t kRowsLookedAt = 256;

  RocksDbStore(std::shared_ptr<Instance> instance, rocksdb::ColumnFamilyHandle* family, const StoreSpec& spec,
               std::shared_ptr<RocksDbWriter> writer);
  ~RocksDbStore() override;
  /// Reads the meta row; a family of an unknown format is emptied.
  Result<void> open();

  const std::string& name() const override { return name_; }
  Result<bool> get(BytesView key, Bytes& value) override;
  Result<void> put(BytesView key, OptionalBytesView value) override;
  Result<void> remove_range(BytesView from, BytesView to) override;
  Result<std::unique_ptr<BytesIterator>> range(const BytesRange& range) override;
  std::uint64_t approximate_num_entries() const override;
  std::size_t uncommitted_bytes() const override { return overlay_->uncommitted_bytes(); }
  Result<void> commit(const ChangelogPosition& changelog, const Position& position) override;
  void abort() override;
  Result<void> flush() override;
  std::optional<ChangelogPosition> durable_position() const override { return durable_; }
  const Position& position() const override { return meta_.position; }
  Result<void> restore(std::span<const std::pair<BytesView, OptionalBytesView>> rows,
                       const ChangelogPosition& changelog) override;
  Result<void> clear() override;
  Result<std::unique_ptr<BytesSnapshot>> snapshot() override;

 private:
  [[nodiscard]] std::string where(const char* action) const { return "store \"" + name_ + "\": " + action; }
  /// What is being written, or null.
  [[nodiscard]] std::shared_ptr<const Overlay> frozen();
  /// A row of that key may lie below the overlay.
  [[nodiscard]] bool below(BytesView key);
  /// What is committed goes to the database: a little now, much by the writer.
  Result<void> hand_over(bool flush);
  /// Waits until nothing is being written; the outcome of what was.
  Result<void> settle();
  /// What was being written is in the database.
  void written();
  /// How many rows more there are with the overlay, about.
  [[nodiscard]] std::int64_t change_of_size(const Overlay& overlay) const;

  std::shared_ptr<Instance> instance_;
  rocksdb::ColumnFamilyHandle* family_;
  std::string name_;
  bool logged_;
  std::shared_ptr<RocksDbWriter> writer_;
  rocksdb::ReadOptions read_options_;
  std::shared_ptr<SpareIterator> iterator_;  // forgotten at each commit: it keeps files from being deleted
  std::shared_ptr<Overlay> overlay_ = std::make_shared<Overlay>();
  std::unique_ptr<GatheredShare> share_;
  std::shared_ptr<const Commit> writing_;
  std::shared_ptr<const RocksDbWriter::Ticket> ticket_;
  std::size_t bytes_since_flush_ = 0;  // of all changes: as many as a restart reads again
  Meta meta_;                          // of the last commit, wherever its rows are
  bool gathered_ = false;              // there are commits that were not handed over
  std::optional<ChangelogPosition> durable_;
  std::string row_;
};

}  // namespace tidemill::rocksdb_state
