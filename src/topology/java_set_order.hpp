// The order in which Java goes through a java.util.HashSet of texts: it shows in describe(), and in the order in which stores are
// flushed.
#pragma once

#include <string>
#include <vector>

namespace tidemill::detail {

/// Each text once.
[[nodiscard]] std::vector<std::string> java_set_order(const std::vector<std::string>& texts);

}  // namespace tidemill::detail
