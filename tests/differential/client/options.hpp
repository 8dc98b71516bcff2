// Windows and suppression, as steps give them.
#pragma once

#include "world.hpp"

namespace tidemill::differential {

inline Suppressed suppressed(const json& step) {
  BufferConfig buffer = BufferConfig::unbounded();
  if (step.contains("records")) buffer = buffer.with_max_records(step.at("records").get<std::int64_t>());
  if (step.contains("bytes")) buffer = buffer.with_max_bytes(step.at("bytes").get<std::int64_t>());
  if (step.contains("full")) buffer = step.at("full") == "emit" ? buffer.emit_early_when_full() : buffer.shut_down_when_full();
  if (!step.value("log", true)) buffer = buffer.with_logging_disabled();
  Suppressed made = step.contains("limit") ? Suppressed::until_time_limit(milliseconds(step, "limit"), buffer)
                                           : Suppressed::until_window_closes(buffer);
  const std::string name = text(step, "named");
  return name.empty() ? made : made.with_name(name);
}

/// `take(windows)` with windows of the kind asked for; all kinds but sessions make streams of one type.
template <class Take>
auto with_windows(const json& from, Take take) {
  const std::string kind = text(from, "kind");
  const auto size = milliseconds(from, "size");
  const auto grace = milliseconds(from, "grace");
  if (kind == "sliding") return take(SlidingWindows::of_time_difference_and_grace(size, grace));
  if (kind == "unlimited") return take(UnlimitedWindows::of().start_on(Timestamp(from.value("start", std::int64_t{0}))));
  TimeWindows windows = TimeWindows::of_size_and_grace(size, grace);
  if (from.contains("advance")) windows = windows.advance_by(milliseconds(from, "advance"));
  return take(windows);
}
inline bool are_sessions(const json& windows) { return text(windows, "kind") == "session"; }
inline SessionWindows sessions(const json& from) {
  return SessionWindows::of_inactivity_gap_and_grace(milliseconds(from, "size"), milliseconds(from, "grace"));
}
inline EmitStrategy emit(const json& step) {
  return step.value("emit", std::string()) == "close" ? EmitStrategy::kOnWindowClose : EmitStrategy::kOnWindowUpdate;
}

}  // namespace tidemill::differential
