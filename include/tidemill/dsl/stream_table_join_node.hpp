// join() and left_join() of a stream with a table, or with a global table.
#pragma once

#include <functional>

#include <tidemill/dsl/stateless_nodes.hpp>
#include <tidemill/dsl/value_getter.hpp>

namespace tidemill::detail {

/// `R` may be a std::optional.
template <class K, class V, class VT, class R>
using StreamTableJoiner = std::function<R(const K*, const V&, const VT*)>;

/// The key to look up; null: the record's own.
template <class K, class V, class KT>
using LookupKey = std::function<std::optional<KT>(const K*, const V&)>;

/// stream-table and stream-global-table join.
template <class K, class V, class KT, class VT, class R>
class StreamTableJoinNode final : public OperatorNode {
 public:
  StreamTableJoinNode(GetterSupplier<KT, VT> supplier, LookupKey<K, V, KT> select, StreamTableJoiner<K, V, VT, R> joiner,
                      bool left)
      : supplier_(std::move(supplier)), select_(std::move(select)), joiner_(std::move(joiner)), left_(left) {}
  std::unique_ptr<OperatorNode> clone() const override {
    return std::unique_ptr<OperatorNode>(new StreamTableJoinNode(supplier_, select_, joiner_, left_));
  }
  void init() override { getter_ = supplier_.make(task(), TableView::kLatest); }
  void process(const ErasedRecord& record) override {
    if (record.value == nullptr) return drop("null-value", record);
    const V& value = *static_cast<const V*>(record.value);
    std::optional<KT> selected;
    const KT* const key = look_up_key(static_cast<const K*>(record.key), value, selected);
    if (key == nullptr && !left_) return drop("null-key", record);
    std::optional<ValueAndTimestamp<VT>> other;
    if (key != nullptr) other = getter_->get_as_of(*key, record.context->timestamp);
    if (!other && !left_) return;
    const R joined = joiner_(static_cast<const K*>(record.key), value, other ? &other->value : nullptr);
    forward({record.key, pointer_to(joined), record.context});
  }

 private:
  const KT* look_up_key(const K* own, const V& value, std::optional<KT>& selected) {
    if constexpr (std::is_same_v<K, KT>) {
      if (!select_) return own;
    }
    selected = select_(own, value);
    return selected ? &*selected : nullptr;
  }
  GetterSupplier<KT, VT> supplier_;
  LookupKey<K, V, KT> select_;
  StreamTableJoiner<K, V, VT, R> joiner_;
  bool left_;
  std::unique_ptr<ValueGetter<KT, VT>> getter_;
};

}  // namespace tidemill::detail
