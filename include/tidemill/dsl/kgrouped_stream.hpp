// KGroupedStream<K, V>: a stream grouped by its key, ready to be aggregated into a table.
//
// Records without key or with a null value are dropped and counted. The result's timestamp is the larger of the record's and
// the old aggregate's.
#pragma once

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
  KGroupedStream(KStream<K, V> stream, Grouped<K, V> grouped)
      : stream_(std::move(stream)), grouped_(std::move(grouped)) {
    if (!grouped_.name.empty()) Draft::check_name(grouped_.name);
  }
  KTable<K, std::int64_t> count(Materialized<K, std::int64_t> materialized = {}) const;
  /// `reducer(const V& so_far, const V& value) -> V or std::optional<V>` (none deletes); the first value of a key is taken as
  /// it is.
  template <class F>
  KTable<K, V> reduce(F reducer, Materialized<K, V> materialized = {}) const;
  /// `aggregator(const K&, const V&, const VR& so_far) -> VR or std::optional<VR>` (none deletes).
  template <class VR, class F>
  KTable<K, VR> aggregate(VR initial, F aggregator, Materialized<K, VR> materialized = {}) const;
  /// Cuts the group into windows, to be aggregated each by itself.
  TimeWindowedKStream<K, V> windowed_by(const TimeWindows& windows) const;
  TimeWindowedKStream<K, V> windowed_by(const UnlimitedWindows& windows) const;
  TimeWindowedKStream<K, V> windowed_by(const SlidingWindows& windows) const;
  SessionWindowedKStream<K, V> windowed_by(const SessionWindows& windows) const;
  /// Begins an aggregate of several streams: `group.cogroup<Result>(aggregator).cogroup(other, aggregator)...`.
  template <class VR, class F>
  CogroupedKStream<K, VR> cogroup(F aggregator) const;

  // For who aggregates it in another way.

  [[nodiscard]] const KStream<K, V>& stream() const { return stream_; }
  [[nodiscard]] const Grouped<K, V>& grouped() const { return grouped_; }
  [[nodiscard]] std::optional<Serde<V>> value_serde() const {
    return grouped_.value_serde ? grouped_.value_serde : stream_.handle().value_serde;
  }
  /// The stream behind a repartition topic where the key may have changed. All aggregations of a group with a name share one.
  KStream<K, V> repartitioned(const std::string& store) const;

 private:
  template <class VR, class F, class Init>
  KTable<K, VR> aggregate_into(const char* prefix, F update, Init init, Materialized<K, VR> materialized) const;
  KStream<K, V> stream_;
  Grouped<K, V> grouped_;
  std::shared_ptr<std::optional<KStream<K, V>>> shared_ = std::make_shared<std::optional<KStream<K, V>>>();
};

template <class K, class V>
KGroupedStream<K, V> KStream<K, V>::group_by_key(Grouped<K, V> grouped) const {
  return KGroupedStream<K, V>(*this, std::move(grouped));
}
template <class K, class V>
template <class F>
auto KStream<K, V>::group_by(F selector, Grouped<typename detail::MadeBy<F, K, V>::Type, V> grouped) const {
  TIDEMILL_CHECK_RESULT("group_by(selector)", Mapper, F,
                        "the selector must return the new key, of a type that is copyable and owns what it holds, or a "
                        "std::optional of it");
  if constexpr (detail::Mapper<F, K, V>) {
    auto keyed = select_key(std::move(selector), {grouped.name});
    keyed.at_.value_serde = at_.value_serde;
    return keyed.group_by_key(std::move(grouped));
  }
}

template <class K, class V>
KStream<K, V> KGroupedStream<K, V>::repartitioned(const std::string& store) const {
  if (grouped_.name.empty()) return stream_.repartitioned(store, grouped_.key_serde, grouped_.value_serde);
  if (*shared_) {
    if (stream_.at_.repartition_required) stream_.at_.draft->burn_repartition();
  } else {
    shared_->emplace(stream_.repartitioned(grouped_.name, grouped_.key_serde, grouped_.value_serde));
  }
  return **shared_;
}

template <class K, class V>
template <class VR, class F, class Init>
KTable<K, VR> KGroupedStream<K, V>::aggregate_into(const char* prefix, F update, Init init,
                                                   Materialized<K, VR> materialized) const {
  const auto& at = stream_.at_;
  auto facts = std::make_shared<detail::TableFacts>();
  facts->materialized = true;
  facts->store = detail::store_spec(materialized, at.draft->store_name_or_new(materialized.store_name, prefix));
  const std::string name = at.draft->name_or_new(materialized.name, prefix);
  const auto key = materialized.key_serde ? materialized.key_serde : grouped_.key_serde;
  const KStream<K, V> from = repartitioned(facts->store.name);
  const Serde<K> key_serde = from.key_serde(key);
  const Serde<VR> value_serde = detail::serde_or_default(materialized.value_serde, "the value type of the aggregate");
  at.draft->add([=, parent = from.at_.node](TopologyBuilder& builder) {
    builder.add_processor({.name = name,
                           .prototype = prototype(new detail::AggregateNode<K, V, VR, F, Init>(facts, key_serde, value_serde,
                                                                                               update, init)),
                           .parents = {parent}, .stores = detail::add_store(builder, *facts),
                           .input = detail::stream_type<K, V>(), .output = detail::table_type<K, VR>()});
  });
  return KTable<K, VR>({at.draft, name, from.at_.sources, facts,
                        detail::store_getter<K, VR>(facts, key_serde, value_serde), key, materialized.value_serde});
}

template <class K, class V>
KTable<K, std::int64_t> KGroupedStream<K, V>::count(Materialized<K, std::int64_t> materialized) const {
  if (materialized.given() && materialized.store_name.empty()) stream_.at_.draft->burn_index();
  auto update = [](const K&, const V&, const std::optional<std::int64_t>& so_far) {
    return std::optional<std::int64_t>(*so_far + 1);
  };
  auto init = [] { return std::optional<std::int64_t>(0); };
  return aggregate_into<std::int64_t>("KSTREAM-AGGREGATE-", update, init, std::move(materialized));
}
template <class K, class V>
template <class F>
KTable<K, V> KGroupedStream<K, V>::reduce(F reducer, Materialized<K, V> materialized) const {
  TIDEMILL_CHECK_COPYABLE("reduce(reducer)", F);
  static_assert(detail::Reducer<F, V>, "reduce(reducer): reducer must be callable as Value(const Value& so_far, const Value& "
                                       "value), and may return a std::optional of it; for another type use aggregate()");
  if constexpr (detail::Reducer<F, V>) {
    if (!materialized.value_serde) {
      materialized.value_serde = grouped_.value_serde ? grouped_.value_serde : stream_.at_.value_serde;
    }
    auto update = [reducer](const K&, const V& value, const std::optional<V>& so_far) mutable {
      return so_far ? std::optional<V>(reducer(*so_far, value)) : std::optional<V>(value);
    };
    auto init = [] { return std::optional<V>(); };
    return aggregate_into<V>("KSTREAM-REDUCE-", update, init, std::move(materialized));
  } else {
    return KTable<K, V>({});
  }
}
template <class K, class V>
template <class VR, class F>
KTable<K, VR> KGroupedStream<K, V>::aggregate(VR initial, F aggregator, Materialized<K, VR> materialized) const {
  TIDEMILL_CHECK_COPYABLE("aggregate(initial, aggregator)", F);
  static_assert(detail::Aggregator<F, K, V, VR>,
                "aggregate(initial, aggregator): aggregator must be callable as Result(const Key&, const Value&, "
                "const Result& so_far), where Result is the type of `initial` (write std::string(\"\") for a text)");
  if constexpr (detail::Aggregator<F, K, V, VR>) {
    auto update = [aggregator](const K& key, const V& value, const std::optional<VR>& so_far) mutable {
      return std::optional<VR>(aggregator(key, value, *so_far));
    };
    auto init = [initial] { return std::optional<VR>(initial); };
    return aggregate_into<VR>("KSTREAM-AGGREGATE-", update, init, std::move(materialized));
  } else {
    return KTable<K, VR>({});
  }
}

}  // namespace tidemill
