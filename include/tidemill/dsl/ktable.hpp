// KTable<K, V>: a changelog stream read as a table; GlobalKTable<K, V>: one that every task has whole.
#pragma once

#include <tidemill/dsl/kstream.hpp>
#include <tidemill/dsl/suppressed.hpp>
#include <tidemill/dsl/table_join_nodes.hpp>
#include <tidemill/dsl/table_map_node.hpp>
#include <tidemill/dsl/to_stream_node.hpp>
#include <tidemill/dsl/value_transformer.hpp>

namespace tidemill {

template <class K, class V>
class KGroupedTable;

namespace detail {

/// A row's foreign key: `extract(const V&)` or `(const K&, const V&)` -> KO or std::optional<KO>.
template <class F, class K, class V, class KO>
concept ForeignKeyExtractor = RecordFunction<F, K, V> && std::is_convertible_v<CallResult<K, V, F>, std::optional<KO>>;

/// Tells `join(table, joiner, options)` from `join(table, extract, joiner)`.
template <class T>
inline constexpr bool kIsMaterialized = false;
template <class K, class V>
inline constexpr bool kIsMaterialized<Materialized<K, V>> = true;

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

template <class F, class K, class V>
using SelectedGroup = Grouped<typename SelectedPair<F, K, V>::Key, typename SelectedPair<F, K, V>::Value>;

/// What a table joiner makes; `A` and `B` are its argument types. Where it cannot be called: some type.
template <class F, class A, class B>
struct TableJoined {
  using Type = std::remove_cvref_t<std::remove_pointer_t<A>>;
};
template <class F, class A, class B>
  requires MakesValue<F, A, B>
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
  [[gnu::noinline]] explicit KTable(Handle handle) : at_(new Handle(std::move(handle))) {}
  // Compiled once for its types, as those of KStream.
  [[gnu::noinline]] KTable(const KTable&) = default;
  [[gnu::noinline]] KTable(KTable&&) noexcept = default;
  [[gnu::noinline]] KTable& operator=(const KTable&) = default;
  [[gnu::noinline]] KTable& operator=(KTable&&) noexcept = default;
  [[gnu::noinline]] ~KTable() = default;

  /// `predicate(const V&)` or `(const K&, const V&)`; what does not match is a tombstone downstream.
  template <class F>
  [[gnu::noinline]] KTable filter(F predicate,
                                  const Materialized<K, V>& materialized = detail::no_options<Materialized<K, V>>()) const {
    TIDEMILL_CHECK_RESULT("filter(predicate)", Predicate, F, predicate, "the predicate must return a bool");
    if constexpr (!detail::Predicate<F, K, V>) return *this;
    else return filtered(filter_of(std::move(predicate), true), materialized);
  }
  template <class F>
  [[gnu::noinline]] KTable filter_not(F predicate,
                                      const Materialized<K, V>& materialized = detail::no_options<Materialized<K, V>>()) const {
    TIDEMILL_CHECK_RESULT("filter_not(predicate)", Predicate, F, predicate, "the predicate must return a bool");
    if constexpr (!detail::Predicate<F, K, V>) return *this;
    else return filtered(filter_of(std::move(predicate), false), materialized);
  }
  /// `mapper(const V&)` or `(const K&, const V&)`; null stays null.
  template <class F>
  [[gnu::noinline]] auto map_values(F mapper,
                                    const Materialized<K, typename detail::MadeBy<F, K, V>::Type>& materialized =
                                        detail::no_options<Materialized<K, typename detail::MadeBy<F, K, V>::Type>>()) const {
    TIDEMILL_CHECK_RESULT("map_values(mapper)", Mapper, F, mapper,
                          "the mapper must return the new value, of a type that is copyable and owns what it holds "
                          "(std::string instead of std::string_view), or a std::optional of it");
    if constexpr (detail::Mapper<F, K, V>) {
      using VR = typename detail::MadeBy<F, K, V>::Type;
      auto map = [mapper](const K& key, const V& value) mutable {
        return std::optional<VR>(detail::call<K, V>(mapper, &key, &value));
      };
      return mapped<VR>("KTABLE-MAPVALUES-", std::move(map), false, materialized, std::nullopt);
    }
  }
  /// `supplier()` makes a std::unique_ptr to a ValueTransformerWithKey<K, V, NewValue>, one per task, which may use `stores`
  /// and those that the supplier brings along. See ktable_transform.hpp.
  template <class Supplier>
  auto transform_values(Supplier supplier,
                        const Materialized<K, typename detail::SuppliedTransformer<Supplier>::Types::Value>& materialized =
                            detail::no_options<Materialized<K, typename detail::SuppliedTransformer<Supplier>::Types::Value>>(),
                        std::vector<std::string> stores = {}) const;
  KStream<K, V> to_stream(const Named& named = detail::no_options<Named>()) const;
  /// to_stream() and then select_key(), as Java's toStream(mapper). `selector(const K&, const V*)`: a deleted row has no value.
  template <class F>
  [[gnu::noinline]] auto to_stream(F selector, const Named& named = detail::no_options<Named>()) const {
    static_assert(detail::kSeesNull<F, K, V> || !detail::RecordFunction<F, K, V>,
                  "to_stream(selector): a deleted row goes on under its new key and has no value: take (const V*), or "
                  "(const K&, const V*)");
    return to_stream(named).select_key(std::move(selector));
  }
  /// `joiner(const V&, const VO&)`; both sides have to be there.
  template <class VO, class F, class KO>
  [[gnu::noinline]] auto join(
      const KTable<KO, VO>& other, F joiner,
      const Materialized<K, typename detail::TableJoined<F, const V&, const VO&>::Type>& materialized =
          detail::no_options<Materialized<K, typename detail::TableJoined<F, const V&, const VO&>::Type>>()) const;
  /// `joiner(const V&, const VO*)`; the right side may be missing.
  template <class VO, class F, class KO>
  [[gnu::noinline]] auto left_join(
      const KTable<KO, VO>& other, F joiner,
      const Materialized<K, typename detail::TableJoined<F, const V&, const VO*>::Type>& materialized =
          detail::no_options<Materialized<K, typename detail::TableJoined<F, const V&, const VO*>::Type>>()) const;
  /// `joiner(const V*, const VO*)`; one side has to be there.
  template <class VO, class F, class KO>
  [[gnu::noinline]] auto outer_join(
      const KTable<KO, VO>& other, F joiner,
      const Materialized<K, typename detail::TableJoined<F, const V*, const VO*>::Type>& materialized =
          detail::no_options<Materialized<K, typename detail::TableJoined<F, const V*, const VO*>::Type>>()) const;
  /// The rows under another key: `selector(const K&, const V&)` returns a std::pair of key and value; null ones are left out.
  template <class F>
  [[gnu::noinline]] auto group_by(
      F selector, const detail::SelectedGroup<F, K, V>& grouped = detail::no_options<detail::SelectedGroup<F, K, V>>()) const;
  /// Holds back changes, so that of many updates of a key only the last one goes on.
  KTable suppress(Suppressed suppressed) const;
  /// With a row of another table whose key `extract(const V&)` or `(const K&, const V&)` takes from each row; joiners as above.
  template <class KO, class VO, class Extract, class F>
    requires(!detail::kIsMaterialized<F>)
  [[gnu::noinline]] auto join(
      const KTable<KO, VO>& other, Extract extract, F joiner,
      const TableJoined<K, KO>& joined = detail::no_options<TableJoined<K, KO>>(),
      const Materialized<K, typename detail::TableJoined<F, const V&, const VO&>::Type>& materialized =
          detail::no_options<Materialized<K, typename detail::TableJoined<F, const V&, const VO&>::Type>>()) const;
  template <class KO, class VO, class Extract, class F>
    requires(!detail::kIsMaterialized<F>)
  [[gnu::noinline]] auto left_join(
      const KTable<KO, VO>& other, Extract extract, F joiner,
      const TableJoined<K, KO>& joined = detail::no_options<TableJoined<K, KO>>(),
      const Materialized<K, typename detail::TableJoined<F, const V&, const VO*>::Type>& materialized =
          detail::no_options<Materialized<K, typename detail::TableJoined<F, const V&, const VO*>::Type>>()) const;
  /// Name of the store where the table can be queried; empty: it has none of its own.
  [[nodiscard]] std::string queryable_store_name() const { return at_->facts->materialized ? at_->facts->store.name : ""; }
  [[nodiscard]] const Handle& handle() const { return *at_; }

 private:
  template <class, class>
  friend class KTable;
  template <class KR, class VR>
  [[gnu::noinline]] KGroupedTable<KR, VR> grouped_by(OperatorNode* selector, Grouped<KR, VR> grouped) const;
  /// The user's predicate as a map that keeps or drops.
  template <class F>
  static detail::TableMap<K, V, V> filter_of(F predicate, bool keep) {
    return [predicate, keep](const K& key, const V& value) mutable -> std::optional<V> {
      if (static_cast<bool>(detail::call<K, V>(predicate, &key, &value)) != keep) return std::nullopt;
      return value;
    };
  }
  [[gnu::noinline]] KTable filtered(detail::TableMap<K, V, V> map, const Materialized<K, V>& materialized) const {
    return mapped<V>("KTABLE-FILTER-", std::move(map), true, materialized, at_->value_serde);
  }
  /// `value_serde`: where none is given.
  template <class VR>
  [[gnu::noinline]] KTable<K, VR> mapped(const char* prefix, detail::TableMap<K, V, VR> map, bool filter,
                                         const Materialized<K, VR>& materialized,
                                         const std::optional<Serde<VR>>& value_serde) const;
  template <class VR>
  [[gnu::noinline]] KTable<K, VR> transformed(std::function<std::unique_ptr<ValueTransformerWithKey<K, V, VR>>()> supplier,
                                              const Materialized<K, VR>& materialized, std::vector<std::string> stores,
                                              std::vector<StoreSpec> brought) const;
  template <class KO, class VO, class VR>
  [[gnu::noinline]] KTable<K, VR> foreign_join(const KTable<KO, VO>& other, detail::TableMap<K, V, KO> extract,
                                               std::function<std::optional<VR>(const V&, const VO*)> joiner, bool left_join,
                                               const TableJoined<K, KO>& joined, const Materialized<K, VR>& materialized) const;
  template <class VR, class VO>
  [[gnu::noinline]] KTable<K, VR> joined(const KTable<K, VO>& other, detail::TableJoiner<V, VO, VR> joiner, bool needs_left,
                                         bool needs_right, const Materialized<K, VR>& materialized) const;
  std::shared_ptr<const Handle> at_;  // as that of KStream
};

template <class K, class V>
class GlobalKTable {
  TIDEMILL_CHECK_TYPES("GlobalKTable<Key, Value>", K, V);

 public:
  GlobalKTable(std::shared_ptr<Draft> draft, std::string store, std::shared_ptr<detail::GetterSupplier<K, V>> getter)
      : draft_(std::move(draft)), store_(std::move(store)), getter_(std::move(getter)) {}
  [[nodiscard]] const std::string& queryable_store_name() const { return store_; }
  [[nodiscard]] const detail::GetterSupplier<K, V>& getter() const { return *getter_; }
  [[nodiscard]] const std::shared_ptr<Draft>& draft() const { return draft_; }

 private:
  std::shared_ptr<Draft> draft_;
  std::string store_;
  std::shared_ptr<detail::GetterSupplier<K, V>> getter_;
};

namespace detail {

/// The store that the options ask for.
/// The store of a table with plain keys. TopologyException: the supplier gives one that does not fit.
[[nodiscard]] StoreSpec table_store(StoreWishes wishes);
template <class K, class V>
StoreSpec store_spec(const Materialized<K, V>& materialized, std::string name) {
  return table_store(wishes_of(materialized, std::move(name)));
}

template <class K, class V>
[[gnu::noinline]] std::shared_ptr<GetterSupplier<K, V>> store_getter(std::shared_ptr<const TableFacts> facts,
                                                                     const Serde<K>& key_serde, const Serde<V>& value_serde) {
  auto supplier = std::make_shared<GetterSupplier<K, V>>();
  supplier->make = [facts, key_serde, value_serde](TaskContext& task, TableView view) {
    StateStore& store = store_of_table(task, facts->store.name, "a join's table");
    return std::unique_ptr<ValueGetter<K, V>>(new StoreGetter<K, V>(store, view, key_serde, value_serde));
  };
  supplier->stores = store_of(std::move(facts));
  return supplier;
}

/// A serde for values that may never be kept: only where they are, there has to be one.
template <class V>
Serde<V> serde_if_kept(bool kept, const std::optional<Serde<V>>& given, const char* what) {
  return kept || given || HasSerde<V> ? serde_or_default(given, what) : Serde<V>(NeverAsked());
}

}  // namespace detail

template <class K, class V>
KStream<K, V> KTable<K, V>::to_stream(const Named& named) const {
  const std::string name = at_->draft->name_or_new(named.name, "KTABLE-TOSTREAM-");
  at_->draft->add_processor({.name = name,
                             .prototype = prototype(new detail::ToStreamNode),
                             .parents = {at_->node},
                             .input = detail::table_type<K, V>(),
                             .output = detail::stream_type<K, V>(),
                             .fixed_key = true});
  return KStream<K, V>({at_->draft, name, at_->sources, false, at_->key_serde, at_->value_serde});
}

template <class K, class V>
template <class VR>
KTable<K, VR> KTable<K, V>::mapped(const char* prefix, detail::TableMap<K, V, VR> map, bool filter,
                                   const Materialized<K, VR>& materialized, const std::optional<Serde<VR>>& value_serde) const {
  auto facts = std::make_shared<detail::TableFacts>();
  facts->upstream = {at_->facts};
  const auto& key = detail::given_or_inherited(materialized.key_serde, at_->key_serde);
  const auto& value = detail::given_or_inherited(materialized.value_serde, value_serde);
  facts->forgets_versions = materialized.given() && materialized.given_name().empty();
  if (facts->forgets_versions) at_->draft->burn_index();  // as Java, for no store
  const std::string name = at_->draft->name_or_new(materialized.name, prefix);
  // The table has its parent's; its store has not.
  const Serde<K> key_serde =
      detail::serde_or_default(detail::given_or_own(materialized.key_serde, at_->key_serde), "the key type of the table");
  if (!materialized.given_name().empty()) {
    facts->materialized = true;
    facts->store = detail::store_spec(materialized, at_->draft->store_name_or_new(materialized.given_name(), prefix));
  }
  // Where old values come, a filter need not pass on tombstones for what it never let through.
  if (filter) facts->send_old_values = at_->facts->enable_old_values(false);
  const Serde<VR> kept = detail::serde_if_kept(facts->materialized, detail::given_or_own(materialized.value_serde, value_serde),
                                               "the value type of the table");
  std::shared_ptr<detail::GetterSupplier<K, VR>> getter;
  if (facts->materialized) {
    getter = detail::store_getter<K, VR>(facts, key_serde, kept);
  } else {
    getter = std::make_shared<detail::GetterSupplier<K, VR>>();
    getter->make = [from = at_->getter, map](TaskContext& task, detail::TableView view) {
      return std::unique_ptr<detail::ValueGetter<K, VR>>(new detail::MappedGetter<K, V, VR>(from->make(task, view), map));
    };
    getter->stores = at_->getter->stores;
  }
  at_->draft->add_table(
      {.name = name,
       .prototype = prototype(new detail::TableMapNode<K, V, VR>(facts, key_serde, kept, std::move(map), filter)),
       .parents = {at_->node},
       .input = detail::table_type<K, V>(),
       .output = detail::table_type<K, VR>()},
      facts);
  return KTable<K, VR>({at_->draft, name, at_->sources, facts, getter, key, value});
}

}  // namespace tidemill
