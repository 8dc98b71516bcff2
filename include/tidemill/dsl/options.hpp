// Options of the DSL's operators, by name: `{.store_name = "counts"}`. Every member has a default.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <tidemill/serde/serdes.hpp>
#include <tidemill/topology/topology.hpp>

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
  std::string name = {};
};

template <class K, class V>
struct Produced {
  std::optional<Serde<K>> key_serde = {};
  std::optional<Serde<V>> value_serde = {};
  /// Where to: nullopt is the default (murmur2 of the key), an empty list drops, several multicast.
  std::function<std::optional<std::vector<PartitionId>>(std::string_view topic, const K* key, const V* value,
                                                        std::int32_t partitions)>
      partitioner = nullptr;
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
};

template <class K, class V, class VOther>
struct Joined {
  std::optional<Serde<K>> key_serde = {};
  std::optional<Serde<V>> value_serde = {};
  std::optional<Serde<VOther>> other_value_serde = {};
  std::string name = {};
};

namespace detail {
template <class T>
Serde<T> serde_or_default(const std::optional<Serde<T>>& given, const char* what) {
  if (given) return *given;
  if constexpr (HasSerde<T>) {
    return SerdeOf<T>::serde();
  } else {
    throw TopologyException(std::string(what) + " has no serde: specialize tidemill::SerdeOf for it, or give one in the "
                                                "operator's options");
  }
}
}  // namespace detail

}  // namespace tidemill
