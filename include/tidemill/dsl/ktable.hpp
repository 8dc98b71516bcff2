// KTable<K, V>: a changelog stream read as a table; GlobalKTable<K, V>: one that every task has whole.
#pragma once

#include <tidemill/dsl/kstream.hpp>
#include <tidemill/dsl/suppressed.hpp>
#include <tidemill/dsl/value_transformer.hpp>

namespace tidemill {

template <class K, class V>
class KGroupedTable;

namespace detail {

/// A row's foreign key: `extract(const V&)` or `(const K&, const V&)` -> KO or std::optional<KO>.
template <class F, class K, class V, class KO>
concept ForeignKeyExtractor = RecordFunction<F, K, V> && std::is_convertible_v<CallResult<K, V, F>, std::optional<KO>>;

/// Key and value that a selector makes. Where it makes none: some types.
template <class F, class K, class V>
struct SelectedPair {
  using Key = K;
  using Value = V;
};
template <class F, class K, class V>
  requires PairMapper<F, K, V>
struct SelectedPair<F, K, V> {
  using Key = WithoutNull<typename CallResult<K, V, F>::first_type>;
  using Value = WithoutNull<typename CallResult<K, V, F>::second_type>;
};

/// What a table joiner makes; `A` and `B` are its argument types. Where it cannot be called: some type.
template <class F, class A, class B>
struct TableJoined {
  using Type = std::remove_cvref_t<std::remove_pointer_t<A>>;
};
template <class F, class A, class B>
  requires std::is_invocable_v<F&, A, B>
struct TableJoined<F, A, B> {
  using Type = WithoutNull<std::invoke_result_t<F&, A, B>>;
};

}  // namespace detail

template <class K, class V>
class KTable {
  TIDEMILL_CHECK_TYPES("KTable<Key, Value>", K, V);

 public:
  struct Handle {
    std::shared_ptr<Draft> draft;
    std::string node;
    std::set<std::string> sources;
    std::shared_ptr<detail::TableFacts> facts;
    std::shared_ptr<detail::GetterSupplier<K, V>> getter;
    std::optional<Serde<K>> key_serde = {};
    std::optional<Serde<V>> value_serde = {};
  };
  explicit KTable(Handle handle) : at_(std::move(handle)) {}

  /// `predicate(const V&)` or `(const K&, const V&)`; what does not match is a tombstone downstream.
  template <class F>
  KTable filter(F predicate, Materialized<K, V> materialized = {}) const {
    TIDEMILL_CHECK_RESULT("filter(predicate)", Predicate, F, "the predicate must return a bool");
    if constexpr (!detail::Predicate<F, K, V>) return *this;
    else return filtered(std::move(predicate), true, std::move(materialized));
  }
  template <class F>
  KTable filter_not(F predicate, Materialized<K, V> materialized = {}) const {
    TIDEMILL_CHECK_RESULT("filter_not(predicate)", Predicate, F, "the predicate must return a bool");
    if constexpr (!detail::Predicate<F, K, V>) return *this;
    else return filtered(std::move(predicate), false, std::move(materialized));
  }
  /// `mapper(const V&)` or `(const K&, const V&)`; null stays null.
  template <class F>
  auto map_values(F mapper, Materialized<K, typename detail::MadeBy<F, K, V>::Type> materialized = {}) const {
    TIDEMILL_CHECK_RESULT("map_values(mapper)", Mapper, F,
                          "the mapper must return the new value, of a type that is copyable and owns what it holds "
                          "(std::string instead of std::string_view), or a std::optional of it");
    if constexpr (detail::Mapper<F, K, V>) {
      using VR = typename detail::MadeBy<F, K, V>::Type;
      auto map = [mapper](const K& key, const V& value) mutable {
        return std::optional<VR>(detail::call<K, V>(mapper, &key, &value));
      };
      return mapped<VR>("KTABLE-MAPVALUES-", std::move(map), false, std::move(materialized), std::optional<Serde<VR>>());
    }
  }
  /// `supplier()` makes a std::unique_ptr to a ValueTransformerWithKey<K, V, NewValue>, one per task, which may use `stores`
  /// and those that the supplier brings along. See ktable_transform.hpp.
  template <class Supplier>
  auto transform_values(Supplier supplier,
                        Materialized<K, typename detail::SuppliedTransformer<Supplier>::Types::Value> materialized = {},
                        std::vector<std::string> stores = {}) const;
  KStream<K, V> to_stream(Named named = {}) const;
  /// to_stream() and then select_key(), as Java's toStream(mapper).
  template <class F>
  auto to_stream(F selector, Named named = {}) const {
    return to_stream(named).select_key(std::move(selector));
  }
  /// `joiner(const V&, const VO&)`; both sides have to be there.
  template <class VO, class F>
  auto join(const KTable<K, VO>& other, F joiner,
            Materialized<K, typename detail::TableJoined<F, const V&, const VO&>::Type> materialized = {}) const;
  /// `joiner(const V&, const VO*)`; the right side may be missing.
  template <class VO, class F>
  auto left_join(const KTable<K, VO>& other, F joiner,
                 Materialized<K, typename detail::TableJoined<F, const V&, const VO*>::Type> materialized = {}) const;
  /// `joiner(const V*, const VO*)`; one side has to be there.
  template <class VO, class F>
  auto outer_join(const KTable<K, VO>& other, F joiner,
                  Materialized<K, typename detail::TableJoined<F, const V*, const VO*>::Type> materialized = {}) const;
  /// The rows under another key: `selector(const K&, const V&)` returns a std::pair of key and value; null ones are left out.
  template <class F>
  auto group_by(F selector, Grouped<typename detail::SelectedPair<F, K, V>::Key,
                                    typename detail::SelectedPair<F, K, V>::Value> grouped = {}) const;
  /// Holds back changes, so that of many updates of a key only the last one goes on.
  KTable suppress(Suppressed suppressed) const;
  /// With a row of another table whose key `extract(const V&)` or `(const K&, const V&)` takes from each row; joiners as above.
  template <class KO, class VO, class Extract, class F>
    requires detail::ForeignKeyExtractor<Extract, K, V, KO>
  auto join(const KTable<KO, VO>& other, Extract extract, F joiner, TableJoined joined = {},
            Materialized<K, typename detail::TableJoined<F, const V&, const VO&>::Type> materialized = {}) const;
  template <class KO, class VO, class Extract, class F>
    requires detail::ForeignKeyExtractor<Extract, K, V, KO>
  auto left_join(const KTable<KO, VO>& other, Extract extract, F joiner, TableJoined joined = {},
                 Materialized<K, typename detail::TableJoined<F, const V&, const VO*>::Type> materialized = {}) const;
  /// Name of the store where the table can be queried; empty: it has none of its own.
  [[nodiscard]] std::string queryable_store_name() const { return at_.facts->materialized ? at_.facts->store.name : ""; }
  [[nodiscard]] const Handle& handle() const { return at_; }

 private:
  template <class, class>
  friend class KTable;
  template <class F>
  KTable filtered(F predicate, bool keep, Materialized<K, V> materialized) const {
    auto map = [predicate, keep](const K& key, const V& value) mutable -> std::optional<V> {
      if (static_cast<bool>(detail::call<K, V>(predicate, &key, &value)) != keep) return std::nullopt;
      return value;
    };
    return mapped<V>("KTABLE-FILTER-", std::move(map), true, std::move(materialized), at_.value_serde);
  }
  template <class VR, class F>
  KTable<K, VR> mapped(const char* prefix, F map, bool filter, Materialized<K, VR> materialized,
                       std::optional<Serde<VR>> value_serde) const;
  template <class KO, class VO, class VR, class Extract, class F>
  KTable<K, VR> foreign_join(const KTable<KO, VO>& other, Extract extract, F joiner, bool left_join, const TableJoined& joined,
                             Materialized<K, VR> materialized) const;
  template <class VR, class VO, class F>
  KTable<K, VR> joined(const KTable<K, VO>& other, F joiner, bool needs_left, bool needs_right,
                       Materialized<K, VR> materialized) const;
  Handle at_;
};

template <class K, class V>
class GlobalKTable {
  TIDEMILL_CHECK_TYPES("GlobalKTable<Key, Value>", K, V);

 public:
  GlobalKTable(std::string store, std::shared_ptr<detail::GetterSupplier<K, V>> getter)
      : store_(std::move(store)), getter_(std::move(getter)) {}
  [[nodiscard]] const std::string& queryable_store_name() const { return store_; }
  [[nodiscard]] const detail::GetterSupplier<K, V>& getter() const { return *getter_; }

 private:
  std::string store_;
  std::shared_ptr<detail::GetterSupplier<K, V>> getter_;
};

namespace detail {

template <class K, class V>
StoreSpec store_spec(const Materialized<K, V>& materialized, std::string name) {
  StoreSpec spec;
  spec.name = std::move(name);
  spec.kind = StoreKind::kTimestampedKeyValue;
  spec.engine = materialized.engine;
  spec.caching = materialized.caching;
  spec.logging = materialized.logging;
  spec.log_config = materialized.log_config;
  spec.retention = materialized.retention;
  if (materialized.history.count() > 0) {
    spec.kind = StoreKind::kVersionedKeyValue;
    spec.retention = materialized.history;
    spec.caching = false;
  }
  return spec;
}

template <class K, class V>
std::shared_ptr<GetterSupplier<K, V>> store_getter(std::shared_ptr<const TableFacts> facts, Serde<K> key_serde,
                                                   Serde<V> value_serde) {
  auto supplier = std::make_shared<GetterSupplier<K, V>>();
  supplier->make = [facts, key_serde, value_serde](TaskContext& task) {
    StateStore* store = task.store(facts->store.name);
    if (store == nullptr) throw StreamsException("a join's table has no store \"" + facts->store.name + "\" in its task");
    return std::unique_ptr<ValueGetter<K, V>>(new StoreGetter<K, V>(*store, key_serde, value_serde));
  };
  supplier->stores = [facts] { return std::vector<std::string>{facts->store.name}; };
  return supplier;
}

/// A serde for values that may never be kept: only where they are, there has to be one.
template <class V>
Serde<V> serde_if_kept(bool kept, const std::optional<Serde<V>>& given, const char* what) {
  return kept || given || HasSerde<V> ? serde_or_default(given, what) : Serde<V>(nullptr, nullptr);
}

}  // namespace detail

template <class K, class V>
KStream<K, V> KTable<K, V>::to_stream(Named named) const {
  const std::string name = at_.draft->name_or_new(named.name, "KTABLE-TOSTREAM-");
  at_.draft->add_processor({.name = name, .prototype = prototype(new detail::ToStreamNode), .parents = {at_.node},
                            .input = detail::table_type<K, V>(), .output = detail::stream_type<K, V>()});
  return KStream<K, V>({at_.draft, name, at_.sources, false, at_.key_serde, at_.value_serde});
}

template <class K, class V>
template <class VR, class F>
KTable<K, VR> KTable<K, V>::mapped(const char* prefix, F map, bool filter, Materialized<K, VR> materialized,
                                   std::optional<Serde<VR>> value_serde) const {
  auto facts = std::make_shared<detail::TableFacts>();
  facts->upstream = {at_.facts};
  const auto key = materialized.key_serde ? materialized.key_serde : at_.key_serde;
  const auto value = materialized.value_serde ? materialized.value_serde : value_serde;
  if (materialized.given() && materialized.store_name.empty()) at_.draft->burn_index();  // as Java, for no store
  const std::string name = at_.draft->name_or_new(materialized.name, prefix);
  const Serde<K> key_serde = detail::serde_or_default(key, "the key type of the table");
  if (!materialized.store_name.empty()) {
    facts->materialized = true;
    facts->store = detail::store_spec(materialized, at_.draft->store_name_or_new(materialized.store_name, prefix));
  }
  // With old values a filter need not pass on tombstones for what it never let through.
  if (filter) facts->enable_old_values(false);
  const Serde<VR> kept = detail::serde_if_kept(facts->materialized, value, "the value type of the table");
  at_.draft->add([facts, name, parent = at_.node, key_serde, kept, map, filter](TopologyBuilder& builder) {
    builder.add_processor({.name = name,
                           .prototype = prototype(new detail::TableMapNode<K, V, VR, F>(facts, key_serde, kept, map, filter)),
                           .parents = {parent}, .stores = detail::add_store(builder, *facts),
                           .input = detail::table_type<K, V>(), .output = detail::table_type<K, VR>()});
  });
  auto getter = std::make_shared<detail::GetterSupplier<K, VR>>();
  if (facts->materialized) {
    getter = detail::store_getter<K, VR>(facts, key_serde, kept);
  } else {
    getter->make = [from = at_.getter, map](TaskContext& task) {
      return std::unique_ptr<detail::ValueGetter<K, VR>>(new detail::MappedGetter<K, V, VR, F>(from->make(task), map));
    };
    getter->stores = [from = at_.getter] { return from->stores(); };
  }
  return KTable<K, VR>({at_.draft, name, at_.sources, facts, getter, key, value});
}

}  // namespace tidemill
