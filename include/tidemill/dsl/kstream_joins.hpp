// Joins of a stream with a table (same key, co-partitioned) and with a global table (any key, no partitioning).
#pragma once

#include <tidemill/dsl/ktable.hpp>
#include <tidemill/dsl/stream_table_grace.hpp>

namespace tidemill {

namespace detail {

/// A joiner may take the stream's key in front; as a pointer it sees a missing one.
template <class F, class K, class V, class VT>
inline constexpr bool kJoinsValues = MakesValue<F, const V&, VT>;
template <class F, class K, class V, class VT>
inline constexpr bool kJoinsWithKey = MakesValue<F, const K&, const V&, VT>;
template <class F, class K, class V, class VT>
inline constexpr bool kJoinsWithKeyPointer = MakesValue<F, const K*, const V&, VT>;
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
/// The user's joiner as the node calls it: of an inner join, and of one that goes on without the other side's value.
template <class R, class K, class V, class VT, class F>
StreamTableJoiner<K, V, VT, R> with_other(F joiner) {
  return [joiner](const K* key, const V& value, const VT* other) mutable -> R {
    return call_joiner<const VT&, K, V>(joiner, key, value, *other);
  };
}
template <class R, class K, class V, class VT, class F>
StreamTableJoiner<K, V, VT, R> with_or_without_other(F joiner) {
  return [joiner](const K* key, const V& value, const VT* other) mutable -> R {
    return call_joiner<const VT*, K, V>(joiner, key, value, other);
  };
}

}  // namespace detail

#define TIDEMILL_CHECK_JOINER(operation, F, VTArg, form)                                                                    \
  TIDEMILL_CHECK_COPYABLE(operation, F, joiner);                                                                            \
  static_assert(detail::StreamJoiner<F, K, V, VTArg>, operation ": joiner must be callable as NewValue(const Value&, " form \
                                                                "), or with the stream's key, const Key&, in front")
#define TIDEMILL_CHECK_JOINED_KEY(operation, other, KOther, remedy) \
  static_assert(std::is_same_v<KOther, K>, operation ": the " other " has another key type than this side: " remedy)
#define TIDEMILL_CHECK_TABLE_KEY(operation, KTable_)     \
  TIDEMILL_CHECK_JOINED_KEY(operation, "table", KTable_, \
                            "select_key() first, or make it a global_table(), in which a selector looks keys up")
#define TIDEMILL_CHECK_STREAM_KEY(operation, KOther) \
  TIDEMILL_CHECK_JOINED_KEY(operation, "other stream", KOther, "select_key() of either first")

template <class K, class V>
KStream<K, V> KStream<K, V>::repartitioned_for_join(const std::string& name, const std::optional<Serde<K>>& key,
                                                    const std::optional<Serde<V>>& value) const {
  if (!at_->repartition_required) return *this;
  const auto& sent_key = detail::given_or_inherited(key, at_->key_serde);
  const auto& sent_value = detail::given_or_inherited(value, at_->value_serde);
  if (name.empty() && !at_->join_source->empty()) {
    at_->draft->burn_repartition();
    return KStream({at_->draft, *at_->join_source, {*at_->join_source}, false, sent_key, sent_value});
  }
  Draft::Repartition repartition;
  repartition.prefix = name.empty() ? at_->node : name;
  const KStream made = through_topic(std::move(repartition), sent_key, sent_value);
  *at_->join_source = made.at_->node;
  return made;
}

template <class K, class V>
template <class R, class VT>
KStream<K, detail::WithoutNull<R>> KStream<K, V>::table_join(const KTable<K, VT>& table,
                                                             detail::StreamTableJoiner<K, V, VT, R> joiner, bool left,
                                                             const Joined<K, V, VT>& joined) const {
  using VR = detail::WithoutNull<R>;
  const auto& other = table.handle();
  at_->draft->check_same(other.draft, "join(table, joiner)");
  other.facts->materialize();
  const KStream from = repartitioned_for_join(joined.name, joined.key_serde, joined.value_serde);
  const Handle& at = *from.at_;
  const std::string name = at.draft->name_or_new(joined.name, left ? "KSTREAM-LEFTJOIN-" : "KSTREAM-JOIN-");
  const auto& key = detail::given_or_inherited(joined.key_serde, at.key_serde);
  at.draft->copartition(at.sources, other.sources);
  at.draft->mark(name, {.joins_null_keys = left});
  TopologyBuilder::ProcessorSpec join{
      .name = name,
      .prototype = prototype(new detail::StreamTableJoinNode<K, V, K, VT, R>(*other.getter, nullptr, std::move(joiner), left)),
      .parents = {at.node},
      .input = detail::stream_type<K, V>(),
      .output = detail::stream_type<K, VR>()};
  if (joined.grace_period) {
    detail::JoinGrace grace{*joined.grace_period, nullptr, other.facts};
    const auto& value = detail::given_or_inherited(joined.value_serde, at.value_serde);
    grace.codec.reset(new detail::TypedRecordCodec<K, V>(detail::serde_or_default(key, "the key type of the stream"),
                                                         detail::serde_or_default(value, "the value type of the stream")));
    detail::add_waiting_join(*at.draft, std::move(join), other.getter->stores, std::move(grace));
  } else {
    at.draft->add_processor(std::move(join), other.getter->stores);
  }
  return KStream<K, VR>({at.draft, name, at.sources, at.repartition_required, key, {}});
}

template <class K, class V>
template <class VT, class F, class KT>
auto KStream<K, V>::join(const KTable<KT, VT>& table, F joiner, const Joined<K, V, VT>& joined) const {
  TIDEMILL_CHECK_TABLE_KEY("join(table, joiner)", KT);
  TIDEMILL_CHECK_JOINER("join(table, joiner)", F, const VT&, "const TableValue&");
  if constexpr (std::is_same_v<KT, K> && detail::StreamJoiner<F, K, V, const VT&>) {
    using R = detail::JoinResult<F, K, V, const VT&>;
    return table_join<R, VT>(table, detail::with_other<R, K, V, VT>(std::move(joiner)), false, joined);
  }
}
template <class K, class V>
template <class VT, class F, class KT>
auto KStream<K, V>::left_join(const KTable<KT, VT>& table, F joiner, const Joined<K, V, VT>& joined) const {
  TIDEMILL_CHECK_TABLE_KEY("left_join(table, joiner)", KT);
  TIDEMILL_CHECK_JOINER("left_join(table, joiner)", F, const VT*, "const TableValue*");
  if constexpr (std::is_same_v<KT, K> && detail::StreamJoiner<F, K, V, const VT*>) {
    using R = detail::JoinResult<F, K, V, const VT*>;
    return table_join<R, VT>(table, detail::with_or_without_other<R, K, V, VT>(std::move(joiner)), true, joined);
  }
}

namespace detail {
/// `selector(const K&, const V&) -> KT or std::optional<KT>`, or one of the other forms of a record function.
template <class Select, class K, class V, class KT>
concept LookupKeySelector = RecordFunction<Select, K, V> && requires {
  requires std::convertible_to<CallResult<K, V, Select>, std::optional<KT>>;
};
template <class K, class V, class KT, class Select>
LookupKey<K, V, KT> lookup_key(Select selector) {
  return [selector](const K* key, const V& value) mutable { return std::optional<KT>(call<K, V>(selector, key, &value)); };
}
}  // namespace detail

template <class K, class V>
template <class R, class KT, class VT>
KStream<K, detail::WithoutNull<R>> KStream<K, V>::global_table_join(const GlobalKTable<KT, VT>& table,
                                                                    detail::LookupKey<K, V, KT> select,
                                                                    detail::StreamTableJoiner<K, V, VT, R> joiner, bool left,
                                                                    const Named& named) const {
  using VR = detail::WithoutNull<R>;
  at_->draft->check_same(table.draft(), "join(global table, selector, joiner)");
  const std::string name = at_->draft->name_or_new(named.name, "KSTREAM-LEFTJOIN-");  // as Java, also of an inner join
  at_->draft->mark(name, {.joins_null_keys = left});
  at_->draft->add_processor({.name = name,
                             .prototype = prototype(new detail::StreamTableJoinNode<K, V, KT, VT, R>(
                                 table.getter(), std::move(select), std::move(joiner), left)),
                             .parents = {at_->node},
                             .input = detail::stream_type<K, V>(),
                             .output = detail::stream_type<K, VR>()});
  return KStream<K, VR>({at_->draft, name, at_->sources, at_->repartition_required, at_->key_serde, {}});
}

template <class K, class V>
template <class KT, class VT, class Select, class F>
auto KStream<K, V>::join(const GlobalKTable<KT, VT>& table, Select selector, F joiner, const Named& named) const {
  TIDEMILL_CHECK_COPYABLE("join(global_table, selector, joiner)", Select, selector);
  static_assert(detail::LookupKeySelector<Select, K, V, KT>,
                "join(global_table, selector, joiner): selector must be callable as "
                "GlobalKey(const Key&, const Value&), where GlobalKey is the "
                "table's key type or a std::optional of it");
  TIDEMILL_CHECK_JOINER("join(global_table, selector, joiner)", F, const VT&, "const TableValue&");
  if constexpr (detail::LookupKeySelector<Select, K, V, KT> && detail::StreamJoiner<F, K, V, const VT&>) {
    using R = detail::JoinResult<F, K, V, const VT&>;
    return global_table_join<R, KT, VT>(table, detail::lookup_key<K, V, KT>(std::move(selector)),
                                        detail::with_other<R, K, V, VT>(std::move(joiner)), false, named);
  }
}
template <class K, class V>
template <class KT, class VT, class Select, class F>
auto KStream<K, V>::left_join(const GlobalKTable<KT, VT>& table, Select selector, F joiner, const Named& named) const {
  TIDEMILL_CHECK_COPYABLE("left_join(global_table, selector, joiner)", Select, selector);
  static_assert(detail::LookupKeySelector<Select, K, V, KT>,
                "left_join(global_table, selector, joiner): selector must be callable "
                "as GlobalKey(const Key&, const Value&), where GlobalKey is the "
                "table's key type or a std::optional of it");
  TIDEMILL_CHECK_JOINER("left_join(global_table, selector, joiner)", F, const VT*, "const TableValue*");
  if constexpr (detail::LookupKeySelector<Select, K, V, KT> && detail::StreamJoiner<F, K, V, const VT*>) {
    using R = detail::JoinResult<F, K, V, const VT*>;
    return global_table_join<R, KT, VT>(table, detail::lookup_key<K, V, KT>(std::move(selector)),
                                        detail::with_or_without_other<R, K, V, VT>(std::move(joiner)), true, named);
  }
}

}  // namespace tidemill
