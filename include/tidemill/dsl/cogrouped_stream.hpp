// CogroupedKStream<K, VR>: several grouped streams, each with an aggregator of its own, that make one table together.
//
//   clicks.group_by_key().cogroup<Profile>(add_click)
//       .cogroup(orders.group_by_key(), add_order)
//       .aggregate(Profile{}, {.store_name = "profiles"})
//
// All of them have to have equal keys and numbers of partitions. Windowed forms as of a single stream; they pass changes on
// as they come.
#pragma once

#include <tidemill/dsl/kwindowed_stream.hpp>

namespace tidemill {

template <class K, class VR>
class CogroupedKStream;

namespace detail {

/// One of the streams, its value type forgotten.
template <class K, class VR>
struct CogroupInput {
  using Init = AggregateStart<VR>;
  using Merge = SessionMerge<K, VR>;
  struct Place {
    std::string node;
    std::set<std::string> sources;
  };
  std::shared_ptr<Draft> draft;
  std::optional<Serde<K>> key_serde;
  EdgeType type;
  bool null_values = false;
  bool repartitions = false;
  std::function<Place(const std::string& store)> repartition;
  std::function<OperatorNode*(std::shared_ptr<const TableFacts>, const Serde<K>&, const Serde<VR>&, const Init&)> plain;
  std::function<WindowedAggregate*(const Serde<K>&, const Serde<VR>&, const Init&, const Merge&)> windowed;
};

/// Nodes, store and table of the whole; `make` gives one input's node.
template <class KR, class K, class VR, class MakeNode>
KTable<KR, VR> cogroup_aggregate(
    const std::vector<CogroupInput<K, VR>>& inputs, std::shared_ptr<TableFacts> facts, const Materialized<K, VR>& materialized,
    MakeNode make, std::function<void(typename KTable<KR, VR>::Handle&, const Serde<K>&, const Serde<VR>&)> finish) {
  Draft& draft = *inputs.front().draft;
  std::vector<typename CogroupInput<K, VR>::Place> places;
  std::set<std::string> sources;
  std::optional<Serde<K>> key = materialized.key_serde;
  for (const auto& input : inputs) {
    places.push_back(input.repartition(facts->store.name));
    sources.insert(places.back().sources.begin(), places.back().sources.end());
    key = given_or_own(key, input.key_serde);
  }
  // Java asks for equal numbers of partitions only where no stream went through a topic of its own.
  const bool direct = std::all_of(inputs.begin(), inputs.end(), [](const auto& input) { return !input.repartitions; });
  if (direct) draft.copartition(sources, {});
  const Serde<K> key_serde = serde_or_default(key, "the key type of the streams");
  const Serde<VR> value_serde = serde_or_default(materialized.value_serde, "the value type of the aggregate");
  std::vector<std::string> names;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    names.push_back(draft.name_or_new(materialized.name, "-cogroup-agg-" + std::to_string(i), "COGROUPKSTREAM-AGGREGATE-"));
  }
  const std::string merge = draft.name_or_new(materialized.name, "-cogroup-merge", "COGROUPKSTREAM-MERGE-");
  draft.add([=](TopologyBuilder& builder) {
    const std::vector<std::string> stores = add_store(builder, *facts);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      builder.add_processor({.name = names[i],
                             .prototype = prototype(make(inputs[i], facts, key_serde, value_serde)),
                             .parents = {places[i].node},
                             .stores = stores,
                             .input = inputs[i].type,
                             .output = table_type<KR, VR>()});
    }
    builder.add_processor({.name = merge,
                           .prototype = prototype(new PassThroughNode),
                           .parents = names,
                           .input = table_type<KR, VR>(),
                           .output = table_type<KR, VR>()});
  });
  typename KTable<KR, VR>::Handle handle{inputs.front().draft, merge, sources, facts, nullptr, {}, materialized.value_serde};
  finish(handle, key_serde, value_serde);
  return KTable<KR, VR>(std::move(handle));
}

template <class K, class VR>
KTable<Windowed<K>, VR> windowed_cogroup(const std::vector<CogroupInput<K, VR>>& inputs, const WindowPlan& plan,
                                         typename CogroupInput<K, VR>::Init init, typename CogroupInput<K, VR>::Merge merge,
                                         const Materialized<K, VR>& materialized) {
  auto facts = std::make_shared<TableFacts>();
  facts->materialized = true;
  facts->store = plan.store(
      wishes_of(materialized, inputs.front().draft->store_name_or_new(materialized.given_name(), "COGROUPKSTREAM-AGGREGATE-")));
  facts->window_grace = plan.sessions() ? plan.grace + plan.size : plan.grace;
  const auto make = [plan, init, merge](const CogroupInput<K, VR>& input, std::shared_ptr<const TableFacts> own,
                                        const Serde<K>& key, const Serde<VR>& value) {
    WindowPlan its = plan;
    its.null_values = input.null_values;
    return new_windowed_aggregate(its, std::move(own),
                                  std::unique_ptr<WindowedAggregate>(input.windowed(key, value, init, merge)));
  };
  return cogroup_aggregate<Windowed<K>, K, VR>(
      inputs, facts, materialized, make,
      [plan, facts](typename KTable<Windowed<K>, VR>::Handle& handle, const Serde<K>& key, const Serde<VR>& value) {
        handle.key_serde = plan.sessions() ? session_windowed_serde<K>(key) : time_windowed_serde<K>(key, plan.size);
        handle.getter = windowed_getter<K, VR>(facts, key, value);
      });
}

}  // namespace detail

template <class K, class VR>
class TimeWindowedCogroupedKStream {
 public:
  TimeWindowedCogroupedKStream(std::vector<detail::CogroupInput<K, VR>> inputs, detail::WindowPlan plan)
      : inputs_(std::move(inputs)), plan_(plan) {}
  KTable<Windowed<K>, VR> aggregate(VR initial,
                                    const Materialized<K, VR>& materialized = detail::no_options<Materialized<K, VR>>()) const {
    return detail::windowed_cogroup<K, VR>(
        inputs_, plan_, [initial] { return std::optional<VR>(initial); }, nullptr, materialized);
  }

 private:
  std::vector<detail::CogroupInput<K, VR>> inputs_;
  detail::WindowPlan plan_;
};

template <class K, class VR>
class SessionWindowedCogroupedKStream {
 public:
  SessionWindowedCogroupedKStream(std::vector<detail::CogroupInput<K, VR>> inputs, detail::WindowPlan plan)
      : inputs_(std::move(inputs)), plan_(plan) {}
  /// `merger(const K&, const VR& one, const VR& other)` makes one session's aggregate of two.
  template <class M>
  KTable<Windowed<K>, VR> aggregate(VR initial, M merger,
                                    const Materialized<K, VR>& materialized = detail::no_options<Materialized<K, VR>>()) const {
    TIDEMILL_CHECK_COPYABLE("aggregate(initial, merger)", M, merger);
    static_assert(detail::SessionMerger<M, K, VR>, "aggregate(initial, merger): merger must be callable as "
                                                   "Result(const Key&, const Result&, const Result&)");
    if constexpr (detail::SessionMerger<M, K, VR>) {
      return detail::windowed_cogroup<K, VR>(
          inputs_, plan_, [initial] { return std::optional<VR>(initial); },
          detail::session_merge<K, VR>(std::move(merger), initial), materialized);
    } else {
      return KTable<Windowed<K>, VR>({});
    }
  }

 private:
  std::vector<detail::CogroupInput<K, VR>> inputs_;
  detail::WindowPlan plan_;
};

template <class K, class VR>
class CogroupedKStream {
 public:
  /// One more stream, with its aggregator: `(const K&, const V&, const VR& so_far)`; with `const V*` it sees null values where
  /// windows let them through.
  template <class V, class F>
  CogroupedKStream cogroup(const KGroupedStream<K, V>& group, F aggregator) const {
    TIDEMILL_CHECK_COPYABLE("cogroup(group, aggregator)", F, aggregator);
    static_assert(detail::WindowAggregator<F, K, V, VR>,
                  "cogroup(group, aggregator): aggregator must be callable as Result(const Key&, const Value&, const Result& "
                  "so_far), or with const Value* to see null values");
    CogroupedKStream changed = *this;
    if (!inputs_.empty()) inputs_.front().draft->check_same(group.stream().handle().draft, "cogroup(group, aggregator)");
    if constexpr (detail::WindowAggregator<F, K, V, VR>) changed.inputs_.push_back(input<V>(group, std::move(aggregator)));
    return changed;
  }
  KTable<K, VR> aggregate(VR initial,
                          const Materialized<K, VR>& materialized = detail::no_options<Materialized<K, VR>>()) const {
    auto facts = std::make_shared<detail::TableFacts>();
    facts->materialized = true;
    facts->store = detail::store_spec(
        materialized, inputs_.front().draft->store_name_or_new(materialized.given_name(), "COGROUPKSTREAM-AGGREGATE-"));
    typename detail::CogroupInput<K, VR>::Init init = [initial] { return std::optional<VR>(initial); };
    const auto make = [init](const detail::CogroupInput<K, VR>& input, std::shared_ptr<const detail::TableFacts> own,
                             const Serde<K>& key,
                             const Serde<VR>& value) { return input.plain(std::move(own), key, value, init); };
    return detail::cogroup_aggregate<K, K, VR>(
        inputs_, facts, materialized, make,
        [facts](typename KTable<K, VR>::Handle& handle, const Serde<K>& key, const Serde<VR>& value) {
          handle.key_serde = key;
          handle.getter = detail::store_getter<K, VR>(facts, key, value);
        });
  }
  TimeWindowedCogroupedKStream<K, VR> windowed_by(const TimeWindows& windows) const {
    return {inputs_, detail::WindowPlan(windows)};
  }
  TimeWindowedCogroupedKStream<K, VR> windowed_by(const UnlimitedWindows& windows) const {
    return {inputs_, detail::WindowPlan(windows)};
  }
  TimeWindowedCogroupedKStream<K, VR> windowed_by(const SlidingWindows& windows) const {
    return {inputs_, detail::WindowPlan(windows)};
  }
  TimeWindowedCogroupedKStream<K, VR> windowed_by(std::shared_ptr<const Windows> windows) const {
    return {inputs_, detail::WindowPlan(std::move(windows))};
  }
  SessionWindowedCogroupedKStream<K, VR> windowed_by(const SessionWindows& windows) const {
    return {inputs_, detail::WindowPlan(windows)};
  }

 private:
  using Input = detail::CogroupInput<K, VR>;
  template <class V, class F>
  static Input input(const KGroupedStream<K, V>& group, F aggregator) {
    Input made = input_of<V>(group, detail::aggregate_update<K, V, VR>(std::move(aggregator)));
    made.null_values = !detail::Aggregator<F, K, V, VR>;
    return made;
  }
  template <class V>
  [[gnu::noinline]] static Input input_of(const KGroupedStream<K, V>& group, detail::WindowUpdate<K, V, VR> update) {
    Input made;
    made.draft = group.stream().handle().draft;
    made.key_serde = group.grouped().key_serde;
    made.type = detail::stream_type<K, V>();
    made.repartitions = group.stream().handle().repartition_required;
    made.repartition = [group](const std::string& store) {
      const KStream<K, V> from = group.repartitioned(store);
      return typename Input::Place{from.handle().node, from.handle().sources};
    };
    made.plain = [update](std::shared_ptr<const detail::TableFacts> facts, const Serde<K>& key, const Serde<VR>& value,
                          const typename Input::Init& init) -> OperatorNode* {
      auto of_value = [update](const K& k, const V& v, const std::optional<VR>& so_far) { return update(k, &v, so_far); };
      return new detail::AggregateNode<K, V, VR>(std::move(facts), key, value, of_value, init);
    };
    made.windowed = [update](const Serde<K>& key, const Serde<VR>& value, const typename Input::Init& init,
                             const typename Input::Merge& merge) -> detail::WindowedAggregate* {
      return new detail::TypedWindowedAggregate<K, V, VR>(key, value, update, init, merge);
    };
    return made;
  }
  std::vector<Input> inputs_;
};

template <class K, class V>
template <class VR, class F>
CogroupedKStream<K, VR> KGroupedStream<K, V>::cogroup(F aggregator) const {
  return CogroupedKStream<K, VR>().cogroup(*this, std::move(aggregator));
}

}  // namespace tidemill
