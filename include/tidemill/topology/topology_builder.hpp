// TopologyBuilder: puts a Topology together node by node, under Java's names and rules. StreamsBuilder writes to it; hand-made
// topologies use it directly:
//
//   TopologyBuilder builder;
//   builder.add_source<std::string, Payment>("payments-source", {"payments"})
//       .add_processor("check", [] { return std::make_unique<Check>(); }, {"payments-source"})
//       .add_state_store(Stores::persistent_key_value_store("limits"), {"check"})
//       .add_sink<std::string, Payment>("good-sink", "good-payments", {"check"});
//   Topology topology = builder.build();
//
// Every call throws TopologyException for what cannot be: a name twice, a parent or store that is not there, types that do
// not fit. The text names the node and the remedy.
#pragma once

#include <set>
#include <span>

#include <tidemill/processor/processor.hpp>
#include <tidemill/processor/processor_wrapper.hpp>
#include <tidemill/topology/node_options.hpp>

namespace tidemill {

class TopologyBuilder {
 public:
  // Typed, for hand-made topologies.

  template <class K, class V>
  TopologyBuilder& add_source(std::string name, std::vector<std::string> topics, SourceOptions<K, V> options = {}) {
    Source source = typed_source<K, V>(std::move(name), options);
    source.topics = std::move(topics);
    add_source(std::move(source));
    return *this;
  }
  template <class K, class V>
  TopologyBuilder& add_source(std::string name, const TopicPattern& pattern, SourceOptions<K, V> options = {}) {
    Source source = typed_source<K, V>(std::move(name), options);
    source.topic_pattern = pattern.expression();
    add_source(std::move(source));
    return *this;
  }
  /// `supplier()` makes a std::unique_ptr to a Processor, one per task; stores that it brings along are added and connected.
  template <class Supplier>
  TopologyBuilder& add_processor(std::string name, Supplier supplier, std::vector<std::string> parents) {
    for (StoreSpec& store : detail::stores_of(supplier)) add_state_store_once(std::move(store));
    ProcessorSpec processor = typed_processor(std::move(name), supplier);
    processor.parents = std::move(parents);
    for (const StoreSpec& store : detail::stores_of(supplier)) processor.stores.push_back(store.name);
    add_processor(std::move(processor));
    return *this;
  }
  template <class K, class V>
  TopologyBuilder& add_sink(std::string name, std::string topic, std::vector<std::string> parents,
                            SinkOptions<K, V> options = {}) {
    detail::check_topic(topic, "sink \"" + name + "\"");
    add_sink(typed_sink<K, V>(std::move(name), std::move(topic), {.extract = nullptr, .description = {}}, std::move(parents),
                              options));
    return *this;
  }
  template <class K, class V>
  TopologyBuilder& add_sink(std::string name, TopicNameExtractor<K, V> topic, std::vector<std::string> parents,
                            SinkOptions<K, V> options = {}) {
    detail::check_callable(topic.extract, "sink \"" + name + "\"", "topic.extract");
    add_sink(typed_sink<K, V>(std::move(name), {}, std::move(topic), std::move(parents), options));
    return *this;
  }
  TopologyBuilder& add_state_store(StoreSpec store, const std::vector<std::string>& processors = {});
  TopologyBuilder& connect_processor_and_state_stores(std::string_view processor, const std::vector<std::string>& stores);
  /// Fed on the global thread by `supplier()`'s processor; every task may read it.
  template <class K, class V, class Supplier>
  TopologyBuilder& add_global_store(StoreSpec store, std::string source_name, std::string topic, std::string processor_name,
                                    Supplier supplier, SourceOptions<K, V> options = {}) {
    Source source = typed_source<K, V>(std::move(source_name), options);
    source.topics = {std::move(topic)};
    add_global_store(std::move(store), std::move(source), typed_processor(std::move(processor_name), supplier));
    return *this;
  }
  /// A store that the topic is the changelog of: `supplier()`'s processor puts its records, and nothing is written elsewhere.
  template <class K, class V, class Supplier>
  TopologyBuilder& add_read_only_state_store(StoreSpec store, std::string source_name, std::string topic,
                                             std::string processor_name, Supplier supplier, SourceOptions<K, V> options = {}) {
    store.source_topic_as_changelog = topic;
    add_source<K, V>(source_name, {std::move(topic)}, options);
    add_processor(processor_name, std::move(supplier), {std::move(source_name)});
    return add_state_store(std::move(store), {std::move(processor_name)});
  }

  // With prototypes, for who makes nodes.

  struct Source {
    std::string name;
    std::vector<std::string> topics = {};
    std::string topic_pattern = {};  // instead of topics
    std::shared_ptr<const OperatorNode> prototype;
    EdgeType output = {};
    OffsetReset offset_reset = OffsetReset::kDefault;
    std::chrono::milliseconds reset_duration{0};
    std::shared_ptr<const TimestampExtractor> timestamp_extractor = nullptr;
  };
  struct Sink {
    std::string name;
    std::string topic;  // empty: chosen per record
    std::string extractor_description = {};
    std::shared_ptr<const OperatorNode> prototype;
    std::vector<std::string> parents;
    EdgeType input = {};
  };
  struct ProcessorSpec {
    std::string name;
    std::shared_ptr<const OperatorNode> prototype;
    std::vector<std::string> parents;
    std::vector<std::string> stores = {};
    EdgeType input = {};
    EdgeType output = {};
    bool fixed_key = false;
  };
  void add_source(Source source);
  /// Reads topics (or a pattern) that are read already under another name: both names mean the first source then.
  void add_source_or_merge(Source source);
  void add_sink(Sink sink);
  void add_processor(ProcessorSpec processor);
  /// Nothing happens when the same store has been added already.
  void add_state_store_once(StoreSpec store);
  void add_global_store(StoreSpec store, Source source, ProcessorSpec processor);
  void add_internal_topic(std::string name, InternalTopicKind kind, std::optional<std::int32_t> partitions);
  /// Topics of these sources must have equal partition counts.
  void copartition(std::vector<std::string> source_names);
  /// As Kafka's `topology.optimization`: none, all, or rules with commas between.
  void set_optimization(std::string optimization) { optimization_ = std::move(optimization); }
  /// Asked for every processor when the topology is built; null: none.
  TopologyBuilder& set_processor_wrapper(std::shared_ptr<const ProcessorWrapper> wrapper) {
    wrapper_ = std::move(wrapper);
    return *this;
  }
  [[nodiscard]] bool optimizes(std::string_view rule) const;
  [[nodiscard]] bool has_node(std::string_view name) const { return by_name_.contains(name); }
  /// Sources that read the same topics are one.
  [[nodiscard]] bool same_node(std::string_view name, std::string_view other) const {
    const auto node = by_name_.find(name);
    const auto again = by_name_.find(other);
    return node != by_name_.end() && again != by_name_.end() && node->second == again->second;
  }
  [[nodiscard]] bool has_store(std::string_view name) const { return topology_.stores.contains(name); }

  // For who rewrites what has been added.

  /// In the order added; ids are places.
  [[nodiscard]] const std::vector<NodeSpec>& nodes() const { return topology_.nodes; }
  /// A node in its new place: its parents by name, all else as in `spec`.
  struct Placed {
    NodeSpec spec;
    std::vector<std::string> parents;
  };
  /// Puts these nodes in the place of all so far. A name that is gone means what `instead` says; a store has the users that
  /// name it.
  void replace_nodes(std::vector<Placed> placed, const std::map<std::string, std::string>& instead);
  void remove_internal_topic(const std::string& name) { topology_.internal_topics.erase(name); }
  [[nodiscard]] bool is_internal(std::string_view topic) const { return topology_.is_internal(topic); }

  /// Checks the whole, numbers the sub-topologies; stores that no processor uses are left out. The builder is empty
  /// afterwards.
  [[nodiscard]] Topology build();

 private:
  template <class K, class V>
  static Source typed_source(std::string name, const SourceOptions<K, V>& options) {
    Source source{.name = std::move(name), .prototype = nullptr, .output = detail::stream_type<K, V>()};
    source.prototype = detail::prototype(
        new TypedSourceNode<K, V>(detail::serde_or_default(options.key_serde, "the key type of the source"),
                                  detail::serde_or_default(options.value_serde, "the value type of the source")));
    source.offset_reset = options.offset_reset;
    source.reset_duration = options.reset_duration;
    source.timestamp_extractor = options.timestamp_extractor;
    return source;
  }
  template <class Supplier>
  static ProcessorSpec typed_processor(std::string name, const Supplier& supplier) {
    static_assert(detail::SuppliesProcessor<Supplier>, "add_processor(name, supplier, parents): supplier() must return a "
                                                       "std::unique_ptr to a class derived from tidemill::Processor");
    if constexpr (detail::SuppliesProcessor<Supplier>) {
      detail::check_callable(supplier, "processor \"" + name + "\"", "supplier");
      using Types = detail::SuppliedTypes<Supplier>;
      using In = EdgeType;
      const In input = detail::stream_type<typename Types::KeyIn, typename Types::ValueIn>();
      return {.name = std::move(name),
              .prototype = detail::prototype(new ProcessorNode<typename Types::KeyIn, typename Types::ValueIn,
                                                               typename Types::Key, typename Types::Value, Supplier>(supplier)),
              .parents = {},
              .stores = {},
              .input = input,
              .output = detail::stream_type<typename Types::Key, typename Types::Value>()};
    }
  }
  template <class K, class V>
  static Sink typed_sink(std::string name, std::string topic, TopicNameExtractor<K, V> chooser,
                         std::vector<std::string> parents, const SinkOptions<K, V>& options) {
    Sink sink{.name = std::move(name),
              .topic = topic,
              .extractor_description = std::move(chooser.description),
              .prototype = nullptr,
              .parents = std::move(parents),
              .input = detail::stream_type<K, V>()};
    sink.prototype = detail::prototype(
        new SinkNode<K, V>(std::move(topic), false, std::move(chooser.extract),
                           detail::serde_or_default(options.key_serde, "the key type of the sink"),
                           detail::serde_or_default(options.value_serde, "the value type of the sink"), options.partitioner));
    return sink;
  }
  NodeSpec& add_node(std::string name, NodeKind kind, const std::vector<std::string>& parents);
  [[nodiscard]] NodeSpec& node(std::string_view name, std::string_view user);
  void check_pattern(const Source& source) const;
  void check_edges() const;
  void wrap_processors();
  void drop_unused_stores();
  void order_stores();
  void number_subtopologies();
  void add_changelogs();

  Topology topology_;
  std::string optimization_;
  std::shared_ptr<const ProcessorWrapper> wrapper_;
  std::map<std::string, std::int32_t, std::less<>> by_name_;
  std::map<std::string, std::string, std::less<>> source_of_topic_;
  std::set<std::string> mergeable_;  // sources of add_source_or_merge()
};

}  // namespace tidemill
