// Joins of a stream with a table (same key, co-partitioned) and with a global table (any key, no partitioning).
#pragma once

#include <tidemill/dsl/ktable.hpp>

namespace tidemill {

namespace detail {

/// A joiner may take the stream's key in front; as a pointer it sees a missing one.
template <class F, class K, class V, class VT>
inline constexpr bool kJoinsValues = std::is_invocable_v<F&, const V&, VT>;
template <class F, class K, class V, class VT>
inline constexpr bool kJoinsWithKey = std::is_invocable_v<F&, const K&, const V&, VT>;
template <class F, class K, class V, class VT>
inline constexpr bool kJoinsWithKeyPointer = std::is_invocable_v<F&, const K*, const V&, VT>;
template <class F, class K, class V, class VT>
concept StreamJoiner = kJoinsValues<F, K, V, VT> || kJoinsWithKey<F, K, V, VT> || kJoinsWithKeyPointer<F, K, V, VT>;

/// `VT`: const Value& or const Value*.
template <class VT, class K, class V, class F>
decltype(auto) call_joiner(F& joiner, const K* key, const V& value, VT other) {
  if constexpr (kJoinsValues<F, K, V, VT>) {
    return joiner(value, other);
  } else if constexpr (kJoinsWithKey<F, K, V, VT>) {
    return joiner(deref_or_default<K>(key), value, other);
  } else {
    return joiner(key, value, other);
  }
}
template <class F, class K, class V, class VT>
using JoinResult = std::remove_cvref_t<decltype(call_joiner<VT, K, V>(std::declval<F&>(), nullptr, std::declval<const V&>(),
                                                                      std::declval<VT>()))>;

}  // namespace detail

#define TIDEMILL_CHECK_JOINER(operation, F, VTArg, form)                                                            \
  TIDEMILL_CHECK_COPYABLE(operation, F);                                                                            \
  static_assert(detail::StreamJoiner<F, K, V, VTArg>, operation ": joiner must be callable as NewValue(const Value&, " form \
                                                                "), or with the stream's key, const Key&, in front")

template <class K, class V>
KStream<K, V> KStream<K, V>::repartitioned_for_join(const std::string& name, const std::optional<Serde<K>>& key,
                                                    const std::optional<Serde<V>>& value) const {
  if (!at_.repartition_required) return *this;
  if (name.empty() && !at_.join_source->empty()) {
    at_.draft->burn_repartition();
    return KStream({at_.draft, *at_.join_source, {*at_.join_source}, false, key_serde(key), value_serde(value)});
  }
  Draft::Repartition repartition;
  repartition.prefix = name.empty() ? at_.node : name;
  const KStream made = through_topic(std::move(repartition), key_serde(key), value_serde(value));
  *at_.join_source = made.at_.node;
  return made;
}

template <class K, class V>
template <class VT>
detail::JoinGrace KStream<K, V>::join_grace(const Joined<K, V, VT>& joined, std::shared_ptr<const detail::TableFacts> table) const {
  if (!joined.grace_period) return {};
  std::shared_ptr<const detail::RecordCodec> codec(
      new detail::TypedRecordCodec<K, V>(key_serde(joined.key_serde), value_serde(joined.value_serde)));
  return {joined.grace_period, std::move(codec), std::move(table)};
}

template <class K, class V>
template <class KT, class VT, class R, class Select, class F>
KStream<K, detail::WithoutNull<R>> KStream<K, V>::table_join(const char* prefix, const std::string& given,
                                                             detail::GetterSupplier<KT, VT> getter, Select select, F joiner,
                                                             bool left, const std::set<std::string>* table_sources,
                                                             detail::JoinGrace grace) const {
  using VR = detail::WithoutNull<R>;
  const std::string name = at_.draft->name_or_new(given, prefix);
  const bool global = table_sources == nullptr;
  if (!global) at_.draft->copartition(at_.sources, *table_sources);
  at_.draft->mark(name, {.joins_null_keys = left});
  at_.draft->add([=, parent = at_.node](TopologyBuilder& builder) {
    TopologyBuilder::ProcessorSpec join{
        .name = name,
        .prototype = prototype(new detail::StreamTableJoinNode<K, V, KT, VT, R, Select, F>(getter, select, joiner, left)),
        .parents = {parent}, .stores = global ? std::vector<std::string>() : getter.stores(),
        .input = detail::stream_type<K, V>(), .output = detail::stream_type<K, VR>()};
    if (grace.period) detail::make_wait(builder, grace, join);
    builder.add_processor(std::move(join));
  });
  return KStream<K, VR>({at_.draft, name, at_.sources, at_.repartition_required, at_.key_serde, {}});
}

template <class K, class V>
template <class VT, class F>
auto KStream<K, V>::join(const KTable<K, VT>& table, F joiner, Joined<K, V, VT> joined) const {
  TIDEMILL_CHECK_JOINER("join(table, joiner)", F, const VT&, "const TableValue&");
  if constexpr (detail::StreamJoiner<F, K, V, const VT&>) {
    using R = detail::JoinResult<F, K, V, const VT&>;
    table.handle().facts->materialize();
    const KStream from = repartitioned_for_join(joined.name, joined.key_serde, joined.value_serde);
    auto select = [](const K* key, const V&) { return key != nullptr ? std::optional<K>(*key) : std::nullopt; };
    auto both = [joiner](const K* key, const V& value, const VT* other) mutable -> R {
      return detail::call_joiner<const VT&, K, V>(joiner, key, value, *other);
    };
    return from.template table_join<K, VT, R>("KSTREAM-JOIN-", joined.name, *table.handle().getter, select, both, false,
                                              &table.handle().sources, from.join_grace(joined, table.handle().facts));
  }
}
template <class K, class V>
template <class VT, class F>
auto KStream<K, V>::left_join(const KTable<K, VT>& table, F joiner, Joined<K, V, VT> joined) const {
  TIDEMILL_CHECK_JOINER("left_join(table, joiner)", F, const VT*, "const TableValue*");
  if constexpr (detail::StreamJoiner<F, K, V, const VT*>) {
    using R = detail::JoinResult<F, K, V, const VT*>;
    table.handle().facts->materialize();
    const KStream from = repartitioned_for_join(joined.name, joined.key_serde, joined.value_serde);
    auto select = [](const K* key, const V&) { return key != nullptr ? std::optional<K>(*key) : std::nullopt; };
    auto one = [joiner](const K* key, const V& value, const VT* other) mutable -> R {
      return detail::call_joiner<const VT*, K, V>(joiner, key, value, other);
    };
    return from.template table_join<K, VT, R>("KSTREAM-LEFTJOIN-", joined.name, *table.handle().getter, select, one, true,
                                              &table.handle().sources, from.join_grace(joined, table.handle().facts));
  }
}

namespace detail {
/// `selector(const K&, const V&) -> KT or std::optional<KT>`, or one of the other forms of a record function.
template <class Select, class K, class V, class KT>
concept LookupKeySelector = RecordFunction<Select, K, V> && requires { requires std::convertible_to<CallResult<K, V, Select>, std::optional<KT>>; };
template <class K, class V, class KT, class Select>
auto lookup_key(Select selector) {
  return [selector](const K* key, const V& value) mutable { return std::optional<KT>(call<K, V>(selector, key, &value)); };
}
}  // namespace detail

template <class K, class V>
template <class KT, class VT, class Select, class F>
auto KStream<K, V>::join(const GlobalKTable<KT, VT>& table, Select selector, F joiner, Named named) const {
  TIDEMILL_CHECK_COPYABLE("join(global_table, selector, joiner)", Select);
  static_assert(detail::LookupKeySelector<Select, K, V, KT>, "join(global_table, selector, joiner): selector must be callable as "
                                                             "GlobalKey(const Key&, const Value&), where GlobalKey is the "
                                                             "table's key type or a std::optional of it");
  TIDEMILL_CHECK_JOINER("join(global_table, selector, joiner)", F, const VT&, "const TableValue&");
  if constexpr (detail::LookupKeySelector<Select, K, V, KT> && detail::StreamJoiner<F, K, V, const VT&>) {
    using R = detail::JoinResult<F, K, V, const VT&>;
    auto both = [joiner](const K* key, const V& value, const VT* other) mutable -> R {
      return detail::call_joiner<const VT&, K, V>(joiner, key, value, *other);
    };
    return table_join<KT, VT, R>("KSTREAM-LEFTJOIN-", named.name, table.getter(), detail::lookup_key<K, V, KT>(selector), both,
                                 false, nullptr);
  }
}
template <class K, class V>
template <class KT, class VT, class Select, class F>
auto KStream<K, V>::left_join(const GlobalKTable<KT, VT>& table, Select selector, F joiner, Named named) const {
  TIDEMILL_CHECK_COPYABLE("left_join(global_table, selector, joiner)", Select);
  static_assert(detail::LookupKeySelector<Select, K, V, KT>, "left_join(global_table, selector, joiner): selector must be callable "
                                                             "as GlobalKey(const Key&, const Value&), where GlobalKey is the "
                                                             "table's key type or a std::optional of it");
  TIDEMILL_CHECK_JOINER("left_join(global_table, selector, joiner)", F, const VT*, "const TableValue*");
  if constexpr (detail::LookupKeySelector<Select, K, V, KT> && detail::StreamJoiner<F, K, V, const VT*>) {
    using R = detail::JoinResult<F, K, V, const VT*>;
    auto one = [joiner](const K* key, const V& value, const VT* other) mutable -> R {
      return detail::call_joiner<const VT*, K, V>(joiner, key, value, other);
    };
    return table_join<KT, VT, R>("KSTREAM-LEFTJOIN-", named.name, table.getter(), detail::lookup_key<K, V, KT>(selector), one, true,
                                 nullptr);
  }
}

}  // namespace tidemill
