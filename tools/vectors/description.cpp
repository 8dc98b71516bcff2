#include <algorithm>
#include <set>

#include "scenario.hpp"

namespace tidemill::vectors {
namespace {

using nlohmann::json;

std::string lines(const json& texts) {
  std::string text;
  for (const json& line : texts) text += (text.empty() ? "" : "\n") + line.get<std::string>();
  return text;
}
std::string first_difference(const std::string& ours, const std::string& theirs) {
  const std::size_t at =
      static_cast<std::size_t>(std::mismatch(ours.begin(), ours.end(), theirs.begin(), theirs.end()).first - ours.begin());
  const auto line = [at](const std::string& text) {
    const std::size_t begin = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;
    return begin >= text.size() ? std::string("nothing") : text.substr(begin, text.find('\n', begin) - begin);
  };
  return "describe() has \"" + line(ours) + "\", expected \"" + line(theirs) + "\"";
}

const char* kind_name(StoreKind kind) {
  switch (kind) {
    case StoreKind::kKeyValue: return "kv";
    case StoreKind::kTimestampedKeyValue: return "timestamped-kv";
    case StoreKind::kWindow: return "window";
    case StoreKind::kTimestampedWindow: return "timestamped-window";
    case StoreKind::kSession: return "session";
    case StoreKind::kVersionedKeyValue: return "versioned-kv";
    case StoreKind::kChangeBuffer: return "suppress-buffer";
    case StoreKind::kJoinBuffer: return "join-buffer";
    case StoreKind::kCustom: return "custom";
  }
  return "?";
}

std::string compare_stores(const RegisteredTopology& registered, const Topology& topology, const json& wanted) {
  for (const json& store : wanted) {
    const std::string name = store.at("name").get<std::string>();
    const auto found = topology.stores.find(name);
    if (found == topology.stores.end()) return "there is no store " + name;
    const StoreSpec& spec = found->second.spec;
    if (kind_name(spec.kind) != store.at("kind").get<std::string>())
      return "store " + name + " is of kind " + kind_name(spec.kind);
    const StoreEngineKind engine = spec.engine == StoreEngineKind::kDefault ? registered.config.default_dsl_store : spec.engine;
    if ((engine != StoreEngineKind::kInMemory) != store.at("persistent").get<bool>()) return "store " + name + ": its engine";
    const std::string layers = store.at("layers").dump();
    const bool logged = spec.logging && spec.source_topic_as_changelog.empty();
    // Java's buffers write their changelogs themselves.
    const bool layered = spec.kind != StoreKind::kChangeBuffer && spec.kind != StoreKind::kJoinBuffer;
    if (layered && logged != (layers.find("ChangeLogging") != std::string::npos))
      return "store " + name + ": its change-logging";
  }
  if (topology.stores.size() != wanted.size()) return "it has " + std::to_string(topology.stores.size()) + " stores";
  return {};
}

std::string compare_topics(const RegisteredTopology& registered, const Topology& topology, const json& wanted) {
  std::size_t of_sources = 0;  // a source topic that is a store's changelog is listed, too
  for (const json& topic : wanted) {
    const std::string name = topic.at("name").get<std::string>();
    if (std::any_of(topology.stores.begin(), topology.stores.end(), [&](const auto& entry) {
          return !entry.second.global && entry.second.spec.source_topic_as_changelog == name;
        })) {
      ++of_sources;
      continue;
    }
    const auto found = std::find_if(topology.internal_topics.begin(), topology.internal_topics.end(), [&](const auto& entry) {
      return topology.log_topic(registered.config.application_id, entry.first) == name;
    });
    if (found == topology.internal_topics.end()) return "there is no internal topic " + name;
    const json& count = topic.at("partitions");
    const auto partitions = count.is_null() ? std::optional<std::int32_t>() : std::optional(count.get<std::int32_t>());
    if (found->second.partitions != partitions) return "topic " + name + ": its number of partitions";
    if (json(found->second.config) != topic.at("config")) {
      return "topic " + name + " has the configuration " + json(found->second.config).dump() + ", expected " +
             topic.at("config").dump();
    }
  }
  if (topology.internal_topics.size() + of_sources != wanted.size()) {
    return "it has " + std::to_string(topology.internal_topics.size()) + " internal topics, expected " +
           std::to_string(wanted.size());
  }
  return {};
}

std::set<std::string> set_of(const json& texts) { return {texts.begin(), texts.end()}; }

std::string compare_parts(const RegisteredTopology& registered, const Topology& topology, const json& wanted) {
  const auto on_log = [&](const std::vector<std::string>& topics) {
    std::set<std::string> names;
    for (const std::string& topic : topics) names.insert(topology.log_topic(registered.config.application_id, topic));
    return names;
  };
  const auto has_pattern = [&](const Subtopology& part) {
    return std::any_of(part.nodes.begin(), part.nodes.end(),
                       [&](std::int32_t id) { return !topology.nodes[static_cast<std::size_t>(id)].topic_pattern.empty(); });
  };
  std::size_t patterns = 0;  // what reads a pattern has no topics yet, and is not listed
  for (const Subtopology& part : topology.subtopologies) patterns += has_pattern(part) ? 1 : 0;
  for (const json& part : wanted) {
    const std::string where = "sub-topology " + part.at("id").dump() + ": ";
    const auto found = std::find_if(topology.subtopologies.begin(), topology.subtopologies.end(),
                                    [&](const Subtopology& own) { return own.id == part.at("id").get<std::int32_t>(); });
    if (found == topology.subtopologies.end()) return where + "there is none";
    const Subtopology& ours = *found;
    if (on_log(ours.source_topics) != set_of(part.at("sources"))) return where + "its source topics";
    if (on_log(ours.sink_topics) != set_of(part.at("sinks"))) return where + "its sink topics";
    std::set<std::set<std::string>> groups;
    std::set<std::set<std::string>> expected;
    for (const auto& group : ours.copartition_groups) groups.insert(on_log(group));
    for (const json& group : part.at("copartition_groups")) expected.insert(set_of(group));
    if (groups != expected) return where + "its co-partition groups";
  }
  const std::size_t count = topology.subtopologies.size() - patterns;
  return count == wanted.size()
             ? ""
             : "it has " + std::to_string(count) + " sub-topologies, expected " + std::to_string(wanted.size());
}

}  // namespace

std::string compare_topology(const RegisteredTopology& registered, const json& description) {
  const Topology topology = registered.build(registered.config);
  if (const std::string ours = topology.describe(), theirs = lines(description.at("describe")); ours != theirs) {
    return first_difference(ours, theirs);
  }
  if (std::string difference = compare_stores(registered, topology, description.at("stores")); !difference.empty())
    return difference;
  if (std::string difference = compare_topics(registered, topology, description.at("internal_topics")); !difference.empty()) {
    return difference;
  }
  return compare_parts(registered, topology, description.at("subtopologies"));
}

}  // namespace tidemill::vectors
