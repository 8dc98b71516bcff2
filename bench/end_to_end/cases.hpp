// The end-to-end rows: an application on the embedded log beside the loop that does its work by hand.
#pragma once

#include "harness/suite.hpp"
#include "harness/workspace.hpp"

namespace tidemill_bench {

struct EndToEndOptions {
  std::uint64_t records = 2'000'000;
  std::int32_t partitions = 8;
};
void add_end_to_end_cases(Suite& suite, const Workspace& workspace, const EndToEndOptions& options);

}  // namespace tidemill_bench
