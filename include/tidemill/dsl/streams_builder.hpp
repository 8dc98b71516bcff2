// StreamsBuilder: where a topology of the DSL begins.
//
//   StreamsBuilder builder;
//   builder.stream<std::string, std::string>("lines")....to("word-counts");
//   Topology topology = builder.build();
#pragma once

#include <tidemill/dsl/kstream_operators.hpp>
#include <tidemill/dsl/ktable_foreign_joins.hpp>
#include <tidemill/dsl/ktable_joins.hpp>
#include <tidemill/dsl/ktable_transform.hpp>
#include <tidemill/state/stores.hpp>

namespace tidemill {

class StreamsBuilder {
 public:
  template <class K, class V>
  KStream<K, V> stream(std::string topic) {
    TIDEMILL_CHECK_SOURCE_SERDES("stream<Key, Value>(topic)", K, V);
    return stream<K, V>(std::move(topic), detail::no_options<Consumed<K, V>>());
  }
  template <class K, class V>
  KStream<K, V> stream(std::string topic, const Consumed<K, V>& consumed) {
    return stream<K, V>(std::vector<std::string>{std::move(topic)}, consumed);
  }
  template <class K, class V>
  KStream<K, V> stream(std::vector<std::string> topics, const Consumed<K, V>& consumed = detail::no_options<Consumed<K, V>>()) {
    return stream_of<K, V>(std::move(topics), {}, consumed);
  }
  template <class K, class V>
  KStream<K, V> stream(std::initializer_list<const char*> topics,
                       const Consumed<K, V>& consumed = detail::no_options<Consumed<K, V>>()) {
    return stream_of<K, V>({topics.begin(), topics.end()}, {}, consumed);
  }
  /// All topics whose names match.
  template <class K, class V>
  KStream<K, V> stream(const TopicPattern& pattern, const Consumed<K, V>& consumed = detail::no_options<Consumed<K, V>>()) {
    return stream_of<K, V>({}, pattern.expression(), consumed);
  }
  template <class Missing = void>
  void stream(const std::string&) {
    TIDEMILL_CHECK_HAS_TYPES("stream", Missing);
  }
  template <class K, class V>
  KTable<K, V> table(std::string topic) {
    TIDEMILL_CHECK_SOURCE_SERDES("table<Key, Value>(topic)", K, V);
    return table<K, V>(std::move(topic), detail::no_options<Consumed<K, V>>());
  }
  template <class K, class V>
  KTable<K, V> table(std::string topic, const Consumed<K, V>& consumed,
                     const Materialized<K, V>& materialized = detail::no_options<Materialized<K, V>>());
  template <class Missing = void>
  void table(const std::string&) {
    TIDEMILL_CHECK_HAS_TYPES("table", Missing);
  }
  template <class K, class V>
  GlobalKTable<K, V> global_table(std::string topic) {
    TIDEMILL_CHECK_SOURCE_SERDES("global_table<Key, Value>(topic)", K, V);
    return global_table<K, V>(std::move(topic), detail::no_options<Consumed<K, V>>());
  }
  template <class K, class V>
  GlobalKTable<K, V> global_table(std::string topic, const Consumed<K, V>& consumed,
                                  const Materialized<K, V>& materialized = detail::no_options<Materialized<K, V>>());
  template <class Missing = void>
  void global_table(const std::string&) {
    TIDEMILL_CHECK_HAS_TYPES("global_table", Missing);
  }
  /// Connected later, by name, in process(..., {"name"}). One that is never connected is left out.
  StreamsBuilder& add_state_store(StoreSpec store) {
    Draft::check_name(store.name);
    draft_->add([store](TopologyBuilder& builder) { builder.add_state_store(store); });
    return *this;
  }
  /// Fed with all of the topic by `supplier()`'s processor; every task may read it.
  template <class K, class V, class Supplier>
  StreamsBuilder& add_global_store(StoreSpec store, std::string topic, Consumed<K, V> consumed, Supplier supplier) {
    const std::string source_name = draft_->name_or_new(consumed.name, "-source", "KSTREAM-SOURCE-");
    const std::string processor_name = draft_->name_or_new(consumed.name, "KTABLE-SOURCE-");
    draft_->add([=, options = source_options(consumed)](TopologyBuilder& builder) {
      builder.add_global_store<K, V>(store, source_name, topic, processor_name, supplier, options);
    });
    return *this;
  }
  /// TopologyException when it cannot be; names the node and the remedy. The builder is empty afterwards.
  /// `optimization` as Kafka's `topology.optimization`: "none", "all" or rules with commas between, as
  /// StreamsConfig::topology_optimization has them. `wrapper`: something around every processor; null: nothing.
  [[nodiscard]] Topology build(std::string_view optimization = "none",
                               std::shared_ptr<const ProcessorWrapper> wrapper = nullptr) {
    return draft_->build(optimization, std::move(wrapper));
  }

 private:
  template <class K, class V>
  static SourceOptions<K, V> source_options(const Consumed<K, V>& consumed) {
    return {consumed.key_serde, consumed.value_serde, consumed.offset_reset, consumed.reset_duration,
            consumed.timestamp_extractor};
  }
  template <class K, class V>
  KStream<K, V> stream_of(std::vector<std::string> topics, std::string pattern, const Consumed<K, V>& consumed) {
    const std::string name = draft_->name_or_new(consumed.name, "KSTREAM-SOURCE-");
    TopologyBuilder::Source made = source<K, V>(name, std::move(topics), consumed);
    made.topic_pattern = std::move(pattern);
    draft_->add([made = std::move(made)](TopologyBuilder& builder) { builder.add_source_or_merge(made); });
    return KStream<K, V>({draft_, name, {name}, false, consumed.key_serde, consumed.value_serde});
  }
  template <class K, class V>
  TopologyBuilder::Source source(const std::string& name, std::vector<std::string> topics, const Consumed<K, V>& consumed) {
    return {.name = name,
            .topics = std::move(topics),
            .prototype = prototype(
                new TypedSourceNode<K, V>(detail::serde_or_default(consumed.key_serde, "the key type of the source"),
                                          detail::serde_or_default(consumed.value_serde, "the value type of the source"))),
            .output = detail::stream_type<K, V>(),
            .offset_reset = consumed.offset_reset,
            .reset_duration = consumed.reset_duration,
            .timestamp_extractor = consumed.timestamp_extractor};
  }
  std::shared_ptr<Draft> draft_ = std::make_shared<Draft>();
};

template <class K, class V>
KTable<K, V> StreamsBuilder::table(std::string topic, const Consumed<K, V>& consumed, const Materialized<K, V>& materialized) {
  auto facts = std::make_shared<detail::TableFacts>();
  facts->materialized = !materialized.given_name().empty();
  const std::string store = draft_->store_name_or_new(materialized.given_name(), topic + "-");
  const std::string source_name = draft_->name_or_new(consumed.name, "-source", "KSTREAM-SOURCE-");
  const std::string name = draft_->name_or_new(consumed.name, "KTABLE-SOURCE-");
  facts->store = detail::store_spec(materialized, store);
  // Never the store's own, as in Java: the topic may be its changelog.
  const Serde<K> key_serde = detail::serde_or_default(consumed.key_serde, "the key type of the table");
  const Serde<V> value_serde = detail::serde_or_default(consumed.value_serde, "the value type of the table");
  draft_->add([=, made = source<K, V>(source_name, {topic}, consumed)](TopologyBuilder& builder) {
    builder.add_source(made);
    if (facts->store.logging && builder.optimizes("reuse.ktable.source.topics")) facts->store.source_topic_as_changelog = topic;
    builder.add_processor({.name = name,
                           .prototype = prototype(new detail::TableSourceNode<K, V>(facts, key_serde, value_serde)),
                           .parents = {source_name},
                           .stores = detail::add_store(builder, *facts),
                           .input = detail::stream_type<K, V>(),
                           .output = detail::table_type<K, V>()});
  });
  return KTable<K, V>({draft_,
                       name,
                       {source_name},
                       facts,
                       detail::store_getter<K, V>(facts, key_serde, value_serde),
                       consumed.key_serde,
                       consumed.value_serde});
}

template <class K, class V>
GlobalKTable<K, V> StreamsBuilder::global_table(std::string topic, const Consumed<K, V>& consumed,
                                                const Materialized<K, V>& materialized) {
  auto facts = std::make_shared<detail::TableFacts>();
  facts->materialized = true;
  const std::string store = draft_->store_name_or_new(materialized.given_name(), topic + "-");
  const std::string source_name = draft_->name_or_new(consumed.name, "-source", "KSTREAM-SOURCE-");
  const std::string name = draft_->name_or_new(consumed.name, "KTABLE-SOURCE-");
  facts->store = detail::store_spec(materialized, store);
  if (facts->versioned()) {
    throw TopologyException("global_table(\"" + topic + "\"): a global table keeps no versions: leave its history out");
  }
  facts->store.caching = false;
  // Never the store's own, as in Java: the topic is its changelog.
  const Serde<K> key_serde = detail::serde_or_default(consumed.key_serde, "the key type of the table");
  const Serde<V> value_serde = detail::serde_or_default(consumed.value_serde, "the value type of the table");
  draft_->add([=, made = source<K, V>(source_name, {topic}, consumed)](TopologyBuilder& builder) {
    builder.add_global_store(facts->store, made,
                             {.name = name,
                              .prototype = prototype(new detail::TableSourceNode<K, V>(facts, key_serde, value_serde)),
                              .parents = {},
                              .input = detail::stream_type<K, V>(),
                              .output = detail::table_type<K, V>()});
  });
  return GlobalKTable<K, V>(draft_, store, detail::store_getter<K, V>(facts, key_serde, value_serde));
}

}  // namespace tidemill

#include <tidemill/dsl/common_types.hpp>
