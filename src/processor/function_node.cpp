#include <tidemill/processor/function_node.hpp>

#include <algorithm>

namespace tidemill::detail {

StoredFunction::StoredFunction(const StoredFunction& other)
    : object_(other.object_ == nullptr ? nullptr : other.keeper_(other.object_, nullptr)), keeper_(other.keeper_) {
  std::copy(std::begin(other.place_), std::end(other.place_), std::begin(place_));
}
StoredFunction::StoredFunction(StoredFunction&& other) noexcept
    : object_(std::exchange(other.object_, nullptr)), keeper_(other.keeper_) {
  std::copy(std::begin(other.place_), std::end(other.place_), std::begin(place_));
}
StoredFunction::~StoredFunction() {
  if (object_ != nullptr) keeper_(nullptr, object_);
}

FunctionNode::FunctionNode(Process process, StoredFunction function) : process_(process), function_(std::move(function)) {}
std::unique_ptr<OperatorNode> FunctionNode::clone() const { return std::unique_ptr<OperatorNode>(new FunctionNode(*this)); }
void FunctionNode::process(const ErasedRecord& record) { process_(*this, function_.get(), record); }

}  // namespace tidemill::detail
