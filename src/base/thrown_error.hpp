// What was thrown: user code may throw anything.
#pragma once

#include <exception>
#include <string>

namespace tidemill {

struct ThrownError {
  std::string type;
  std::string message;
};
[[nodiscard]] ThrownError describe_exception(const std::exception_ptr& error);

}  // namespace tidemill
