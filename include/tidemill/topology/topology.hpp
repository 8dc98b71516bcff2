// Topology: the application as immutable data. Nothing in it is open or running; describing, comparing and optimizing it
// needs no runtime. Built by StreamsBuilder::build(), or by hand with TopologyBuilder's add_source, add_processor, ...
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <tidemill/processor/operator_node.hpp>
#include <tidemill/state/store_spec.hpp>

namespace tidemill {

/// A topology that cannot be: names the node and the remedy.
class TopologyException : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Chooses the timestamp of a record as it is read; see <tidemill/processor/timestamp_extractor.hpp>.
class TimestampExtractor;

enum class OffsetReset : std::uint8_t { kDefault, kNone, kEarliest, kLatest, kByDuration };
enum class NodeKind : std::uint8_t { kSource, kProcessor, kSink };

struct NodeSpec {
  std::int32_t id = 0;  // index in Topology::nodes
  std::string name;
  NodeKind kind = NodeKind::kProcessor;
  /// Cloned once per task. Sources derive from SourceNode.
  std::shared_ptr<const OperatorNode> prototype;
  std::vector<std::int32_t> parents;
  std::vector<std::int32_t> children;  // in the order in which they were added: the order of forwarding
  std::vector<std::string> stores;     // connected stores
  EdgeType input;
  EdgeType output;
  bool fixed_key = false;  // what it forwards has the key of what it got

  // Sources
  std::vector<std::string> topics;  // internal ones without the application id in front
  std::string topic_pattern;        // a regular expression instead of topics
  OffsetReset offset_reset = OffsetReset::kDefault;
  std::chrono::milliseconds reset_duration{0};
  std::shared_ptr<const TimestampExtractor> timestamp_extractor;  // null: the configured one
  // Sinks
  std::string sink_topic;             // empty: chosen per record
  std::string extractor_description;  // for describe() of a chosen-per-record sink
};

struct StoreNode {
  StoreSpec spec;
  std::vector<std::int32_t> users;  // node ids, in the order in which they were connected
  bool global = false;
  /// Global stores: the node that feeds it on the global thread, and whether restore runs records through it.
  std::int32_t global_source = -1;
};

enum class InternalTopicKind : std::uint8_t { kRepartition, kChangelog, kSubscriptionRegistration, kSubscriptionResponse };
struct InternalTopic {
  std::string name;  // without the application id in front
  InternalTopicKind kind = InternalTopicKind::kRepartition;
  std::optional<std::int32_t> partitions;     // explicit count
  std::map<std::string, std::string> config;  // whole, as Java makes it, without topic.* overrides
  std::string store;                          // changelogs: of which store
};

struct Subtopology {
  std::int32_t id = 0;
  std::vector<std::int32_t> nodes;         // ids, in the order added
  std::vector<std::string> source_topics;  // user topics and repartition topics (without application id)
  std::vector<std::string> sink_topics;    // fixed ones
  std::vector<std::string> stores;
  /// Groups of source topics that must have equal partition counts.
  std::vector<std::vector<std::string>> copartition_groups;
};

class Topology {
 public:
  std::vector<NodeSpec> nodes;
  std::map<std::string, StoreNode, std::less<>> stores;
  /// The order of flushing, as Java has it: that of the nodes which use them; global ones last, as they were added.
  std::vector<std::string> store_order;
  std::map<std::string, InternalTopic, std::less<>> internal_topics;
  /// What it was built with; empty: by hand, where nothing is optimized.
  std::string optimization;
  std::vector<Subtopology> subtopologies;
  std::vector<std::int32_t> global_nodes;  // nodes of global stores
  /// Groups of sources, by name, whose topics must have equal partition counts.
  std::vector<std::vector<std::string>> copartitions;

  /// The same, reading those of `topics` too that its patterns match. TopologyException: two sources match one.
  [[nodiscard]] Topology reading(std::span<const std::string> topics) const;
  /// Makes the sub-topologies' groups of topics, of what the sources read now.
  void place_copartitions();

  /// Java's text, also in its hash order.
  [[nodiscard]] std::string describe() const;
  [[nodiscard]] bool is_internal(std::string_view topic) const { return internal_topics.find(topic) != internal_topics.end(); }
  /// `<application id>-<topic>` for internal topics, else the topic itself.
  [[nodiscard]] std::string log_topic(std::string_view application_id, std::string_view topic) const;
  /// What the serdes of a store are told (StateStore::topic()).
  [[nodiscard]] std::string store_topic(std::string_view application_id, const StoreSpec& store) const;
  /// The source topics that lead to the first node that a store was connected to, which as in Java is the one that fills it; without
  /// the application id in front. None for a store that is not there.
  [[nodiscard]] std::set<std::string> topics_to_store(std::string_view store) const;
};

}  // namespace tidemill
