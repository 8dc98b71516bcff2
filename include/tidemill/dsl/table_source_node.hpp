// table(), to_table(), global_table(): a stream read as a table.
#pragma once

#include <tidemill/dsl/table_node.hpp>

namespace tidemill::detail {

/// A stream read as a table: table(), to_table(), global_table().
template <class K, class V>
class TableSourceNode final : public TableNode<K, V> {
 public:
  using TableNode<K, V>::TableNode;
  std::unique_ptr<OperatorNode> clone() const override { return std::unique_ptr<OperatorNode>(new TableSourceNode(*this)); }
  void process(const ErasedRecord& record) override {
    if (record.key == nullptr) return this->drop("null-key", record);
    const K& key = *static_cast<const K*>(record.key);
    std::optional<ValueAndTimestamp<V>> old;
    if (this->facts_->materialized && this->facts_->send_old_values) old = this->table_.get(key);
    this->put_and_forward(key, static_cast<const V*>(record.value), old ? &old->value : nullptr, record.context->timestamp,
                          *record.context);
  }
};

}  // namespace tidemill::detail
