// Topologies as data and the few nodes they need, so that the runtime is tested without the DSL.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <tidemill/processor/operator_node.hpp>
#include <tidemill/serde/serde.hpp>
#include <tidemill/state/state_store.hpp>
#include <tidemill/topology/topology.hpp>

namespace tidemill::test {

/// Keys and values are std::string. A value "bad" cannot be decoded.
class TextSource final : public SourceNode {
 public:
  [[nodiscard]] std::unique_ptr<OperatorNode> clone() const override { return std::make_unique<TextSource>(*this); }
  void receive_raw(const RawRecord& record) override {
    if (record.value && *record.value == "bad") throw SerializationException("\"bad\" is not a text");
    if (record.key) key_.assign(*record.key);
    if (record.value) value_.assign(*record.value);
    forward({.key = record.key ? &key_ : nullptr, .value = record.value ? &value_ : nullptr, .context = record.context});
  }

 private:
  std::string key_;
  std::string value_;
};

using Forward = std::function<void(const std::string* key, const std::string* value)>;
/// Calls a function with the record; what it hands to `forward` goes on.
class FunctionNode final : public OperatorNode {
 public:
  using Function = std::function<void(FunctionNode& node, const ErasedRecord& record)>;
  explicit FunctionNode(Function function, Function init = nullptr) : function_(std::move(function)), init_(std::move(init)) {}
  [[nodiscard]] std::unique_ptr<OperatorNode> clone() const override { return std::make_unique<FunctionNode>(*this); }
  void init() override {
    if (init_) init_(*this, {});
  }
  void process(const ErasedRecord& record) override { function_(*this, record); }
  void emit(const std::string* key, const std::string* value, const RecordContext& context) {
    forward({.key = key, .value = value, .context = &context});
  }
  [[nodiscard]] StateStore& store(std::string_view name) { return connected_store(name); }
  void drop_record(const ErasedRecord& record) { drop("test", record); }

 private:
  Function function_;
  Function init_;
};

class TextSink final : public OperatorNode {
 public:
  explicit TextSink(std::string topic) : topic_(std::move(topic)) {}
  [[nodiscard]] std::unique_ptr<OperatorNode> clone() const override { return std::make_unique<TextSink>(*this); }
  void process(const ErasedRecord& record) override {
    const auto view = [](const void* text) {
      return text ? OptionalBytesView(*static_cast<const std::string*>(text)) : OptionalBytesView();
    };
    task().collector().send(name(), topic_, view(record.key), view(record.value), *record.context, choice_);
  }

 private:
  std::string topic_;
  PartitionChoice choice_;
};

inline const std::string& key_of(const ErasedRecord& record) { return *static_cast<const std::string*>(record.key); }
inline const std::string& value_of(const ErasedRecord& record) { return *static_cast<const std::string*>(record.value); }

/// Builds a Topology by hand; nodes are connected in the order in which they are added.
class HandMade {
 public:
  HandMade() : topology_(std::make_shared<Topology>()) { subtopology(); }
  /// Begins the next sub-topology.
  HandMade& subtopology() {
    if (!topology_->subtopologies.empty() && topology_->subtopologies.back().nodes.empty()) return *this;
    Subtopology next;
    next.id = static_cast<std::int32_t>(topology_->subtopologies.size());
    topology_->subtopologies.push_back(std::move(next));
    return *this;
  }
  HandMade& source(std::string name, std::vector<std::string> topics) {
    NodeSpec& node = add(std::move(name), NodeKind::kSource, std::make_shared<TextSource>(), {});
    node.topics = topics;
    for (std::string& topic : topics) topology_->subtopologies.back().source_topics.push_back(std::move(topic));
    return *this;
  }
  HandMade& processor(std::string name, FunctionNode::Function function, const std::vector<std::string>& parents,
                      std::vector<std::string> stores = {}, FunctionNode::Function init = nullptr) {
    NodeSpec& node = add(std::move(name), NodeKind::kProcessor,
                         std::make_shared<FunctionNode>(std::move(function), std::move(init)), parents);
    node.stores = std::move(stores);
    for (const std::string& store : node.stores) topology_->stores.at(store).users.push_back(node.id);
    return *this;
  }
  HandMade& sink(std::string name, std::string topic, const std::vector<std::string>& parents) {
    NodeSpec& node = add(std::move(name), NodeKind::kSink, std::make_shared<TextSink>(topic), parents);
    node.sink_topic = topic;
    topology_->subtopologies.back().sink_topics.push_back(std::move(topic));
    return *this;
  }
  HandMade& repartition(std::string name) {
    topology_->internal_topics[name] = {.name = name,
                                        .kind = InternalTopicKind::kRepartition,
                                        .partitions = std::nullopt,
                                        .config = {{"cleanup.policy", "delete"}},
                                        .store = {}};
    return *this;
  }
  HandMade& store(StoreSpec spec) {
    const std::string name = spec.name;
    if (spec.logging && spec.source_topic_as_changelog.empty()) {
      const std::string topic = name + "-changelog";
      topology_->internal_topics[topic] = {.name = topic,
                                           .kind = InternalTopicKind::kChangelog,
                                           .partitions = std::nullopt,
                                           .config = {{"cleanup.policy", "compact"}},
                                           .store = name};
    }
    topology_->stores[name] = {.spec = std::move(spec), .users = {}, .global = false, .global_source = -1};
    topology_->store_order.push_back(name);
    topology_->subtopologies.back().stores.push_back(name);
    return *this;
  }
  /// A global store that mirrors a topic.
  HandMade& global(const std::string& store, const std::string& topic) {
    StoreSpec spec;
    spec.name = store;
    spec.kind = StoreKind::kKeyValue;
    spec.engine = StoreEngineKind::kInMemory;
    spec.logging = false;
    spec.source_topic_as_changelog = topic;
    topology_->stores[store] = {.spec = std::move(spec), .users = {}, .global = true, .global_source = -1};
    topology_->store_order.push_back(store);
    std::vector<std::int32_t>& nodes = topology_->subtopologies.back().nodes;
    const std::size_t before = nodes.size();
    NodeSpec& source = add(store + "-source", NodeKind::kSource, std::make_shared<TextSource>(), {});
    source.topics = {topic};
    topology_->stores[store].global_source = source.id;
    const auto put = [store](FunctionNode& node, const ErasedRecord& record) {
      node.store(store).put(key_of(record), record.value ? OptionalBytesView(value_of(record)) : std::nullopt,
                            record.context->timestamp);
    };
    NodeSpec& processor =
        add(store + "-processor", NodeKind::kProcessor, std::make_shared<FunctionNode>(put), {store + "-source"});
    processor.stores = {store};
    topology_->global_nodes.assign(nodes.begin() + static_cast<std::ptrdiff_t>(before), nodes.end());
    nodes.resize(before);
    return *this;
  }
  [[nodiscard]] std::shared_ptr<Topology> build() const { return topology_; }

 private:
  NodeSpec& add(std::string name, NodeKind kind, std::shared_ptr<const OperatorNode> prototype,
                const std::vector<std::string>& parents) {
    NodeSpec node;
    node.id = static_cast<std::int32_t>(topology_->nodes.size());
    node.name = std::move(name);
    node.kind = kind;
    node.prototype = std::move(prototype);
    for (NodeSpec& other : topology_->nodes) {
      for (const std::string& parent : parents) {
        if (other.name != parent) continue;
        node.parents.push_back(other.id);
        other.children.push_back(node.id);
      }
    }
    topology_->subtopologies.back().nodes.push_back(node.id);
    topology_->nodes.push_back(std::move(node));
    return topology_->nodes.back();
  }
  std::shared_ptr<Topology> topology_;
};

/// Adds one to the number in the store and forwards it.
inline FunctionNode::Function counting(std::string store) {
  return [store = std::move(store)](FunctionNode& node, const ErasedRecord& record) {
    StateStore& counts = node.store(store);
    Bytes stored;
    std::string count = "1";
    if (counts.get(key_of(record), stored)) count = std::to_string(std::stoll(stored) + 1);
    counts.put(key_of(record), BytesView(count), record.context->timestamp);
    node.emit(&key_of(record), &count, *record.context);
  };
}
inline StoreSpec text_store(std::string name) {
  StoreSpec spec;
  spec.name = std::move(name);
  spec.kind = StoreKind::kKeyValue;
  spec.engine = StoreEngineKind::kInMemory;
  return spec;
}

/// lines -> words -> (repartition) -> counts -> word-counts
inline std::shared_ptr<Topology> word_count() {
  const auto split = [](FunctionNode& node, const ErasedRecord& record) {
    const std::string& line = value_of(record);
    for (std::size_t at = 0; at < line.size();) {
      const std::size_t end = std::min(line.find(' ', at), line.size());
      const std::string word = line.substr(at, end - at);
      if (!word.empty()) node.emit(&word, &word, *record.context);
      at = end + 1;
    }
  };
  return HandMade()
      .repartition("words-repartition")
      .source("lines-source", {"lines"})
      .processor("split", split, {"lines-source"})
      .sink("words-sink", "words-repartition", {"split"})
      .subtopology()
      .store(text_store("counts"))
      .source("words-source", {"words-repartition"})
      .processor("count", counting("counts"), {"words-source"}, {"counts"})
      .sink("counts-sink", "word-counts", {"count"})
      .build();
}

}  // namespace tidemill::test
