// filter(), map() and the other operators of streams without state but for branches, each a function for a FunctionNode.
//
// For a function that does not see null values (record_function.hpp), value-only operators pass the tombstone on; those that
// need the value drop and count it.
#pragma once

#include <tidemill/dsl/record_function.hpp>
#include <tidemill/processor/function_node.hpp>

namespace tidemill::detail {

template <bool kKeep, class K, class V, class F>
void filter_record(const FunctionNode& node, void* predicate, const ErasedRecord& record) {
  if constexpr (!kSeesNull<F, K, V>) {
    if (record.value == nullptr) return node.pass(record);
  }
  if (static_cast<bool>(call<K, V>(*static_cast<F*>(predicate), record.key, record.value)) == kKeep) node.forward(record);
}

template <class K, class V, class F>
void map_record_value(const FunctionNode& node, void* mapper, const ErasedRecord& record) {
  if constexpr (!kSeesNull<F, K, V>) {
    if (record.value == nullptr) return node.pass(record);
  }
  const auto value = call<K, V>(*static_cast<F*>(mapper), record.key, record.value);
  node.forward({record.key, pointer_to(value), record.context});
}

template <class K, class V, class F>
void flat_map_record_value(const FunctionNode& node, void* mapper, const ErasedRecord& record) {
  if constexpr (!kSeesNull<F, K, V>) {
    if (record.value == nullptr) return node.drop("null-value", record);
  }
  const auto values = call<K, V>(*static_cast<F*>(mapper), record.key, record.value);
  for (const auto& value : values) node.forward({record.key, pointer_to(value), record.context});
}

template <class K, class V, class F>
void map_record(const FunctionNode& node, void* mapper, const ErasedRecord& record) {
  if constexpr (!kSeesNull<F, K, V>) {
    if (record.value == nullptr) return node.drop("null-value", record);
  }
  const auto pair = call<K, V>(*static_cast<F*>(mapper), record.key, record.value);
  node.forward({pointer_to(pair.first), pointer_to(pair.second), record.context});
}

template <class K, class V, class F>
void flat_map_record(const FunctionNode& node, void* mapper, const ErasedRecord& record) {
  if constexpr (!kSeesNull<F, K, V>) {
    if (record.value == nullptr) return node.drop("null-value", record);
  }
  const auto pairs = call<K, V>(*static_cast<F*>(mapper), record.key, record.value);
  for (const auto& pair : pairs) node.forward({pointer_to(pair.first), pointer_to(pair.second), record.context});
}

template <class K, class V, class F>
void select_record_key(const FunctionNode& node, void* selector, const ErasedRecord& record) {
  if constexpr (!kSeesNull<F, K, V>) {
    if (record.value == nullptr) return node.drop("null-value", record);
  }
  const auto key = call<K, V>(*static_cast<F*>(selector), record.key, record.value);
  node.forward({pointer_to(key), record.value, record.context});
}

/// peek and foreach: the function is called, then the record goes on (foreach has no children).
template <class K, class V, class F>
void peek_at_record(const FunctionNode& node, void* action, const ErasedRecord& record) {
  if (kSeesNull<F, K, V> || record.value != nullptr) call<K, V>(*static_cast<F*>(action), record.key, record.value);
  node.forward(record);
}

/// merge, branch children, and wherever a name is needed and nothing is done.
class PassThroughNode final : public OperatorNode {
 public:
  std::unique_ptr<OperatorNode> clone() const override;
  void process(const ErasedRecord& record) override { forward(record); }
};

/// Drops records without key in front of a repartition topic; not counted, as in Java.
class NullKeyFilterNode final : public OperatorNode {
 public:
  std::unique_ptr<OperatorNode> clone() const override;
  void process(const ErasedRecord& record) override {
    if (record.key != nullptr) forward(record);
  }
};

}  // namespace tidemill::detail
