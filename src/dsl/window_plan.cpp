// What a windowed aggregation asks of its store: its kind and order, and that it keeps windows for long enough.
#include <tidemill/dsl/windowed_nodes.hpp>

namespace tidemill::detail {

namespace {
const Windows& given(const std::shared_ptr<const Windows>& windows) {
  if (windows == nullptr) throw TopologyException("windowed_by(): there are no windows in the pointer");
  return *windows;
}
}  // namespace

WindowPlan::WindowPlan(std::shared_ptr<const Windows> windows)
    : size(given(windows).size()), advance(windows->size()), grace(windows->grace_period()), own(std::move(windows)) {
  if (size.count() <= 0) throw TopologyException("windowed_by(): windows of one's own have a size() of nothing or less");
  if (grace.count() < 0) throw TopologyException("windowed_by(): windows of one's own have a negative grace_period()");
}

std::chrono::milliseconds WindowPlan::retention_min() const {
  if (kind == Kind::kUnlimited) return size;
  const int sizes = kind == Kind::kSliding ? 2 : 1;
  if (size > (std::chrono::milliseconds::max() - grace) / sizes) {
    throw TopologyException("windowed_by(): windows of " + std::to_string(size.count()) + " ms with a grace period of " +
                            std::to_string(grace.count()) + " ms would be kept for longer than time goes: shorten either");
  }
  return sizes * size + grace;
}

void WindowPlan::set_emit(EmitStrategy strategy) {
  if (strategy == EmitStrategy::kOnWindowClose && kind == Kind::kUnlimited) {
    throw TopologyException("emit_strategy(kOnWindowClose): unlimited windows are never closed");
  }
  emit = strategy;
}

}  // namespace tidemill::detail
