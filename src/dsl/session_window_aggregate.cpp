// Session windows: records of a key that are at most the gap apart are one session.
//
//   gap 5      |- a -|        |-- b --|
//   a record in between, at most 5 from both: one session from the start of a to the end of b; a and b are removed.
//
// A session takes records until stream time has passed its end by gap and grace.
#include <algorithm>

#include "dsl/windowed_aggregate_node.hpp"
#include "dsl/wrapping_time.hpp"

namespace tidemill::detail {
namespace {

class SessionWindowAggregateNode final : public WindowedAggregateNode {
 public:
  using WindowedAggregateNode::WindowedAggregateNode;
  std::unique_ptr<OperatorNode> clone() const override {
    return std::unique_ptr<OperatorNode>(new SessionWindowAggregateNode(plan_, facts_, aggregate_->clone()));
  }
  void init() override {
    WindowedAggregateNode::init();
    sessions_ = &sessions_of(*store_);
  }

  void process(const ErasedRecord& record) override {
    if (!accept(record, false)) return;
    const Timestamp time = record.context->timestamp;
    const Timestamp close_time = observed_ - plan_.grace.count() - plan_.size.count();
    if (must_emit_first(close_time)) emit(record, close_time);
    Window session{time, time};
    aggregate_->start(std::nullopt);
    merged_.clear();
    const auto rows = sessions_->find_sessions(SessionRange{.from_key = key_,
                                                            .to_key = key_,
                                                            .earliest_end = first_to_merge(time, close_time),
                                                            .latest_start = wrapping_sum(time, plan_.size),
                                                            .expired_too = emits_all_});
    for (; rows->valid(); rows->next()) {
      const Window old = split_session_key(rows->key()).session;
      merged_.emplace_back(old, rows->value());
      aggregate_->merge(record.key, rows->value());
      session = {std::min(session.start, old.start), std::max(session.end, old.end)};
    }
    if (session.end < close_time) {
      drop("expired-window", record);
    } else {
      if (session != Window{time, time}) remove_merged(record);
      value_.clear();
      const bool has_value = aggregate_->add(record.key, record.value, value_);
      sessions_->put_session(key_, has_value ? OptionalBytesView(value_) : std::nullopt, session, time);
      forward_new(record, session);
    }
    if (should_emit(close_time)) emit(record, close_time);
  }

 private:
  /// What is closed, and emitted or about to be, is not merged with any more: its records would be counted twice.
  [[nodiscard]] Timestamp first_to_merge(Timestamp time, Timestamp close_time) const {
    const Timestamp in_the_gap = time - plan_.size.count();
    return emits_all_ ? std::max(in_the_gap, close_time) : in_the_gap;
  }
  void remove_merged(const ErasedRecord& record) {
    for (const auto& [old, value] : merged_) {
      sessions_->remove_session(key_, old, record.context->timestamp);
      if (cached_ || !on_update()) continue;
      aggregate_->forward_stored(*this, key_, old, std::nullopt,
                                 facts_->send_old_values ? OptionalBytesView(value) : std::nullopt, context_of(record, old));
    }
  }
  void forward_new(const ErasedRecord& record, const Window& session) {
    if (cached_ || !on_update()) return;
    aggregate_->forward_added(*this, record.key, session, false, context_of(record, session));
  }
  /// An update of a session carries no headers, as Java's does not.
  static RecordContext context_of(const ErasedRecord& record, const Window& session) {
    RecordContext context = *record.context;
    context.timestamp = session.end;
    context.headers = nullptr;
    return context;
  }
  using WindowedNode::emit;
  void emit(const ErasedRecord& record, Timestamp close_time) {
    const Timestamp to = close_time - 1;
    if (to.value < 0) return;
    const Timestamp from(std::max<std::int64_t>(0, last_close_.value));
    if (from > to) return;
    const auto rows = sessions_->find_sessions(SessionRange{.from_key = {},
                                                            .to_key = {},
                                                            .earliest_end = from,
                                                            .latest_start = kMaxTimestamp,
                                                            .latest_end = to,
                                                            .expired_too = emits_all_});
    for (; rows->valid(); rows->next()) {
      const auto [key, session] = split_session_key(rows->key());
      forward_closed(record, key, session, rows->value(), session.end);
    }
    emitted(close_time);
  }
  void forward_flushed(const CacheFlush& flush) override {
    const auto [key, session] = split_session_key(flush.key);
    RecordContext context = *flush.context;
    context.timestamp = session.end;
    aggregate_->forward_stored(*this, key, session, flush.new_value, flush.old_value, context);
  }

  SessionBytesStore* sessions_ = nullptr;
  std::vector<std::pair<Window, Bytes>> merged_;
};

}  // namespace

OperatorNode* new_session_window_aggregate(const WindowPlan& plan, std::shared_ptr<const TableFacts> facts,
                                           std::unique_ptr<WindowedAggregate> aggregate) {
  return new SessionWindowAggregateNode(plan, std::move(facts), std::move(aggregate));
}

}  // namespace tidemill::detail
