// KTable<K, V>: a changelog stream read as a table; GlobalKTable<K, V>: one that every task has whole.
#pragma once

#include <tidemill/dsl/kstream.hpp>

namespace tidemill {

template <class K, class V>
class KTable {
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
    return filtered(std::move(predicate), true, std::move(materialized));
  }
  template <class F>
  KTable filter_not(F predicate, Materialized<K, V> materialized = {}) const {
    return filtered(std::move(predicate), false, std::move(materialized));
  }
  /// `mapper(const V&)` or `(const K&, const V&)`; null stays null.
  template <class F>
  auto map_values(F mapper, Materialized<K, detail::CallResult<K, V, F>> materialized = {}) const {
    TIDEMILL_CHECK_FUNCTION("map_values(mapper)", F);
    using VR = detail::CallResult<K, V, F>;
    auto map = [mapper](const K& key, const V& value) mutable {
      return std::optional<VR>(detail::call<K, V>(mapper, &key, &value));
    };
    return mapped<VR>("KTABLE-MAPVALUES-", std::move(map), false, std::move(materialized), std::optional<Serde<VR>>());
  }
  KStream<K, V> to_stream(Named named = {}) const;
  /// to_stream() and then select_key(), as Java's toStream(mapper).
  template <class F>
  auto to_stream(F selector, Named named = {}) const {
    return to_stream(named).select_key(std::move(selector));
  }
  /// `joiner(const V&, const VO&)`; both sides have to be there.
  template <class VO, class F>
  auto join(const KTable<K, VO>& other, F joiner, Named named = {}) const {
    using VR = std::remove_cvref_t<std::invoke_result_t<F&, const V&, const VO&>>;
    auto both = [joiner](const V* mine, const VO* theirs) mutable { return VR(joiner(*mine, *theirs)); };
    return joined<VR>(other, std::move(both), true, true, named, {});
  }
  /// The same, kept in a store.
  template <class VO, class F, class VR>
  KTable<K, VR> join(const KTable<K, VO>& other, F joiner, Materialized<K, VR> materialized) const {
    auto both = [joiner](const V* mine, const VO* theirs) mutable { return VR(joiner(*mine, *theirs)); };
    return joined<VR>(other, std::move(both), true, true, {materialized.name}, std::move(materialized));
  }
  /// `joiner(const V&, const VO*)`; the right side may be missing.
  template <class VO, class F>
  auto left_join(const KTable<K, VO>& other, F joiner, Named named = {}) const {
    using VR = std::remove_cvref_t<std::invoke_result_t<F&, const V&, const VO*>>;
    auto one = [joiner](const V* mine, const VO* theirs) mutable { return VR(joiner(*mine, theirs)); };
    return joined<VR>(other, std::move(one), true, false, named, {});
  }
  /// `joiner(const V*, const VO*)`; one side has to be there.
  template <class VO, class F>
  auto outer_join(const KTable<K, VO>& other, F joiner, Named named = {}) const {
    using VR = std::remove_cvref_t<std::invoke_result_t<F&, const V*, const VO*>>;
    auto any = [joiner](const V* mine, const VO* theirs) mutable { return VR(joiner(mine, theirs)); };
    return joined<VR>(other, std::move(any), false, false, named, {});
  }
  /// Name of the store where the table can be queried; empty: it has none of its own.
  [[nodiscard]] std::string queryable_store_name() const { return at_.facts->materialized ? at_.facts->store.name : ""; }
  [[nodiscard]] const Handle& handle() const { return at_; }

 private:
  template <class, class>
  friend class KTable;
  template <class F>
  KTable filtered(F predicate, bool keep, Materialized<K, V> materialized) const {
    TIDEMILL_CHECK_FUNCTION("filter(predicate)", F);
    auto map = [predicate, keep](const K& key, const V& value) mutable -> std::optional<V> {
      if (static_cast<bool>(detail::call<K, V>(predicate, &key, &value)) != keep) return std::nullopt;
      return value;
    };
    return mapped<V>("KTABLE-FILTER-", std::move(map), true, std::move(materialized), at_.value_serde);
  }
  template <class VR, class F>
  KTable<K, VR> mapped(const char* prefix, F map, bool filter, Materialized<K, VR> materialized,
                       std::optional<Serde<VR>> value_serde) const;
  template <class VR, class VO, class F>
  KTable<K, VR> joined(const KTable<K, VO>& other, F joiner, bool needs_left, bool needs_right, Named named,
                       Materialized<K, VR> materialized) const;
  Handle at_;
};

template <class K, class V>
class GlobalKTable {
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

}  // namespace detail

// KTable

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
  facts->upstream = at_.facts;
  const auto key = materialized.key_serde ? materialized.key_serde : at_.key_serde;
  const auto value = materialized.value_serde ? materialized.value_serde : value_serde;
  const std::string name = at_.draft->name_or_new(materialized.name, prefix);
  const Serde<K> key_serde = detail::serde_or_default(key, "the key type of the table");
  // A map between two tables needs a serde for its values only where they are kept.
  if (!materialized.store_name.empty()) {
    facts->materialized = true;
    facts->store = detail::store_spec(materialized, materialized.store_name);
  }
  // With old values a filter need not pass on tombstones for what it never let through.
  if (filter) facts->try_enable_old_values();
  const Serde<VR> kept = facts->materialized || value || HasSerde<VR>
                             ? detail::serde_or_default(value, "the value type of the table")
                             : Serde<VR>(nullptr, nullptr);
  at_.draft->add([facts, name, parent = at_.node, key_serde, kept, map, filter](TopologyBuilder& builder) {
    if (facts->materialized) builder.add_state_store(facts->store);
    std::vector<std::string> stores;
    if (facts->materialized) stores.push_back(facts->store.name);
    builder.add_processor({.name = name,
                           .prototype = prototype(new detail::TableMapNode<K, V, VR, F>(facts, key_serde, kept, map, filter)),
                           .parents = {parent}, .stores = std::move(stores),
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

template <class K, class V>
template <class VR, class VO, class F>
KTable<K, VR> KTable<K, V>::joined(const KTable<K, VO>& other, F joiner, bool needs_left, bool needs_right, Named named,
                                   Materialized<K, VR> materialized) const {
  at_.facts->enable_old_values();
  other.at_.facts->enable_old_values();
  at_.facts->materialize();
  other.at_.facts->materialize();
  auto facts = std::make_shared<detail::TableFacts>();
  facts->upstream = nullptr;
  const std::string merge = at_.draft->name_or_new(named.name, "KTABLE-MERGE-");
  const std::string left = named.name.empty() ? at_.draft->new_name("KTABLE-JOINTHIS-") : (
      (void)at_.draft->new_name(""), named.name + "-join-this");
  const std::string right = named.name.empty() ? at_.draft->new_name("KTABLE-JOINOTHER-") : (
      (void)at_.draft->new_name(""), named.name + "-join-other");
  const Serde<K> key_serde = detail::serde_or_default(
      materialized.key_serde ? materialized.key_serde : at_.key_serde, "the key type of the table");
  if (!materialized.store_name.empty()) {
    facts->materialized = true;
    facts->store = detail::store_spec(materialized, materialized.store_name);
  }
  const Serde<VR> kept = facts->materialized || materialized.value_serde || HasSerde<VR>
                             ? detail::serde_or_default(materialized.value_serde, "the value type of the join")
                             : Serde<VR>(nullptr, nullptr);
  auto mirrored = [joiner](const VO* theirs, const V* mine) mutable { return joiner(mine, theirs); };
  at_.draft->copartition(at_.sources, other.at_.sources);
  at_.draft->add([=, left_parent = at_.node, right_parent = other.at_.node, left_getter = at_.getter,
                  right_getter = other.at_.getter](TopologyBuilder& builder) {
    builder.add_processor(
        {.name = left,
         .prototype = prototype(new detail::TableJoinNode<K, V, VO, VR, F>(facts, *right_getter, joiner, needs_left,
                                                                           needs_right)),
         .parents = {left_parent}, .stores = right_getter->stores(),
         .input = detail::table_type<K, V>(), .output = detail::table_type<K, VR>()});
    builder.add_processor(
        {.name = right,
         .prototype = prototype(new detail::TableJoinNode<K, VO, V, VR, decltype(mirrored)>(
             facts, *left_getter, mirrored, needs_right, needs_left)),
         .parents = {right_parent}, .stores = left_getter->stores(),
         .input = detail::table_type<K, VO>(), .output = detail::table_type<K, VR>()});
    std::vector<std::string> stores;
    if (facts->materialized) {
      builder.add_state_store(facts->store);
      stores.push_back(facts->store.name);
    }
    builder.add_processor({.name = merge,
                           .prototype = prototype(new detail::TableMergeNode<K, VR>(facts, key_serde, kept)),
                           .parents = {left, right}, .stores = std::move(stores),
                           .input = detail::table_type<K, VR>(), .output = detail::table_type<K, VR>()});
  });
  std::set<std::string> sources = at_.sources;
  sources.insert(other.at_.sources.begin(), other.at_.sources.end());
  // Who reads the result's values needs its store; a join that is not kept is kept then.
  if (!facts->materialized) {
    facts->store = detail::store_spec(materialized, merge + "-STATE-STORE");
  }
  return KTable<K, VR>({at_.draft, merge, std::move(sources), facts,
                        detail::store_getter<K, VR>(facts, key_serde, kept), at_.key_serde, materialized.value_serde});
}

}  // namespace tidemill
