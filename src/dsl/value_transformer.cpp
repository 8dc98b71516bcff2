#include <tidemill/dsl/value_transformer.hpp>

namespace tidemill::detail {
namespace {

class TransformerNode final : public ProcessorNodeBase {
 public:
  std::unique_ptr<OperatorNode> clone() const override { return std::unique_ptr<OperatorNode>(new TransformerNode); }
  void process(const ErasedRecord&) override {}
};

}  // namespace

TransformerContext::TransformerContext(TaskContext& task, std::string name, std::vector<std::string> stores)
    : name_(std::move(name)), node_(new TransformerNode), context_(*node_) {
  node_->wire({.task = &task, .name = &name_, .children = {}, .stores = std::move(stores)});
}
TransformerContext::~TransformerContext() = default;

}  // namespace tidemill::detail
