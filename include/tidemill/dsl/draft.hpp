// Draft: the logical graph that KStream and KTable handles grow, until StreamsBuilder::build() writes it to a topology.
//
// Names come from one counter per builder, as Java's do. Steps are written in the order in which they were made, which is
// the order in which Java writes its graph; what a later operator asks of an earlier one (a store, old values) is a fact that
// the earlier one's step reads when it is written.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <tidemill/topology/topology_builder.hpp>

namespace tidemill {

namespace detail {
struct TableFacts;
}

class Draft {
 public:
  using Step = UniqueFunction<void(TopologyBuilder&)>;

  /// `<prefix><ten digits>`; burns an index.
  [[nodiscard]] std::string new_name(std::string_view prefix);
  /// The given name, or a generated one; burns an index either way, as Java does. TopologyException for a name that cannot be.
  [[nodiscard]] std::string name_or_new(const std::string& given, std::string_view prefix);
  /// The same with something behind a given name.
  [[nodiscard]] std::string name_or_new(const std::string& given, std::string_view suffix, std::string_view prefix);
  [[nodiscard]] std::string new_store_name(std::string_view prefix);
  /// The given name, or a generated one; only the latter burns an index.
  [[nodiscard]] std::string store_name_or_new(const std::string& given, std::string_view prefix);
  /// For an operator that Java numbers and that is not made.
  void burn_index() { ++index_; }
  /// Letters, digits, '.', '_' and '-', at most 249 of them; else TopologyException.
  static void check_name(const std::string& name);
  /// TopologyException behind build().
  void add(Step step);
  /// To be called once. For the arguments see TopologyBuilder::set_optimization() and TopologyBuilder::set_processor_wrapper().
  [[nodiscard]] Topology build(std::string_view optimization, std::shared_ptr<const ProcessorWrapper> wrapper);
  /// TopologyException where `other` grows another topology: streams and tables of two builders cannot be put together.
  void check_same(const std::shared_ptr<Draft>& other, std::string_view operation) const;

  /// What the repartition topics depend on.
  struct Traits {
    bool changes_key = false;
    bool changes_value = false;
    bool merges = false;
    /// A join that has results for records without a key.
    bool joins_null_keys = false;
  };
  void mark(const std::string& node, Traits traits) { traits_[node] = traits; }

  // Steps that every operator uses.
  void add_processor(TopologyBuilder::ProcessorSpec processor);
  /// The same of two streams; of one that is merged with itself, records go on once, as in Java.
  void add_merge(TopologyBuilder::ProcessorSpec processor);
  /// The same, with stores that it brings along.
  void add_stateful_processor(TopologyBuilder::ProcessorSpec processor, std::vector<StoreSpec> stores);
  /// The same, connected to stores that are known when the topology is written.
  void add_processor(TopologyBuilder::ProcessorSpec processor, std::function<std::vector<std::string>()> stores);
  /// The node of a table: its store, if by then it has one, is added in front of it.
  void add_table(TopologyBuilder::ProcessorSpec processor, std::shared_ptr<const detail::TableFacts> facts,
                 std::vector<StoreSpec> brought = {});
  void add_sink(TopologyBuilder::Sink sink);
  void copartition(std::set<std::string> left, const std::set<std::string>& right);
  struct RepartitionEnds {
    std::shared_ptr<const OperatorNode> sink;
    std::shared_ptr<const OperatorNode> source;
  };
  /// The serdes of a repartition topic: a Serde<K> and a Serde<V>, their types forgotten.
  struct RepartitionSerdes {
    /// Null: none is given, it is the type's own. Of several topics that become one, the first that is given counts, as in Java.
    std::shared_ptr<const void> key = nullptr;
    std::shared_ptr<const void> value = nullptr;
    std::function<RepartitionEnds(const std::string& topic, const void* key, const void* value)> ends = nullptr;
  };
  /// The nodes behind a change of key: filter, internal topic, sink and source; the source's name.
  struct Repartition {
    std::string parent;
    /// Of the topic, without "-repartition"; generated node names are used when it was generated itself.
    std::string prefix;
    std::optional<std::int32_t> partitions = {};
    /// The topic may be another one's, too.
    bool mergeable = true;
    RepartitionEnds ends = {};
    RepartitionSerdes serdes = {};
    EdgeType type = {};
  };
  [[nodiscard]] std::string add_repartition(Repartition repartition);
  /// A repartitioning that is used once more: as in Java, it is written where the next node is. `sink`: where add_repartition() did
  /// not make it.
  void write_again(const std::string& source, const std::string& sink = {});
  struct WrittenAgain {
    std::vector<std::string> nodes;
    std::size_t next;    // place of the node that was added behind
    std::string before;  // its name, which stays when nodes are rewritten
  };
  /// Java writes both as one: neither before both have their parents.
  void write_together(std::string first, std::string second) { together_.emplace_back(std::move(first), std::move(second)); }
  /// Several may have one name: all but the first get something behind it, see plain_name(), until it is known which of them are
  /// merged with others. Two that stay are an error.
  struct RepartitionNodes {
    std::string topic;
    std::string filter;  // of records without key, where nobody behind it wants them
    std::string sink;
    std::string source;
    bool mergeable = true;
    std::optional<std::int32_t> partitions = {};
    RepartitionSerdes serdes = {};
  };
  /// The nodes of a join of two streams, and what takes the place of all but the first where both are one stream.
  struct StreamJoinNodes {
    std::string this_windowed;
    std::string other_windowed;
    std::string this_join;
    std::string other_join;
    std::string merge;
    /// Null: they have other types of values.
    std::shared_ptr<const OperatorNode> self_join;
  };
  void add_stream_join(StreamJoinNodes join) { stream_joins_.push_back(std::move(join)); }
  /// Indexes that a repartition which is not made would have had.
  void burn_repartition() { index_ += 3; }
  /// A name as it was before add_repartition() made another one of it.
  [[nodiscard]] static std::string plain_name(const std::string& name) { return name.substr(0, name.find(' ')); }
  [[nodiscard]] static std::string repartition_topic(const std::string& prefix) { return prefix + "-repartition"; }

 private:
  std::vector<Step> steps_;
  std::map<std::string, Traits> traits_;
  std::vector<RepartitionNodes> repartitions_;
  std::vector<StreamJoinNodes> stream_joins_;
  std::vector<WrittenAgain> written_again_;
  std::vector<std::pair<std::string, std::string>> together_;
  std::int32_t index_ = 0;
  bool built_ = false;
};

using detail::prototype;

}  // namespace tidemill
