#include "base/logging.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>

namespace tidemill {

std::shared_ptr<spdlog::logger> logger() {
  if (auto named = spdlog::get("tidemill")) return named;
  // spdlog's own default logger has no name, and writes to standard output.
  const std::shared_ptr<spdlog::logger> set = spdlog::default_logger();
  if (set != nullptr && !set->name().empty()) return set;
  static const auto own = std::make_shared<spdlog::logger>("tidemill", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  // spdlog::set_level() is for loggers that are registered, and so is this one's meant to be.
  own->set_level(spdlog::get_level());
  return own;
}

}  // namespace tidemill
