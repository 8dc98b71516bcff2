// Topology::describe(): the text of Java's TopologyDescription, character by character, also in its hash order.
#include <tidemill/topology/topology.hpp>

#include <algorithm>
#include <map>
#include <regex>
#include <set>

#include "topology/java_set_order.hpp"

namespace tidemill {
namespace {

using detail::java_set_order;

std::string join(const std::vector<std::string>& texts) {
  std::string result;
  for (const std::string& text : texts) result += (result.empty() ? "" : ", ") + text;
  return result;
}

class Describer {
 public:
  explicit Describer(const Topology& topology) : topology_(topology) {}

  std::string text() {
    struct Block {
      std::int32_t first;
      std::string text;
    };
    std::vector<Block> blocks;
    std::int32_t id = 0;
    std::vector<std::pair<std::int32_t, const Subtopology*>> order;  // by first node, globals among them
    for (const Subtopology& part : topology_.subtopologies) order.emplace_back(part.nodes.front(), &part);
    for (const auto& [name, store] : topology_.stores) {
      if (store.global) order.emplace_back(store.global_source, nullptr);
    }
    std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [first, part] : order) {
      blocks.push_back({first, part != nullptr ? subtopology(id, *part) : global(id, first)});
      ++id;
    }
    std::string result = "Topologies:\n ";
    for (const Block& block : blocks) result += "  " + block.text;
    return result;
  }

 private:
  const NodeSpec& node(std::int32_t id) const { return topology_.nodes[static_cast<std::size_t>(id)]; }

  // Java links the nodes of a block in the iteration order of a HashMap and keeps neighbours in sorted sets whose sort key, the
  // number of nodes below, grows meanwhile: who is inserted when decides the order that is printed.
  struct Linked {
    std::size_t size = 1;
    std::vector<std::int32_t> successors;
    std::vector<std::int32_t> predecessors;
  };
  void link(const std::vector<std::int32_t>& ids) {
    std::vector<std::string> texts;
    std::map<std::string, std::int32_t> by_name;
    for (const std::int32_t id : ids) {
      linked_[id] = {};
      texts.push_back(node(id).name);
      by_name[node(id).name] = id;
    }
    for (const std::string& name : java_set_order(texts)) {
      const std::int32_t id = by_name[name];
      for (const std::int32_t parent : node(id).parents) {
        insert(linked_[id].predecessors, parent);
        insert(linked_[parent].successors, id);
        grow(parent, linked_[id].size);
      }
    }
  }
  void insert(std::vector<std::int32_t>& sorted, std::int32_t id) {
    const auto at = std::find_if(sorted.begin(), sorted.end(), [&](std::int32_t other) { return before(id, other); });
    sorted.insert(at, id);
  }
  void grow(std::int32_t id, std::size_t by) {
    linked_[id].size += by;
    for (const std::int32_t above : linked_[id].predecessors) grow(above, by);
  }
  bool before(std::int32_t a, std::int32_t b) const {
    const std::size_t size_a = linked_.at(a).size;
    const std::size_t size_b = linked_.at(b).size;
    return size_a != size_b ? size_a > size_b : node(a).name < node(b).name;
  }
  std::string neighbours(const std::vector<std::int32_t>& ids) const {
    std::vector<std::string> names;
    for (const std::int32_t id : ids) names.push_back(node(id).name);
    return names.empty() ? "none" : join(names);
  }
  std::string describe(const NodeSpec& spec) const {
    std::string text;
    if (spec.kind == NodeKind::kSource) {
      const std::string topics =
          spec.topic_pattern.empty() ? "[" + join(java_set_order(spec.topics)) + "]" : spec.topic_pattern;
      return "    Source: " + spec.name + " (topics: " + topics + ")\n      --> " + neighbours(linked_.at(spec.id).successors) +
             "\n";
    }
    if (spec.kind == NodeKind::kSink) {
      text = "    Sink: " + spec.name + " (" +
             (spec.sink_topic.empty() ? "extractor class: " + spec.extractor_description : "topic: " + spec.sink_topic) + ")\n";
    } else {
      text = "    Processor: " + spec.name + " (stores: [" + join(java_set_order(spec.stores)) + "])\n      --> " +
             neighbours(linked_.at(spec.id).successors) + "\n";
    }
    return text + "      <-- " + neighbours(linked_.at(spec.id).predecessors) + "\n";
  }
  std::string subtopology(std::int32_t id, const Subtopology& part) {
    link(part.nodes);
    std::string text = "Sub-topology: " + std::to_string(id) + "\n";
    std::vector<std::int32_t> sorted(part.nodes);
    std::sort(sorted.begin(), sorted.end(), [&](std::int32_t a, std::int32_t b) { return before(a, b); });
    for (const std::int32_t node_id : sorted) text += describe(node(node_id));
    return text + "\n";
  }
  std::string global(std::int32_t id, std::int32_t source) {
    std::vector<std::int32_t> ids{source};
    ids.insert(ids.end(), node(source).children.begin(), node(source).children.end());
    link(ids);
    std::string text = "Sub-topology: " + std::to_string(id) + " for global store (will not generate tasks)\n";
    text += describe(node(source));
    for (const std::int32_t child : node(source).children) text += describe(node(child));
    return text;
  }
  const Topology& topology_;
  std::map<std::int32_t, Linked> linked_;
};

}  // namespace

std::string Topology::describe() const { return Describer(*this).text(); }

std::string Topology::log_topic(std::string_view application_id, std::string_view topic) const {
  return is_internal(topic) ? std::string(application_id) + "-" + std::string(topic) : std::string(topic);
}

std::string Topology::store_topic(std::string_view application_id, const StoreSpec& store) const {
  if (!store.source_topic_as_changelog.empty()) return log_topic(application_id, store.source_topic_as_changelog);
  return std::string(application_id) + "-" + store.name + "-changelog";
}

std::set<std::string> Topology::topics_to_store(std::string_view store) const {
  const auto found = stores.find(store);
  if (found == stores.end() || found->second.users.empty()) return {};
  std::set<std::string> leading;
  std::set<std::int32_t> seen{found->second.users.front()};
  std::vector<std::int32_t> next(seen.begin(), seen.end());
  while (!next.empty()) {
    const NodeSpec& node = nodes[static_cast<std::size_t>(next.back())];
    next.pop_back();
    leading.insert(node.topics.begin(), node.topics.end());
    for (const std::int32_t parent : node.parents) {
      if (seen.insert(parent).second) next.push_back(parent);
    }
  }
  return leading;
}

Topology Topology::reading(std::span<const std::string> topics) const {
  Topology resolved = *this;
  std::map<std::string, const NodeSpec*, std::less<>> readers;
  for (const NodeSpec& node : nodes) {
    for (const std::string& topic : node.topics) readers.emplace(topic, &node);
  }
  for (NodeSpec& node : resolved.nodes) {
    if (node.topic_pattern.empty()) continue;
    const std::regex pattern(node.topic_pattern);
    for (const std::string& topic : topics) {
      if (!std::regex_match(topic, pattern)) continue;
      const auto [reader, is_new] = readers.emplace(topic, &node);
      if (!is_new) {
        throw TopologyException("topic \"" + topic + "\" matches the pattern " + node.topic_pattern + " of source \"" +
                                node.name + "\" and is read by source \"" + reader->second->name +
                                "\", too: a topic can be read by one source only; make the patterns narrower");
      }
      node.topics.push_back(topic);
      for (Subtopology& part : resolved.subtopologies) {
        if (std::find(part.nodes.begin(), part.nodes.end(), node.id) != part.nodes.end()) part.source_topics.push_back(topic);
      }
    }
  }
  resolved.place_copartitions();
  return resolved;
}

void Topology::place_copartitions() {
  // Groups that share a topic are one: all of their topics have equal counts.
  std::vector<std::set<std::string>> groups;
  for (const std::vector<std::string>& sources : copartitions) {
    std::set<std::string> topics;
    for (const NodeSpec& node : nodes) {
      if (std::find(sources.begin(), sources.end(), node.name) != sources.end()) {
        topics.insert(node.topics.begin(), node.topics.end());
      }
    }
    std::erase_if(groups, [&](const std::set<std::string>& group) {
      const bool shared = std::any_of(group.begin(), group.end(), [&](const auto& topic) { return topics.contains(topic); });
      if (shared) topics.insert(group.begin(), group.end());
      return shared;
    });
    groups.push_back(std::move(topics));
  }
  for (Subtopology& part : subtopologies) part.copartition_groups.clear();
  for (const std::set<std::string>& group : groups) {
    for (Subtopology& part : subtopologies) {
      if (std::any_of(part.source_topics.begin(), part.source_topics.end(),
                      [&](const auto& topic) { return group.contains(topic); })) {
        part.copartition_groups.emplace_back(group.begin(), group.end());
      }
    }
  }
}

}  // namespace tidemill
