// join(), left_join() and outer_join() of two tables: a node for each side, and one where their results meet.
#pragma once

#include <functional>

#include <tidemill/dsl/table_node.hpp>
#include <tidemill/dsl/value_getter.hpp>

namespace tidemill::detail {

/// Called with what is there of both sides.
template <class VThis, class VOther, class VR>
using TableJoiner = std::function<std::optional<VR>(const VThis*, const VOther*)>;

/// One side of a table-table join.
template <class K, class VThis, class VOther, class VR>
class TableJoinNode final : public OperatorNode {
 public:
  /// This side's value (the other's) has to be there for a result. `side`: this one among the joined tables of `facts`.
  TableJoinNode(std::shared_ptr<const TableFacts> facts, std::size_t side, GetterSupplier<K, VOther> supplier,
                TableJoiner<VThis, VOther, VR> joiner, bool needs_this, bool needs_other)
      : facts_(std::move(facts)),
        side_(side),
        supplier_(std::move(supplier)),
        joiner_(std::move(joiner)),
        needs_this_(needs_this),
        needs_other_(needs_other) {}
  std::unique_ptr<OperatorNode> clone() const override {
    return std::unique_ptr<OperatorNode>(new TableJoinNode(facts_, side_, supplier_, joiner_, needs_this_, needs_other_));
  }
  void init() override {
    getter_ = supplier_.make(task(), view_of_table_joins(task()));
    // Of a side that keeps versions, what is not the latest one changes nothing.
    latest_only_ = facts_->upstream[side_]->versioned();
  }
  void process(const ErasedRecord& record) override {
    if (record.key == nullptr) return drop("null-key", record);
    const K& key = *static_cast<const K*>(record.key);
    const Change& change = *static_cast<const Change*>(record.value);
    if (latest_only_ && !change.is_latest) return drop("out-of-order", record);
    const auto other = getter_->get(key);
    if (!other && needs_other_) return;
    const VOther* other_value = other ? &other->value : nullptr;
    const std::optional<VR> now = join(static_cast<const VThis*>(change.new_value), other_value);
    std::optional<VR> old;
    if (facts_->send_old_values) old = join(static_cast<const VThis*>(change.old_value), other_value);
    if (!needs_other_ && !now && change.old_value == nullptr && change.new_value == nullptr && !other) return;
    const Change result{now ? &*now : nullptr, old ? &*old : nullptr, change.is_latest};
    RecordContext context = *record.context;
    if (other) context.timestamp = later(context.timestamp, other->timestamp);
    forward({record.key, &result, &context});
  }

 private:
  std::optional<VR> join(const VThis* mine, const VOther* other) {
    if ((mine == nullptr && needs_this_) || (mine == nullptr && other == nullptr)) return std::nullopt;
    return joiner_(mine, other);
  }
  std::shared_ptr<const TableFacts> facts_;
  std::size_t side_;
  GetterSupplier<K, VOther> supplier_;
  TableJoiner<VThis, VOther, VR> joiner_;
  bool needs_this_;
  bool needs_other_;
  bool latest_only_ = false;
  std::unique_ptr<ValueGetter<K, VOther>> getter_;
};

/// Where both sides of a table-table join meet; keeps the result where it is materialized.
template <class K, class V>
class TableMergeNode final : public TableNode<K, V> {
 public:
  using TableNode<K, V>::TableNode;
  std::unique_ptr<OperatorNode> clone() const override { return std::unique_ptr<OperatorNode>(new TableMergeNode(*this)); }
  void process(const ErasedRecord& record) override {
    const Change& change = *static_cast<const Change*>(record.value);
    this->put_and_forward(*static_cast<const K*>(record.key), static_cast<const V*>(change.new_value),
                          static_cast<const V*>(change.old_value), record.context->timestamp, *record.context);
  }
};

/// Of a join without a store of its own: joins what both sides have now.
template <class K, class V, class VO, class VR>
class JoinedGetter final : public ValueGetter<K, VR> {
 public:
  JoinedGetter(std::unique_ptr<ValueGetter<K, V>> left, std::unique_ptr<ValueGetter<K, VO>> right,
               TableJoiner<V, VO, VR> joiner, bool needs_left, bool needs_right)
      : left_(std::move(left)),
        right_(std::move(right)),
        joiner_(std::move(joiner)),
        needs_left_(needs_left),
        needs_right_(needs_right) {}
  std::optional<ValueAndTimestamp<VR>> get(const K& key) override {
    const auto mine = left_->get(key);
    if (!mine && needs_left_) return std::nullopt;
    const auto theirs = right_->get(key);
    if ((!theirs && needs_right_) || (!mine && !theirs)) return std::nullopt;
    std::optional<VR> joined = joiner_(mine ? &mine->value : nullptr, theirs ? &theirs->value : nullptr);
    if (!joined) return std::nullopt;
    const Timestamp timestamp = later(mine ? mine->timestamp : kNoTimestamp, theirs ? theirs->timestamp : kNoTimestamp);
    return ValueAndTimestamp<VR>{*std::move(joined), timestamp};
  }

 private:
  std::unique_ptr<ValueGetter<K, V>> left_;
  std::unique_ptr<ValueGetter<K, VO>> right_;
  TableJoiner<V, VO, VR> joiner_;
  bool needs_left_;
  bool needs_right_;
};

}  // namespace tidemill::detail
