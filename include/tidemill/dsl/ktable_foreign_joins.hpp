// Foreign-key joins of two tables: each row of the left one names a row of the right one.
#pragma once

#include <tidemill/dsl/foreign_key_nodes.hpp>
#include <tidemill/dsl/ktable_joins.hpp>
#include <tidemill/dsl/table_source_node.hpp>

namespace tidemill {

template <class K, class V>
template <class KO, class VO, class VR>
KTable<K, VR> KTable<K, V>::foreign_join(const KTable<KO, VO>& other, detail::TableMap<K, V, KO> extract,
                                         std::function<std::optional<VR>(const V&, const VO*)> joiner, bool left_join,
                                         const TableJoined<K, KO>& joined, const Materialized<K, VR>& materialized) const {
  Draft& draft = *at_->draft;
  draft.check_same(other.at_->draft, "join(table, foreign_key, joiner)");
  other.at_->facts->enable_old_values(true);  // nobody looks at them; but a filter there leaves out more, as in Java
  at_->facts->enable_old_values(true);
  const auto name_of = [&](const char* suffix, const std::string& prefix) {
    return draft.name_or_new(joined.name, suffix, prefix);
  };
  const std::string fk = "KTABLE-FK-JOIN-";
  const std::string registration = name_of("-subscription-registration", fk + "SUBSCRIPTION-REGISTRATION-") + "-topic";
  const std::string send = name_of("-subscription-registration-processor", fk + "SUBSCRIPTION-REGISTRATION-");
  const std::string send_sink = name_of("-subscription-registration-sink", "KTABLE-SINK-");
  const std::string send_source = name_of("-subscription-registration-source", "KTABLE-SOURCE-");
  const std::string store = name_of("-subscription-store", fk + "SUBSCRIPTION-STATE-STORE-");
  const std::string receive = name_of("-subscription-receive", fk + "SUBSCRIPTION-PROCESSOR-");
  const std::string answer = name_of("-subscription-join-foreign", fk + "SUBSCRIPTION-PROCESSOR-");
  const std::string tell = name_of("-foreign-join-subscription", fk + "SUBSCRIPTION-PROCESSOR-");
  const std::string response = name_of("-subscription-response", fk + "SUBSCRIPTION-RESPONSE-") + "-topic";
  const std::string response_sink = name_of("-subscription-response-sink", "KTABLE-SINK-");
  const std::string response_source = name_of("-subscription-response-source", "KTABLE-SOURCE-");
  const std::string resolve = name_of("-subscription-response-resolver", fk + "SUBSCRIPTION-RESPONSE-RESOLVER-PROCESSOR-");
  const std::string result = name_of("-result", fk + "OUTPUT-");
  at_->facts->materialize();
  other.at_->facts->materialize();
  auto facts = std::make_shared<detail::TableFacts>();
  facts->materialized = !materialized.given_name().empty();
  facts->store = detail::store_spec(materialized, draft.store_name_or_new(materialized.given_name(), fk + "OUTPUT-"));
  const Serde<K> key_serde = detail::serde_or_default(at_->key_serde, "the key type of the table");
  const Serde<K> kept_key_serde = materialized.key_serde ? *materialized.key_serde : key_serde;
  const Serde<VR> value_serde = detail::serde_or_default(materialized.value_serde, "the value type of the join");
  using Types = detail::TypedForeignKey<K, V, KO, VO, VR>;
  auto sides = std::shared_ptr<const typename Types::Sides>(
      new typename Types::Sides{*at_->getter,
                                *other.at_->getter,
                                key_serde,
                                detail::serde_or_default(at_->value_serde, "the value type of the table"),
                                detail::serde_or_default(other.at_->key_serde, "the key type of the other table"),
                                detail::serde_or_default(other.at_->value_serde, "the value type of the other table"),
                                {.registration = registration, .response = response}});
  const std::shared_ptr<const detail::ForeignKeyTypes> types(new Types(sides, std::move(extract), std::move(joiner)));
  const auto ask = detail::by_decoded_key(sides->right_key, joined.other_partitioner);
  const auto tell_back = detail::by_decoded_key(sides->key, joined.partitioner);
  std::set<std::string> sources = at_->sources;
  sources.insert(response_source);
  const auto messages = [=](TopologyBuilder& builder, const std::string& topic, const std::string& sink,
                            OperatorNode* sink_node, const std::vector<std::string>& parents, const std::string& source,
                            bool typed) {
    builder.add_internal_topic(topic, InternalTopicKind::kRepartition, {});
    builder.add_sink({.name = sink,
                      .topic = topic,
                      .prototype = prototype(sink_node),
                      .parents = parents,
                      .input = typed ? detail::message_type() : EdgeType()});
    builder.add_source({.name = source,
                        .topics = {topic},
                        .prototype = prototype(detail::new_message_source()),
                        .output = detail::message_type()});
  };
  draft.add([=, left = at_->node, right = other.at_->node, left_facts = at_->facts, right_facts = other.at_->facts,
             left_stores = at_->getter, right_stores = other.at_->getter](TopologyBuilder& builder) {
    const detail::ForeignKeySide of_left{left_join, left_facts->versioned(), store};
    const detail::ForeignKeySide of_right{left_join, right_facts->versioned(), store};
    const auto add = [&builder](const std::string& name, OperatorNode* node, const std::string& parent,
                                std::vector<std::string> stores, const EdgeType& in, const EdgeType& out) {
      builder.add_processor({.name = name,
                             .prototype = prototype(node),
                             .parents = {parent},
                             .stores = std::move(stores),
                             .input = in,
                             .output = out});
    };
    const EdgeType message = detail::message_type();
    const EdgeType outcome = detail::stream_type<K, VR>();
    add(send, detail::new_subscription_send_node(of_left, types->clone()), left, {}, detail::table_type<K, V>(), message);
    messages(builder, registration, send_sink, detail::new_subscription_sink(registration, ask), {send}, send_source, true);
    builder.add_state_store(detail::subscription_store(store));
    add(receive, detail::new_subscription_receive_node(of_right, types->clone()), send_source, {store}, message, message);
    add(answer, detail::new_subscription_join_node(types->clone()), receive, right_stores->stores(), message, {});
    add(tell, detail::new_foreign_table_join_node(of_right, types->clone()), right, {store}, detail::table_type<KO, VO>(), {});
    messages(builder, response, response_sink, detail::new_response_sink(response, tell_back), {answer, tell}, response_source,
             false);
    add(resolve, detail::new_response_join_node(of_left, {registration, ask}, types->clone()), response_source,
        left_stores->stores(), message, outcome);
    builder.add_processor({.name = result,
                           .prototype = prototype(new detail::TableSourceNode<K, VR>(facts, kept_key_serde, value_serde)),
                           .parents = {resolve},
                           .stores = detail::add_store(builder, *facts),
                           .input = outcome,
                           .output = detail::table_type<K, VR>()});
  });
  draft.copartition(other.at_->sources, {send_source});
  draft.copartition(sources, {});
  return KTable<K, VR>({at_->draft, result, sources, facts, detail::store_getter<K, VR>(facts, kept_key_serde, value_serde),
                        at_->key_serde, materialized.value_serde});
}

#define TIDEMILL_CHECK_FOREIGN_JOIN(operation, B, form)                                                                      \
  TIDEMILL_CHECK_COPYABLE(operation, Extract, extract);                                                                      \
  TIDEMILL_CHECK_COPYABLE(operation, F, joiner);                                                                             \
  static_assert(detail::ForeignKeyExtractor<Extract, K, V, KO>,                                                              \
                operation ": extract must be callable as OtherKey(const Value&) or OtherKey(const Key&, const Value&), and " \
                          "may return a std::optional of it");                                                               \
  static_assert(detail::MakesValue<F, const V&, B>,                                                                          \
                operation ": joiner must be callable as NewValue(const Value&, " form "), and may return a "                 \
                          "std::optional of it")

template <class K, class V>
template <class KO, class VO, class Extract, class F>
  requires(!detail::kIsMaterialized<F>)
auto KTable<K, V>::join(const KTable<KO, VO>& other, Extract extract, F joiner, const TableJoined<K, KO>& joined,
                        const Materialized<K, typename detail::TableJoined<F, const V&, const VO&>::Type>& materialized) const {
  TIDEMILL_CHECK_FOREIGN_JOIN("join(table, extract, joiner)", const VO&, "const OtherValue&");
  if constexpr (detail::ForeignKeyExtractor<Extract, K, V, KO> && detail::MakesValue<F, const V&, const VO&>) {
    using VR = typename detail::TableJoined<F, const V&, const VO&>::Type;
    auto key = [extract](const K& k, const V& v) mutable { return std::optional<KO>(detail::call<K, V>(extract, &k, &v)); };
    auto both = [joiner](const V& mine, const VO* theirs) mutable { return std::optional<VR>(joiner(mine, *theirs)); };
    return foreign_join<KO, VO, VR>(other, key, both, false, joined, materialized);
  }
}
template <class K, class V>
template <class KO, class VO, class Extract, class F>
  requires(!detail::kIsMaterialized<F>)
auto KTable<K, V>::left_join(
    const KTable<KO, VO>& other, Extract extract, F joiner, const TableJoined<K, KO>& joined,
    const Materialized<K, typename detail::TableJoined<F, const V&, const VO*>::Type>& materialized) const {
  TIDEMILL_CHECK_FOREIGN_JOIN("left_join(table, extract, joiner)", const VO*, "const OtherValue*");
  if constexpr (detail::ForeignKeyExtractor<Extract, K, V, KO> && detail::MakesValue<F, const V&, const VO*>) {
    using VR = typename detail::TableJoined<F, const V&, const VO*>::Type;
    auto key = [extract](const K& k, const V& v) mutable { return std::optional<KO>(detail::call<K, V>(extract, &k, &v)); };
    auto left = [joiner](const V& mine, const VO* theirs) mutable { return std::optional<VR>(joiner(mine, theirs)); };
    return foreign_join<KO, VO, VR>(other, key, left, true, joined, materialized);
  }
}

}  // namespace tidemill
