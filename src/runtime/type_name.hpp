// The name of what was thrown, for handlers and dead letters.
#pragma once

#include <exception>
#include <string>

namespace tidemill::runtime {

struct ThrownError {
  std::string type;
  std::string message;
};
ThrownError describe_exception(const std::exception_ptr& error);

}  // namespace tidemill::runtime
