// aggregate(), reduce(), count() of a grouped stream, without windows.
#pragma once

#include <functional>

#include <tidemill/dsl/table_node.hpp>

namespace tidemill::detail {

template <class K, class V, class VR>
using AggregateUpdate = std::function<std::optional<VR>(const K&, const V&, const std::optional<VR>& so_far)>;

template <class VR>
using AggregateStart = std::function<std::optional<VR>()>;

/// aggregate, reduce, count.
template <class K, class V, class VR>
class AggregateNode final : public TableNode<K, VR> {
 public:
  AggregateNode(std::shared_ptr<const TableFacts> facts, const Serde<K>& key_serde, const Serde<VR>& value_serde,
                AggregateUpdate<K, V, VR> update, AggregateStart<VR> start)
      : TableNode<K, VR>(std::move(facts), key_serde, value_serde), update_(std::move(update)), start_(std::move(start)) {}
  std::unique_ptr<OperatorNode> clone() const override { return std::unique_ptr<OperatorNode>(new AggregateNode(*this)); }
  void process(const ErasedRecord& record) override {
    if (record.key == nullptr || record.value == nullptr) return this->drop("null-key-or-value", record);
    const K& key = *static_cast<const K*>(record.key);
    const V& value = *static_cast<const V*>(record.value);
    std::optional<ValueAndTimestamp<VR>> old = this->table_.get(key);
    // The first aggregate of a key sends the initializer's value as the old one, as Java does.
    std::optional<VR> before = old ? std::optional<VR>(std::move(old->value)) : start_();
    const Timestamp timestamp = old ? later(old->timestamp, record.context->timestamp) : record.context->timestamp;
    const std::optional<VR> after = update_(key, value, before);
    this->put_and_forward(key, after ? &*after : nullptr, before ? &*before : nullptr, timestamp, *record.context);
  }

 private:
  AggregateUpdate<K, V, VR> update_;
  AggregateStart<VR> start_;
};

}  // namespace tidemill::detail
