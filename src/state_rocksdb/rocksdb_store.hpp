// RocksDbStore: one column family as a BytesStore. Uncommitted writes are in a map of our own; a commit freezes the map and gives
// it to the writer thread, and reads look into the map, then the frozen one, then the database.
#pragma once

#include "state_rocksdb/rocksdb_writer.hpp"

namespace tidemill::rocksdb_state {

class RocksDbStore final : public BytesStore {
 public:
  /// A commit of at most so many rows is written at once: handing it over would cost more.
  static constexpr std::size_t kInlineRows = 128;
  /// What an entry of a map takes beside its bytes.
  static constexpr std::size_t kEntryBytes = 112;

  RocksDbStore(std::shared_ptr<Instance> instance, rocksdb::ColumnFamilyHandle* family, std::string name,
               std::shared_ptr<RocksDbWriter> writer);
  ~RocksDbStore() override;
  /// Reads the meta row; a family of an unknown format is emptied.
  Result<void> open();

  const std::string& name() const override { return name_; }
  Result<bool> get(BytesView key, Bytes& value) override;
  Result<void> put(BytesView key, OptionalBytesView value) override;
  Result<std::unique_ptr<BytesIterator>> range(const BytesRange& range) override;
  std::uint64_t approximate_num_entries() const override;
  std::size_t uncommitted_bytes() const override { return uncommitted_bytes_; }
  Result<void> commit(const ChangelogPosition& changelog, const Position& position) override;
  void abort() override;
  Result<void> flush() override;
  std::optional<ChangelogPosition> durable_position() const override { return durable_; }
  const Position& position() const override { return meta_.position; }
  Result<void> restore(std::span<const std::pair<BytesView, OptionalBytesView>> rows, const ChangelogPosition& changelog) override;
  Result<void> clear() override;
  Result<std::unique_ptr<BytesSnapshot>> snapshot() override;

 private:
  [[nodiscard]] std::string where(const char* action) const { return "store \"" + name_ + "\": " + action; }
  /// The map that is being written, or null.
  [[nodiscard]] const Overlay* frozen();
  /// Waits until nothing is being written; the outcome of what was.
  Result<void> settle();

  std::shared_ptr<Instance> instance_;
  rocksdb::ColumnFamilyHandle* family_;
  std::string name_;
  std::shared_ptr<RocksDbWriter> writer_;
  rocksdb::ReadOptions read_options_;
  Overlay uncommitted_;
  std::size_t uncommitted_bytes_ = 0;
  std::shared_ptr<const Commit> writing_;
  std::shared_ptr<const RocksDbWriter::Ticket> ticket_;
  std::size_t bytes_since_flush_ = 0;
  Meta meta_;  // of the last commit, written or being written
  std::optional<ChangelogPosition> durable_;
  std::string row_;
};

}  // namespace tidemill::rocksdb_state
