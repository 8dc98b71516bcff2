// Recomputes the whole chain from the topics alone and compares. Shares no code with the topology: it parses with another
// library and has its own rules, written from the specification.
#pragma once

#include <tidemill/log/log.hpp>

#include <string>

namespace liquidity {

struct Verdict {
  /// Empty: no violation. Else the first difference.
  std::string violation;
  std::int64_t transactions = 0;
  std::int64_t refused = 0;
  std::int64_t legs = 0;
  std::int64_t accounts = 0;
  std::int64_t clients = 0;
  std::int64_t breaches = 0;
  std::int64_t clears = 0;
};
[[nodiscard]] Verdict verify(tidemill::Log& log);

}  // namespace liquidity
