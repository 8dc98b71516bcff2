#include <tidemill/dsl/to_stream_node.hpp>

namespace tidemill::detail {

std::unique_ptr<OperatorNode> ToStreamNode::clone() const { return std::unique_ptr<OperatorNode>(new ToStreamNode); }

}  // namespace tidemill::detail
