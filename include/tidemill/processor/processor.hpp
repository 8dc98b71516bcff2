// The Processor API: operators with state, schedules and a say in what goes where, written as a class.
//
//   class Dedupe : public Processor<std::string, Payment, std::string, Payment> {
//     void init(ProcessorContext<std::string, Payment>& context) override { seen_ = context.key_value_store<...>("seen"); }
//     void process(const Record<std::string, Payment>& record) override { ... context().forward(record); }
//   };
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include <tidemill/processor/processing_context.hpp>

namespace tidemill {

template <class KOut, class VOut>
class ProcessorContext : public ProcessingContext {
 public:
  using ProcessingContext::ProcessingContext;

  /// To all children.
  void forward(const Record<KOut, VOut>& record) const {
    const RecordContext context = node_.context_of(record.timestamp(), record.headers());
    node_.forward(ErasedRecord{record.key_or_null(), record.value_or_null(), &context});
  }
  /// To the child of that name; StreamsException when there is none.
  void forward(const Record<KOut, VOut>& record, std::string_view child) const {
    const RecordContext context = node_.context_of(record.timestamp(), record.headers());
    node_.forward_to(child, ErasedRecord{record.key_or_null(), record.value_or_null(), &context});
  }
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
  [[nodiscard]] ProcessorContext<KOut, VOut>& context() const {
    if (context_ == nullptr) detail::throw_no_context();
    return *context_;
  }

 private:
  template <class, class, class, class, class>
  friend class ProcessorNode;
  template <class, class>
  friend class MockProcessorContext;
  ProcessorContext<KOut, VOut>* context_ = nullptr;
};

namespace detail {
template <class KIn, class VIn, class KOut, class VOut>
struct ProcessorTypes {
  using KeyIn = KIn;
  using ValueIn = VIn;
  using Key = KOut;
  using Value = VOut;
};
template <class KIn, class VIn, class KOut, class VOut>
ProcessorTypes<KIn, VIn, KOut, VOut> processor_types(const Processor<KIn, VIn, KOut, VOut>*);

/// `supplier()` returns a std::unique_ptr to a Processor or to a class derived from one.
template <class Supplier>
concept SuppliesProcessor = requires(Supplier& supplier) {
  processor_types(supplier().get());
};
template <class Supplier>
using SuppliedTypes = decltype(processor_types(std::declval<Supplier&>()().get()));
/// A supplier may bring stores along: `std::vector<StoreSpec> stores() const`. They are added, once, and connected.
template <class Supplier>
concept BringsStores = requires(const Supplier& supplier) {
  { supplier.stores() } -> std::convertible_to<std::vector<StoreSpec>>;
};
template <class Supplier>
std::vector<StoreSpec> stores_of(const Supplier& supplier) {
  if constexpr (BringsStores<Supplier>) return supplier.stores();
  return {};
}
}  // namespace detail

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
    if (processor_ == nullptr) detail::throw_no_processor(name());
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
