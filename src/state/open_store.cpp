#include "state/open_store.hpp"

#include <vector>

#include <tidemill/state/key_value_store.hpp>

#include "state/other_stores.hpp"
#include "state/windowed_stores.hpp"

namespace tidemill {

std::unique_ptr<LayeredStore> open_store(OpenStore options, const RecordContext* const& current) {
  const auto segmented = [&options] {
    return SegmentedOptions{.spec = std::move(options.spec),
                            .engine = std::move(options.engine),
                            .changelog = options.changelog,
                            .cache = options.cache,
                            .on_expired = std::move(options.on_expired),
                            .counters = std::move(options.counters),
                            .kept_longer = options.kept_longer};
  };
  switch (options.spec.kind) {
    case StoreKind::kWindow:
    case StoreKind::kTimestampedWindow: return make_window_store(segmented(), current);
    case StoreKind::kSession: return make_session_store(segmented(), current);
    case StoreKind::kVersionedKeyValue: return make_versioned_store(std::move(options));
    case StoreKind::kChangeBuffer: return make_change_buffer(std::move(options));
    default: break;
  }
  const bool lists = options.spec.list_values;
  const bool join_buffer = options.spec.kind == StoreKind::kJoinBuffer;
  auto store = make_state_store(std::move(options.spec), std::move(options.engine), options.changelog, options.cache, current,
                                std::move(options.counters));
  if (join_buffer) return make_join_buffer(std::move(store));
  return lists ? make_list_store(std::move(store)) : std::move(store);
}

std::vector<VersionedBytesStore::Found> LayeredStore::versions(BytesView, Timestamp, Timestamp) {
  throw StateStoreException(Error{ErrorKind::kUnsupported, "store \"" + name() + "\" is no versioned store"});
}

Result<void> LayeredStore::restore(std::span<const ChangelogRecord> records, const ChangelogPosition& position) {
  std::vector<std::pair<BytesView, OptionalBytesView>> rows;
  rows.reserve(records.size());
  Bytes stamped;
  if (spec().timestamped()) {
    std::size_t bytes = 0;
    for (const ChangelogRecord& record : records) bytes += record.value ? record.value->size() + 8 : 0;
    stamped.reserve(bytes);  // views into it must stay
  }
  for (const ChangelogRecord& record : records) {
    if (!spec().timestamped() || !record.value) {
      rows.emplace_back(record.key, record.value);
      continue;
    }
    const std::size_t at = stamped.size();
    append_timestamp(record.timestamp, stamped);
    stamped.append(*record.value);
    rows.emplace_back(record.key, BytesView(stamped).substr(at));
  }
  return engine_store().restore(rows, position);
}

}  // namespace tidemill
