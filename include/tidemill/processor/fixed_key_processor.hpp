// FixedKeyProcessor: a processor that cannot change the key, so that what follows needs no repartitioning. The type sees to
// it: a FixedKeyRecord has no with_key(), and only the library makes one.
#pragma once

#include <tidemill/processor/processor.hpp>

namespace tidemill {

template <class K, class V>
class FixedKeyRecord {
 public:
  [[nodiscard]] bool has_key() const { return record_.has_key(); }
  [[nodiscard]] bool has_value() const { return record_.has_value(); }
  /// As Record's.
  [[nodiscard]] const K& key() const { return record_.key(); }
  [[nodiscard]] const V& value() const { return record_.value(); }
  [[nodiscard]] const K* key_or_null() const { return record_.key_or_null(); }
  [[nodiscard]] const V* value_or_null() const { return record_.value_or_null(); }
  [[nodiscard]] Timestamp timestamp() const { return record_.timestamp(); }
  [[nodiscard]] const Headers& headers() const { return record_.headers(); }

  template <class NewV>
  [[nodiscard]] FixedKeyRecord<K, NewV> with_value(const NewV& value TIDEMILL_LIFETIME) const {
    return FixedKeyRecord<K, NewV>(record_.with_value(value));
  }
  template <class NewV>
  [[nodiscard]] FixedKeyRecord<K, NewV> with_value_or_null(const NewV* value) const {
    return FixedKeyRecord<K, NewV>(record_.with_value_or_null(value));
  }
  [[nodiscard]] FixedKeyRecord with_timestamp(Timestamp timestamp) const {
    return FixedKeyRecord(record_.with_timestamp(timestamp));
  }
  [[nodiscard]] FixedKeyRecord with_headers(const Headers& headers TIDEMILL_LIFETIME) const {
    return FixedKeyRecord(record_.with_headers(headers));
  }

 private:
  template <class, class>
  friend class FixedKeyRecord;
  template <class, class, class, class>
  friend class FixedKeyProcessorNode;
  explicit FixedKeyRecord(Record<K, V> record) : record_(record) {}
  Record<K, V> record_;
};

template <class K, class VOut>
class FixedKeyProcessorContext : public ProcessingContext {
 public:
  using ProcessingContext::ProcessingContext;

  /// To all children.
  void forward(const FixedKeyRecord<K, VOut>& record) const {
    const RecordContext context = node_.context_of(record.timestamp(), record.headers());
    node_.forward(ErasedRecord{record.key_or_null(), record.value_or_null(), &context});
  }
  /// To the child of that name; StreamsException when there is none.
  void forward(const FixedKeyRecord<K, VOut>& record, std::string_view child) const {
    const RecordContext context = node_.context_of(record.timestamp(), record.headers());
    node_.forward_to(child, ErasedRecord{record.key_or_null(), record.value_or_null(), &context});
  }
};

template <class K, class VIn, class VOut = VIn>
class FixedKeyProcessor {
 public:
  virtual ~FixedKeyProcessor() = default;
  /// Once, before the first record; context() works from here on.
  virtual void init(FixedKeyProcessorContext<K, VOut>&) {}
  virtual void process(const FixedKeyRecord<K, VIn>& record) = 0;
  virtual void close() {}

 protected:
  [[nodiscard]] FixedKeyProcessorContext<K, VOut>& context() const {
    if (context_ == nullptr) detail::throw_no_context();
    return *context_;
  }

 private:
  template <class, class, class, class>
  friend class FixedKeyProcessorNode;
  FixedKeyProcessorContext<K, VOut>* context_ = nullptr;
};

namespace detail {
template <class K, class VIn, class VOut>
struct FixedKeyProcessorTypes {
  using Key = K;
  using ValueIn = VIn;
  using Value = VOut;
};
template <class K, class VIn, class VOut>
FixedKeyProcessorTypes<K, VIn, VOut> fixed_key_processor_types(const FixedKeyProcessor<K, VIn, VOut>*);

/// `supplier()` returns a std::unique_ptr to a FixedKeyProcessor or to a class derived from one.
template <class Supplier>
concept SuppliesFixedKeyProcessor = requires(Supplier& supplier) {
  fixed_key_processor_types(supplier().get());
};
template <class Supplier>
using SuppliedFixedKeyTypes = decltype(fixed_key_processor_types(std::declval<Supplier&>()().get()));
}  // namespace detail

/// Runs a FixedKeyProcessor as a node. `supplier()` makes a new one per task.
template <class K, class VIn, class VOut, class Supplier>
class FixedKeyProcessorNode final : public detail::ProcessorNodeBase {
 public:
  explicit FixedKeyProcessorNode(Supplier supplier) : supplier_(std::move(supplier)) {}
  [[nodiscard]] std::unique_ptr<OperatorNode> clone() const override {
    return std::unique_ptr<OperatorNode>(new FixedKeyProcessorNode(supplier_));
  }
  void init() override {
    context_ = std::unique_ptr<FixedKeyProcessorContext<K, VOut>>(new FixedKeyProcessorContext<K, VOut>(*this));
    processor_ = supplier_();
    if (processor_ == nullptr) detail::throw_no_processor(name());
    processor_->context_ = context_.get();
    processor_->init(*context_);
  }
  void process(const ErasedRecord& record) override {
    processor_->process(
        FixedKeyRecord<K, VIn>(Record<K, VIn>(static_cast<const K*>(record.key), static_cast<const VIn*>(record.value),
                                              record.context->timestamp, record.context->headers)));
  }
  void close() override {
    if (processor_) processor_->close();
  }

 private:
  Supplier supplier_;
  std::unique_ptr<FixedKeyProcessorContext<K, VOut>> context_;
  std::unique_ptr<FixedKeyProcessor<K, VIn, VOut>> processor_;
};

}  // namespace tidemill
