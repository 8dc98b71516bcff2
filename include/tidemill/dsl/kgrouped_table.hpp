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

  template <class Name>
    requires std::is_convertible_v<const Name&, std::string_view> KTable<K, std::int64_t> count(const Name&)
  const {
    TIDEMILL_CHECK_NO_NAME("count", Name);
    return KTable<K, std::int64_t>({});
  }
  /// A group that has become empty stays, as 0.
  KTable<K, std::int64_t> count(
      const Materialized<K, std::int64_t>& materialized = detail::no_options<Materialized<K, std::int64_t>>()) const {
    auto add = [](const K&, const V&, const std::optional<std::int64_t>& so_far) {
      return std::optional<std::int64_t>(so_far.value_or(0) + 1);
    };
    auto subtract = [](const K&, const V&, const std::int64_t& so_far) { return std::optional<std::int64_t>(so_far - 1); };
    return aggregate_into<std::int64_t>("KTABLE-AGGREGATE-", add, subtract, materialized, SerdeOf<std::int64_t>::serde());
  }
  /// `adder(const V& so_far, const V& value)` and `subtractor(const V& so_far, const V& value)`, each V or std::optional<V>.
  template <class Add, class Subtract>
  KTable<K, V> reduce(Add adder, Subtract subtractor,
                      const Materialized<K, V>& materialized = detail::no_options<Materialized<K, V>>()) const {
    TIDEMILL_CHECK_COPYABLE("reduce(adder, subtractor)", Add, adder);
    TIDEMILL_CHECK_COPYABLE("reduce(adder, subtractor)", Subtract, subtractor);
    static_assert(detail::Reducer<Add, V> && detail::Reducer<Subtract, V>,
                  "reduce(adder, subtractor): both must be callable as Value(const Value& so_far, const Value& value)");
    if constexpr (detail::Reducer<Add, V> && detail::Reducer<Subtract, V>) {
      auto add = [adder](const K&, const V& value, const std::optional<V>& so_far) mutable {
        return so_far ? std::optional<V>(adder(*so_far, value)) : std::optional<V>(value);
      };
      auto subtract = [subtractor](const K&, const V& value, const V& so_far) mutable {
        return std::optional<V>(subtractor(so_far, value));
      };
      return aggregate_into<V>("KTABLE-REDUCE-", add, subtract, materialized, grouped_.value_serde);
    } else {
      return KTable<K, V>({});
    }
  }
  /// `adder(const K&, const V&, const VR& so_far)` and `subtractor` likewise, each VR or std::optional<VR>.
  template <class VR, class Add, class Subtract>
  KTable<K, VR> aggregate(VR initial, Add adder, Subtract subtractor,
                          const Materialized<K, VR>& materialized = detail::no_options<Materialized<K, VR>>()) const {
    TIDEMILL_CHECK_COPYABLE("aggregate(initial, adder, subtractor)", Add, adder);
    TIDEMILL_CHECK_COPYABLE("aggregate(initial, adder, subtractor)", Subtract, subtractor);
    static_assert(detail::Aggregator<Add, K, V, VR> && detail::Aggregator<Subtract, K, V, VR>,
                  "aggregate(initial, adder, subtractor): both must be callable as Result(const Key&, const Value&, const "
                  "Result& so_far), where Result is the type of `initial` (std::int64_t{0} where they make 64 bits)");
    if constexpr (detail::Aggregator<Add, K, V, VR> && detail::Aggregator<Subtract, K, V, VR>) {
      auto add = [adder, initial](const K& key, const V& value, const std::optional<VR>& so_far) mutable {
        return std::optional<VR>(adder(key, value, so_far ? *so_far : initial));
      };
      auto subtract = [subtractor](const K& key, const V& value, const VR& so_far) mutable {
        return std::optional<VR>(subtractor(key, value, so_far));
      };
      return aggregate_into<VR>("KTABLE-AGGREGATE-", add, subtract, materialized, {});
    } else {
      return KTable<K, VR>({});
    }
  }

 private:
  /// `value_serde`: where none is given.
  template <class VR>
  [[gnu::noinline]] KTable<K, VR> aggregate_into(const char* prefix, detail::AggregateUpdate<K, V, VR> add,
                                                 detail::AggregateSubtract<K, V, VR> subtract,
                                                 const Materialized<K, VR>& materialized,
                                                 const std::optional<Serde<VR>>& value_serde) const;

  std::shared_ptr<Draft> draft_;
  std::string node_;
  Grouped<K, V> grouped_;
  /// The topic of a group with a name, which all its aggregations share.
  struct Shared {
    std::string source;
    std::string sink;
  };
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

template <class K, class V>
template <class VR>
KTable<K, VR> KGroupedTable<K, V>::aggregate_into(const char* prefix, detail::AggregateUpdate<K, V, VR> add,
                                                  detail::AggregateSubtract<K, V, VR> subtract,
                                                  const Materialized<K, VR>& materialized,
                                                  const std::optional<Serde<VR>>& value_serde) const {
  auto facts = std::make_shared<detail::TableFacts>();
  facts->materialized = true;
  // A store without a name is an aggregate's, also where the node reduces: Java's names.
  facts->store = detail::store_spec(materialized, draft_->store_name_or_new(materialized.given_name(), "KTABLE-AGGREGATE-"));
  const std::string sink = draft_->name_or_new(materialized.name, "-sink", "KSTREAM-SINK-");
  std::string source = draft_->name_or_new(materialized.name, "-source", "KSTREAM-SOURCE-");
  const std::string name = draft_->name_or_new(materialized.name, prefix);
  const std::string topic = Draft::repartition_topic(grouped_.name.empty() ? facts->store.name : grouped_.name);
  const auto& sent_key = detail::given_or_own(grouped_.key_serde, materialized.key_serde);
  const auto& key = detail::given_or_inherited(materialized.key_serde, sent_key);
  const auto& value = detail::given_or_inherited(materialized.value_serde, value_serde);
  const Serde<K> sent_key_serde = detail::serde_or_default(sent_key, "the key type of the grouped table");
  const Serde<K> key_serde = key ? *key : sent_key_serde;
  const Serde<V> sent_serde = detail::serde_or_default(grouped_.value_serde, "the value type of the grouped table");
  const Serde<VR> kept_serde = detail::serde_or_default(value, "the value type of the aggregate");
  if (!grouped_.name.empty() && !shared_->source.empty()) {
    source = shared_->source;
    draft_->write_again(source, shared_->sink);
  } else {
    *shared_ = {source, sink};
    draft_->add([=, parent = node_](TopologyBuilder& builder) {
      builder.add_internal_topic(topic, InternalTopicKind::kRepartition, {});
      builder.add_sink({.name = sink,
                        .topic = topic,
                        .prototype = prototype(new detail::ChangeSinkNode<K, V>(topic, sent_key_serde, sent_serde)),
                        .parents = {parent},
                        .input = detail::table_type<K, V>()});
      builder.add_source({.name = source,
                          .topics = {topic},
                          .prototype = prototype(new detail::ChangeSourceNode<K, V>(sent_key_serde, sent_serde)),
                          .output = detail::table_type<K, V>()});
    });
  }
  draft_->add_table({.name = name,
                     .prototype = prototype(new detail::TableAggregateNode<K, V, VR>(facts, key_serde, kept_serde,
                                                                                     std::move(add), std::move(subtract))),
                     .parents = {source},
                     .input = detail::table_type<K, V>(),
                     .output = detail::table_type<K, VR>()},
                    facts);
  return KTable<K, VR>({draft_, name, {source}, facts, detail::store_getter<K, VR>(facts, key_serde, kept_serde), key, value});
}

template <class K, class V>
template <class F>
auto KTable<K, V>::group_by(F selector, const detail::SelectedGroup<F, K, V>& grouped) const {
  TIDEMILL_CHECK_RESULT("group_by(selector)", PairMapper, F, selector,
                        "the selector must return a std::pair of the new key and value, each of which may be a std::optional");
  if constexpr (detail::PairMapper<F, K, V>) {
    using KR = typename detail::SelectedPair<F, K, V>::Key;
    using VR = typename detail::SelectedPair<F, K, V>::Value;
    return grouped_by<KR, VR>(new detail::TableSelectNode<K, V, KR, VR, F>(std::move(selector), at_->facts), grouped);
  }
}

template <class K, class V>
template <class KR, class VR>
KGroupedTable<KR, VR> KTable<K, V>::grouped_by(OperatorNode* selector, Grouped<KR, VR> grouped) const {
  auto made = prototype(selector);
  const std::string name = at_->draft->name_or_new(grouped.name, "KTABLE-SELECT-");
  at_->facts->enable_old_values(true);
  if constexpr (std::is_same_v<VR, V>) grouped.value_serde = detail::given_or_own(grouped.value_serde, at_->value_serde);
  at_->draft->add_processor({.name = name,
                             .prototype = std::move(made),
                             .parents = {at_->node},
                             .input = detail::table_type<K, V>(),
                             .output = detail::table_type<KR, VR>()});
  return KGroupedTable<KR, VR>(at_->draft, name, std::move(grouped));
}

}  // namespace tidemill
