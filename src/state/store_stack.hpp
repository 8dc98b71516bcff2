// The layers of a state store over its engine's bytes, written once: metering, cache, change-logging, in this order.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include <tidemill/state/custom_store.hpp>
#include <tidemill/state/versioned_bytes.hpp>

#include "state/thread_cache.hpp"

namespace tidemill {

/// Written by the store's thread, read by any.
struct StoreCounters {
  std::atomic<std::uint64_t> puts{0};
  std::atomic<std::uint64_t> gets{0};
  std::atomic<std::uint64_t> ranges{0};
  std::atomic<std::uint64_t> uncommitted_bytes{0};
};

/// Of the store's thread.
inline void count(std::atomic<std::uint64_t>& counter) {
  counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

/// Changelog position and contents are the engine's; the layers hold nothing that a commit does not write (caches are
/// flushed first) or that drop_cache() does not take back.
class LayeredStore : public StateStore {
 public:
  [[nodiscard]] virtual BytesStore& engine_store() = 0;
  /// get() for who is not the task: what is read takes no room in a cache, so that nothing is written and sent on for it.
  virtual bool look(BytesView key, Bytes& value) { return get(key, value); }
  /// The cache has entries that are to be written.
  [[nodiscard]] virtual bool cache_dirty() const { return false; }
  /// Drops dirty cache entries unwritten, and goes back to what committed() was told of: the task goes back to its last commit.
  virtual void drop_cache() = 0;
  /// The engine has committed what was put.
  virtual void committed() {}
  /// Empties the store, for a restore from the beginning: the engine, and what the layers know of it.
  [[nodiscard]] Result<void> clear() {
    TIDEMILL_TRY(engine_store().clear());
    cleared();
    return {};
  }
  /// Rows (windows, versions) older than that were not found any more at the last commit.
  [[nodiscard]] virtual Timestamp oldest_committed() const { return Timestamp(INT64_MIN); }
  /// Of a versioned store: a key's versions that were valid at some moment from `from` to `to`, the newest first.
  [[nodiscard]] virtual std::vector<VersionedBytesStore::Found> versions(BytesView key, Timestamp from, Timestamp to);
  /// Takes what was written to the changelog before; outside of any uncommitted change.
  [[nodiscard]] virtual Result<void> restore(std::span<const ChangelogRecord> records, const ChangelogPosition& position);
  /// The changelog has been read to its end, which is there.
  [[nodiscard]] virtual Result<void> restored(const ChangelogPosition&) { return {}; }
  /// After abort(), before it is restored and used again: what cannot take back what was done begins anew.
  [[nodiscard]] virtual Result<void> reopen() { return {}; }

 protected:
  /// The engine has been emptied.
  virtual void cleared() {}
};

/// `changelog` null: not logged. `cache` null (or spec without caching): no cache. `current`: the task's current record.
/// `counters`: outlive the store for who still reads.
[[nodiscard]] std::unique_ptr<LayeredStore> make_state_store(StoreSpec spec, std::unique_ptr<BytesStore> store,
                                                             ChangelogWriter* changelog, ThreadCache* cache,
                                                             const RecordContext* const& current,
                                                             std::shared_ptr<StoreCounters> counters = nullptr);

}  // namespace tidemill
