#include "runtime/task_part.hpp"

#include <algorithm>
#include <set>

namespace tidemill::runtime {
namespace {

std::vector<std::string> in_flush_order(const Topology& topology, const std::set<std::string>& wanted) {
  std::vector<std::string> stores;
  for (const std::string& name : topology.store_order) {
    if (wanted.contains(name)) stores.push_back(name);
  }
  for (const std::string& name : wanted) {
    if (std::find(stores.begin(), stores.end(), name) == stores.end()) stores.push_back(name);
  }
  return stores;
}

}  // namespace

TaskPart subtopology_part(const Topology& topology, std::int32_t subtopology) {
  TaskPart part;
  for (const Subtopology& candidate : topology.subtopologies) {
    if (candidate.id != subtopology) continue;
    part.nodes = candidate.nodes;
    part.stores = in_flush_order(topology, {candidate.stores.begin(), candidate.stores.end()});
  }
  return part;
}

TaskPart whole_part(const Topology& topology) {
  TaskPart part;
  std::set<std::int32_t> nodes;
  std::set<std::string> stores;
  for (const Subtopology& subtopology : topology.subtopologies) {
    nodes.insert(subtopology.nodes.begin(), subtopology.nodes.end());
    stores.insert(subtopology.stores.begin(), subtopology.stores.end());
  }
  part.nodes.assign(nodes.begin(), nodes.end());
  part.stores = in_flush_order(topology, stores);
  return part;
}

TaskPart global_part(const Topology& topology) {
  TaskPart part;
  part.nodes = topology.global_nodes;
  std::set<std::string> stores;
  for (const auto& [name, store] : topology.stores) {
    if (store.global) stores.insert(name);
  }
  part.stores = in_flush_order(topology, stores);
  return part;
}

std::vector<std::string> source_topics(const Topology& topology, const TaskPart& part, std::string_view application_id) {
  std::set<std::string> topics;
  for (const std::int32_t id : part.nodes) {
    for (const std::string& topic : topology.nodes[static_cast<std::size_t>(id)].topics) {
      topics.insert(topology.log_topic(application_id, topic));
    }
  }
  return {topics.begin(), topics.end()};
}

}  // namespace tidemill::runtime
