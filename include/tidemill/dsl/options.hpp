// Options of the DSL's operators, by name: `{.store_name = "counts"}`. Every member has a default.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <tidemill/serde/serdes.hpp>
#include <tidemill/topology/node_options.hpp>

namespace tidemill {

/// The processor's name; empty: generated.
struct Named {
  std::string name = {};
};

template <class K, class V>
struct Consumed {
  std::optional<Serde<K>> key_serde = {};
  std::optional<Serde<V>> value_serde = {};
  std::shared_ptr<const TimestampExtractor> timestamp_extractor = nullptr;
  OffsetReset offset_reset = OffsetReset::kDefault;
  /// With OffsetReset::kByDuration: how far back.
  std::chrono::milliseconds reset_duration{0};
  std::string name = {};
};

template <class K, class V>
struct Produced {
  std::optional<Serde<K>> key_serde = {};
  std::optional<Serde<V>> value_serde = {};
  StreamPartitioner<K, V> partitioner = nullptr;
  std::string name = {};
};

template <class K, class V>
struct Grouped {
  std::string name = {};
  std::optional<Serde<K>> key_serde = {};
  std::optional<Serde<V>> value_serde = {};
};

template <class K, class V>
struct Repartitioned {
  std::string name = {};
  std::optional<Serde<K>> key_serde = {};
  std::optional<Serde<V>> value_serde = {};
  std::optional<std::int32_t> number_of_partitions = {};
  StreamPartitioner<K, V> partitioner = nullptr;
};

template <class K, class V>
struct Materialized {
  std::string store_name = {};
  std::optional<Serde<K>> key_serde = {};
  std::optional<Serde<V>> value_serde = {};
  bool caching = true;
  bool logging = true;
  std::map<std::string, std::string> log_config = {};
  StoreEngineKind engine = StoreEngineKind::kDefault;
  /// The processor's name.
  std::string name = {};

  /// Something of how the result is kept has been said; the processor's name alone says nothing of it.
  [[nodiscard]] bool given() const {
    return !store_name.empty() || key_serde || value_serde || !caching || !logging || !log_config.empty() ||
           engine != StoreEngineKind::kDefault;
  }
};

template <class K, class V, class VOther>
struct Joined {
  std::optional<Serde<K>> key_serde = {};
  std::optional<Serde<V>> value_serde = {};
  std::optional<Serde<VOther>> other_value_serde = {};
  std::string name = {};
};

}  // namespace tidemill
