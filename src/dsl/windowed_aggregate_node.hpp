// What all windowed aggregations do the same: they read and write a store of windows, pass changes on as they come or when
// windows close, and know how far stream time has come. Stream time is that of the records they were given since they were
// made; what was closed last is kept with the committed offsets.
#pragma once

#include <tidemill/dsl/windowed_nodes.hpp>

namespace tidemill::detail {

class WindowedAggregateNode : public WindowedNode {
 public:
  WindowedAggregateNode(const WindowPlan& plan, std::shared_ptr<const TableFacts> facts,
                        std::unique_ptr<WindowedAggregate> aggregate);
  void init() override;

 protected:
  /// True: the record has a key (and a value, where it needs one); false: it is dropped. Advances stream time.
  bool accept(const ErasedRecord& record, bool needs_value);
  [[nodiscard]] bool on_update() const { return plan_.emit == EmitStrategy::kOnWindowUpdate; }
  /// True: closed windows are to be looked for, at `close_time`.
  bool should_emit(Timestamp close_time);
  /// True: they are to be looked for before the record is put, because so much time has passed since it was last done that the
  /// store would drop some for it.
  bool must_emit_first(Timestamp close_time);
  void emitted(Timestamp close_time);
  /// With what add() has left in the aggregate.
  void forward_added(const ErasedRecord& record, const Window& window, Timestamp timestamp);
  void forward_stored(const ErasedRecord& record, BytesView key, const Window& window, OptionalBytesView now,
                      OptionalBytesView old, Timestamp timestamp);
  /// One of the closed windows: where it cannot be read, a handler may go on with the others.
  void forward_closed(const ErasedRecord& record, BytesView key, const Window& window, BytesView now, Timestamp timestamp);
  /// An entry that the cache writes: a row's key as the store has it.
  virtual void forward_flushed(const CacheFlush& flush) = 0;

  WindowPlan plan_;
  std::shared_ptr<const TableFacts> facts_;
  std::unique_ptr<WindowedAggregate> aggregate_;
  StateStore* store_ = nullptr;
  bool cached_ = false;
  bool emits_all_ = false;  // closed windows, also those that the retention hides (D-52)
  Timestamp observed_ = kNoTimestamp;
  Timestamp last_close_ = kNoTimestamp;
  Bytes key_;
  Bytes value_;

 private:
  std::int64_t emit_interval_ = 0;
  Timestamp next_emit_{0};
  std::string observed_key_;
  Timestamp looked_for_ = kNoTimestamp;  // the last close time at which closed windows were looked for
};

/// A number of milliseconds of the application's configuration. StreamsException: it is none.
[[nodiscard]] std::int64_t interval_of(const TaskContext& task, std::string_view key, std::int64_t otherwise);

[[nodiscard]] OperatorNode* new_time_window_aggregate(const WindowPlan& plan, std::shared_ptr<const TableFacts> facts,
                                                      std::unique_ptr<WindowedAggregate> aggregate);
[[nodiscard]] OperatorNode* new_sliding_window_aggregate(const WindowPlan& plan, std::shared_ptr<const TableFacts> facts,
                                                         std::unique_ptr<WindowedAggregate> aggregate);
[[nodiscard]] OperatorNode* new_session_window_aggregate(const WindowPlan& plan, std::shared_ptr<const TableFacts> facts,
                                                         std::unique_ptr<WindowedAggregate> aggregate);

/// Time and sliding windows: their store is one of windows with timestamps.
class WindowStoreAggregateNode : public WindowedAggregateNode {
 public:
  using WindowedAggregateNode::WindowedAggregateNode;
  void init() override;

 protected:
  /// Puts what add() has left in the aggregate, and passes it on.
  void put_added(const ErasedRecord& record, const Window& window, bool has_value, Timestamp timestamp);
  /// Windows that start in the range, once and for all.
  void emit_closed(const ErasedRecord& record, Timestamp close_time, Timestamp from, Timestamp to);
  void forward_flushed(const CacheFlush& flush) override;
  WindowBytesStore* windows_ = nullptr;
};

}  // namespace tidemill::detail
