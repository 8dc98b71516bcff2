// Where the library logs to.
#pragma once

#include <memory>

#include <spdlog/spdlog.h>

namespace tidemill {

/// The logger named `tidemill` if the application has registered one; else spdlog's default logger if it has set one; else one of
/// the library's own, to standard error: standard output is the application's. Any thread.
[[nodiscard]] std::shared_ptr<spdlog::logger> logger();

}  // namespace tidemill
