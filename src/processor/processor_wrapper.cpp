#include <tidemill/processor/processor_wrapper.hpp>

namespace tidemill {

WrappedProcessor::WrappedProcessor(const WrappedProcessor& other)
    : OperatorNode(other), prototype_(other.prototype_), input_(other.input_) {}
std::unique_ptr<OperatorNode> WrappedProcessor::clone() const {
  return std::unique_ptr<OperatorNode>(new WrappedProcessor(*this));
}
// The wrapped one stands where the wrapper stands: under its name, with its children and its stores.
void WrappedProcessor::init() {
  wrapped_ = prototype_->clone();
  wrapped_->wire({&task(), &name(), {children().begin(), children().end()}, connected_stores()});
  wrapped_->init();
}
void WrappedProcessor::process(const ErasedRecord& record) { wrapped_->process(record); }
void WrappedProcessor::close() {
  if (wrapped_) wrapped_->close();
}

}  // namespace tidemill
