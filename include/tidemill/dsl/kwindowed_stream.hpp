// TimeWindowedKStream<K, V> and SessionWindowedKStream<K, V>: a grouped stream cut into windows, ready to be aggregated into a
// table of windows.
//
// Records without key are dropped and counted; so are those with a null value unless the function takes the value as a pointer
// (sliding windows never take them), and those that come later than their windows' grace.
#pragma once

#include <tidemill/dsl/kgrouped_stream.hpp>
#include <tidemill/dsl/windowed_nodes.hpp>

namespace tidemill {

namespace detail {

/// A reducer or aggregator may take the value as a pointer, to see nulls.
template <class F, class V>
concept NullReducer = Makes<V, F, const V&, const V*>;
template <class F, class V>
concept WindowReducer = Reducer<F, V> || NullReducer<F, V>;
template <class F, class K, class V, class VR>
concept NullAggregator = Makes<VR, F, const K&, const V*, const VR&>;
template <class F, class K, class V, class VR>
concept WindowAggregator = Aggregator<F, K, V, VR> || NullAggregator<F, K, V, VR>;
template <class F, class K, class VR>
concept SessionMerger = Makes<VR, F, const K&, const VR&, const VR&>;

/// The node and the table of a windowed aggregation. `given_value_serde`: where the options give none.
template <class K, class V, class VR>
[[gnu::noinline]] KTable<Windowed<K>, VR> windowed_aggregate(const KGroupedStream<K, V>& group, WindowPlan plan,
                                                             bool null_values, const char* prefix,
                                                             WindowUpdate<K, V, VR> update, AggregateStart<VR> init,
                                                             SessionMerge<K, VR> merge, const Materialized<K, VR>& materialized,
                                                             const std::optional<Serde<VR>>& given_value_serde) {
  plan.null_values = null_values;
  Draft& draft = *group.stream().handle().draft;
  auto facts = std::make_shared<TableFacts>();
  facts->materialized = true;
  facts->store = plan.store(wishes_of(materialized, draft.store_name_or_new(materialized.given_name(), prefix)));
  facts->window_grace = plan.sessions() ? plan.grace + plan.size : plan.grace;
  const std::string name = draft.name_or_new(materialized.name, prefix);
  const auto& key = given_or_inherited(materialized.key_serde, group.grouped().key_serde);
  const auto& value = given_or_inherited(materialized.value_serde, given_value_serde);
  const KStream<K, V> from = group.repartitioned(facts->store.name);
  const Serde<K> key_serde = serde_or_default(key, "count(), reduce() or aggregate(): the key type of the stream");
  const Serde<VR> value_serde = serde_or_default(value, "the value type of the aggregate");
  std::unique_ptr<WindowedAggregate> typed(
      new TypedWindowedAggregate<K, V, VR>(key_serde, value_serde, std::move(update), std::move(init), std::move(merge)));
  draft.add_table({.name = name,
                   .prototype = prototype(new_windowed_aggregate(plan, facts, std::move(typed))),
                   .parents = {from.handle().node},
                   .input = stream_type<K, V>(),
                   .output = table_type<Windowed<K>, VR>()},
                  facts);
  const auto windowed_serde =
      plan.sessions() ? session_windowed_serde<K>(key_serde) : time_windowed_serde<K>(key_serde, plan.size);
  return KTable<Windowed<K>, VR>({from.handle().draft, name, from.handle().sources, facts,
                                  windowed_getter<K, VR>(facts, key_serde, value_serde), windowed_serde, value});
}

/// As Java, which once named a store here (but not yet for sliding windows).
template <class K, class V>
void burn_name_of_count(const KGroupedStream<K, V>& group, const Materialized<K, std::int64_t>& materialized) {
  if (materialized.given() && materialized.given_name().empty()) group.stream().handle().draft->burn_index();
}
template <class K, class V>
WindowUpdate<K, V, std::int64_t> count_update() {
  return [](const K&, const V*, const std::optional<std::int64_t>& so_far) { return std::optional<std::int64_t>(*so_far + 1); };
}
template <class K, class V, class F>
WindowUpdate<K, V, V> reduce_update(F reducer) {
  return [reducer](const K&, const V* value, const std::optional<V>& so_far) mutable -> std::optional<V> {
    if (!so_far) return value != nullptr ? std::optional<V>(*value) : std::nullopt;
    if constexpr (Reducer<F, V>) {
      return reducer(*so_far, *value);
    } else {
      return reducer(*so_far, value);
    }
  };
}
/// What gives none begins anew: the aggregator has to have something to go on with.
template <class K, class VR, class M>
SessionMerge<K, VR> session_merge(M merger, VR initial) {
  return [merger, initial](const K& key, const std::optional<VR>& so_far, const VR& stored) mutable {
    if (!so_far) return std::optional<VR>(stored);
    std::optional<VR> merged = merger(key, *so_far, stored);
    return merged ? merged : std::optional<VR>(initial);
  };
}
template <class K, class V, class VR, class F>
WindowUpdate<K, V, VR> aggregate_update(F aggregator) {
  return [aggregator](const K& key, const V* value, const std::optional<VR>& so_far) mutable -> std::optional<VR> {
    if constexpr (Aggregator<F, K, V, VR>) {
      return aggregator(key, *value, *so_far);
    } else {
      return aggregator(key, value, *so_far);
    }
  };
}

}  // namespace detail

template <class K, class V>
class TimeWindowedKStream {
 public:
  TimeWindowedKStream(KGroupedStream<K, V> group, detail::WindowPlan plan) : group_(std::move(group)), plan_(plan) {}

  /// Default: on update.
  [[nodiscard]] TimeWindowedKStream emit_strategy(EmitStrategy strategy) const {
    TimeWindowedKStream changed = *this;
    changed.plan_.set_emit(strategy);
    return changed;
  }
  template <class Name>
    requires std::is_convertible_v<const Name&, std::string_view> KTable<Windowed<K>, std::int64_t> count(const Name&)
  const {
    TIDEMILL_CHECK_NO_NAME("count", Name);
    return KTable<Windowed<K>, std::int64_t>({});
  }
  KTable<Windowed<K>, std::int64_t> count(
      const Materialized<K, std::int64_t>& materialized = detail::no_options<Materialized<K, std::int64_t>>()) const {
    if (plan_.kind != detail::WindowPlan::Kind::kSliding) detail::burn_name_of_count(group_, materialized);
    return add<std::int64_t>(
        "KSTREAM-AGGREGATE-", true, detail::count_update<K, V>(), [] { return std::optional<std::int64_t>(0); }, materialized,
        SerdeOf<std::int64_t>::serde());
  }
  /// `reducer(const V& so_far, const V& value)`, or with `const V*` to see null values.
  template <class F>
  KTable<Windowed<K>, V> reduce(F reducer,
                                const Materialized<K, V>& materialized = detail::no_options<Materialized<K, V>>()) const {
    TIDEMILL_CHECK_COPYABLE("reduce(reducer)", F, reducer);
    static_assert(detail::WindowReducer<F, V>, "reduce(reducer): reducer must be callable as Value(const Value& so_far, const "
                                               "Value& value), or with const Value* value to see null values");
    if constexpr (detail::WindowReducer<F, V>) {
      return add<V>(
          "KSTREAM-REDUCE-", !detail::Reducer<F, V>, detail::reduce_update<K, V>(std::move(reducer)),
          [] { return std::optional<V>(); }, materialized, group_.grouped().value_serde);
    } else {
      return KTable<Windowed<K>, V>({});
    }
  }
  /// `aggregator(const K&, const V&, const VR& so_far)`, or with `const V*` to see null values; std::optional<VR>: none deletes.
  template <class VR, class F>
  KTable<Windowed<K>, VR> aggregate(VR initial, F aggregator,
                                    const Materialized<K, VR>& materialized = detail::no_options<Materialized<K, VR>>()) const {
    TIDEMILL_CHECK_COPYABLE("aggregate(initial, aggregator)", F, aggregator);
    static_assert(detail::WindowAggregator<F, K, V, VR>,
                  "aggregate(initial, aggregator): aggregator must be callable as Result(const Key&, const Value&, const "
                  "Result& so_far), or with const Value* to see null values, where Result is the type of `initial` "
                  "(std::int64_t{0} where it makes 64 bits)");
    if constexpr (detail::WindowAggregator<F, K, V, VR>) {
      return add<VR>(
          "KSTREAM-AGGREGATE-", !detail::Aggregator<F, K, V, VR>, detail::aggregate_update<K, V, VR>(std::move(aggregator)),
          [initial] { return std::optional<VR>(initial); }, materialized);
    } else {
      return KTable<Windowed<K>, VR>({});
    }
  }

 private:
  template <class VR>
  KTable<Windowed<K>, VR> add(const char* prefix, bool null_values, detail::WindowUpdate<K, V, VR> update,
                              detail::AggregateStart<VR> init, const Materialized<K, VR>& materialized,
                              const std::optional<Serde<VR>>& value_serde = {}) const {
    return detail::windowed_aggregate<K, V, VR>(group_, plan_, null_values, prefix, std::move(update), std::move(init), nullptr,
                                                materialized, value_serde);
  }
  KGroupedStream<K, V> group_;
  detail::WindowPlan plan_;
};

template <class K, class V>
class SessionWindowedKStream {
 public:
  SessionWindowedKStream(KGroupedStream<K, V> group, detail::WindowPlan plan) : group_(std::move(group)), plan_(plan) {}

  /// Default: on update.
  [[nodiscard]] SessionWindowedKStream emit_strategy(EmitStrategy strategy) const {
    SessionWindowedKStream changed = *this;
    changed.plan_.set_emit(strategy);
    return changed;
  }
  template <class Name>
    requires std::is_convertible_v<const Name&, std::string_view> KTable<Windowed<K>, std::int64_t> count(const Name&)
  const {
    TIDEMILL_CHECK_NO_NAME("count", Name);
    return KTable<Windowed<K>, std::int64_t>({});
  }
  KTable<Windowed<K>, std::int64_t> count(
      const Materialized<K, std::int64_t>& materialized = detail::no_options<Materialized<K, std::int64_t>>()) const {
    detail::burn_name_of_count(group_, materialized);
    auto merge = [](const K&, const std::optional<std::int64_t>& so_far, const std::int64_t& stored) {
      return std::optional<std::int64_t>(*so_far + stored);
    };
    return add<std::int64_t>(
        "KSTREAM-AGGREGATE-", true, detail::count_update<K, V>(), [] { return std::optional<std::int64_t>(0); }, merge,
        materialized, SerdeOf<std::int64_t>::serde());
  }
  /// `reducer(const V& so_far, const V& value)`; with `const V*` it sees null values.
  template <class F>
  KTable<Windowed<K>, V> reduce(F reducer,
                                const Materialized<K, V>& materialized = detail::no_options<Materialized<K, V>>()) const {
    TIDEMILL_CHECK_COPYABLE("reduce(reducer)", F, reducer);
    static_assert(detail::WindowReducer<F, V>, "reduce(reducer): reducer must be callable as Value(const Value& so_far, const "
                                               "Value& value), or with const Value* value to see null values");
    if constexpr (detail::WindowReducer<F, V>) {
      auto merge = [update = detail::reduce_update<K, V>(reducer)](const K& key, const std::optional<V>& so_far,
                                                                   const V& stored) mutable {
        return update(key, &stored, so_far);
      };
      return add<V>(
          "KSTREAM-REDUCE-", !detail::Reducer<F, V>, detail::reduce_update<K, V>(reducer), [] { return std::optional<V>(); },
          merge, materialized, group_.grouped().value_serde);
    } else {
      return KTable<Windowed<K>, V>({});
    }
  }
  /// As of time windows; `merger(const K&, const VR& one, const VR& other)` makes one session's aggregate of two.
  template <class VR, class F, class M>
  KTable<Windowed<K>, VR> aggregate(VR initial, F aggregator, M merger,
                                    const Materialized<K, VR>& materialized = detail::no_options<Materialized<K, VR>>()) const {
    TIDEMILL_CHECK_COPYABLE("aggregate(initial, aggregator, merger)", F, aggregator);
    TIDEMILL_CHECK_COPYABLE("aggregate(initial, aggregator, merger)", M, merger);
    static_assert(detail::WindowAggregator<F, K, V, VR>,
                  "aggregate(initial, aggregator, merger): aggregator must be callable as Result(const Key&, const Value&, "
                  "const Result& so_far), or with const Value* to see null values, where Result is the type of `initial` "
                  "(std::int64_t{0} where it makes 64 bits)");
    static_assert(detail::SessionMerger<M, K, VR>, "aggregate(initial, aggregator, merger): merger must be callable as "
                                                   "Result(const Key&, const Result&, const Result&)");
    if constexpr (detail::WindowAggregator<F, K, V, VR> && detail::SessionMerger<M, K, VR>) {
      auto merge = detail::session_merge<K, VR>(std::move(merger), initial);
      return add<VR>(
          "KSTREAM-AGGREGATE-", !detail::Aggregator<F, K, V, VR>, detail::aggregate_update<K, V, VR>(std::move(aggregator)),
          [initial] { return std::optional<VR>(initial); }, merge, materialized);
    } else {
      return KTable<Windowed<K>, VR>({});
    }
  }

 private:
  template <class VR>
  KTable<Windowed<K>, VR> add(const char* prefix, bool null_values, detail::WindowUpdate<K, V, VR> update,
                              detail::AggregateStart<VR> init, detail::SessionMerge<K, VR> merge,
                              const Materialized<K, VR>& materialized, const std::optional<Serde<VR>>& value_serde = {}) const {
    return detail::windowed_aggregate<K, V, VR>(group_, plan_, null_values, prefix, std::move(update), std::move(init),
                                                std::move(merge), materialized, value_serde);
  }
  KGroupedStream<K, V> group_;
  detail::WindowPlan plan_;
};

template <class K, class V>
TimeWindowedKStream<K, V> KGroupedStream<K, V>::windowed_by(const TimeWindows& windows) const {
  return {*this, detail::WindowPlan(windows)};
}
template <class K, class V>
TimeWindowedKStream<K, V> KGroupedStream<K, V>::windowed_by(const UnlimitedWindows& windows) const {
  return {*this, detail::WindowPlan(windows)};
}
template <class K, class V>
TimeWindowedKStream<K, V> KGroupedStream<K, V>::windowed_by(const SlidingWindows& windows) const {
  return {*this, detail::WindowPlan(windows)};
}
template <class K, class V>
TimeWindowedKStream<K, V> KGroupedStream<K, V>::windowed_by(std::shared_ptr<const Windows> windows) const {
  return {*this, detail::WindowPlan(std::move(windows))};
}
template <class K, class V>
SessionWindowedKStream<K, V> KGroupedStream<K, V>::windowed_by(const SessionWindows& windows) const {
  return {*this, detail::WindowPlan(windows)};
}

}  // namespace tidemill
