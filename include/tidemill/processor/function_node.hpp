// FunctionNode: an operator that is one function of the user's.
//
// A topology has one such operator per line, and a class of its own for each (its table, its type, its copy, its destructors)
// costs a compiler about twice what the function itself does. So the class is one for all of them, and what is compiled per
// function is how it treats a record.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include <tidemill/processor/operator_node.hpp>

namespace tidemill::detail {

/// A function of any type, copied with its node: small plain ones in place (most lambdas capture nothing), others on the heap.
class StoredFunction {
 public:
  template <class F>
  explicit StoredFunction(F function) {
    if constexpr (std::is_trivially_copyable_v<F> && sizeof(F) <= kInPlace && alignof(F) <= alignof(void*)) {
      ::new (static_cast<void*>(place_)) F(std::move(function));
    } else {
      object_ = new F(std::move(function));
      keeper_ = &keep<F>;
    }
  }
  StoredFunction(const StoredFunction& other);
  StoredFunction(StoredFunction&& other) noexcept;
  StoredFunction& operator=(const StoredFunction&) = delete;
  ~StoredFunction();

  [[nodiscard]] void* get() { return object_ == nullptr ? static_cast<void*>(place_) : object_; }

 private:
  /// A copy of `copied`, or the end of `ended`.
  template <class F>
  static void* keep(const void* copied, void* ended) {
    if (copied != nullptr) return new F(*static_cast<const F*>(copied));
    delete static_cast<F*>(ended);
    return nullptr;
  }
  static constexpr std::size_t kInPlace = 2 * sizeof(void*);
  alignas(void*) std::byte place_[kInPlace] = {};
  void* object_ = nullptr;
  void* (*keeper_)(const void*, void*) = nullptr;
};

class FunctionNode final : public OperatorNode {
 public:
  /// Calls the function with the record and forwards what becomes of it.
  using Process = void (*)(const FunctionNode& node, void* function, const ErasedRecord& record);
  FunctionNode(Process process, StoredFunction function);
  std::unique_ptr<OperatorNode> clone() const override;
  void process(const ErasedRecord& record) override;

  using OperatorNode::drop;
  using OperatorNode::forward;
  using OperatorNode::pass;

 private:
  FunctionNode(const FunctionNode&) = default;
  Process process_;
  StoredFunction function_;
};

template <class F>
[[nodiscard]] OperatorNode* function_node(FunctionNode::Process process, F function) {
  return new FunctionNode(process, StoredFunction(std::move(function)));
}

}  // namespace tidemill::detail
