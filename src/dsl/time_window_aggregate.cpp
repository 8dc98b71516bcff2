// Tumbling, hopping and unlimited windows, and those of users' own making: a record belongs to every window that contains its time.
//
//   size 10, advance 5     |--- window 0 ---|
//                                  |--- window 5 ---|
//   record at 7: both      . . . . . . . x . . . . .
//
// A window takes records until stream time has passed its end by the grace; a later one is dropped, per window. In Java's
// order: all windows of the record first, then the closed ones are emitted.
#include <algorithm>

#include "dsl/windowed_aggregate_node.hpp"

namespace tidemill::detail {
namespace {

class TimeWindowAggregateNode final : public WindowStoreAggregateNode {
 public:
  using WindowStoreAggregateNode::WindowStoreAggregateNode;
  std::unique_ptr<OperatorNode> clone() const override {
    return std::unique_ptr<OperatorNode>(new TimeWindowAggregateNode(plan_, facts_, aggregate_->clone()));
  }

  void process(const ErasedRecord& record) override {
    if (!accept(record, false)) return;
    const Timestamp time = record.context->timestamp;
    const Timestamp close_time = observed_ - plan_.grace.count();
    if (must_emit_first(close_time)) emit(record, close_time);
    if (plan_.own) {
      for (const Window& window : plan_.own->windows_for(time)) update(record, window, close_time);
    }
    const auto [first, count] = starts(time);
    for (std::int64_t i = 0; i < count; ++i) {
      const Timestamp start = first + i * plan_.advance.count();
      update(record, {start, window_end(start, plan_.size)}, close_time);
    }
    if (should_emit(close_time)) emit(record, close_time);
  }

 private:
  struct Starts {
    Timestamp first;
    std::int64_t count;
    bool operator==(const Starts&) const = default;
  };
  /// Of the windows that a time is in.
  [[nodiscard]] Starts starts(Timestamp time) const {
    if (plan_.own) return {Timestamp(0), 0};
    if (plan_.kind == WindowPlan::Kind::kUnlimited) return {plan_.start, time >= plan_.start ? 1 : 0};
    const std::int64_t advance = plan_.advance.count();
    const std::int64_t first = std::max<std::int64_t>(0, time.value - plan_.size.count() + advance) / advance * advance;
    return {Timestamp(first), first > time.value ? 0 : (time.value - first) / advance + 1};
  }

  void update(const ErasedRecord& record, const Window& window, Timestamp close_time) {
    if (window.end <= close_time) return drop("expired-window", record);
    Timestamp timestamp = record.context->timestamp;
    if (windows_->fetch(key_, window.start, value_)) {
      const auto [stored, plain] = split_timestamp(value_);
      timestamp = std::max(timestamp, stored);
      aggregate_->start(plain);
    } else {
      aggregate_->start(std::nullopt);
    }
    value_.clear();
    append_timestamp(timestamp, value_);
    const bool has_value = aggregate_->add(record.key, record.value, value_);
    put_added(record, window, has_value, timestamp);
  }

  using WindowedNode::emit;
  void emit(const ErasedRecord& record, Timestamp close_time) {
    const Timestamp to = close_time - plan_.size.count();
    if (to.value < 0) return;
    Timestamp from{0};
    if (last_close_ != kNoTimestamp) {
      from = Timestamp(std::max<std::int64_t>(0, last_close_ - Timestamp(plan_.size.count())) + 1);
      // No window that has closed since then begins where none has begun.
      if (!plan_.own && starts(to) == starts(from - 1)) return;
      // Java looks at those of one's own so, too; but where they leave pauses, both ends may have none, and some lie between.
      if (plan_.own && !emits_all_ && plan_.own->windows_for(to) == plan_.own->windows_for(from - 1)) return;
    }
    emit_closed(record, close_time, from, to);
  }
};

}  // namespace

OperatorNode* new_time_window_aggregate(const WindowPlan& plan, std::shared_ptr<const TableFacts> facts,
                                        std::unique_ptr<WindowedAggregate> aggregate) {
  return new TimeWindowAggregateNode(plan, std::move(facts), std::move(aggregate));
}

}  // namespace tidemill::detail
