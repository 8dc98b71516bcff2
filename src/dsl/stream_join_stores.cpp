// The two window stores of a stream-stream join, and whether those that were given fit it.
#include <tidemill/dsl/kstream_stream_joins.hpp>

namespace tidemill::detail {

StoreSpec join_window_store(const std::optional<StoreSpec>& given, std::string name, const JoinWindows& windows,
                            StoreEngineKind engine, bool logging, const std::map<std::string, std::string>& config) {
  if (windows.size() > std::chrono::milliseconds::max() - windows.grace()) {
    throw TopologyException("join(): windows of " + std::to_string(windows.size().count()) + " ms with a grace period of " +
                            std::to_string(windows.grace().count()) +
                            " ms would be kept for longer than time goes: shorten either");
  }
  const std::chrono::milliseconds retention = windows.size() + windows.grace();
  if (given) {
    if (given->kind != StoreKind::kWindow || !given->retain_duplicates || given->retention != retention ||
        given->window_size != windows.size()) {
      throw TopologyException("store \"" + given->name +
                              "\" does not fit its join: it has to be a window store with "
                              "duplicates, a retention of " +
                              std::to_string(retention.count()) + " ms and windows of " +
                              std::to_string(windows.size().count()) + " ms");
    }
    return *given;
  }
  StoreSpec spec;
  spec.name = std::move(name);
  spec.kind = StoreKind::kWindow;
  spec.engine = engine;
  spec.logging = logging;
  spec.log_config = config;
  spec.retention = retention;
  spec.window_size = windows.size();
  spec.retain_duplicates = true;
  return spec;
}

StoreSpec outer_join_store(std::string name, StoreEngineKind engine, bool logging,
                           const std::map<std::string, std::string>& config) {
  StoreSpec spec;
  spec.name = std::move(name);
  spec.kind = StoreKind::kKeyValue;
  spec.engine = engine;
  spec.list_values = true;
  spec.logging = logging;
  spec.log_config = config;
  return spec;
}

}  // namespace tidemill::detail
