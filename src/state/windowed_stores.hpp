// The stores whose rows live in segments: windows and sessions.
#pragma once

#include "state/segmented_rows.hpp"

namespace tidemill {

/// `options.time_of` is theirs to set.
[[nodiscard]] std::unique_ptr<LayeredStore> make_window_store(SegmentedOptions options, const RecordContext* const& current);
[[nodiscard]] std::unique_ptr<LayeredStore> make_session_store(SegmentedOptions options, const RecordContext* const& current);

/// The largest row that begins with a key up to `key`, for a walk that may meet shorter keys, too.
[[nodiscard]] Bytes last_row_up_to(BytesView key);

/// What both kinds of store do the same: everything but their own reads and writes.
class SegmentedStore : public LayeredStore {
 public:
  SegmentedStore(SegmentedOptions options, const RecordContext* const& current) : rows_(std::move(options), current) {}
  const StoreSpec& spec() const override { return rows_.spec(); }
  BytesStore& engine_store() override { return rows_.engine(); }
  bool get(BytesView key, Bytes& value) override { return rows_.get(key, value); }
  bool get_forwarded(BytesView key, Bytes& value) override { return rows_.get_forwarded(key, value); }
  void put(BytesView key, OptionalBytesView value, Timestamp timestamp) override { rows_.put(key, value, timestamp); }
  std::uint64_t approximate_num_entries() override { return rows_.engine().approximate_num_entries(); }
  bool set_flush_listener(CacheFlushListener listener, bool send_old_values) override {
    return rows_.set_flush_listener(std::move(listener), send_old_values);
  }
  void flush_cache() override { rows_.flush_cache(); }
  bool cache_dirty() const override { return rows_.cache_dirty(); }
  void drop_cache() override { rows_.drop_cache(); }
  void committed() override { rows_.committed(); }
  Timestamp oldest_committed() const override { return rows_.oldest_committed(); }
  Result<void> restore(std::span<const ChangelogRecord> records, const ChangelogPosition& position) override {
    return rows_.restore(records, position);
  }

 protected:
  void cleared() override { rows_.cleared(); }
  [[nodiscard]] bool by_time() const { return rows_.spec().engine == StoreEngineKind::kInMemory || rows_.spec().time_ordered; }
  SegmentedRows rows_;
};

}  // namespace tidemill
