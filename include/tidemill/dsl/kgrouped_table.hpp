// KGroupedTable<K, V>: a table's rows under another key, ready to be aggregated into a table.
//
// When a row changes, what it was is subtracted from the aggregate of its old key, and what it is is added to that of its new
// one. The result's timestamp is the larger of the change's and the old aggregate's.
#pragma once

#include <tidemill/dsl/ktable.hpp>
#include <tidemill/dsl/table_group_nodes.hpp>

namespace tidemill {

template <class K, class V>
class KGroupedTable {
 public:
  /// `node`: that selects key and value.
  KGroupedTable(std::shared_ptr<Draft> draft, std::string node, Grouped<K, V> grouped)
      : draft_(std::move(draft)), node_(std::move(node)), grouped_(std::move(grouped)) {}

  /// A group that has become empty stays, as 0.
  KTable<K, std::int64_t> count(Materialized<K, std::int64_t> materialized = {}) const {
    auto add = [](const K&, const V&, const std::optional<std::int64_t>& so_far) {
      return std::optional<std::int64_t>(so_far.value_or(0) + 1);
    };
    auto subtract = [](const K&, const V&, const std::int64_t& so_far) { return std::optional<std::int64_t>(so_far - 1); };
    return aggregate_into<std::int64_t>("KTABLE-AGGREGATE-", add, subtract, std::move(materialized));
  }
  /// `adder(const V& so_far, const V& value)` and `subtractor(const V& so_far, const V& value)`, each V or std::optional<V>.
  template <class Add, class Subtract>
  KTable<K, V> reduce(Add adder, Subtract subtractor, Materialized<K, V> materialized = {}) const {
    static_assert(detail::Reducer<Add, V> && detail::Reducer<Subtract, V>,
                  "reduce(adder, subtractor): both must be callable as Value(const Value& so_far, const Value& value)");
    if (!materialized.value_serde) materialized.value_serde = grouped_.value_serde;
    auto add = [adder](const K&, const V& value, const std::optional<V>& so_far) mutable {
      return so_far ? std::optional<V>(adder(*so_far, value)) : std::optional<V>(value);
    };
    auto subtract = [subtractor](const K&, const V& value, const V& so_far) mutable {
      return std::optional<V>(subtractor(so_far, value));
    };
    return aggregate_into<V>("KTABLE-REDUCE-", add, subtract, std::move(materialized));
  }
  /// `adder(const K&, const V&, const VR& so_far)` and `subtractor` likewise, each VR or std::optional<VR>.
  template <class VR, class Add, class Subtract>
  KTable<K, VR> aggregate(VR initial, Add adder, Subtract subtractor, Materialized<K, VR> materialized = {}) const {
    static_assert(detail::Aggregator<Add, K, V, VR> && detail::Aggregator<Subtract, K, V, VR>,
                  "aggregate(initial, adder, subtractor): both must be callable as Result(const Key&, const Value&, const "
                  "Result& so_far), where Result is the type of `initial`");
    auto add = [adder, initial](const K& key, const V& value, const std::optional<VR>& so_far) mutable {
      return std::optional<VR>(adder(key, value, so_far ? *so_far : initial));
    };
    auto subtract = [subtractor](const K& key, const V& value, const VR& so_far) mutable {
      return std::optional<VR>(subtractor(key, value, so_far));
    };
    return aggregate_into<VR>("KTABLE-AGGREGATE-", add, subtract, std::move(materialized));
  }

 private:
  template <class VR, class Add, class Subtract>
  KTable<K, VR> aggregate_into(const char* prefix, Add add, Subtract subtract, Materialized<K, VR> materialized) const;

  std::shared_ptr<Draft> draft_;
  std::string node_;
  Grouped<K, V> grouped_;
  /// The source behind the topic of a group with a name, which all its aggregations share.
  std::shared_ptr<std::string> shared_ = std::make_shared<std::string>();
};

template <class K, class V>
template <class VR, class Add, class Subtract>
KTable<K, VR> KGroupedTable<K, V>::aggregate_into(const char* prefix, Add add, Subtract subtract,
                                                  Materialized<K, VR> materialized) const {
  auto facts = std::make_shared<detail::TableFacts>();
  facts->materialized = true;
  // A store without a name is an aggregate's, also where the node reduces: Java's names.
  facts->store = detail::store_spec(materialized, draft_->store_name_or_new(materialized.store_name, "KTABLE-AGGREGATE-"));
  const std::string sink = draft_->name_or_new(materialized.name, "-sink", "KSTREAM-SINK-");
  std::string source = draft_->name_or_new(materialized.name, "-source", "KSTREAM-SOURCE-");
  const std::string name = draft_->name_or_new(materialized.name, prefix);
  const std::string topic = Draft::repartition_topic(grouped_.name.empty() ? facts->store.name : grouped_.name);
  const auto key = grouped_.key_serde ? grouped_.key_serde : materialized.key_serde;
  const Serde<K> key_serde = detail::serde_or_default(key, "the key type of the grouped table");
  const Serde<V> sent_serde = detail::serde_or_default(grouped_.value_serde, "the value type of the grouped table");
  const Serde<VR> value_serde = detail::serde_or_default(materialized.value_serde, "the value type of the aggregate");
  if (!grouped_.name.empty() && !shared_->empty()) {
    source = *shared_;
  } else {
    *shared_ = source;
    draft_->add([=, parent = node_](TopologyBuilder& builder) {
      builder.add_internal_topic(topic, InternalTopicKind::kRepartition, {});
      builder.add_sink({.name = sink, .topic = topic,
                        .prototype = prototype(new detail::ChangeSinkNode<K, V>(topic, key_serde, sent_serde)),
                        .parents = {parent}, .input = detail::table_type<K, V>()});
      builder.add_source({.name = source, .topics = {topic},
                          .prototype = prototype(new detail::ChangeSourceNode<K, V>(key_serde, sent_serde)),
                          .output = detail::table_type<K, V>()});
    });
  }
  draft_->add([=](TopologyBuilder& builder) {
    builder.add_processor(
        {.name = name,
         .prototype = prototype(new detail::TableAggregateNode<K, V, VR, Add, Subtract>(facts, key_serde, value_serde, add, subtract)),
         .parents = {source}, .stores = detail::add_store(builder, *facts),
         .input = detail::table_type<K, V>(), .output = detail::table_type<K, VR>()});
  });
  return KTable<K, VR>({draft_, name, {source}, facts, detail::store_getter<K, VR>(facts, key_serde, value_serde), key,
                        materialized.value_serde});
}

template <class K, class V>
template <class F>
auto KTable<K, V>::group_by(F selector, Grouped<typename detail::SelectedPair<F, K, V>::Key,
                                                typename detail::SelectedPair<F, K, V>::Value> grouped) const {
  TIDEMILL_CHECK_RESULT("group_by(selector)", PairMapper, F,
                        "the selector must return a std::pair of the new key and value, each of which may be a std::optional");
  if constexpr (detail::PairMapper<F, K, V>) {
    using KR = typename detail::SelectedPair<F, K, V>::Key;
    using VR = typename detail::SelectedPair<F, K, V>::Value;
    const std::string name = at_.draft->name_or_new(grouped.name, "KTABLE-SELECT-");
    at_.facts->enable_old_values(true);
    if constexpr (std::is_same_v<VR, V>) {
      if (!grouped.value_serde) grouped.value_serde = at_.value_serde;
    }
    at_.draft->add([name, selector, parent = at_.node, facts = at_.facts](TopologyBuilder& builder) {
      builder.add_processor(
          {.name = name,
           .prototype = prototype(new detail::TableSelectNode<K, V, KR, VR, F>(selector, facts->versioned())),
           .parents = {parent}, .input = detail::table_type<K, V>(), .output = detail::table_type<KR, VR>()});
    });
    return KGroupedTable<KR, VR>(at_.draft, name, std::move(grouped));
  }
}

}  // namespace tidemill
