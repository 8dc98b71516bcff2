// Which store a table has: what the options of its operator say, or a supplier's, as far as that fits.
#include <algorithm>

#include <tidemill/dsl/ktable.hpp>
#include <tidemill/dsl/windowed_nodes.hpp>

namespace tidemill::detail {
namespace {

[[noreturn]] void refuse(const StoreSpec& spec, const std::string& why) {
  throw TopologyException("store \"" + spec.name + "\": " + why);
}

/// What both kinds of tables take over.
StoreSpec common(StoreWishes& wishes) {
  if (!wishes.supplier) {
    StoreSpec spec;
    spec.name = std::move(wishes.name);
    spec.engine = wishes.engine;
    spec.caching = wishes.caching;
    spec.logging = wishes.logging;
    spec.log_config = std::move(wishes.log_config);
    spec.retention = wishes.retention;
    return spec;
  }
  StoreSpec spec = *std::move(wishes.supplier);
  if (!wishes.other_name.empty() && wishes.other_name != spec.name) {
    refuse(spec, "its supplier names it so, and store_name \"" + wishes.other_name + "\": leave one of them out");
  }
  if (wishes.engine != StoreEngineKind::kDefault || wishes.retention.count() != 0 || wishes.history.count() != 0) {
    refuse(spec, "engine, retention and history are its supplier's to say: leave them out beside it");
  }
  if (spec.retain_duplicates) refuse(spec, "a table has one row for each key, and its supplier's store keeps duplicates");
  spec.caching = wishes.caching;
  spec.logging = wishes.logging && spec.logging;
  for (auto& [key, value] : wishes.log_config) spec.log_config[key] = std::move(value);
  return spec;
}

void check_kind(const StoreSpec& spec, std::initializer_list<StoreKind> kinds, const char* needed) {
  if (std::find(kinds.begin(), kinds.end(), spec.kind) != kinds.end()) return;
  refuse(spec, std::string("its supplier gives another kind of store than is needed here: ") + needed);
}

}  // namespace

void throw_nameless_supplier() {
  throw TopologyException("Materialized::supplier has no name: a store is called as its supplier says");
}

StoreSpec table_store(StoreWishes wishes) {
  const bool supplied = wishes.supplier.has_value();
  const std::chrono::milliseconds history = wishes.history;
  StoreSpec spec = common(wishes);
  if (supplied) {
    check_kind(spec, {StoreKind::kKeyValue, StoreKind::kTimestampedKeyValue, StoreKind::kVersionedKeyValue},
               "one of Stores::..._key_value_store(), or lru_map()");
  } else {
    spec.kind = history.count() != 0 ? StoreKind::kVersionedKeyValue : StoreKind::kTimestampedKeyValue;
    if (history.count() != 0) spec.retention = history;
  }
  // A table's rows have timestamps, as Java's get them around a supplier's store without.
  if (spec.kind == StoreKind::kKeyValue) spec.kind = StoreKind::kTimestampedKeyValue;
  if (spec.kind == StoreKind::kVersionedKeyValue) spec.caching = false;
  return spec;
}

StoreSpec WindowPlan::store(StoreWishes wishes) const {
  const bool supplied = wishes.supplier.has_value();
  const bool versions = wishes.history.count() != 0;
  StoreSpec store = common(wishes);
  if (versions) refuse(store, "windows have a retention, and no history");
  if (supplied && sessions()) check_kind(store, {StoreKind::kSession}, "one of Stores::..._session_store()");
  if (supplied && !sessions()) {
    check_kind(store, {StoreKind::kWindow, StoreKind::kTimestampedWindow}, "one of Stores::..._window_store()");
    if (store.window_size != size) {
      refuse(store, "its supplier keeps windows of " + std::to_string(store.window_size.count()) + " ms, and these are of " +
                        std::to_string(size.count()) + " ms");
    }
  }
  store.kind = sessions() ? StoreKind::kSession : StoreKind::kTimestampedWindow;
  if (!sessions()) store.window_size = size;
  if (store.retention.count() == 0) store.retention = retention_min();
  if (store.retention < retention_min()) {
    throw TopologyException("store \"" + store.name + "\" keeps windows for " + std::to_string(store.retention.count()) +
                            " ms, but they are needed for " + std::to_string(retention_min().count()) +
                            " ms (their size and grace): give it a longer retention");
  }
  if (emit == EmitStrategy::kOnWindowClose) {
    store.time_ordered = true;
    if (sessions() || kind == Kind::kSliding) store.caching = false;  // Java's other time windows keep their caches
  }
  return store;
}

}  // namespace tidemill::detail
