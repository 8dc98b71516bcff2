// The sentence of the exception that is being handled: a serde is the user's code and may throw anything.
#pragma once

#include <exception>
#include <string>

namespace tidemill::client {

inline std::string what_was_thrown() {
  try {
    throw;
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "something that is no std::exception was thrown";
  }
}

}  // namespace tidemill::client
