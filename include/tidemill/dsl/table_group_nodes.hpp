// The nodes of a table that is grouped anew: changes under another key, through a topic, added to and subtracted from
// aggregates.
#pragma once

#include <tidemill/dsl/aggregate_node.hpp>
#include <tidemill/dsl/record_function.hpp>
#include <tidemill/dsl/table_node.hpp>

namespace tidemill::detail {

/// A change as it is on a repartition topic: new value, old value or both, and a byte that says which.
void append_change(OptionalBytesView new_value, OptionalBytesView old_value, Bytes& out);
struct ChangeBytes {
  OptionalBytesView new_value;
  OptionalBytesView old_value;
  bool is_latest = true;
};
/// SerializationException: no change.
[[nodiscard]] ChangeBytes split_change(BytesView bytes);
/// Old and new value of a key go as two records, for readers of 3.4 and before.
[[nodiscard]] bool writes_changes_apart(const TaskContext& task);

/// `select(const K&, const V&)` gives the new key and value; null ones are left out.
template <class K, class V, class KR, class VR, class F>
class TableSelectNode final : public OperatorNode {
 public:
  TableSelectNode(F select, std::shared_ptr<const TableFacts> table) : select_(std::move(select)), table_(std::move(table)) {}
  std::unique_ptr<OperatorNode> clone() const override { return std::unique_ptr<OperatorNode>(new TableSelectNode(*this)); }
  void init() override {
    apart_ = writes_changes_apart(task());
    latest_only_ = table_->versioned();
  }
  void process(const ErasedRecord& record) override {
    if (record.key == nullptr) throw StreamsException("group_by(): a table's record has no key");
    const Change& change = *static_cast<const Change*>(record.value);
    if (latest_only_ && !change.is_latest) return;  // an older version, of a table that keeps them: no group has it in it
    const Pair now = selected(record.key, change.new_value);
    const Pair old = selected(record.key, change.old_value);
    if (now.whole() && old.whole() && !apart_ && *now.key == *old.key) {
      return pass(record, *now.key, &*now.value, &*old.value, change.is_latest);
    }
    if (old.whole()) pass(record, *old.key, nullptr, &*old.value, change.is_latest);
    if (now.whole()) pass(record, *now.key, &*now.value, nullptr, change.is_latest);
  }

 private:
  struct Pair {
    std::optional<KR> key;
    std::optional<VR> value;
    [[nodiscard]] bool whole() const { return key && value; }
  };
  Pair selected(const void* key, const void* value) {
    if (value == nullptr) return {};
    auto pair = call<K, V>(select_, key, value);
    return {std::move(pair.first), std::move(pair.second)};
  }
  void pass(const ErasedRecord& record, const KR& key, const VR* now, const VR* old, bool latest) {
    const Change change{now, old, latest};
    forward({&key, &change, record.context});
  }
  F select_;
  std::shared_ptr<const TableFacts> table_;
  bool latest_only_ = false;
  bool apart_ = false;
};

template <class K, class V>
class ChangeSinkNode final : public OperatorNode {
 public:
  ChangeSinkNode(std::string topic, Serde<K> key_serde, Serde<V> value_serde)
      : topic_(std::move(topic)), key_serde_(std::move(key_serde)), value_serde_(std::move(value_serde)) {}
  std::unique_ptr<OperatorNode> clone() const override {
    return std::unique_ptr<OperatorNode>(new ChangeSinkNode(topic_, key_serde_, value_serde_));
  }
  void init() override { topic_ = task().application_id() + "-" + topic_; }
  void process(const ErasedRecord& record) override {
    const Change& change = *static_cast<const Change*>(record.value);
    key_.clear();
    value_.clear();
    try {
      task().encoding = SerializationExceptionOrigin::kKey;
      key_serde_.serialize(topic_, *static_cast<const K*>(record.key), key_);
      task().encoding = SerializationExceptionOrigin::kValue;
      append_change(encode(change.new_value, new_), encode(change.old_value, old_), value_);
    } catch (...) {
      throw_cannot_encode();
    }
    task().collector().send(name(), topic_, BytesView(key_), BytesView(value_), *record.context, {});
  }

 private:
  OptionalBytesView encode(const void* value, Bytes& out) const {
    if (value == nullptr) return std::nullopt;
    out.clear();
    value_serde_.serialize(topic_, *static_cast<const V*>(value), out);
    return out;
  }
  std::string topic_;
  Serde<K> key_serde_;
  Serde<V> value_serde_;
  Bytes key_;
  Bytes value_;
  Bytes new_;
  Bytes old_;
};

template <class K, class V>
class ChangeSourceNode final : public SourceNode {
 public:
  ChangeSourceNode(Serde<K> key_serde, Serde<V> value_serde)
      : key_serde_(std::move(key_serde)), value_serde_(std::move(value_serde)) {}
  std::unique_ptr<OperatorNode> clone() const override {
    return std::unique_ptr<OperatorNode>(new ChangeSourceNode(key_serde_, value_serde_));
  }
  void receive_raw(const RawRecord& record) override {
    const std::string_view topic =
        record.context->source != nullptr ? std::string_view(record.context->source->topic) : std::string_view();
    if (!record.key || !record.value)
      throw SerializationException("a table's repartition topic has a record without key or value");
    const K key = key_serde_.deserialize(topic, *record.key);
    const ChangeBytes bytes = split_change(*record.value);
    std::optional<V> now;
    std::optional<V> old;
    if (bytes.new_value) now.emplace(value_serde_.deserialize(topic, *bytes.new_value));
    if (bytes.old_value) old.emplace(value_serde_.deserialize(topic, *bytes.old_value));
    const Change change{now ? &*now : nullptr, old ? &*old : nullptr, bytes.is_latest};
    forward({&key, &change, record.context});
  }

 private:
  Serde<K> key_serde_;
  Serde<V> value_serde_;
};

template <class K, class V, class VR>
using AggregateSubtract = std::function<std::optional<VR>(const K&, const V&, const VR& so_far)>;
/// First what was is taken away, then what is is added.
template <class K, class V, class VR>
class TableAggregateNode final : public TableNode<K, VR> {
 public:
  TableAggregateNode(std::shared_ptr<const TableFacts> facts, const Serde<K>& key_serde, const Serde<VR>& value_serde,
                     AggregateUpdate<K, V, VR> add, AggregateSubtract<K, V, VR> subtract)
      : TableNode<K, VR>(std::move(facts), key_serde, value_serde), add_(std::move(add)), subtract_(std::move(subtract)) {}
  std::unique_ptr<OperatorNode> clone() const override { return std::unique_ptr<OperatorNode>(new TableAggregateNode(*this)); }
  void process(const ErasedRecord& record) override {
    const K& key = *static_cast<const K*>(record.key);
    const Change& change = *static_cast<const Change*>(record.value);
    const auto old = this->table_.get(key);
    std::optional<VR> now = old ? std::optional<VR>(old->value) : std::nullopt;
    if (change.old_value != nullptr && now) now = subtract_(key, *static_cast<const V*>(change.old_value), *now);
    if (change.new_value != nullptr) now = add_(key, *static_cast<const V*>(change.new_value), now);
    const Timestamp timestamp = old ? later(old->timestamp, record.context->timestamp) : record.context->timestamp;
    this->put_and_forward(key, now ? &*now : nullptr, old ? &old->value : nullptr, timestamp, *record.context);
  }

 private:
  AggregateUpdate<K, V, VR> add_;
  AggregateSubtract<K, V, VR> subtract_;
};

}  // namespace tidemill::detail
