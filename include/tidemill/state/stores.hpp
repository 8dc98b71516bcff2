// Stores: the specifications of the stores that processors use, by the names Kafka Streams gives their suppliers.
//
//   builder.add_state_store(Stores::persistent_key_value_store("seen"));
//   builder.add_state_store(Stores::in_memory_key_value_store("open", {.caching = true}));
#pragma once

#include <tidemill/state/store_spec.hpp>

namespace tidemill {

struct StoreOptions {
  /// Stores of processors forward nothing by themselves: a cache only saves writes to the store and its changelog.
  bool caching = false;
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

 private:
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
