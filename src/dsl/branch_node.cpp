#include <tidemill/dsl/branch_node.hpp>

namespace tidemill::detail {

std::unique_ptr<OperatorNode> BranchNode::clone() const {
  return std::unique_ptr<OperatorNode>(new BranchNode(std::make_shared<Branches>(*branches_)));
}
void BranchNode::process(const ErasedRecord& record) {
  for (auto& [predicate, child] : branches_->branches) {
    if (predicate(record.key, record.value)) return forward_to(child, record);
  }
  if (!branches_->default_child.empty()) forward_to(branches_->default_child, record);
}

}  // namespace tidemill::detail
