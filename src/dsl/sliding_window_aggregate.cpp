// Sliding windows of a time difference: for each record's time t of a key there is the window [t - difference, t], and, if a
// later record falls into it, the window [t + 1, t + 1 + difference].
//
//   difference 10, records a at 20, b at 25:
//   [10 ........ a20]            a        the window that ends with a
//            [15 ... a ... b25]  a b      the window that ends with b
//                   [21 .. b .. 31]  b    the window that begins behind a
//
// Windows are not made before they are needed, so a record finds the windows that it is in, brings them up to date, and makes
// those that begin or end at its time from what a neighbour holds. There are no windows before time 0: records earlier than
// the difference share [0, difference]. A window's stored timestamp is that of its latest record, which tells whether a
// record lies behind another one.
#include <algorithm>
#include <optional>
#include <set>

#include "dsl/windowed_aggregate_node.hpp"
#include "dsl/wrapping_time.hpp"

namespace tidemill::detail {
namespace {

class SlidingWindowAggregateNode final : public WindowStoreAggregateNode {
 public:
  using WindowStoreAggregateNode::WindowStoreAggregateNode;
  std::unique_ptr<OperatorNode> clone() const override {
    return std::unique_ptr<OperatorNode>(new SlidingWindowAggregateNode(plan_, facts_, aggregate_->clone()));
  }

  void process(const ErasedRecord& record) override {
    if (!accept(record, true)) return;
    const Timestamp time = record.context->timestamp;
    const Timestamp close_time = observed_ - plan_.grace.count();
    if (must_emit_first(close_time)) emit(record, close_time);
    const Timestamp last_end = wrapping_sum(wrapping_sum(time, std::chrono::milliseconds(1)), plan_.size);
    if (last_end <= close_time) return drop("expired-window", record);
    if (time.value < plan_.size.count()) return process_early(record, close_time);
    process_late(record, close_time);
    // In Java, too, only here: what comes too late or early emits nothing, and does not put off the next emission either.
    if (should_emit(close_time)) emit(record, close_time);
  }

 private:
  struct Found {
    Timestamp start;
    Timestamp latest;  // record in it
    Bytes aggregate;
  };
  /// What a record learns of the windows around it.
  struct Around {
    std::set<Timestamp> starts;
    std::optional<Found> left;   // holds what the window that ends with the record begins with
    std::optional<Found> right;  // holds what the window behind the record is made of
    bool left_exists = false;
    bool right_exists = false;
    std::optional<Timestamp> previous;  // record
  };

  std::vector<Found> find(Timestamp from, Timestamp to, Direction direction) {
    std::vector<Found> found;
    const auto rows = windows_->fetch(WindowRange{
        .from_key = key_, .to_key = key_, .from = from, .to = to, .direction = direction, .expired_too = emits_all_});
    for (; rows->valid(); rows->next()) {
      const auto [latest, plain] = split_timestamp(rows->value());
      found.push_back({split_window_key(rows->key()).start, latest, Bytes(plain)});
    }
    return found;
  }

  // Latest windows first: the first one that ends before the record is the last that matters.
  void process_late(const ErasedRecord& record, Timestamp close_time) {
    const Timestamp time = record.context->timestamp;
    const Timestamp from(std::max<std::int64_t>(0, time.value - 2 * plan_.size.count()));
    Around around;
    for (Found& window : find(from, time + 1, Direction::kReverse)) {
      around.starts.insert(window.start);
      const Timestamp end = window.start + plan_.size.count();
      if (window.start == time + 1) {
        around.right_exists = true;
      } else if (end > time) {
        if (!around.right) around.right = window;
        update(record, window, close_time);
      } else if (end == time) {
        around.left_exists = true;
        update(record, window, close_time);
        if (window.latest >= time) return;  // a record of this time has made all windows already
        around.previous = window.latest;
      } else {
        around.previous = window.latest;
        around.left = std::move(window);
        break;
      }
    }
    make_windows(record, around, close_time);
  }

  void make_windows(const ErasedRecord& record, const Around& around, Timestamp close_time) {
    const Timestamp time = record.context->timestamp;
    if (around.previous) {
      const Timestamp start = *around.previous + 1;
      if (!around.starts.contains(start) && start + plan_.size.count() >= time) update_new(record, start, close_time);
    }
    if (!around.left_exists) {
      const Timestamp start = time - plan_.size.count();
      if (around.previous && around.left && start <= *around.previous) {
        update(record, {start, time, around.left->aggregate}, close_time);
      } else {
        update_new(record, start, close_time);
      }
    }
    make_right_window(record, around);
  }

  void process_early(const ErasedRecord& record, Timestamp close_time) {
    const Timestamp time = record.context->timestamp;
    std::optional<Found> combined;  // [0, difference]
    Around around;
    for (Found& window : find(Timestamp(0), time + 1, Direction::kForward)) {
      around.starts.insert(window.start);
      if (window.start == Timestamp(0)) {
        if (window.latest < time) around.previous = window.latest;
        combined = std::move(window);
      } else if (window.start <= time) {
        around.right = window;
        update(record, window, close_time);
      } else {
        around.right_exists = true;
      }
    }
    // Without a window of its own there, what is behind the record is all that the combined window holds.
    if (!around.right && combined && combined->latest > time) around.right = combined;
    make_right_window(record, around);
    if (around.previous && !around.starts.contains(*around.previous + 1)) {
      update_new(record, *around.previous + 1, close_time);
    }
    if (combined) {
      update(record, *combined, close_time);
    } else {
      update_new(record, Timestamp(0), close_time);
    }
  }

  /// The window behind the record, of the records that are later: it does not contain the record itself.
  void make_right_window(const ErasedRecord& record, const Around& around) {
    const Timestamp time = record.context->timestamp;
    if (around.right_exists || !around.right || around.right->latest <= time) return;
    const Found& from = *around.right;
    const Timestamp start = time + 1;
    value_.clear();
    append_timestamp(from.latest, value_);
    value_ += from.aggregate;
    windows_->put(key_, BytesView(value_), start, from.latest);
    if (cached_ || !on_update()) return;
    forward_stored(record, key_, {start, start + plan_.size.count()}, from.aggregate, std::nullopt, from.latest);
  }

  void update(const ErasedRecord& record, const Found& window, Timestamp close_time) {
    add(record, window.start, window.aggregate, window.latest, close_time);
  }
  void update_new(const ErasedRecord& record, Timestamp start, Timestamp close_time) {
    add(record, start, std::nullopt, record.context->timestamp, close_time);
  }
  void add(const ErasedRecord& record, Timestamp start, OptionalBytesView aggregate, Timestamp latest, Timestamp close_time) {
    const Window window{start, start + plan_.size.count()};
    if (window.end < close_time) return drop("expired-window", record);
    const Timestamp timestamp = std::max(record.context->timestamp, latest);
    aggregate_->start(aggregate);
    value_.clear();
    append_timestamp(timestamp, value_);
    const bool has_value = aggregate_->add(record.key, record.value, value_);
    put_added(record, window, has_value, timestamp);
  }

  using WindowedNode::emit;
  void emit(const ErasedRecord& record, Timestamp close_time) {
    const Timestamp to = close_time - plan_.size.count() - 1;
    if (to.value < 0) return;
    Timestamp from{0};
    if (last_close_ != kNoTimestamp) from = Timestamp(std::max<std::int64_t>(0, last_close_ - Timestamp(plan_.size.count())));
    emit_closed(record, close_time, from, to);
  }
};

}  // namespace

OperatorNode* new_sliding_window_aggregate(const WindowPlan& plan, std::shared_ptr<const TableFacts> facts,
                                           std::unique_ptr<WindowedAggregate> aggregate) {
  return new SlidingWindowAggregateNode(plan, std::move(facts), std::move(aggregate));
}

}  // namespace tidemill::detail
