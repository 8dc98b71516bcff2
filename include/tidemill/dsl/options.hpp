// Options of the DSL's operators, by name: `{.store_name = "counts"}`. Every member has a default.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <tidemill/dsl/handed_on.hpp>
#include <tidemill/serde/serdes.hpp>
#include <tidemill/topology/node_options.hpp>

namespace tidemill {

namespace detail {
/// The options of a call that gives none: one object for all, so that such a call has nothing to make and to undo.
template <class Options>
[[gnu::noinline]] const Options& no_options() {
  static const Options kNone{};
  return kNone;
}
}  // namespace detail

/// The processor's name; empty: generated.
struct Named {
  std::string name = {};
};
namespace detail {
template <>
const Named& no_options<Named>();
}  // namespace detail

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

  [[nodiscard]] bool given() const { return !name.empty() || key_serde || value_serde; }
};

template <class K, class V>
struct Repartitioned {
  std::string name = {};
  std::optional<Serde<K>> key_serde = {};
  std::optional<Serde<V>> value_serde = {};
  std::optional<std::int32_t> number_of_partitions = {};
  StreamPartitioner<K, V> partitioner = nullptr;
};

namespace detail {
[[noreturn]] void throw_nameless_supplier();
}
template <class K, class V>
struct Materialized {
  std::string store_name = {};
  /// None: those that the operator hands on to its store, else the types' own (guide, "Which one an operator takes"). Of table() and
  /// global_table() Consumed's are taken, whatever is said here, as in Java.
  std::optional<Serde<K>> key_serde = {};
  std::optional<Serde<V>> value_serde = {};
  bool caching = true;
  bool logging = true;
  std::map<std::string, std::string> log_config = {};
  StoreEngineKind engine = StoreEngineKind::kDefault;
  /// Of windows and sessions; zero: as long as they take records.
  std::chrono::milliseconds retention{0};
  /// Keeps old versions of the values for that long; zero: only the latest. Such a store has no cache.
  std::chrono::milliseconds history{0};
  /// The processor's name.
  std::string name = {};
  /// A store of one's own choice, of the kind that is needed here: Stores::lru_map(), one of another retention, ... It has the name;
  /// caching and logging are said above.
  std::optional<StoreSpec> supplier = {};

  /// The store's; empty: it is generated.
  [[nodiscard]] const std::string& given_name() const {
    if (!supplier) return store_name;
    if (supplier->name.empty()) detail::throw_nameless_supplier();
    return supplier->name;
  }
  /// Something of how the result is kept has been said; the processor's name alone says nothing of it.
  [[nodiscard]] bool given() const {
    return !store_name.empty() || key_serde || value_serde || !caching || !logging || !log_config.empty() ||
           retention.count() != 0 || history.count() != 0 || engine != StoreEngineKind::kDefault || supplier;
  }
};

namespace detail {
/// What the options say of a store, without their types.
struct StoreWishes {
  std::string name;
  StoreEngineKind engine = StoreEngineKind::kDefault;
  bool caching = true;
  bool logging = true;
  std::map<std::string, std::string> log_config;
  std::chrono::milliseconds retention{0};
  std::chrono::milliseconds history{0};
  std::optional<StoreSpec> supplier;
  /// `name` beside the supplier's.
  std::string other_name;
};
template <class K, class V>
[[gnu::noinline]] StoreWishes wishes_of(const Materialized<K, V>& materialized, std::string name) {
  return {std::move(name),        materialized.engine,  materialized.caching,  materialized.logging,   materialized.log_config,
          materialized.retention, materialized.history, materialized.supplier, materialized.store_name};
}
}  // namespace detail

/// Of print().
template <class K, class V>
struct Printed {
  /// Written anew when the operator is made; empty: standard output.
  std::string file = {};
  /// Stands in front of each line; empty: the name of the node whose records are printed.
  std::string label = {};
  /// What a line says; null pointers: no key, a null value. None: `key, value` in Java's text.
  std::function<std::string(const K* key, const V* value)> key_value_mapper = nullptr;
  /// The processor's name.
  std::string name = {};
};

/// Of a join of two streams.
template <class K, class V, class VOther>
struct StreamJoined {
  std::optional<Serde<K>> key_serde = {};
  std::optional<Serde<V>> value_serde = {};
  std::optional<Serde<VOther>> other_value_serde = {};
  /// Nodes and repartition topics are named after it.
  std::string name = {};
  /// Stores are named after it.
  std::string store_name = {};
  /// Stores of one's own: Stores::..._window_store(), which have to fit the join's windows and keep duplicates.
  std::optional<StoreSpec> this_store = {};
  std::optional<StoreSpec> other_store = {};
  StoreEngineKind engine = StoreEngineKind::kDefault;
  bool logging = true;
  std::map<std::string, std::string> log_config = {};
};

/// Of a foreign-key join of a table with keys K with one with keys KO. A table that is not partitioned by the hash of its keys
/// needs its partitioner here, or rows do not meet; it gets keys only, the value is always null.
template <class K, class KO>
struct TableJoined {
  /// Nodes and topics are named after it.
  std::string name = {};
  /// That of the left table, for the answers to it; none: each goes to the partition that asked.
  StreamPartitioner<K, void> partitioner = nullptr;
  /// That of the right table, for the questions to it. A question about no row has a null key.
  StreamPartitioner<KO, void> other_partitioner = nullptr;
};

template <class K, class V, class VOther>
struct Joined {
  std::optional<Serde<K>> key_serde = {};
  std::optional<Serde<V>> value_serde = {};
  std::optional<Serde<VOther>> other_value_serde = {};
  std::string name = {};
  /// With a table that keeps versions: stream records wait that long for table records that come late.
  std::optional<std::chrono::milliseconds> grace_period = {};
};

}  // namespace tidemill
