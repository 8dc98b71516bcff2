// to_stream() of a table.
#pragma once

#include <tidemill/processor/operator_node.hpp>

namespace tidemill::detail {

/// to_stream: the new value goes on alone.
class ToStreamNode final : public OperatorNode {
 public:
  std::unique_ptr<OperatorNode> clone() const override;
  void process(const ErasedRecord& record) override {
    forward({record.key, static_cast<const Change*>(record.value)->new_value, record.context});
  }
};

}  // namespace tidemill::detail
