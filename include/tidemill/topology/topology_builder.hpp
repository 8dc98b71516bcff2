// TopologyBuilder: puts a Topology together node by node, under Java's names and rules. StreamsBuilder writes to it; hand-made
// topologies use it directly.
#pragma once

#include <set>
#include <span>

#include <tidemill/topology/topology.hpp>

namespace tidemill {

class TopologyBuilder {
 public:
  struct Source {
    std::string name;
    std::vector<std::string> topics;
    std::shared_ptr<const OperatorNode> prototype;
    EdgeType output = {};
    OffsetReset offset_reset = OffsetReset::kDefault;
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
  };

  /// All of them throw TopologyException: a name twice, a parent or store that is not there, types that do not fit.
  void add_source(Source source);
  void add_sink(Sink sink);
  void add_processor(ProcessorSpec processor);
  void add_state_store(StoreSpec store, std::span<const std::string> processors = {});
  void connect_processor_and_state_stores(std::string_view processor, std::span<const std::string> stores);
  /// Fed on the global thread from one source; every task may read it.
  void add_global_store(StoreSpec store, Source source, ProcessorSpec processor);
  void add_internal_topic(std::string name, InternalTopicKind kind, std::optional<std::int32_t> partitions);
  /// Topics of these sources must have equal partition counts.
  void copartition(std::vector<std::string> source_names);
  [[nodiscard]] bool has_node(std::string_view name) const { return by_name_.contains(name); }
  [[nodiscard]] bool has_store(std::string_view name) const { return topology_.stores.contains(name); }

  /// Checks the whole, numbers the sub-topologies. The builder is empty afterwards.
  [[nodiscard]] Topology build();

 private:
  NodeSpec& add_node(std::string name, NodeKind kind, const std::vector<std::string>& parents);
  [[nodiscard]] NodeSpec& node(std::string_view name, std::string_view user);

  Topology topology_;
  std::map<std::string, std::int32_t, std::less<>> by_name_;
  std::map<std::string, std::string, std::less<>> source_of_topic_;
  std::vector<std::vector<std::string>> copartitions_;
};

}  // namespace tidemill
