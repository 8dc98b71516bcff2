// split() of a stream: which branch a record takes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <tidemill/processor/operator_node.hpp>

namespace tidemill::detail {

/// The first child whose predicate says yes gets the record; the default child, if there is one, what is left.
class BranchNode final : public OperatorNode {
 public:
  using Predicate = std::function<bool(const void* key, const void* value)>;
  struct Branches {
    std::vector<std::pair<Predicate, std::string>> branches;
    std::string default_child;  // empty: none
  };
  explicit BranchNode(std::shared_ptr<Branches> branches) : branches_(std::move(branches)) {}
  std::unique_ptr<OperatorNode> clone() const override;
  void process(const ErasedRecord& record) override;

 private:
  std::shared_ptr<Branches> branches_;
};

}  // namespace tidemill::detail
