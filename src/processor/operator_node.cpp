#include <tidemill/processor/operator_node.hpp>

#include <algorithm>

#include <tidemill/base/assert.hpp>
#include <tidemill/state/state_store.hpp>

namespace tidemill {
namespace {

std::string join(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "none" : text;
}

}  // namespace

const std::string* TaskContext::app_config(std::string_view key) const {
  const auto found = app_configs().find(std::string(key));
  return found == app_configs().end() ? nullptr : &found->second;
}

OperatorNode::OperatorNode() = default;
OperatorNode::OperatorNode(const OperatorNode& other) : OperatorNode() { static_cast<void>(other); }
OperatorNode::~OperatorNode() = default;

void OperatorNode::wire(Wiring wiring) {
  TIDEMILL_ASSERT(task_ == nullptr, "a node is wired once");
  task_ = wiring.task;
  name_ = wiring.name;
  children_ = std::move(wiring.children);
  if (children_.size() == 1) only_child_ = children_.front();
  stores_ = std::move(wiring.stores);
}

void OperatorNode::receive(const ErasedRecord& record) {
  const RecordContext* const outer = task_->current;
  task_->current = record.context;
  task_->node_at_work->store(name_, std::memory_order_relaxed);
  try {
    process(record);
  } catch (...) {
    caught(record, outer);
  }
  task_->current = outer;
}

// The one place where user code's exceptions are answered: at the node, so that after "continue" sibling branches and the
// remaining outputs still get their records.
void OperatorNode::caught(const ErasedRecord& record, const RecordContext* outer) {
  try {
    throw;
  } catch (const FailedProcessingException&) {
    task_->current = outer;
    throw;
  } catch (const StateStoreException&) {
    task_->current = outer;
    throw;
  } catch (...) {
    task_->handle_processing_exception(*this, &record, std::current_exception());
  }
}

void OperatorNode::pass(const ErasedRecord& record) const { forward(record); }
void OperatorNode::drop(std::string_view reason, const ErasedRecord& record) const {
  task_->drop(*name_, reason, *record.context);
}
void OperatorNode::forward_to_all(const ErasedRecord& record) const {
  for (OperatorNode* child : children_) child->receive(record);
}

void OperatorNode::forward_to(std::string_view child, const ErasedRecord& record) const {
  const auto found =
      std::find_if(children_.begin(), children_.end(), [&](const OperatorNode* node) { return node->name() == child; });
  if (found == children_.end()) {
    std::vector<std::string> names;
    for (const OperatorNode* node : children_) names.push_back(node->name());
    throw StreamsException("processor \"" + name() + "\" has no child \"" + std::string(child) +
                           "\"; its children: " + join(names));
  }
  (*found)->receive(record);
}

StateStore& OperatorNode::connected_store(std::string_view name) const {
  const bool connected = std::find(stores_.begin(), stores_.end(), name) != stores_.end();
  StateStore* store = connected ? task_->store(name) : task_->global_store(name);
  if (store == nullptr) {
    throw StreamsException("store \"" + std::string(name) + "\" is not connected to processor \"" + this->name() +
                           "\": name it in process(..., {\"" + std::string(name) + "\"}); connected: " + join(stores_));
  }
  return *store;
}

}  // namespace tidemill
