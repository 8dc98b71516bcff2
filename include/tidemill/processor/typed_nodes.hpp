// Where records enter and leave a topology: the typed source decodes, the typed sink encodes and chooses topic and partition.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <tidemill/base/partitioner.hpp>
#include <tidemill/processor/operator_node.hpp>
#include <tidemill/serde/serde.hpp>

namespace tidemill {

/// Where a record goes: nullopt is the default (murmur2 of the key's bytes), an empty list drops the record, several
/// partitions multicast it. Null pointers: no key, a null value.
template <class K, class V>
using StreamPartitioner = std::function<std::optional<std::vector<PartitionId>>(std::string_view topic, const K* key,
                                                                                const V* value, std::int32_t partitions)>;

/// The topic of each record.
template <class K, class V>
struct TopicNameExtractor {
  std::function<std::string(const K* key, const V* value, const RecordContext& context)> extract = nullptr;
  /// What describe() prints.
  std::string description = "TopicNameExtractor";
};

namespace detail {
/// In a sink's catch block: whatever a serde threw, as a SerializationException.
[[noreturn]] void throw_cannot_encode();
}  // namespace detail

template <class K, class V>
class TypedSourceNode final : public SourceNode {
 public:
  TypedSourceNode(Serde<K> key_serde, Serde<V> value_serde)
      : key_serde_(std::move(key_serde)), value_serde_(std::move(value_serde)) {}
  std::unique_ptr<OperatorNode> clone() const override {
    return std::unique_ptr<OperatorNode>(new TypedSourceNode(key_serde_, value_serde_));
  }
  void receive_raw(const RawRecord& record) override {
    const std::string_view topic =
        record.context->source != nullptr ? std::string_view(record.context->source->topic) : std::string_view();
    std::optional<K> key;
    std::optional<V> value;
    if (record.key) key.emplace(key_serde_.deserialize(topic, *record.key));
    if (record.value) value.emplace(value_serde_.deserialize(topic, *record.value));
    forward({key ? &*key : nullptr, value ? &*value : nullptr, record.context});
  }

 private:
  Serde<K> key_serde_;
  Serde<V> value_serde_;
};

template <class K, class V>
class SinkNode final : public OperatorNode {
 public:
  /// `topic`: as the topology names it; `internal`: the application id goes in front of it. `chooser` not null: the topic of
  /// each record. `by_inner_key`: without a partitioner, a windowed key goes to the partition of the key in it.
  SinkNode(std::string topic, bool internal, decltype(TopicNameExtractor<K, V>::extract) chooser, Serde<K> key_serde,
           Serde<V> value_serde, StreamPartitioner<K, V> partitioner, bool by_inner_key = false)
      : topic_(std::move(topic)),
        internal_(internal),
        chooser_(std::move(chooser)),
        key_serde_(std::move(key_serde)),
        value_serde_(std::move(value_serde)),
        partitioner_(std::move(partitioner)),
        key_suffix_(by_inner_key ? key_serde_.partition_suffix() : 0) {}
  std::unique_ptr<OperatorNode> clone() const override {
    return std::unique_ptr<OperatorNode>(
        new SinkNode(topic_, internal_, chooser_, key_serde_, value_serde_, partitioner_, key_suffix_ > 0));
  }
  void init() override {
    if (internal_) topic_ = task().application_id() + "-" + topic_;
  }
  void process(const ErasedRecord& record) override {
    const K* key = static_cast<const K*>(record.key);
    const V* value = static_cast<const V*>(record.value);
    if (chooser_) topic_ = chooser_(key, value, *record.context);
    key_bytes_.clear();
    value_bytes_.clear();
    try {
      task().encoding = SerializationExceptionOrigin::kKey;
      if (key != nullptr) key_serde_.serialize(topic_, *key, key_bytes_);
      task().encoding = SerializationExceptionOrigin::kValue;
      if (value != nullptr) value_serde_.serialize(topic_, *value, value_bytes_);
    } catch (...) {
      detail::throw_cannot_encode();
    }
    PartitionChoice choice;
    if (partitioner_) {
      if (auto chosen = partitioner_(topic_, key, value, task().collector().partition_count(topic_))) {
        choice.kind = chosen->empty() ? PartitionChoice::Kind::kDrop : PartitionChoice::Kind::kList;
        choice.partitions = *std::move(chosen);
      }
    } else if (key_suffix_ > 0 && key != nullptr) {
      choice.kind = PartitionChoice::Kind::kList;
      choice.partitions = {partition_for_key(BytesView(key_bytes_).substr(0, key_bytes_.size() - key_suffix_),
                                             task().collector().partition_count(topic_))};
    }
    task().collector().send(name(), topic_, key != nullptr ? OptionalBytesView(key_bytes_) : std::nullopt,
                            value != nullptr ? OptionalBytesView(value_bytes_) : std::nullopt, *record.context, choice);
  }

 private:
  std::string topic_;
  bool internal_;
  decltype(TopicNameExtractor<K, V>::extract) chooser_;
  Serde<K> key_serde_;
  Serde<V> value_serde_;
  StreamPartitioner<K, V> partitioner_;
  std::size_t key_suffix_;  // of the bytes, without which they are partitioned
  Bytes key_bytes_;
  Bytes value_bytes_;
};

}  // namespace tidemill
