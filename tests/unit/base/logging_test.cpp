#include <gmock/gmock.h>
#include <spdlog/sinks/ostream_sink.h>

#include <sstream>

#include "base/logging.hpp"

namespace tidemill {
namespace {

// One test, in this order: spdlog's registry is the process's.
TEST(Logger, IsTheApplicationsWhereItHasOne) {
  EXPECT_EQ(logger()->name(), "tidemill");
  EXPECT_NE(logger(), spdlog::default_logger()) << "spdlog's own writes to standard output";
  const auto before = spdlog::default_logger();

  std::ostringstream text;
  const auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(text);
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("application", sink));
  logger()->info("told to the default logger");
  EXPECT_THAT(text.str(), ::testing::HasSubstr("told to the default logger"));

  const auto own = std::make_shared<spdlog::logger>("tidemill", sink);
  spdlog::register_logger(own);
  EXPECT_EQ(logger(), own);
  spdlog::drop("tidemill");
  spdlog::drop("application");
  spdlog::set_default_logger(before);
}

}  // namespace
}  // namespace tidemill
