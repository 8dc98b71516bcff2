// The Processor API: operators with state, schedules and a say in what goes where, written as a class.
//
//   class Dedupe : public Processor<std::string, Payment, std::string, Payment> {
//     void init(ProcessorContext<std::string, Payment>& context) override { seen_ = context.key_value_store<...>("seen"); }
//     void process(const Record<std::string, Payment>& record) override { ... context().forward(record); }
//   };
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <tidemill/processor/operator_node.hpp>
#include <tidemill/state/key_value_store.hpp>

namespace tidemill {

/// A record as a processor meets it: a view of key and value, valid during the call. The with_ functions make a changed
/// view; what they are given must live until forward() returns.
template <class K, class V>
class Record {
 public:
  Record(const K* key, const V* value, Timestamp timestamp, const Headers* headers = nullptr)
      : key_(key), value_(value), timestamp_(timestamp), headers_(headers) {}
  Record(const K& key, const V& value, Timestamp timestamp, const Headers* headers = nullptr)
      : Record(&key, &value, timestamp, headers) {}

  [[nodiscard]] bool has_key() const { return key_ != nullptr; }
  [[nodiscard]] bool has_value() const { return value_ != nullptr; }
  /// Only where has_key() and has_value().
  [[nodiscard]] const K& key() const { return *key_; }
  [[nodiscard]] const V& value() const { return *value_; }
  [[nodiscard]] const K* key_or_null() const { return key_; }
  [[nodiscard]] const V* value_or_null() const { return value_; }
  [[nodiscard]] Timestamp timestamp() const { return timestamp_; }
  [[nodiscard]] const Headers& headers() const { return headers_ != nullptr ? *headers_ : Headers::none(); }

  template <class NewK>
  [[nodiscard]] Record<NewK, V> with_key(const NewK& key) const {
    return Record<NewK, V>(&key, value_, timestamp_, headers_);
  }
  template <class NewV>
  [[nodiscard]] Record<K, NewV> with_value(const NewV& value) const {
    return Record<K, NewV>(key_, &value, timestamp_, headers_);
  }
  [[nodiscard]] Record with_timestamp(Timestamp timestamp) const { return Record(key_, value_, timestamp, headers_); }
  [[nodiscard]] Record with_headers(const Headers& headers) const { return Record(key_, value_, timestamp_, &headers); }

 private:
  const K* key_;
  const V* value_;
  Timestamp timestamp_;
  const Headers* headers_;
};

struct RecordMetadata {
  std::string topic;
  PartitionId partition;
  Offset offset;
};

namespace detail {
/// Untyped half of a processor's node, so that contexts can reach what OperatorNode protects.
class ProcessorNodeBase : public OperatorNode {
 public:
  using OperatorNode::connected_store;
  using OperatorNode::forward;
  using OperatorNode::forward_to;
};
}  // namespace detail

/// A processor's way to its task. Lives as long as the processor.
template <class KOut, class VOut>
class ProcessorContext {
 public:
  explicit ProcessorContext(detail::ProcessorNodeBase& node) : node_(node) {}

  /// To all children.
  void forward(const Record<KOut, VOut>& record) const {
    RecordContext context = changed(record);
    node_.forward(ErasedRecord{record.key_or_null(), record.value_or_null(), &context});
  }
  /// To the child of that name; StreamsException when there is none.
  void forward(const Record<KOut, VOut>& record, std::string_view child) const {
    RecordContext context = changed(record);
    node_.forward_to(child, ErasedRecord{record.key_or_null(), record.value_or_null(), &context});
  }

  /// The typed face of a connected store; StreamsException names the remedy when it is not connected.
  template <class K, class V>
  [[nodiscard]] std::unique_ptr<KeyValueStore<K, V>> key_value_store(std::string_view name,
                                                                     Serde<K> key_serde = SerdeOf<K>::serde(),
                                                                     Serde<V> value_serde = SerdeOf<V>::serde()) const {
    return std::unique_ptr<KeyValueStore<K, V>>(new KeyValueStore<K, V>(
        node_.connected_store(name), std::move(key_serde), std::move(value_serde), node_.task().current));
  }

  [[nodiscard]] const std::string& application_id() const { return node_.task().application_id(); }
  [[nodiscard]] const TaskId& task_id() const { return node_.task().task_id(); }
  /// Empty in punctuations.
  [[nodiscard]] std::optional<RecordMetadata> record_metadata() const {
    const RecordContext* current = node_.task().current;
    if (current == nullptr || current->source == nullptr) return std::nullopt;
    return RecordMetadata{current->source->topic, current->source->partition, current->offset};
  }
  [[nodiscard]] Timestamp current_stream_time() const { return node_.task().stream_time(); }
  [[nodiscard]] Timestamp current_system_time() const { return node_.task().wall_clock_time(); }
  /// The punctuator gets the time it was due for (stream time) or the clock's (wall clock).
  Cancellable schedule(std::chrono::milliseconds interval, PunctuationType type, Punctuator punctuator,
                       Timestamp start = kNoTimestamp) const {
    return node_.task().schedule(node_, interval, type, start, std::move(punctuator));
  }
  /// Asks for a commit soon.
  void commit() const { node_.task().request_commit(); }
  /// A key of the configuration's `application` part; null: not set.
  [[nodiscard]] const std::string* app_config(std::string_view key) const { return node_.task().app_config(key); }

 private:
  [[nodiscard]] RecordContext changed(const Record<KOut, VOut>& record) const {
    RecordContext context = node_.task().current != nullptr ? *node_.task().current : RecordContext{};
    if (record.timestamp().value < 0) {
      throw StreamsException("processor \"" + node_.name() + "\" forwards a record without a timestamp");
    }
    context.timestamp = record.timestamp();
    context.headers = &record.headers();
    return context;
  }
  detail::ProcessorNodeBase& node_;
};

template <class KIn, class VIn, class KOut = KIn, class VOut = VIn>
class Processor {
 public:
  virtual ~Processor() = default;
  /// Once, before the first record; context() works from here on.
  virtual void init(ProcessorContext<KOut, VOut>&) {}
  virtual void process(const Record<KIn, VIn>& record) = 0;
  virtual void close() {}

 protected:
  [[nodiscard]] ProcessorContext<KOut, VOut>& context() const { return *context_; }

 private:
  template <class, class, class, class, class>
  friend class ProcessorNode;
  ProcessorContext<KOut, VOut>* context_ = nullptr;
};

/// Runs a Processor as a node. `supplier()` makes a new one per task.
template <class KIn, class VIn, class KOut, class VOut, class Supplier>
class ProcessorNode final : public detail::ProcessorNodeBase {
 public:
  explicit ProcessorNode(Supplier supplier) : supplier_(std::move(supplier)) {}
  [[nodiscard]] std::unique_ptr<OperatorNode> clone() const override {
    return std::unique_ptr<OperatorNode>(new ProcessorNode(supplier_));
  }
  void init() override {
    context_ = std::unique_ptr<ProcessorContext<KOut, VOut>>(new ProcessorContext<KOut, VOut>(*this));
    processor_ = supplier_();
    processor_->context_ = context_.get();
    processor_->init(*context_);
  }
  void process(const ErasedRecord& record) override {
    processor_->process(Record<KIn, VIn>(static_cast<const KIn*>(record.key), static_cast<const VIn*>(record.value),
                                         record.context->timestamp, record.context->headers));
  }
  void close() override {
    if (processor_) processor_->close();
  }

 private:
  Supplier supplier_;
  std::unique_ptr<ProcessorContext<KOut, VOut>> context_;
  std::unique_ptr<Processor<KIn, VIn, KOut, VOut>> processor_;
};

}  // namespace tidemill
