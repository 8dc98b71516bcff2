// Stream-stream joins: a record meets all of the other side's whose time is within the window of its own.
//
//   before 5, after 5        left   a@10                        c@30
//                            right        x@12       y@20              | time passes 30 + 5 + grace: (c, nothing)
//                            out          (a, x)
//
// Each side first looks in the other's store, then puts its record in its own, so a pair is found once, by the later one. In a
// left or outer join a record that has met none waits in a store that both sides share, until stream time has passed the end
// of its window and grace; who meets it before takes it out there. Java looks for such records when a record advances stream
// time, and, since that costs a walk, at most once in an interval of the clock.
#include <algorithm>

#include <tidemill/dsl/stream_join_nodes.hpp>

#include "dsl/windowed_aggregate_node.hpp"
#include "dsl/wrapping_time.hpp"

namespace tidemill::detail {
namespace {

constexpr const char* kEmitIntervalKey = "__emit.interval.ms.kstreams.outer.join.spurious.results.fix__";
constexpr std::int64_t kEmitIntervalMs = 1000;

class JoinWindowNode final : public WindowedNode {
 public:
  JoinWindowNode(std::string store, std::unique_ptr<StreamJoinTypes> types)
      : store_(std::move(store)), types_(std::move(types)) {}
  std::unique_ptr<OperatorNode> clone() const override {
    return std::unique_ptr<OperatorNode>(new JoinWindowNode(store_, types_->clone()));
  }
  void init() override {
    StateStore& store = connected_store(store_);
    windows_ = &windows_of(store);
    types_->open(store.topic(), {}, {});
  }
  void process(const ErasedRecord& record) override {
    forward(record);
    if (record.key == nullptr) return;  // nothing will ever look it up
    key_.clear();
    types_->encode_key(record.key, key_);
    value_.clear();
    if (record.value != nullptr) types_->encode_value(record.value, value_);
    const Timestamp time = record.context->timestamp;
    windows_->put(key_, record.value != nullptr ? OptionalBytesView(value_) : std::nullopt, time, time);
  }

 private:
  std::string store_;
  std::unique_ptr<StreamJoinTypes> types_;
  WindowBytesStore* windows_ = nullptr;
  Bytes key_;
  Bytes value_;
};

bool open_at(Timestamp time, std::chrono::milliseconds window, std::chrono::milliseconds grace, Timestamp stream_time) {
  return wrapping_sum(wrapping_sum(time, window), grace) >= stream_time;
}
/// The times that are met; none is before 1970.
Timestamp first_met(Timestamp time, std::chrono::milliseconds before) {
  return std::max(Timestamp(0), wrapping_difference(time, before));
}
Timestamp last_met(Timestamp time, std::chrono::milliseconds after) {
  return std::max(Timestamp(0), wrapping_sum(time, after));
}

class StreamJoinNode final : public WindowedNode {
 public:
  StreamJoinNode(StreamJoinSide side, std::unique_ptr<StreamJoinTypes> types)
      : side_(std::move(side)), types_(std::move(types)) {}
  std::unique_ptr<OperatorNode> clone() const override {
    return std::unique_ptr<OperatorNode>(new StreamJoinNode(side_, types_->clone()));
  }
  void init() override {
    StateStore& others = connected_store(side_.other_store);
    others_ = &windows_of(others);
    if (side_.outer_store.empty()) return types_->open(others.topic(), others.topic(), {});
    StateStore& waiting = connected_store(side_.outer_store);
    types_->open(others.topic(), others.topic(), waiting.topic());
    waiting_ = waiting.outer_join();
    if (waiting_ == nullptr) throw StreamsException("store \"" + side_.outer_store + "\" keeps no waiting records");
    waiting_->times = {};
    emit_interval_ = interval_of(task(), kEmitIntervalKey, kEmitIntervalMs);
  }

  void process(const ErasedRecord& record) override {
    const Timestamp time = record.context->timestamp;
    if (waiting_ != nullptr) waiting_->times.stream_time = std::max(waiting_->times.stream_time, time);
    if (side_.outer && record.key == nullptr && record.value != nullptr) {
      return types_->forward_joined(*this, nullptr, record.value, std::nullopt, *record.context);
    }
    if (record.key == nullptr) return drop("null-key", record);
    if (record.value == nullptr) return drop("null-value", record);
    if (waiting_ != nullptr && time == waiting_->times.stream_time) emit_alone(record);
    key_.clear();
    types_->encode_key(record.key, key_);
    has_waiting_key_ = false;
    if (meet_others(record) || !side_.outer) return;
    if (waiting_ == nullptr || last_met(time, side_.after) < waiting_->times.stream_time) {
      types_->forward_joined(*this, record.key, record.value, std::nullopt, *record.context);
    } else {
      wait(record);
    }
  }

 private:
  /// True: there were some.
  bool meet_others(const ErasedRecord& record) {
    const Timestamp time = record.context->timestamp;
    const Timestamp from = first_met(time, side_.before);
    const Timestamp to = last_met(time, side_.after);
    bool any = false;
    const auto rows = others_->fetch(WindowRange{.from_key = key_, .to_key = key_, .from = from, .to = to});
    for (; rows->valid(); rows->next()) {
      any = true;
      const Timestamp other = split_window_key(rows->key()).start;
      if (waiting_ != nullptr) {
        row_.clear();
        append_outer_join_row({other, !side_.left, waiting_key(record)}, row_);
        waiting_->remove_if_there(row_, time);
      }
      RecordContext context = *record.context;
      context.timestamp = std::max(time, other);
      types_->forward_joined(*this, record.key, record.value, rows->value(), context);
    }
    return any;
  }

  /// As the shared store has it. Most records need none.
  BytesView waiting_key(const ErasedRecord& record) {
    if (!std::exchange(has_waiting_key_, true)) {
      waiting_key_.clear();
      types_->encode_waiting_key(record.key, waiting_key_);
    }
    return waiting_key_;
  }

  void wait(const ErasedRecord& record) {
    const Timestamp time = record.context->timestamp;
    waiting_->times.min_time = std::min(waiting_->times.min_time, time);
    row_.clear();
    append_outer_join_row({time, side_.left, waiting_key(record)}, row_);
    Bytes element(1, static_cast<char>(side_.left ? 1 : 0));
    types_->encode_waiting(record.value, element);
    waiting_->add(row_, element, time);
  }

  /// Those whose windows are closed.
  void emit_alone(const ErasedRecord& record) {
    OuterJoinStore::Times& times = waiting_->times;
    if (open_at(times.min_time, side_.after, side_.grace, times.stream_time)) return;
    const Timestamp now = task().system_time();
    if (now < times.next_emit) return;
    times.next_emit = now + emit_interval_;
    times.min_time = kMaxTimestamp;
    const std::chrono::milliseconds left_window = side_.left ? side_.after : side_.before;
    const std::chrono::milliseconds right_window = side_.left ? side_.before : side_.after;
    bool left_open = false;
    bool right_open = false;
    Bytes emitted;
    for (const auto rows = waiting_->all(); rows->valid(); rows->next()) {
      const OuterJoinRow row = split_outer_join_row(rows->key());
      times.min_time = row.time;
      if (left_open && right_open) break;
      if (open_at(row.time, row.left ? left_window : right_window, side_.grace, times.stream_time)) {
        (row.left ? left_open : right_open) = true;
        continue;
      }
      RecordContext context = *record.context;
      context.timestamp = row.time;
      types_->forward_alone(*this, row.key, row.left == side_.left, rows->value().substr(1), context);
      // A row goes when all of its list are out.
      if (!emitted.empty() && emitted != rows->key()) waiting_->remove(emitted, record.context->timestamp);
      emitted = rows->key();
    }
    if (!emitted.empty()) waiting_->remove(emitted, record.context->timestamp);
  }

  StreamJoinSide side_;
  std::unique_ptr<StreamJoinTypes> types_;
  WindowBytesStore* others_ = nullptr;
  OuterJoinStore* waiting_ = nullptr;
  std::int64_t emit_interval_ = kEmitIntervalMs;
  Bytes key_;
  Bytes waiting_key_;
  bool has_waiting_key_ = false;
  Bytes row_;
};

/// One store instead of two: what is looked up is both this side and the other one. Pairs come in the order in which the two
/// sides of a join of two stores would find them.
class SelfJoinNode final : public WindowedNode {
 public:
  SelfJoinNode(JoinWindows windows, std::string store, std::unique_ptr<StreamJoinTypes> types)
      : join_(windows), store_(std::move(store)), types_(std::move(types)) {}
  std::unique_ptr<OperatorNode> clone() const override {
    return std::unique_ptr<OperatorNode>(new SelfJoinNode(join_, store_, types_->clone()));
  }
  void init() override {
    StateStore& store = connected_store(store_);
    windows_ = &windows_of(store);
    types_->open(store.topic(), store.topic(), {});
  }

  void process(const ErasedRecord& record) override {
    if (record.key == nullptr) return drop("null-key", record);
    if (record.value == nullptr) return drop("null-value", record);
    const Timestamp time = record.context->timestamp;
    // First of all, as in Java: a record whose joiner throws is as if it had not come.
    types_->join_itself(record.key, record.value);
    stream_time_ = std::max(stream_time_, time);
    key_.clear();
    types_->encode_key(record.key, key_);
    const std::int64_t retention = join_.size().count() + join_.grace().count();
    bool with_itself = time.value > stream_time_.value - retention + 1;  // else it is too late for its own store
    const auto forward_itself = [&] {
      if (std::exchange(with_itself, false)) types_->forward_itself(*this, record.key, *record.context);
    };
    walk(time, join_.before(), join_.after(), [&](Timestamp other, BytesView value) {
      RecordContext context = *record.context;
      context.timestamp = std::max(time, other);
      types_->forward_joined(*this, record.key, record.value, value, context);
    });
    walk(time, join_.after(), join_.before(), [&](Timestamp other, BytesView value) {
      if (other > time) forward_itself();
      RecordContext context = *record.context;
      context.timestamp = std::max(time, other);
      types_->forward_swapped(*this, record.key, value, record.value, context);
    });
    forward_itself();
  }

 private:
  template <class Visit>
  void walk(Timestamp time, std::chrono::milliseconds before, std::chrono::milliseconds after, Visit visit) {
    const auto rows = windows_->fetch(
        WindowRange{.from_key = key_, .to_key = key_, .from = first_met(time, before), .to = last_met(time, after)});
    for (; rows->valid(); rows->next()) visit(split_window_key(rows->key()).start, rows->value());
  }
  JoinWindows join_;
  std::string store_;
  std::unique_ptr<StreamJoinTypes> types_;
  WindowBytesStore* windows_ = nullptr;
  Timestamp stream_time_ = kNoTimestamp;
  Bytes key_;
};

}  // namespace

OperatorNode* new_join_window_node(std::string store, std::unique_ptr<StreamJoinTypes> types) {
  return new JoinWindowNode(std::move(store), std::move(types));
}
OperatorNode* new_stream_join_node(const StreamJoinSide& side, std::unique_ptr<StreamJoinTypes> types) {
  return new StreamJoinNode(side, std::move(types));
}
OperatorNode* new_self_join_node(const JoinWindows& windows, std::string store, std::unique_ptr<StreamJoinTypes> types) {
  return new SelfJoinNode(windows, std::move(store), std::move(types));
}

}  // namespace tidemill::detail
