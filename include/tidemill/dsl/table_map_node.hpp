// filter(), filter_not() and map_values() of a table, and what another operator sees of such a table when it has no store.
#pragma once

#include <functional>

#include <tidemill/dsl/table_node.hpp>
#include <tidemill/dsl/value_getter.hpp>

namespace tidemill::detail {

template <class K, class V, class VR>
using TableMap = std::function<std::optional<VR>(const K&, const V&)>;

/// filter, filter_not and map_values of a table: null in, null out.
template <class K, class V, class VR>
class TableMapNode final : public TableNode<K, VR> {
 public:
  TableMapNode(std::shared_ptr<const TableFacts> facts, const Serde<K>& key_serde, const Serde<VR>& value_serde,
               TableMap<K, V, VR> map, bool filter)
      : TableNode<K, VR>(std::move(facts), key_serde, value_serde), map_(std::move(map)), filter_(filter) {}
  std::unique_ptr<OperatorNode> clone() const override { return std::unique_ptr<OperatorNode>(new TableMapNode(*this)); }
  void process(const ErasedRecord& record) override {
    const K& key = *static_cast<const K*>(record.key);
    const Change& change = *static_cast<const Change*>(record.value);
    const std::optional<VR> now = mapped(key, change.new_value);
    std::optional<VR> old;
    if (this->facts_->send_old_values) {
      if (this->facts_->materialized) {
        if (auto stored = this->table_.get(key)) old = std::move(stored->value);
      } else {
        old = mapped(key, change.old_value);
      }
      if (filter_ && !now && !old && !this->facts_->upstream.front()->versioned()) return;
    }
    this->put_and_forward(key, now ? &*now : nullptr, old ? &*old : nullptr, record.context->timestamp, *record.context,
                          change.is_latest);
  }

 private:
  std::optional<VR> mapped(const K& key, const void* value) {
    if (value == nullptr) return std::nullopt;
    return map_(key, *static_cast<const V*>(value));
  }
  TableMap<K, V, VR> map_;
  bool filter_;
};

template <class K, class V, class VR>
class MappedGetter final : public ValueGetter<K, VR> {
 public:
  MappedGetter(std::unique_ptr<ValueGetter<K, V>> from, TableMap<K, V, VR> map)
      : from_(std::move(from)), map_(std::move(map)) {}
  std::optional<ValueAndTimestamp<VR>> get(const K& key) override { return mapped(key, from_->get(key)); }
  std::optional<ValueAndTimestamp<VR>> get_as_of(const K& key, Timestamp time) override {
    return mapped(key, from_->get_as_of(key, time));
  }

 private:
  std::optional<ValueAndTimestamp<VR>> mapped(const K& key, std::optional<ValueAndTimestamp<V>> value) {
    if (!value) return std::nullopt;
    std::optional<VR> mapped = map_(key, value->value);
    if (!mapped) return std::nullopt;
    return ValueAndTimestamp<VR>{*std::move(mapped), value->timestamp};
  }
  std::unique_ptr<ValueGetter<K, V>> from_;
  TableMap<K, V, VR> map_;
};

}  // namespace tidemill::detail
