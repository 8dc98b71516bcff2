// `liquidity run`: opens the log, takes what the input directory holds, runs the chain, shows it.
#pragma once

#include <string>

#include "liquidity/connection.hpp"

namespace liquidity {

struct RunOptions {
  Target target;
  std::string input;  // directory; empty: none
  bool once = false;
  bool generate = false;
  std::int64_t day_seconds = 120;
  bool http = true;
  /// < 0: 8080, or the next free one; 0: any free one; else this one.
  int port = -1;
  int threads = 0;  // 0: as configured
};
/// The exit status: 0 in good order, 1 when something failed, 128 + signal when --once was interrupted.
[[nodiscard]] int run(const RunOptions& options);

}  // namespace liquidity
