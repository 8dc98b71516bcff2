#include <tidemill/topology/topology_builder.hpp>

#include <algorithm>
#include <numeric>
#include <regex>

#include "base/saturating_sum.hpp"
#include "topology/java_set_order.hpp"

namespace tidemill {
namespace {

constexpr const char* kRepartitionSegmentBytes = "52428800";
constexpr std::int64_t kDayMs = 86400000;

std::string type_text(const EdgeType& type) {
  const auto name = [](TypeTag tag) { return tag == nullptr ? std::string("?") : std::string(tag->name); };
  return std::string(type.table ? "table" : "stream") + "<" + name(type.key) + ", " + name(type.value) + ">";
}

bool fits(const EdgeType& output, const EdgeType& input) {
  const auto same = [](TypeTag a, TypeTag b) { return a == nullptr || b == nullptr || a == b || a->name == b->name; };
  return same(output.key, input.key) && same(output.value, input.value);
}

/// Which nodes belong together: joined by edges and by shared stores.
class Components {
 public:
  explicit Components(std::size_t size) : parent_(size) { std::iota(parent_.begin(), parent_.end(), 0); }
  std::size_t find(std::size_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  void unite(std::size_t a, std::size_t b) { parent_[find(a)] = find(b); }

 private:
  std::vector<std::size_t> parent_;
};

std::int64_t one_day_more(std::chrono::milliseconds time) { return saturating_sum(time.count(), kDayMs); }

std::map<std::string, std::string> changelog_config(const StoreSpec& spec) {
  std::map<std::string, std::string> config{{"cleanup.policy", "compact"}, {"message.timestamp.type", "CreateTime"}};
  if (spec.windowed()) {
    config["cleanup.policy"] = spec.retain_duplicates ? "delete" : "compact,delete";
    config["retention.ms"] = std::to_string(one_day_more(spec.retention));
  } else if (spec.kind == StoreKind::kVersionedKeyValue) {
    config["min.compaction.lag.ms"] = std::to_string(one_day_more(spec.retention));
  }
  for (const auto& [key, value] : spec.log_config) config[key] = value;
  return config;
}

void check_prototype(const char* kind, const std::string& name, const std::shared_ptr<const OperatorNode>& prototype) {
  if (prototype == nullptr) {
    throw TopologyException(std::string(kind) + " \"" + name +
                            "\": prototype is null: each task runs a copy of it, give a node");
  }
}

}  // namespace

const char* detail::unfit_for_topics(std::string_view name) {
  constexpr std::size_t kNameMax = 249;
  if (name == "." || name == "..") return "a topic cannot be called so";
  if (name.size() > kNameMax) return "it has more than 249 characters";
  if (name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != std::string_view::npos) {
    return "names of topics are made of letters, digits, '.', '_' and '-'";
  }
  return nullptr;
}

void detail::check_topic(std::string_view topic, std::string_view where) {
  const char* const why = topic.empty() ? "a topic has a name" : unfit_for_topics(topic);
  if (why == nullptr) return;
  throw TopologyException(std::string(where) + ": the topic \"" + std::string(topic) + "\" cannot be: " + why);
}

NodeSpec& TopologyBuilder::node(std::string_view name, std::string_view user) {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) {
    throw TopologyException("\"" + std::string(user) + "\" names the node \"" + std::string(name) +
                            "\", which has not been added (yet)");
  }
  return topology_.nodes[static_cast<std::size_t>(found->second)];
}

NodeSpec& TopologyBuilder::add_node(std::string name, NodeKind kind, const std::vector<std::string>& parents) {
  if (name.empty()) throw TopologyException("a node needs a name");
  if (by_name_.contains(name)) {
    throw TopologyException("a node \"" + name + "\" has been added already: give one of them another name");
  }
  const auto id = static_cast<std::int32_t>(topology_.nodes.size());
  if (kind != NodeKind::kSource && parents.empty()) throw TopologyException("\"" + name + "\" has no parent");
  std::vector<std::int32_t> parent_ids;
  for (const std::string& parent : parents) {
    if (parent == name) throw TopologyException("\"" + name + "\" cannot be its own parent");
    NodeSpec& above = node(parent, name);
    if (above.kind == NodeKind::kSink) throw TopologyException("\"" + name + "\": its parent \"" + parent + "\" is a sink");
    above.children.push_back(id);
    parent_ids.push_back(above.id);
  }
  NodeSpec& added = topology_.nodes.emplace_back();
  added.id = id;
  added.name = std::move(name);
  added.kind = kind;
  added.parents = std::move(parent_ids);
  by_name_[added.name] = id;
  return added;
}

void TopologyBuilder::check_pattern(const Source& source) const {
  const auto clash = [](const std::string& topic, const std::string& pattern, const std::string& a, const std::string& b) {
    throw TopologyException("topic \"" + topic + "\" of source \"" + a + "\" matches the pattern " + pattern + " of source \"" +
                            b + "\": a topic can be read by one source only; make the pattern narrower");
  };
  if (!source.topic_pattern.empty()) {
    try {
      const std::regex pattern(source.topic_pattern);
      for (const auto& [topic, name] : source_of_topic_) {
        if (std::regex_match(topic, pattern)) clash(topic, source.topic_pattern, name, source.name);
      }
    } catch (const std::regex_error& error) {
      throw TopologyException("source \"" + source.name + "\": \"" + source.topic_pattern +
                              "\" is not a regular expression: " + error.what());
    }
  }
  for (const NodeSpec& other : topology_.nodes) {
    if (other.topic_pattern.empty()) continue;
    const std::regex pattern(other.topic_pattern);
    for (const std::string& topic : source.topics) {
      if (std::regex_match(topic, pattern)) clash(topic, other.topic_pattern, source.name, other.name);
    }
  }
}

void TopologyBuilder::add_source(Source source) {
  check_prototype("source", source.name, source.prototype);
  if (source.topics.empty() && source.topic_pattern.empty()) {
    throw TopologyException("source \"" + source.name + "\" reads no topic");
  }
  const std::int64_t back = source.reset_duration.count();
  if (back < 0 || (back != 0 && source.offset_reset != OffsetReset::kByDuration)) {
    throw TopologyException("source \"" + source.name + "\": a reset duration of " + std::to_string(back) +
                            " ms: it is how far back OffsetReset::kByDuration begins, and not negative");
  }
  for (const std::string& topic : source.topics) {
    if (!topology_.internal_topics.contains(topic)) detail::check_topic(topic, "source \"" + source.name + "\"");
    const auto [found, added] = source_of_topic_.try_emplace(topic, source.name);
    if (!added) {
      throw TopologyException("topic \"" + topic + "\" is read by source \"" + found->second + "\" already; \"" + source.name +
                              "\" cannot read it, too: use one source for both");
    }
  }
  check_pattern(source);
  NodeSpec& added = add_node(source.name, NodeKind::kSource, {});
  added.topics = std::move(source.topics);
  added.topic_pattern = std::move(source.topic_pattern);
  added.prototype = std::move(source.prototype);
  added.output = source.output;
  added.offset_reset = source.offset_reset;
  added.reset_duration = source.reset_duration;
  added.timestamp_extractor = std::move(source.timestamp_extractor);
}

void TopologyBuilder::add_source_or_merge(Source source) {
  const auto same_topics = [](std::vector<std::string> a, std::vector<std::string> b) {
    std::sort(a.begin(), a.end());
    std::sort(b.begin(), b.end());
    return a == b;
  };
  const auto known = std::find_if(topology_.nodes.begin(), topology_.nodes.end(), [&](const NodeSpec& other) {
    if (!mergeable_.contains(other.name)) return false;
    if (!source.topic_pattern.empty()) return other.topic_pattern == source.topic_pattern;
    return std::any_of(source.topics.begin(), source.topics.end(), [&](const std::string& topic) {
      return std::find(other.topics.begin(), other.topics.end(), topic) != other.topics.end();
    });
  });
  if (known == topology_.nodes.end()) {
    mergeable_.insert(source.name);
    return add_source(std::move(source));
  }
  const std::string both = "sources \"" + known->name + "\" and \"" + source.name + "\"";
  if (!same_topics(source.topics, known->topics)) {
    throw TopologyException(both + " read some topics in common and some not: read each topic once, and merge() the streams");
  }
  if (source.offset_reset != known->offset_reset || source.reset_duration != known->reset_duration) {
    throw TopologyException(both + " read the same topics with different offset reset policies: use one stream for both");
  }
  if (!(source.output == known->output)) {
    throw TopologyException(both + " read the same topics as " + type_text(known->output) + " and as " +
                            type_text(source.output) + ": read them once, and map the stream");
  }
  by_name_[source.name] = known->id;
}

bool TopologyBuilder::optimizes(std::string_view rule) const {
  return optimization_ == "all" || ("," + optimization_ + ",").find("," + std::string(rule) + ",") != std::string::npos;
}

void TopologyBuilder::add_sink(Sink sink) {
  check_prototype("sink", sink.name, sink.prototype);
  NodeSpec& added = add_node(sink.name, NodeKind::kSink, sink.parents);
  added.sink_topic = std::move(sink.topic);
  added.extractor_description = std::move(sink.extractor_description);
  added.prototype = std::move(sink.prototype);
  added.input = sink.input;
}

void TopologyBuilder::add_processor(ProcessorSpec processor) {
  check_prototype("processor", processor.name, processor.prototype);
  NodeSpec& added = add_node(processor.name, NodeKind::kProcessor, processor.parents);
  added.prototype = std::move(processor.prototype);
  added.input = processor.input;
  added.output = processor.output;
  added.fixed_key = processor.fixed_key;
  connect_processor_and_state_stores(processor.name, processor.stores);
}

TopologyBuilder& TopologyBuilder::add_state_store(StoreSpec store, const std::vector<std::string>& processors) {
  if (store.name.empty()) throw TopologyException("a state store needs a name");
  if (store.retention.count() < 0) {
    throw TopologyException("store \"" + store.name + "\" keeps what is up to " + std::to_string(store.retention.count()) +
                            " ms old: a retention or a history must not be negative");
  }
  if (store.retention < store.window_size) {
    throw TopologyException("store \"" + store.name + "\" has a retention of " + std::to_string(store.retention.count()) +
                            " ms, shorter than its windows of " + std::to_string(store.window_size.count()) +
                            " ms: give it at least their size");
  }
  const std::string name = store.name;
  if (topology_.stores.contains(name)) {
    throw TopologyException("a state store \"" + name +
                            "\" has been added already: give one of them another name, or add one only and connect it to both "
                            "processors");
  }
  topology_.stores[name].spec = std::move(store);
  topology_.store_order.push_back(name);
  const std::vector<std::string> names{name};
  for (const std::string& processor : processors) connect_processor_and_state_stores(processor, names);
  return *this;
}

void TopologyBuilder::add_state_store_once(StoreSpec store) {
  const auto found = topology_.stores.find(store.name);
  if (found == topology_.stores.end()) {
    add_state_store(std::move(store));
  } else if (!(found->second.spec == store)) {
    throw TopologyException("a state store \"" + store.name +
                            "\" has been added already with other options: give one of them "
                            "another name");
  }
}

TopologyBuilder& TopologyBuilder::connect_processor_and_state_stores(std::string_view processor,
                                                                     const std::vector<std::string>& stores) {
  for (const std::string& name : stores) {
    NodeSpec& user = node(processor, name);
    const auto found = topology_.stores.find(name);
    if (found == topology_.stores.end()) {
      throw TopologyException("processor \"" + std::string(processor) + "\" names the state store \"" + name +
                              "\", which has not been added (yet)");
    }
    if (std::find(user.stores.begin(), user.stores.end(), name) != user.stores.end()) continue;
    user.stores.push_back(name);
    found->second.users.push_back(user.id);
  }
  return *this;
}

void TopologyBuilder::add_global_store(StoreSpec store, Source source, ProcessorSpec processor) {
  if (source.topics.size() != 1) throw TopologyException("global store \"" + store.name + "\" needs one source topic");
  const std::string name = store.name;
  store.logging = false;
  const std::string source_name = source.name;
  store.source_topic_as_changelog = source.topics.front();
  add_state_store(std::move(store));
  StoreNode& global = topology_.stores[name];
  global.global = true;
  add_source(std::move(source));
  processor.parents = {source_name};
  processor.stores = {name};
  const std::string processor_name = processor.name;
  add_processor(std::move(processor));
  global.global_source = by_name_.find(source_name)->second;
  topology_.global_nodes.push_back(global.global_source);
  topology_.global_nodes.push_back(by_name_.find(processor_name)->second);
}

void TopologyBuilder::add_internal_topic(std::string name, InternalTopicKind kind, std::optional<std::int32_t> partitions) {
  InternalTopic topic{name, kind, partitions, {}, {}};
  topic.config = {{"cleanup.policy", "delete"},
                  {"message.timestamp.type", "CreateTime"},
                  {"retention.ms", "-1"},
                  {"segment.bytes", kRepartitionSegmentBytes}};
  topology_.internal_topics[name] = std::move(topic);
}

void TopologyBuilder::replace_nodes(std::vector<Placed> placed, const std::map<std::string, std::string>& instead) {
  const std::vector<NodeSpec> before = std::exchange(topology_.nodes, {});
  const auto names = std::exchange(by_name_, {});
  for (Placed& one : placed) {
    NodeSpec& added = add_node(one.spec.name, one.spec.kind, one.parents);
    one.spec.id = added.id;
    one.spec.parents = std::move(added.parents);
    one.spec.children.clear();
    added = std::move(one.spec);
  }
  const auto moved = [&](std::int32_t id) {
    const std::string& name = before[static_cast<std::size_t>(id)].name;
    const auto other = instead.find(name);
    const auto found = by_name_.find(other == instead.end() ? name : other->second);
    return found == by_name_.end() ? -1 : found->second;
  };
  for (const auto& [name, id] : names) {
    if (const std::int32_t now = moved(id); now >= 0) by_name_.try_emplace(name, now);
  }
  for (auto& [name, store] : topology_.stores) {
    std::vector<std::int32_t> users;
    for (const std::int32_t user : std::exchange(store.users, {})) {
      const std::int32_t now = moved(user);
      if (now >= 0 && std::find(users.begin(), users.end(), now) == users.end()) users.push_back(now);
    }
    store.users = std::move(users);  // in the order in which they were connected
    if (store.global) store.global_source = moved(store.global_source);
  }
  for (std::int32_t& id : topology_.global_nodes) id = moved(id);
  for (const NodeSpec& node : topology_.nodes) {
    for (const std::string& store : node.stores) {
      std::vector<std::int32_t>& users = topology_.stores[store].users;
      if (std::find(users.begin(), users.end(), node.id) == users.end()) users.push_back(node.id);
    }
  }
  for (auto& [name, store] : topology_.stores) {
    std::erase_if(store.users, [&, &store = name](std::int32_t user) {
      const std::vector<std::string>& used = topology_.nodes[static_cast<std::size_t>(user)].stores;
      return std::find(used.begin(), used.end(), store) == used.end();
    });
  }
}

void TopologyBuilder::copartition(std::vector<std::string> source_names) {
  topology_.copartitions.push_back(std::move(source_names));
}

void TopologyBuilder::check_edges() const {
  for (const NodeSpec& below : topology_.nodes) {
    for (const std::int32_t parent : below.parents) {
      const NodeSpec& above = topology_.nodes[static_cast<std::size_t>(parent)];
      if (!fits(above.output, below.input)) {
        throw TopologyException("\"" + above.name + "\" gives " + type_text(above.output) + ", but \"" + below.name +
                                "\" takes " + type_text(below.input));
      }
    }
  }
}

void TopologyBuilder::drop_unused_stores() {
  std::erase_if(topology_.store_order, [this](const std::string& name) { return topology_.stores[name].users.empty(); });
  std::erase_if(topology_.stores, [](const auto& entry) { return entry.second.users.empty(); });
}

void TopologyBuilder::order_stores() {
  std::vector<std::string> ordered;
  const auto add = [&](const std::string& name) {
    if (std::find(ordered.begin(), ordered.end(), name) == ordered.end()) ordered.push_back(name);
  };
  for (const NodeSpec& node : topology_.nodes) {
    for (const std::string& name : detail::java_set_order(node.stores)) {
      if (!topology_.stores.find(name)->second.global) add(name);
    }
  }
  for (const std::string& name : topology_.store_order) add(name);
  topology_.store_order = std::move(ordered);
}

void TopologyBuilder::number_subtopologies() {
  const std::vector<NodeSpec>& nodes = topology_.nodes;
  const auto is_global = [&](std::int32_t id) {
    return std::find(topology_.global_nodes.begin(), topology_.global_nodes.end(), id) != topology_.global_nodes.end();
  };
  Components components(nodes.size());
  for (const NodeSpec& node : nodes) {
    for (const std::int32_t child : node.children) {
      components.unite(static_cast<std::size_t>(node.id), static_cast<std::size_t>(child));
    }
  }
  for (const auto& [name, store] : topology_.stores) {
    if (store.global) continue;
    for (const std::int32_t user : store.users) {
      components.unite(static_cast<std::size_t>(store.users.front()), static_cast<std::size_t>(user));
    }
  }
  std::map<std::size_t, std::size_t> numbers;  // root -> index, in the order of the first node
  for (const NodeSpec& node : nodes) {
    const std::size_t root = components.find(static_cast<std::size_t>(node.id));
    const auto [found, added] = numbers.try_emplace(root, numbers.size());
    if (is_global(node.id)) continue;
    while (topology_.subtopologies.size() <= found->second) {
      const auto id = static_cast<std::int32_t>(topology_.subtopologies.size());
      topology_.subtopologies.emplace_back().id = id;
    }
    Subtopology& part = topology_.subtopologies[found->second];
    part.nodes.push_back(node.id);
    part.source_topics.insert(part.source_topics.end(), node.topics.begin(), node.topics.end());
    if (!node.sink_topic.empty()) part.sink_topics.push_back(node.sink_topic);
    for (const std::string& store : node.stores) {
      if (topology_.stores.find(store)->second.global) continue;
      if (std::find(part.stores.begin(), part.stores.end(), store) == part.stores.end()) part.stores.push_back(store);
    }
  }
  std::erase_if(topology_.subtopologies, [](const Subtopology& part) { return part.nodes.empty(); });
}

void TopologyBuilder::add_changelogs() {
  for (const auto& [name, store] : topology_.stores) {
    if (store.global || !store.spec.logging || !store.spec.source_topic_as_changelog.empty()) continue;
    const std::string topic = name + "-changelog";
    topology_.internal_topics[topic] = {topic, InternalTopicKind::kChangelog, std::nullopt, changelog_config(store.spec), name};
  }
}

void TopologyBuilder::wrap_processors() {
  if (wrapper_ == nullptr) return;
  for (std::size_t i = 0; i < topology_.nodes.size(); ++i) {
    const NodeSpec& node = topology_.nodes[i];
    const bool global =
        std::find(topology_.global_nodes.begin(), topology_.global_nodes.end(), node.id) != topology_.global_nodes.end();
    if (node.kind != NodeKind::kProcessor || global) continue;
    WrappedProcessorSupplier supplier{node.prototype, node.input, node.output, {}};
    for (const std::string& store : node.stores) supplier.stores.push_back(topology_.stores.find(store)->second.spec);
    supplier = node.fixed_key ? wrapper_->wrap_fixed_key_processor_supplier(node.name, std::move(supplier))
                              : wrapper_->wrap_processor_supplier(node.name, std::move(supplier));
    if (supplier.prototype == nullptr) {
      throw TopologyException("the processor wrapper gives no prototype for \"" + node.name + "\": return the supplier it got");
    }
    topology_.nodes[i].prototype = std::move(supplier.prototype);
    for (StoreSpec& store : supplier.stores) {
      const std::vector<std::string> names{store.name};
      add_state_store_once(std::move(store));
      connect_processor_and_state_stores(node.name, names);
    }
  }
}

Topology TopologyBuilder::build() {
  check_edges();
  wrap_processors();
  drop_unused_stores();
  order_stores();
  number_subtopologies();
  for (std::vector<std::string>& sources : topology_.copartitions) {
    for (std::string& name : sources) name = node(name, "co-partitioning").name;  // it may have become part of another one
  }
  topology_.place_copartitions();
  add_changelogs();
  by_name_.clear();
  source_of_topic_.clear();
  mergeable_.clear();
  wrapper_.reset();
  topology_.optimization = std::exchange(optimization_, {});
  return std::exchange(topology_, Topology{});
}

namespace detail {

void throw_no_serde(const char* what, TypeTag type) {
  throw TopologyException(std::string(what) + ", " + std::string(type->name) +
                          ", has no serde: specialize tidemill::SerdeOf for it, or give one in the "
                          "operator's options");
}

void throw_null_function(std::string_view where, std::string_view argument) {
  throw TopologyException(std::string(where) + ": " + std::string(argument) +
                          " is null: an empty std::function or a null pointer cannot be called, give it a function");
}

}  // namespace detail

}  // namespace tidemill
