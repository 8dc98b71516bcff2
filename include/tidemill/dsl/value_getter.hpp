// How an operator reads the values of a table that it does not own: joins, and the operators of tables without a store.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tidemill/dsl/table_facts.hpp>
#include <tidemill/dsl/timestamped_table.hpp>
#include <tidemill/processor/operator_node.hpp>

namespace tidemill::detail {

/// Reads another table's current value: from its store, or computed from the table it comes from.
template <class K, class V>
class ValueGetter {
 public:
  virtual ~ValueGetter() = default;
  [[nodiscard]] virtual std::optional<ValueAndTimestamp<V>> get(const K& key) = 0;
  /// What was valid at that time, where the table keeps versions; else what is.
  [[nodiscard]] virtual std::optional<ValueAndTimestamp<V>> get_as_of(const K& key, Timestamp) { return get(key); }
};
/// Stores that the user of a table's values has to be connected to; asked when the topology is written.
using TableStores = std::function<std::vector<std::string>()>;
[[nodiscard]] TableStores store_of(std::shared_ptr<const TableFacts> facts);
[[nodiscard]] TableStores stores_of_both(TableStores left, TableStores right);
template <class K, class V>
struct GetterSupplier {
  std::function<std::unique_ptr<ValueGetter<K, V>>(TaskContext&, TableView)> make;
  TableStores stores;
};

template <class K, class V>
class StoreGetter final : public ValueGetter<K, V> {
 public:
  StoreGetter(StateStore& store, TableView view, Serde<K> key_serde, Serde<V> value_serde)
      : table_(std::move(key_serde), std::move(value_serde)), view_(view) {
    table_.open(store);
  }
  std::optional<ValueAndTimestamp<V>> get(const K& key) override { return table_.get(key, view_); }
  std::optional<ValueAndTimestamp<V>> get_as_of(const K& key, Timestamp time) override { return table_.get_as_of(key, time); }

 private:
  TimestampedTable<K, V> table_;
  TableView view_;
};

}  // namespace tidemill::detail
