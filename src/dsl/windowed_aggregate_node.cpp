#include "dsl/windowed_aggregate_node.hpp"

#include <charconv>

namespace tidemill::detail {
namespace {

constexpr const char* kEmitIntervalKey = "__emit.interval.ms.kstreams.windowed.aggregation__";
constexpr std::int64_t kEmitIntervalMs = 1000;

}  // namespace

std::int64_t interval_of(const TaskContext& task, std::string_view key, std::int64_t otherwise) {
  const std::string* text = task.app_config(key);
  if (text == nullptr) return otherwise;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size()) {
    throw StreamsException(std::string(key) + ": \"" + *text + "\" is no number of milliseconds");
  }
  return value;
}

OperatorNode* new_windowed_aggregate(const WindowPlan& plan, std::shared_ptr<const TableFacts> facts,
                                     std::unique_ptr<WindowedAggregate> aggregate) {
  switch (plan.kind) {
    case WindowPlan::Kind::kSliding: return new_sliding_window_aggregate(plan, std::move(facts), std::move(aggregate));
    case WindowPlan::Kind::kSession: return new_session_window_aggregate(plan, std::move(facts), std::move(aggregate));
    default: return new_time_window_aggregate(plan, std::move(facts), std::move(aggregate));
  }
}

WindowedAggregateNode::WindowedAggregateNode(const WindowPlan& plan, std::shared_ptr<const TableFacts> facts,
                                             std::unique_ptr<WindowedAggregate> aggregate)
    : plan_(plan), facts_(std::move(facts)), aggregate_(std::move(aggregate)) {}

void WindowedAggregateNode::init() {
  store_ = &connected_store(facts_->store.name);
  if (on_update()) {
    cached_ = store_->set_flush_listener([this](const CacheFlush& flush) { forward_flushed(flush); }, facts_->send_old_values);
    return;
  }
  emit_interval_ = interval_of(task(), kEmitIntervalKey, kEmitIntervalMs);
  if (const auto last = task().processor_metadata(facts_->store.name)) last_close_ = Timestamp(*last);
}

bool WindowedAggregateNode::accept(const ErasedRecord& record, bool needs_value) {
  if (record.key == nullptr) return drop("null-key", record), false;
  if (record.value == nullptr && (needs_value || !plan_.null_values)) return drop("null-value", record), false;
  observed_ = std::max(observed_, record.context->timestamp);
  key_.clear();
  aggregate_->encode_key(record.key, key_);
  return true;
}

bool WindowedAggregateNode::should_emit(Timestamp close_time) {
  if (on_update()) return false;
  const Timestamp now = task().wall_clock_time();
  if (now < next_emit_) return false;
  next_emit_ = now + emit_interval_;
  return last_close_ == kNoTimestamp || last_close_ < close_time;
}

void WindowedAggregateNode::emitted(Timestamp close_time) {
  last_close_ = close_time;
  task().set_processor_metadata(facts_->store.name, close_time.value);
}

void WindowedAggregateNode::forward_added(const ErasedRecord& record, const Window& window, Timestamp timestamp) {
  if (cached_ || !on_update()) return;
  RecordContext context = *record.context;
  context.timestamp = timestamp;
  aggregate_->forward_added(*this, record.key, window, facts_->send_old_values, context);
}

void WindowedAggregateNode::forward_stored(const ErasedRecord& record, BytesView key, const Window& window,
                                           OptionalBytesView now, OptionalBytesView old, Timestamp timestamp) {
  RecordContext context = *record.context;
  context.timestamp = timestamp;
  aggregate_->forward_stored(*this, key, window, now, old, context);
}

void WindowStoreAggregateNode::init() {
  WindowedAggregateNode::init();
  windows_ = &windows_of(*store_);
}

void WindowStoreAggregateNode::put_added(const ErasedRecord& record, const Window& window, bool has_value,
                                         Timestamp timestamp) {
  // A deletion is written to the changelog at the record's time, a value at its own.
  windows_->put(key_, has_value ? OptionalBytesView(value_) : std::nullopt, window.start, record.context->timestamp);
  forward_added(record, window, timestamp);
}

void WindowStoreAggregateNode::emit_closed(const ErasedRecord& record, Timestamp close_time, Timestamp from, Timestamp to) {
  const auto rows = windows_->fetch(WindowRange{.from_key = {}, .to_key = {}, .from = from, .to = to});
  for (; rows->valid(); rows->next()) {
    const auto [key, start] = split_window_key(rows->key());
    const auto [timestamp, plain] = split_timestamp(rows->value());
    forward_stored(record, key, {start, window_end(start, plan_.size)}, plain, std::nullopt, timestamp);
  }
  emitted(close_time);
}

void WindowStoreAggregateNode::forward_flushed(const CacheFlush& flush) {
  const auto [key, start] = split_window_key(flush.key);
  RecordContext context = *flush.context;
  const auto plain = [](OptionalBytesView stored) {
    return stored ? OptionalBytesView(split_timestamp(*stored).second) : std::nullopt;
  };
  if (flush.new_value) context.timestamp = split_timestamp(*flush.new_value).first;
  aggregate_->forward_stored(*this, key, {start, window_end(start, plan_.size)}, plain(flush.new_value), plain(flush.old_value),
                             context);
}

}  // namespace tidemill::detail
