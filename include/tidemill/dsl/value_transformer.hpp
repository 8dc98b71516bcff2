// ValueTransformerWithKey: what KTable::transform_values() runs for each change, with stores of its own.
#pragma once

#include <optional>

#include <tidemill/processor/processing_context.hpp>

namespace tidemill {

template <class K, class V, class VR>
class ValueTransformerWithKey {
 public:
  virtual ~ValueTransformerWithKey() = default;
  /// Once, before the first change.
  virtual void init(ProcessingContext&) {}
  /// A null value is a deletion; nullopt deletes.
  virtual std::optional<VR> transform(const K& key, const V* value) = 0;
  virtual void close() {}
};

namespace detail {

template <class K, class V, class VR>
struct TransformerTypes {
  using Key = K;
  using ValueIn = V;
  using Value = VR;
};
template <class K, class V, class VR>
TransformerTypes<K, V, VR> transformer_types(const ValueTransformerWithKey<K, V, VR>*);

/// `supplier()` returns a std::unique_ptr to a ValueTransformerWithKey or to a class derived from one.
template <class Supplier>
concept SuppliesTransformer = requires(Supplier& supplier) {
  transformer_types(supplier().get());
};
/// What its transformers take and make. Of another supplier: some types.
template <class Supplier>
struct SuppliedTransformer {
  using Types = TransformerTypes<std::string, std::string, std::string>;
};
template <class Supplier>
  requires SuppliesTransformer<Supplier>
struct SuppliedTransformer<Supplier> {
  using Types = decltype(transformer_types(std::declval<Supplier&>()().get()));
};

/// The way to its task for a transformer, which is no node of its own.
class TransformerContext {
 public:
  /// `stores`: those that it may use.
  TransformerContext(TaskContext& task, std::string name, std::vector<std::string> stores);
  ~TransformerContext();
  TransformerContext(const TransformerContext&) = delete;
  TransformerContext& operator=(const TransformerContext&) = delete;
  [[nodiscard]] ProcessingContext& context() { return context_; }

 private:
  std::string name_;
  std::unique_ptr<ProcessorNodeBase> node_;
  ProcessingContext context_;
};

}  // namespace detail

}  // namespace tidemill
