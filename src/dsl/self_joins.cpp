#include "dsl/self_joins.hpp"

#include <map>
#include <set>

namespace tidemill::detail {

void finish_self_joins(TopologyBuilder& builder, const std::vector<Draft::StreamJoinNodes>& joins) {
  if (joins.empty() || !builder.optimizes("single.store.self.join")) return;
  std::map<std::string, const NodeSpec*> specs;
  for (const NodeSpec& node : builder.nodes()) specs.emplace(node.name, &node);
  std::map<std::string, const Draft::StreamJoinNodes*> rewritten;  // by the node that gives the results
  std::set<std::string> gone;
  for (const Draft::StreamJoinNodes& join : joins) {
    const NodeSpec& left = *specs.at(join.this_windowed);
    const NodeSpec& right = *specs.at(join.other_windowed);
    if (left.parents != right.parents || !(left.input == right.input)) continue;
    rewritten.emplace(join.merge, &join);
    gone.insert({join.other_windowed, join.this_join, join.other_join});
  }
  if (rewritten.empty()) return;

  std::vector<TopologyBuilder::Placed> placed;
  for (const NodeSpec& node : builder.nodes()) {
    if (gone.contains(node.name)) continue;
    TopologyBuilder::Placed& one = placed.emplace_back(TopologyBuilder::Placed{node, {}});
    if (const auto found = rewritten.find(node.name); found != rewritten.end()) {
      const NodeSpec& windowed = *specs.at(found->second->this_windowed);
      one.spec.prototype = found->second->self_join;
      one.spec.input = windowed.output;
      one.spec.stores = windowed.stores;
      one.parents = {windowed.name};
      continue;
    }
    for (const std::int32_t parent : node.parents) {
      one.parents.push_back(builder.nodes()[static_cast<std::size_t>(parent)].name);
    }
  }
  builder.replace_nodes(std::move(placed), {});
}

}  // namespace tidemill::detail
