// The members of KStream and KGroupedStream that need more than one line.
#pragma once

#include <tidemill/dsl/kstream.hpp>
#include <tidemill/dsl/ktable.hpp>

namespace tidemill {

template <class K, class V>
template <class KR, class VR>
KStream<KR, VR> KStream<K, V>::next(const Named& named, std::string_view prefix, OperatorNode* node, bool key_changes,
                                    std::vector<std::string> stores) const {
  auto made = prototype(node);
  const std::string name = at_.draft->name_or_new(named.name, prefix);
  at_.draft->add_processor({.name = name, .prototype = std::move(made), .parents = {at_.node}, .stores = std::move(stores),
                            .input = detail::stream_type<K, V>(), .output = detail::stream_type<KR, VR>()});
  typename KStream<KR, VR>::Handle handle{at_.draft, name, at_.sources, at_.repartition_required || key_changes};
  if constexpr (std::is_same_v<K, KR>) {
    if (!key_changes) handle.key_serde = at_.key_serde;
  }
  return KStream<KR, VR>(std::move(handle));
}

template <class K, class V>
KStream<K, V> KStream<K, V>::merge(const KStream& other, Named named) const {
  const std::string name = at_.draft->name_or_new(named.name, "KSTREAM-MERGE-");
  at_.draft->add_processor({.name = name, .prototype = prototype(new detail::PassThroughNode),
                            .parents = {at_.node, other.at_.node},
                            .input = detail::stream_type<K, V>(), .output = detail::stream_type<K, V>()});
  Handle handle{at_.draft, name, at_.sources, at_.repartition_required || other.at_.repartition_required};
  handle.sources.insert(other.at_.sources.begin(), other.at_.sources.end());
  return KStream(std::move(handle));
}

template <class K, class V>
BranchedKStream<K, V> KStream<K, V>::split(Named named) const {
  const std::string name = at_.draft->name_or_new(named.name, "KSTREAM-BRANCH-");
  auto predicates = std::make_shared<std::vector<detail::BranchNode::Predicate>>();
  auto names = std::make_shared<std::vector<std::string>>();
  at_.draft->add_processor({.name = name, .prototype = prototype(new detail::BranchNode(predicates, names)),
                            .parents = {at_.node},
                            .input = detail::stream_type<K, V>(), .output = detail::stream_type<K, V>()});
  return BranchedKStream<K, V>(at_, name, predicates, names);
}

template <class K, class V>
KStream<K, V> KStream<K, V>::through_topic(Draft::Repartition repartition, const Serde<K>& key,
                                           const Serde<V>& value) const {
  const std::string topic = Draft::repartition_topic(repartition.prefix);
  repartition.parent = at_.node;
  repartition.type = detail::stream_type<K, V>();
  repartition.sink = prototype(new detail::SinkNode<K, V>(topic, true, nullptr, key, value, nullptr));
  repartition.source = prototype(new detail::TypedSourceNode<K, V>(key, value));
  const std::string source = at_.draft->add_repartition(std::move(repartition));
  return KStream({at_.draft, source, {source}, false, key, value});
}

template <class K, class V>
KStream<K, V> KStream<K, V>::repartitioned(const std::string& prefix, const std::optional<Serde<K>>& key,
                                           const std::optional<Serde<V>>& value) const {
  if (!at_.repartition_required) return *this;
  Draft::Repartition repartition;
  repartition.prefix = prefix;
  repartition.filter = prototype(new detail::NullKeyFilterNode);
  return through_topic(std::move(repartition), key_serde(key), value_serde(value));
}

template <class K, class V>
KStream<K, V> KStream<K, V>::repartitioned_for_join(const std::string& name, const std::optional<Serde<K>>& key,
                                                    const std::optional<Serde<V>>& value) const {
  if (!at_.repartition_required) return *this;
  if (name.empty() && !at_.join_source->empty()) {
    for (int i = 0; i < 3; ++i) (void)at_.draft->new_name("");  // for the filter, sink and source that are not made
    return KStream({at_.draft, *at_.join_source, {*at_.join_source}, false, key_serde(key), value_serde(value)});
  }
  Draft::Repartition repartition;
  repartition.prefix = name.empty() ? at_.node : name;
  repartition.filter = prototype(new detail::PassThroughNode);  // the join decides what becomes of null keys
  const KStream made = through_topic(std::move(repartition), key_serde(key), value_serde(value));
  *at_.join_source = made.at_.node;
  return made;
}

template <class K, class V>
KStream<K, V> KStream<K, V>::repartition(Repartitioned<K, V> options) const {
  Draft::Repartition repartition;
  repartition.prefix = options.name.empty() ? at_.draft->new_name("KSTREAM-REPARTITION-") : options.name;
  repartition.partitions = options.number_of_partitions;
  repartition.filter = prototype(new detail::NullKeyFilterNode);
  return through_topic(std::move(repartition), key_serde(options.key_serde), value_serde(options.value_serde));
}

template <class K, class V>
void KStream<K, V>::sink(std::string topic, typename detail::SinkNode<K, V>::TopicChooser chooser,
                         Produced<K, V> produced) const {
  const std::string name = at_.draft->name_or_new(produced.name, "KSTREAM-SINK-");
  at_.draft->add_sink({.name = name,
                       .topic = topic,
                       .extractor_description = chooser ? "function" : "",
                       .prototype = prototype(new detail::SinkNode<K, V>(topic, false, std::move(chooser),
                                                                         key_serde(produced.key_serde),
                                                                         value_serde(produced.value_serde),
                                                                         produced.partitioner)),
                       .parents = {at_.node},
                       .input = detail::stream_type<K, V>()});
}
template <class K, class V>
void KStream<K, V>::to(std::string topic, Produced<K, V> produced) const {
  sink(std::move(topic), nullptr, std::move(produced));
}
template <class K, class V>
void KStream<K, V>::to(typename detail::SinkNode<K, V>::TopicChooser chooser, Produced<K, V> produced) const {
  sink({}, std::move(chooser), std::move(produced));
}

template <class K, class V>
KTable<K, V> KStream<K, V>::to_table(Materialized<K, V> materialized) const {
  const std::string name = at_.draft->name_or_new(materialized.name, "KSTREAM-TOTABLE-");
  auto facts = std::make_shared<detail::TableFacts>();
  facts->materialized = !materialized.store_name.empty();
  facts->store = detail::store_spec(materialized, materialized.store_name.empty()
                                                      ? at_.draft->new_store_name("KSTREAM-TOTABLE-")
                                                      : materialized.store_name);
  const KStream from = repartitioned(name, materialized.key_serde, materialized.value_serde);
  const Serde<K> key = key_serde(materialized.key_serde);
  const Serde<V> value = value_serde(materialized.value_serde);
  at_.draft->add([=, parent = from.at_.node](TopologyBuilder& builder) {
    std::vector<std::string> stores;
    if (facts->materialized) {
      builder.add_state_store(facts->store);
      stores.push_back(facts->store.name);
    }
    builder.add_processor({.name = name, .prototype = prototype(new detail::TableSourceNode<K, V>(facts, key, value)),
                           .parents = {parent}, .stores = std::move(stores),
                           .input = detail::stream_type<K, V>(), .output = detail::table_type<K, V>()});
  });
  return KTable<K, V>({at_.draft, name, from.at_.sources, facts, detail::store_getter<K, V>(facts, key, value), key, value});
}

template <class K, class V>
KGroupedStream<K, V> KStream<K, V>::group_by_key(Grouped<K, V> grouped) const {
  return KGroupedStream<K, V>(*this, std::move(grouped));
}
template <class K, class V>
template <class F>
auto KStream<K, V>::group_by(F selector, Grouped<detail::WithoutNull<detail::CallResult<K, V, F>>, V> grouped) const {
  TIDEMILL_CHECK_FUNCTION("group_by(selector)", F);
  auto keyed = select_key(std::move(selector), {grouped.name});
  keyed.at_.value_serde = at_.value_serde;
  return keyed.group_by_key(std::move(grouped));
}

template <class K, class V>
template <class KT, class VT, class VR, class Select, class F>
KStream<K, VR> KStream<K, V>::table_join(const char* prefix, const std::string& given, detail::GetterSupplier<KT, VT> getter,
                                         Select select, F joiner, bool left,
                                         const std::set<std::string>* table_sources) const {
  const std::string name = at_.draft->name_or_new(given, prefix);
  if (table_sources != nullptr) at_.draft->copartition(at_.sources, *table_sources);
  at_.draft->add([=, parent = at_.node](TopologyBuilder& builder) {
    builder.add_processor(
        {.name = name,
         .prototype = prototype(new detail::StreamTableJoinNode<K, V, KT, VT, VR, Select, F>(getter, select, joiner, left)),
         .parents = {parent}, .stores = table_sources == nullptr ? std::vector<std::string>() : getter.stores(),
         .input = detail::stream_type<K, V>(), .output = detail::stream_type<K, VR>()});
  });
  return KStream<K, VR>({at_.draft, name, at_.sources, at_.repartition_required, at_.key_serde, {}});
}

template <class K, class V>
template <class VT, class F>
auto KStream<K, V>::join(const KTable<K, VT>& table, F joiner, Joined<K, V, VT> joined) const {
  static_assert(std::is_invocable_v<F&, const V&, const VT&>, "join(table, joiner): joiner must be callable as "
                                                              "NewValue(const Value&, const TableValue&)");
  using VR = std::remove_cvref_t<std::invoke_result_t<F&, const V&, const VT&>>;
  table.handle().facts->materialize();
  const KStream from = repartitioned_for_join(joined.name, joined.key_serde, joined.value_serde);
  auto select = [](const K* key, const V&) { return key != nullptr ? std::optional<K>(*key) : std::nullopt; };
  auto both = [joiner](const V& value, const VT* other) mutable { return VR(joiner(value, *other)); };
  return from.template table_join<K, VT, VR>("KSTREAM-JOIN-", joined.name, *table.handle().getter, select, both, false,
                                             &table.handle().sources);
}
template <class K, class V>
template <class VT, class F>
auto KStream<K, V>::left_join(const KTable<K, VT>& table, F joiner, Joined<K, V, VT> joined) const {
  static_assert(std::is_invocable_v<F&, const V&, const VT*>, "left_join(table, joiner): joiner must be callable as "
                                                              "NewValue(const Value&, const TableValue*)");
  using VR = std::remove_cvref_t<std::invoke_result_t<F&, const V&, const VT*>>;
  table.handle().facts->materialize();
  const KStream from = repartitioned_for_join(joined.name, joined.key_serde, joined.value_serde);
  auto select = [](const K* key, const V&) { return key != nullptr ? std::optional<K>(*key) : std::nullopt; };
  auto one = [joiner](const V& value, const VT* other) mutable { return VR(joiner(value, other)); };
  return from.template table_join<K, VT, VR>("KSTREAM-LEFTJOIN-", joined.name, *table.handle().getter, select, one, true,
                                             &table.handle().sources);
}
template <class K, class V>
template <class KT, class VT, class Select, class F>
auto KStream<K, V>::join(const GlobalKTable<KT, VT>& table, Select selector, F joiner, Named named) const {
  using VR = std::remove_cvref_t<std::invoke_result_t<F&, const V&, const VT&>>;
  auto select = [selector](const K* key, const V& value) mutable {
    return std::optional<KT>(selector(detail::deref_or_default<K>(key), value));
  };
  auto both = [joiner](const V& value, const VT* other) mutable { return VR(joiner(value, *other)); };
  return table_join<KT, VT, VR>("KSTREAM-LEFTJOIN-", named.name, table.getter(), select, both, false, nullptr);
}
template <class K, class V>
template <class KT, class VT, class Select, class F>
auto KStream<K, V>::left_join(const GlobalKTable<KT, VT>& table, Select selector, F joiner, Named named) const {
  using VR = std::remove_cvref_t<std::invoke_result_t<F&, const V&, const VT*>>;
  auto select = [selector](const K* key, const V& value) mutable {
    return std::optional<KT>(selector(detail::deref_or_default<K>(key), value));
  };
  auto one = [joiner](const V& value, const VT* other) mutable { return VR(joiner(value, other)); };
  return table_join<KT, VT, VR>("KSTREAM-LEFTJOIN-", named.name, table.getter(), select, one, true, nullptr);
}

template <class K, class V>
template <class Supplier>
auto KStream<K, V>::process(Supplier supplier, std::vector<std::string> stores, Named named) const {
  using Made = typename std::invoke_result_t<Supplier&>::element_type;
  using Base = decltype(detail::processor_base(static_cast<const Made*>(nullptr)));
  using KR = typename detail::ProcessorTypes<Base>::Key;
  using VR = typename detail::ProcessorTypes<Base>::Value;
  static_assert(std::is_base_of_v<Processor<K, V, KR, VR>, Made>,
                "process(supplier): supplier() must return a std::unique_ptr to a Processor of this stream's key and value");
  // A named processor burns no index, as in Java.
  const std::string name = named.name.empty() ? at_.draft->new_name("KSTREAM-PROCESSOR-") : named.name;
  at_.draft->add_processor({.name = name, .prototype = prototype(new ProcessorNode<K, V, KR, VR, Supplier>(supplier)),
                            .parents = {at_.node}, .stores = std::move(stores),
                            .input = detail::stream_type<K, V>(), .output = detail::stream_type<KR, VR>()});
  return KStream<KR, VR>({at_.draft, name, at_.sources, true, {}, {}});
}

// KGroupedStream

template <class K, class V>
template <class VR, class F, class Init>
KTable<K, VR> KGroupedStream<K, V>::aggregate_into(const char* prefix, F update, Init init,
                                                   Materialized<K, VR> materialized) const {
  const auto& at = stream_.at_;
  auto facts = std::make_shared<detail::TableFacts>();
  facts->materialized = true;
  const bool generated = materialized.store_name.empty();
  facts->store = detail::store_spec(materialized, generated ? at.draft->new_store_name(prefix) : materialized.store_name);
  const std::string name = at.draft->name_or_new(materialized.name, prefix);
  const auto key = materialized.key_serde ? materialized.key_serde : grouped_.key_serde;
  const KStream<K, V> from = stream_.repartitioned(grouped_.name.empty() ? facts->store.name : grouped_.name,
                                                   grouped_.key_serde, grouped_.value_serde);
  const Serde<K> key_serde = from.key_serde(key);
  const Serde<VR> value_serde = detail::serde_or_default(materialized.value_serde, "the value type of the aggregate");
  at.draft->add([=, parent = from.at_.node](TopologyBuilder& builder) {
    builder.add_state_store(facts->store);
    builder.add_processor({.name = name,
                           .prototype = prototype(new detail::AggregateNode<K, V, VR, F, Init>(facts, key_serde, value_serde,
                                                                                               update, init)),
                           .parents = {parent}, .stores = {facts->store.name},
                           .input = detail::stream_type<K, V>(), .output = detail::table_type<K, VR>()});
  });
  return KTable<K, VR>({at.draft, name, from.at_.sources, facts,
                        detail::store_getter<K, VR>(facts, key_serde, value_serde), key, materialized.value_serde});
}

template <class K, class V>
KTable<K, std::int64_t> KGroupedStream<K, V>::count(Materialized<K, std::int64_t> materialized) const {
  auto update = [](const K&, const V&, const std::optional<std::int64_t>& so_far) {
    return std::optional<std::int64_t>(*so_far + 1);
  };
  auto init = [] { return std::optional<std::int64_t>(0); };
  return aggregate_into<std::int64_t>("KSTREAM-AGGREGATE-", update, init, std::move(materialized));
}
template <class K, class V>
template <class F>
KTable<K, V> KGroupedStream<K, V>::reduce(F reducer, Materialized<K, V> materialized) const {
  static_assert(std::is_invocable_r_v<V, F&, const V&, const V&>, "reduce(reducer): reducer must be callable as "
                                                                  "Value(const Value& so_far, const Value& value)");
  if (!materialized.value_serde) {
    materialized.value_serde = grouped_.value_serde ? grouped_.value_serde : stream_.at_.value_serde;
  }
  auto update = [reducer](const K&, const V& value, const std::optional<V>& so_far) mutable {
    return so_far ? std::optional<V>(reducer(*so_far, value)) : std::optional<V>(value);
  };
  auto init = [] { return std::optional<V>(); };
  return aggregate_into<V>("KSTREAM-REDUCE-", update, init, std::move(materialized));
}
template <class K, class V>
template <class VR, class F>
KTable<K, VR> KGroupedStream<K, V>::aggregate(VR initial, F aggregator, Materialized<K, VR> materialized) const {
  static_assert(std::is_invocable_v<F&, const K&, const V&, const VR&>,
                "aggregate(initial, aggregator): aggregator must be callable as Result(const Key&, const Value&, "
                "const Result& so_far)");
  auto update = [aggregator](const K& key, const V& value, const std::optional<VR>& so_far) mutable {
    return std::optional<VR>(aggregator(key, value, *so_far));
  };
  auto init = [initial] { return std::optional<VR>(initial); };
  return aggregate_into<VR>("KSTREAM-AGGREGATE-", update, init, std::move(materialized));
}

}  // namespace tidemill
