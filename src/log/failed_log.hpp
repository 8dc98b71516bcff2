// A log that could not be opened: everything that is asked of it answers why.
//
// So that a main() of one expression, run(topology, {.log = embedded_log("data")}), ends with a sentence where the log is told
// to work, and not with an exception that nobody catches.
#pragma once

#include <memory>

#include <tidemill/log/log.hpp>

namespace tidemill {

[[nodiscard]] std::shared_ptr<Log> failed_log(Error error);

}  // namespace tidemill
