// KGroupedStream<K, V>: a stream grouped by its key, ready to be aggregated into a table.
//
// Records without key or with a null value are dropped and counted. The result's timestamp is the larger of the record's and
// the old aggregate's.
#pragma once

#include <tidemill/dsl/aggregate_node.hpp>
#include <tidemill/dsl/kstream.hpp>
#include <tidemill/dsl/ktable.hpp>
#include <tidemill/dsl/windows.hpp>

namespace tidemill {

template <class K, class V>
class TimeWindowedKStream;
template <class K, class V>
class SessionWindowedKStream;
template <class K, class VR>
class CogroupedKStream;

template <class K, class V>
class KGroupedStream {
 public:
  /// `grouped`: with the serdes that it comes to.
  [[gnu::noinline]] KGroupedStream(const KStream<K, V>& stream, const Grouped<K, V>& grouped)
      : state_(new State{stream, grouped, {}}) {
    if (!grouped.name.empty()) Draft::check_name(grouped.name);
  }
  [[gnu::noinline]] KGroupedStream(const KGroupedStream&) = default;
  [[gnu::noinline]] KGroupedStream(KGroupedStream&&) noexcept = default;
  [[gnu::noinline]] KGroupedStream& operator=(const KGroupedStream&) = default;
  [[gnu::noinline]] KGroupedStream& operator=(KGroupedStream&&) noexcept = default;
  [[gnu::noinline]] ~KGroupedStream() = default;
  template <class Name>
    requires std::is_convertible_v<const Name&, std::string_view> KTable<K, std::int64_t> count(const Name&)
  const {
    TIDEMILL_CHECK_NO_NAME("count", Name);
    return KTable<K, std::int64_t>({});
  }
  [[gnu::noinline]] KTable<K, std::int64_t> count(
      const Materialized<K, std::int64_t>& materialized = detail::no_options<Materialized<K, std::int64_t>>()) const;
  /// `reducer(const V& so_far, const V& value) -> V or std::optional<V>` (none deletes); the first value of a key is taken as
  /// it is.
  template <class F>
  [[gnu::noinline]] KTable<K, V> reduce(
      F reducer, const Materialized<K, V>& materialized = detail::no_options<Materialized<K, V>>()) const;
  /// `aggregator(const K&, const V&, const VR& so_far) -> VR or std::optional<VR>` (none deletes).
  template <class VR, class F>
  [[gnu::noinline]] KTable<K, VR> aggregate(VR initial, F aggregator, const Materialized<K, VR>& materialized) const;
  template <class VR, class F>
  KTable<K, VR> aggregate(VR initial, F aggregator) const {
    TIDEMILL_CHECK_RESULT_SERDE("aggregate(initial, aggregator)", VR);
    return aggregate(std::move(initial), std::move(aggregator), detail::no_options<Materialized<K, VR>>());
  }
  /// Cuts the group into windows, to be aggregated each by itself.
  TimeWindowedKStream<K, V> windowed_by(const TimeWindows& windows) const;
  TimeWindowedKStream<K, V> windowed_by(const UnlimitedWindows& windows) const;
  TimeWindowedKStream<K, V> windowed_by(const SlidingWindows& windows) const;
  TimeWindowedKStream<K, V> windowed_by(std::shared_ptr<const Windows> windows) const;
  SessionWindowedKStream<K, V> windowed_by(const SessionWindows& windows) const;
  /// Begins an aggregate of several streams: `group.cogroup<Result>(aggregator).cogroup(other, aggregator)...`.
  template <class VR, class F>
  CogroupedKStream<K, VR> cogroup(F aggregator) const;

  // For who aggregates it in another way.

  [[nodiscard]] const KStream<K, V>& stream() const { return state_->stream; }
  [[nodiscard]] const Grouped<K, V>& grouped() const { return state_->grouped; }
  /// The stream behind a repartition topic where the key may have changed. All aggregations of a group with a name share one.
  KStream<K, V> repartitioned(const std::string& store) const;

 private:
  /// `value_serde`: where none is given.
  template <class VR>
  [[gnu::noinline]] KTable<K, VR> aggregate_into(const char* prefix, detail::AggregateUpdate<K, V, VR> update,
                                                 detail::AggregateStart<VR> start, const Materialized<K, VR>& materialized,
                                                 const std::optional<Serde<VR>>& value_serde) const;
  struct State {
    KStream<K, V> stream;
    Grouped<K, V> grouped;
    /// Behind the topic of a group with a name.
    std::optional<KStream<K, V>> shared;
  };
  std::shared_ptr<State> state_;
};

template <class K, class V>
KGroupedStream<K, V> KStream<K, V>::group_by_key(const Grouped<K, V>& grouped) const {
  // Options hand nothing on, also where all they have is a name.
  const auto& [name, key, value] = grouped;
  const bool own = grouped.given();
  return KGroupedStream<K, V>(*this, {.name = name,
                                      .key_serde = own ? detail::given_or_own(key, at_->key_serde) : at_->key_serde,
                                      .value_serde = own ? detail::given_or_own(value, at_->value_serde) : at_->value_serde});
}
template <class K, class V>
template <class F>
auto KStream<K, V>::group_by(F selector, const Grouped<typename detail::MadeBy<F, K, V>::Type, V>& grouped) const {
  TIDEMILL_CHECK_RESULT("group_by(selector)", Mapper, F, selector,
                        "the selector must return the new key, of a type that is copyable and owns what it holds, or a "
                        "std::optional of it");
  if constexpr (detail::Mapper<F, K, V>) {
    return grouped_by(detail::function_node(&detail::select_record_key<K, V, F>, std::move(selector)), grouped);
  }
}
template <class K, class V>
template <class KR>
KGroupedStream<KR, V> KStream<K, V>::grouped_by(OperatorNode* selector, const Grouped<KR, V>& grouped) const {
  Grouped<KR, V> options = grouped;
  options.value_serde = grouped.given() ? detail::given_or_own(grouped.value_serde, at_->value_serde) : at_->value_serde;
  return KGroupedStream<KR, V>(keyed<KR>({grouped.name}, selector), options);
}

template <class K, class V>
KStream<K, V> KGroupedStream<K, V>::repartitioned(const std::string& store) const {
  const KStream<K, V>& from = stream();
  const Grouped<K, V>& options = grouped();
  if (options.name.empty()) return from.repartitioned(store, options.key_serde, options.value_serde);
  if (state_->shared) {
    if (from.at_->repartition_required) {
      from.at_->draft->burn_repartition();
      from.at_->draft->write_again(state_->shared->at_->node);
    }
  } else {
    state_->shared.emplace(from.repartitioned(options.name, options.key_serde, options.value_serde));
  }
  return *state_->shared;
}

template <class K, class V>
template <class VR>
KTable<K, VR> KGroupedStream<K, V>::aggregate_into(const char* prefix, detail::AggregateUpdate<K, V, VR> update,
                                                   detail::AggregateStart<VR> start, const Materialized<K, VR>& materialized,
                                                   const std::optional<Serde<VR>>& value_serde) const {
  const auto& at = stream().handle();
  auto facts = std::make_shared<detail::TableFacts>();
  facts->materialized = true;
  facts->store = detail::store_spec(materialized, at.draft->store_name_or_new(materialized.given_name(), prefix));
  const std::string name = at.draft->name_or_new(materialized.name, prefix);
  const auto& key = detail::given_or_inherited(materialized.key_serde, grouped().key_serde);
  const auto& value = detail::given_or_inherited(materialized.value_serde, value_serde);
  const KStream<K, V> from = repartitioned(facts->store.name);
  const Serde<K> kept_key = detail::serde_or_default(key, "count(), reduce() or aggregate(): the key type of the stream");
  const Serde<VR> kept_value = detail::serde_or_default(value, "the value type of the aggregate");
  at.draft->add_table({.name = name,
                       .prototype = prototype(new detail::AggregateNode<K, V, VR>(facts, kept_key, kept_value,
                                                                                  std::move(update), std::move(start))),
                       .parents = {from.at_->node},
                       .input = detail::stream_type<K, V>(),
                       .output = detail::table_type<K, VR>()},
                      facts);
  return KTable<K, VR>(
      {at.draft, name, from.at_->sources, facts, detail::store_getter<K, VR>(facts, kept_key, kept_value), key, value});
}

template <class K, class V>
KTable<K, std::int64_t> KGroupedStream<K, V>::count(const Materialized<K, std::int64_t>& materialized) const {
  if (materialized.given() && materialized.given_name().empty()) stream().handle().draft->burn_index();
  auto update = [](const K&, const V&, const std::optional<std::int64_t>& so_far) {
    return std::optional<std::int64_t>(*so_far + 1);
  };
  auto init = [] { return std::optional<std::int64_t>(0); };
  return aggregate_into<std::int64_t>("KSTREAM-AGGREGATE-", update, init, materialized, SerdeOf<std::int64_t>::serde());
}
template <class K, class V>
template <class F>
KTable<K, V> KGroupedStream<K, V>::reduce(F reducer, const Materialized<K, V>& materialized) const {
  TIDEMILL_CHECK_COPYABLE("reduce(reducer)", F, reducer);
  static_assert(detail::Reducer<F, V>, "reduce(reducer): reducer must be callable as Value(const Value& so_far, const Value& "
                                       "value), and may return a std::optional of it; for another type use aggregate()");
  if constexpr (detail::Reducer<F, V>) {
    auto update = [reducer](const K&, const V& value, const std::optional<V>& so_far) mutable {
      return so_far ? std::optional<V>(reducer(*so_far, value)) : std::optional<V>(value);
    };
    auto init = [] { return std::optional<V>(); };
    return aggregate_into<V>("KSTREAM-REDUCE-", update, init, materialized, grouped().value_serde);
  } else {
    return KTable<K, V>({});
  }
}
template <class K, class V>
template <class VR, class F>
KTable<K, VR> KGroupedStream<K, V>::aggregate(VR initial, F aggregator, const Materialized<K, VR>& materialized) const {
  TIDEMILL_CHECK_COPYABLE("aggregate(initial, aggregator)", F, aggregator);
  static_assert(
      detail::Aggregator<F, K, V, VR>,
      "aggregate(initial, aggregator): aggregator must be callable as Result(const Key&, const Value&, "
      "const Result& so_far), where Result is the type of `initial` (write std::string(\"\") for a text, std::int64_t{0} "
      "where the aggregator makes 64 bits)");
  if constexpr (detail::Aggregator<F, K, V, VR>) {
    auto update = [aggregator](const K& key, const V& value, const std::optional<VR>& so_far) mutable {
      return std::optional<VR>(aggregator(key, value, *so_far));
    };
    auto init = [initial] { return std::optional<VR>(initial); };
    return aggregate_into<VR>("KSTREAM-AGGREGATE-", update, init, materialized, {});
  } else {
    return KTable<K, VR>({});
  }
}

}  // namespace tidemill
