// Stores: the specifications of the stores that processors use, by the names Kafka Streams gives their suppliers.
//
//   builder.add_state_store(Stores::persistent_key_value_store("seen"));
//   builder.add_state_store(Stores::in_memory_key_value_store("open", {.caching = true}));
#pragma once

#include <stdexcept>

#include <tidemill/base/unique_function.hpp>
#include <tidemill/state/custom_store.hpp>
#include <tidemill/state/store_spec.hpp>

namespace tidemill {

struct StoreOptions {
  /// Stores of processors forward nothing by themselves: a cache only saves writes to the store and its changelog.
  bool caching = false;
  bool logging = true;
  /// Of the changelog topic, on top of its defaults.
  std::map<std::string, std::string> log_config = {};
};

/// Of a store of one's own kind.
struct CustomStoreOptions {
  /// It keeps its contents in a directory (StateStoreContext::state_dir()).
  bool persistent = false;
  bool logging = true;
  /// Of the changelog topic, on top of its defaults.
  std::map<std::string, std::string> log_config = {};
};

struct Stores {
  static StoreSpec persistent_key_value_store(std::string name, StoreOptions options = {}) {
    return make(std::move(name), StoreKind::kKeyValue, StoreEngineKind::kPersistent, std::move(options));
  }
  static StoreSpec in_memory_key_value_store(std::string name, StoreOptions options = {}) {
    return make(std::move(name), StoreKind::kKeyValue, StoreEngineKind::kInMemory, std::move(options));
  }
  static StoreSpec persistent_timestamped_key_value_store(std::string name, StoreOptions options = {}) {
    return make(std::move(name), StoreKind::kTimestampedKeyValue, StoreEngineKind::kPersistent, std::move(options));
  }
  static StoreSpec in_memory_timestamped_key_value_store(std::string name, StoreOptions options = {}) {
    return make(std::move(name), StoreKind::kTimestampedKeyValue, StoreEngineKind::kInMemory, std::move(options));
  }
  /// At most so many keys, in memory: the one that was read or put longest ago is evicted, with a tombstone in the changelog.
  static StoreSpec lru_map(std::string name, std::size_t max_entries, StoreOptions options = {}) {
    if (max_entries == 0) throw std::invalid_argument("store \"" + name + "\": an lru_map() keeps at least one entry");
    StoreSpec spec = in_memory_key_value_store(std::move(name), std::move(options));
    spec.max_entries = max_entries;
    return spec;
  }
  /// Keeps the values that were valid within the history, seen from the newest put.
  static StoreSpec persistent_versioned_key_value_store(std::string name, std::chrono::milliseconds history,
                                                        StoreOptions options = {}) {
    StoreSpec spec = make(std::move(name), StoreKind::kVersionedKeyValue, StoreEngineKind::kPersistent, std::move(options));
    spec.retention = history;
    return spec;
  }
  /// Old versions are dropped together, a segment of time after the other: shorter ones cost looks, longer ones room.
  template <class Rep, class Period>  // so that {} are options
  static StoreSpec persistent_versioned_key_value_store(std::string name, std::chrono::milliseconds history,
                                                        std::chrono::duration<Rep, Period> segments,
                                                        StoreOptions options = {}) {
    const std::chrono::milliseconds segment_interval = segments;
    if (segment_interval.count() < 1) {
      throw std::invalid_argument("store \"" + name + "\": segments of " + std::to_string(segment_interval.count()) +
                                  " ms: at least one");
    }
    StoreSpec spec = persistent_versioned_key_value_store(std::move(name), history, std::move(options));
    spec.segment_interval = segment_interval;
    return spec;
  }
  /// Keeps windows for `retention` after the newest one, and no shorter than their size; with duplicates: every put, also those of
  /// one key and time.
  static StoreSpec persistent_window_store(std::string name, std::chrono::milliseconds retention,
                                           std::chrono::milliseconds window_size, bool retain_duplicates,
                                           StoreOptions options = {}) {
    StoreSpec spec = make(std::move(name), StoreKind::kWindow, StoreEngineKind::kPersistent, std::move(options));
    return with_windows(std::move(spec), retention, window_size, retain_duplicates);
  }
  static StoreSpec persistent_timestamped_window_store(std::string name, std::chrono::milliseconds retention,
                                                       std::chrono::milliseconds window_size, bool retain_duplicates,
                                                       StoreOptions options = {}) {
    StoreSpec spec = make(std::move(name), StoreKind::kTimestampedWindow, StoreEngineKind::kPersistent, std::move(options));
    return with_windows(std::move(spec), retention, window_size, retain_duplicates);
  }
  static StoreSpec in_memory_window_store(std::string name, std::chrono::milliseconds retention,
                                          std::chrono::milliseconds window_size, bool retain_duplicates,
                                          StoreOptions options = {}) {
    StoreSpec spec = make(std::move(name), StoreKind::kWindow, StoreEngineKind::kInMemory, std::move(options));
    return with_windows(std::move(spec), retention, window_size, retain_duplicates);
  }
  static StoreSpec persistent_session_store(std::string name, std::chrono::milliseconds retention, StoreOptions options = {}) {
    StoreSpec spec = make(std::move(name), StoreKind::kSession, StoreEngineKind::kPersistent, std::move(options));
    spec.retention = retention;
    return spec;
  }
  static StoreSpec in_memory_session_store(std::string name, std::chrono::milliseconds retention, StoreOptions options = {}) {
    StoreSpec spec = make(std::move(name), StoreKind::kSession, StoreEngineKind::kInMemory, std::move(options));
    spec.retention = retention;
    return spec;
  }
  /// Of one's own kind: a class derived from CustomStore. `factory()` makes a std::unique_ptr to a new, empty one; any thread calls it.
  template <class Store, class Factory>
  static StoreSpec custom(std::string name, Factory factory, CustomStoreOptions options = {}) {
    static_assert(std::is_base_of_v<CustomStore, Store>,
                  "Stores::custom<Store>(name, factory): Store must be a class derived from tidemill::CustomStore");
    static_assert(
        kMakesStores<Store, Factory>,
        "Stores::custom<Store>(name, factory): factory() must return a std::unique_ptr<Store>, be const (not a mutable "
        "lambda: any thread calls it), and copyable");
    StoreSpec spec = make(std::move(name), StoreKind::kCustom,
                          options.persistent ? StoreEngineKind::kPersistent : StoreEngineKind::kInMemory,
                          {.logging = options.logging, .log_config = std::move(options.log_config)});
    if constexpr (std::is_base_of_v<CustomStore, Store> && kMakesStores<Store, Factory>) {
      if constexpr (detail::kMayBeNull<Factory>) {
        if (!static_cast<bool>(factory)) throw std::invalid_argument("store \"" + spec.name + "\": its factory is null");
      }
      spec.custom = CustomStoreFactory::of<Store>(std::move(factory));
    }
    return spec;
  }
  template <class Store>
  static StoreSpec custom(std::string name, CustomStoreOptions options = {}) {
    return custom<Store>(
        std::move(name), [] { return std::make_unique<Store>(); }, std::move(options));
  }

 private:
  template <class Store, class Factory>
  static constexpr bool kMakesStores =
      std::is_invocable_r_v<std::unique_ptr<Store>, const Factory&>&& std::is_copy_constructible_v<Factory>;
  static StoreSpec with_windows(StoreSpec spec, std::chrono::milliseconds retention, std::chrono::milliseconds window_size,
                                bool retain_duplicates) {
    if (window_size.count() < 0) {
      throw std::invalid_argument("store \"" + spec.name + "\": windows of " + std::to_string(window_size.count()) +
                                  " ms: a size is not negative");
    }
    if (retention < window_size) {
      throw std::invalid_argument("store \"" + spec.name + "\": a retention of " + std::to_string(retention.count()) +
                                  " ms lets windows of " + std::to_string(window_size.count()) +
                                  " ms go before they end: it must be at least their size");
    }
    spec.retention = retention;
    spec.window_size = window_size;
    spec.retain_duplicates = retain_duplicates;
    return spec;
  }
  static StoreSpec make(std::string name, StoreKind kind, StoreEngineKind engine, StoreOptions options) {
    StoreSpec spec;
    spec.name = std::move(name);
    spec.kind = kind;
    spec.engine = engine;
    spec.caching = options.caching;
    spec.logging = options.logging;
    spec.log_config = std::move(options.log_config);
    return spec;
  }
};

}  // namespace tidemill
