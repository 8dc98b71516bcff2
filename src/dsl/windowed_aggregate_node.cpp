#include "dsl/windowed_aggregate_node.hpp"

#include <charconv>

#include "base/saturating_sum.hpp"

namespace tidemill::detail {
namespace {

constexpr const char* kEmitIntervalKey = "__emit.interval.ms.kstreams.windowed.aggregation__";
constexpr std::int64_t kEmitIntervalMs = 1000;
/// Of the metadata that has stream time, beside the store's own, which has the last close time.
constexpr const char* kObservedSuffix = " observed";

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
  aggregate_->open(store_->topic());
  if (on_update()) {
    cached_ = store_->set_flush_listener([this](const CacheFlush& flush) { forward_flushed(flush); }, facts_->send_old_values);
    return;
  }
  emits_all_ = !task().exactly_as_kafka_streams();
  emit_interval_ = interval_of(task(), kEmitIntervalKey, kEmitIntervalMs);
  if (const auto last = task().processor_metadata(facts_->store.name)) looked_for_ = last_close_ = Timestamp(*last);
  if (!emits_all_) return;
  // What was late for a window stays late: it would be counted in one that has been emitted, or begin one anew.
  observed_key_ = facts_->store.name + kObservedSuffix;
  if (const auto observed = task().processor_metadata(observed_key_)) observed_ = Timestamp(*observed);
}

bool WindowedAggregateNode::accept(const ErasedRecord& record, bool needs_value) {
  if (record.key == nullptr) return drop("null-key", record), false;
  if (record.value == nullptr && (needs_value || !plan_.null_values)) return drop("null-value", record), false;
  if (record.context->timestamp > observed_) {
    observed_ = record.context->timestamp;
    if (emits_all_) task().set_processor_metadata(observed_key_, observed_.value);
  }
  key_.clear();
  aggregate_->encode_key(record.key, key_);
  return true;
}

bool WindowedAggregateNode::should_emit(Timestamp close_time) {
  if (on_update()) return false;
  const Timestamp now = task().system_time();
  if (now < next_emit_) return false;
  next_emit_ = now + emit_interval_;
  if (last_close_ != kNoTimestamp && last_close_ >= close_time) return false;
  looked_for_ = close_time;
  return true;
}

bool WindowedAggregateNode::must_emit_first(Timestamp close_time) {
  if (on_update() || !emits_all_) return false;
  const bool knows = looked_for_ != kNoTimestamp;  // else the store may have anything
  if (knows && close_time <= looked_for_) return false;
  // What has not been emitted begins no earlier than the size before the time it was last looked for (a session ends no earlier
  // than that time), and what the record puts no later than stream time.
  const StoreSpec& spec = store_->spec();
  const std::int64_t before = plan_.sessions() ? 0 : plan_.size.count();
  const std::int64_t kept = saturating_sum(spec.retention.count(), kept_until_closed(spec).count());
  if (knows && saturating_sum(observed_.value, -looked_for_.value) < kept - before - 1) return false;
  looked_for_ = close_time;
  return true;
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

void WindowedAggregateNode::forward_closed(const ErasedRecord& record, BytesView key, const Window& window, BytesView now,
                                           Timestamp timestamp) {
  try {
    forward_stored(record, key, window, now, std::nullopt, timestamp);
  } catch (...) {
    caught(record, record.context);
  }
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
  const auto rows =
      windows_->fetch(WindowRange{.from_key = {}, .to_key = {}, .from = from, .to = to, .expired_too = emits_all_});
  for (; rows->valid(); rows->next()) {
    const auto [key, start] = split_window_key(rows->key());
    const auto [timestamp, plain] = split_timestamp(rows->value());
    forward_closed(record, key, {start, window_end(start, plan_.size)}, plain, timestamp);
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
