// ProcessorWrapper: something of one's own around every processor of a topology, the DSL's and those written by hand; for
// tracing, counting, or faults on purpose.
//
//   class CountingNode : public WrappedProcessor {
//     using WrappedProcessor::WrappedProcessor;
//     std::unique_ptr<OperatorNode> clone() const override { return std::unique_ptr<OperatorNode>(new CountingNode(*this)); }
//     void process(const ErasedRecord& record) override { ++seen; wrapped().process(record); }
//   };
//   class Counting : public ProcessorWrapper {
//     WrappedProcessorSupplier wrap_processor_supplier(const std::string&, WrappedProcessorSupplier supplier) const override {
//       supplier.prototype = std::make_shared<CountingNode>(supplier);
//       return supplier;
//     }
//   };
//   Topology topology = builder.build("none", std::make_shared<Counting>());
//
// As in Java, sources, sinks and the processors that feed global stores are not wrapped, and a store keeps its processors.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <tidemill/processor/operator_node.hpp>
#include <tidemill/state/store_spec.hpp>

namespace tidemill {

/// What makes the processors of one node, and what is known of them.
struct WrappedProcessorSupplier {
  /// Its clone() makes the processor of a task.
  std::shared_ptr<const OperatorNode> prototype;
  /// Of the records that come in, and of those that it forwards.
  EdgeType input = {};
  EdgeType output = {};
  /// Those that the processor is connected to. What the wrapper adds is added to the topology and connected; what it leaves
  /// out stays connected.
  std::vector<StoreSpec> stores = {};
};

/// A processor around another one. By itself it does nothing but call it; what a class of one's own overrides should do the
/// same in the end. Used on its task's thread.
class WrappedProcessor : public OperatorNode {
 public:
  explicit WrappedProcessor(const WrappedProcessorSupplier& supplier)
      : prototype_(supplier.prototype), input_(supplier.input) {}

  [[nodiscard]] std::unique_ptr<OperatorNode> clone() const override;
  void init() override;
  void process(const ErasedRecord& record) override;
  void close() override;

 protected:
  /// A clone wraps a new clone.
  WrappedProcessor(const WrappedProcessor& other);
  /// From init() on.
  [[nodiscard]] OperatorNode& wrapped() const { return *wrapped_; }
  /// Null: the record has no key, or keys here are of another type. Between tables a value is a Change.
  template <class K>
  [[nodiscard]] const K* key_of(const ErasedRecord& record) const {
    return input_.key == type_tag<K>() ? static_cast<const K*>(record.key) : nullptr;
  }
  template <class V>
  [[nodiscard]] const V* value_of(const ErasedRecord& record) const {
    return input_.value == type_tag<V>() && !input_.table ? static_cast<const V*>(record.value) : nullptr;
  }

 private:
  std::shared_ptr<const OperatorNode> prototype_;
  EdgeType input_;
  std::unique_ptr<OperatorNode> wrapped_;
};

/// Given to StreamsBuilder::build() or TopologyBuilder::set_processor_wrapper(); asked once per processor, when the topology is
/// built, on that thread. What it throws leaves build().
class ProcessorWrapper {
 public:
  virtual ~ProcessorWrapper() = default;
  /// What stands in the supplier's place; the supplier itself: nothing is wrapped. A processor without prototype is refused
  /// with TopologyException.
  [[nodiscard]] virtual WrappedProcessorSupplier wrap_processor_supplier(const std::string& processor,
                                                                         WrappedProcessorSupplier supplier) const = 0;
  /// The same for those that cannot change the key: of process_values(), and the DSL's own like filter(). Unless overridden they
  /// are wrapped as all others.
  [[nodiscard]] virtual WrappedProcessorSupplier wrap_fixed_key_processor_supplier(const std::string& processor,
                                                                                   WrappedProcessorSupplier supplier) const {
    return wrap_processor_supplier(processor, std::move(supplier));
  }
};

}  // namespace tidemill
