// Puts the layers of a store of any kind over its engine's bytes.
#pragma once

#include "state/store_stack.hpp"

namespace tidemill {

struct OpenStore {
  StoreSpec spec;  // its engine is decided: kPersistent or kInMemory
  std::unique_ptr<BytesStore> engine;
  /// Null: not logged.
  ChangelogWriter* changelog = nullptr;
  /// Null: no cache, whatever the spec says.
  ThreadCache* cache = nullptr;
  /// A put came too late for the store's retention.
  UniqueFunction<void()> on_expired = nullptr;
  /// Of segments: behind the retention (SegmentedOptions).
  std::chrono::milliseconds kept_longer{0};
  /// Outlive the store for who still reads.
  std::shared_ptr<StoreCounters> counters = std::make_shared<StoreCounters>();
};
/// `current`: the task's current record.
[[nodiscard]] std::unique_ptr<LayeredStore> open_store(OpenStore options, const RecordContext* const& current);

}  // namespace tidemill
