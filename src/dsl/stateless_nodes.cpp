#include <tidemill/dsl/stateless_nodes.hpp>

namespace tidemill::detail {

std::unique_ptr<OperatorNode> PassThroughNode::clone() const { return std::unique_ptr<OperatorNode>(new PassThroughNode); }
std::unique_ptr<OperatorNode> NullKeyFilterNode::clone() const { return std::unique_ptr<OperatorNode>(new NullKeyFilterNode); }

}  // namespace tidemill::detail
