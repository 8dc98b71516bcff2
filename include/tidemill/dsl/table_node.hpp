// What all tables do with a change: keep it in the table's store, where there is one, and tell of it.
//
// On a table edge a record's value is a Change. A table with a store forwards through the store's cache where it has one
// (then when the entry is written), else at once.
//
// What is typed by key and value is compiled once for them: the user's functions come to these nodes erased. Only the stateless
// operators of streams are classes of their functions; here a call is little beside a store.
#pragma once

#include <tidemill/dsl/table_facts.hpp>
#include <tidemill/dsl/timestamped_table.hpp>
#include <tidemill/processor/operator_node.hpp>

namespace tidemill::detail {

/// A node that owns a table's store (or, without one, only passes changes on).
template <class K, class V>
class TableNode : public OperatorNode {
 public:
  TableNode(std::shared_ptr<const TableFacts> facts, const Serde<K>& key_serde, const Serde<V>& value_serde)
      : facts_(std::move(facts)), table_(key_serde, value_serde) {}
  void init() override {
    if (!facts_->materialized) return;
    table_.open(connected_store(facts_->store.name));
    table_.forward_through_cache(facts_->send_old_values,
                                 [this](const K& key, const Change& change, const RecordContext& context) {
                                   forward({&key, &change, &context});
                                 });
  }

 protected:
  /// Puts, and forwards unless the cache will.
  void put_and_forward(const K& key, const V* value, const V* old_value, Timestamp timestamp, const RecordContext& context,
                       bool latest = true) {
    if (facts_->materialized) {
      const auto put = table_.put(key, value, timestamp, context.timestamp);
      if (table_.cached() || put == TimestampedTable<K, V>::Put::kRefused) return;
      latest = put == TimestampedTable<K, V>::Put::kLatest;
    }
    const Change change{value, facts_->send_old_values ? old_value : nullptr, latest};
    RecordContext changed = context;
    changed.timestamp = timestamp;
    forward({&key, &change, &changed});
  }
  std::shared_ptr<const TableFacts> facts_;
  TimestampedTable<K, V> table_;
};

}  // namespace tidemill::detail
