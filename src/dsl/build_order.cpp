#include "dsl/build_order.hpp"

#include <map>
#include <queue>
#include <set>

namespace tidemill::detail {
namespace {

using Index = std::size_t;

/// Of all nodes that can be written (what is above them has been), the one that comes first is next.
class BuildOrder {
 public:
  explicit BuildOrder(TopologyBuilder& builder) : builder_(builder), nodes_(builder.nodes()), above_(nodes_.size()) {
    std::multimap<std::string, Index> writers;
    for (Index i = 0; i < nodes_.size(); ++i) {
      places_.emplace(nodes_[i].name, i);
      priorities_.push_back(2 * i);
      if (!nodes_[i].sink_topic.empty()) writers.emplace(nodes_[i].sink_topic, i);
      for (const std::int32_t parent : nodes_[i].parents) above_[i].insert(static_cast<Index>(parent));
    }
    for (Index i = 0; i < nodes_.size(); ++i) {
      for (const std::string& topic : nodes_[i].topics) {
        if (!builder.is_internal(topic)) continue;
        const auto [first, last] = writers.equal_range(topic);
        for (auto writer = first; writer != last; ++writer) above_[i].insert(writer->second);
      }
    }
  }
  void keep_together(Index first, Index second) {
    for (const Index above : above_[second]) above_[first].insert(above);
    above_[second].insert(first);
  }
  void move(Index node, Index before) { priorities_[node] = 2 * before - 1; }
  /// No value: the node is not there (any more).
  [[nodiscard]] std::optional<Index> find(const std::string& name) const {
    const auto found = places_.find(name);
    return found == places_.end() ? std::nullopt : std::optional<Index>(found->second);
  }

  void write() {
    std::vector<std::vector<Index>> below(nodes_.size());
    std::vector<std::size_t> waits_for(nodes_.size());
    using Next = std::pair<Index, Index>;  // priority, node
    std::priority_queue<Next, std::vector<Next>, std::greater<>> ready;
    for (Index i = 0; i < nodes_.size(); ++i) {
      for (const Index above : above_[i]) below[above].push_back(i);
      waits_for[i] = above_[i].size();
      if (waits_for[i] == 0) ready.emplace(priorities_[i], i);
    }
    std::vector<TopologyBuilder::Placed> placed;
    while (!ready.empty()) {
      const Index next = ready.top().second;
      ready.pop();
      TopologyBuilder::Placed& one = placed.emplace_back(TopologyBuilder::Placed{nodes_[next], {}});
      for (const std::int32_t parent : nodes_[next].parents) {
        one.parents.push_back(nodes_[static_cast<std::size_t>(parent)].name);
      }
      for (const Index i : below[next]) {
        if (--waits_for[i] == 0) ready.emplace(priorities_[i], i);
      }
    }
    builder_.replace_nodes(std::move(placed), {});
  }

 private:
  TopologyBuilder& builder_;
  const std::vector<NodeSpec>& nodes_;
  std::vector<std::set<Index>> above_;  // also what writes to an internal topic that a source reads
  std::vector<Index> priorities_;
  std::map<std::string, Index> places_;
};

}  // namespace

void finish_build_order(TopologyBuilder& builder, const std::vector<Draft::WrittenAgain>& moved,
                        const std::vector<std::pair<std::string, std::string>>& together) {
  if (moved.empty()) return;
  BuildOrder order(builder);
  bool changed = false;
  for (const Draft::WrittenAgain& again : moved) {
    const auto before = order.find(again.before);
    for (const std::string& name : again.nodes) {
      const auto node = order.find(name);
      if (!node || !before) continue;
      order.move(*node, *before);
      changed = true;
    }
  }
  if (!changed) return;
  for (const auto& [first, second] : together) {
    const auto one = order.find(first);
    const auto other = order.find(second);
    if (one && other) order.keep_together(*one, *other);
  }
  order.write();
}

}  // namespace tidemill::detail
