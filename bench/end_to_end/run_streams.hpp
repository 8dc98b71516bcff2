// Runs an application over a whole input log and says what it cost, behind its warm-up, up to the end of close().
#pragma once

#include <functional>
#include <string>

#include <tidemill/streams.hpp>

#include "end_to_end/topologies.hpp"

namespace tidemill_bench {

struct RunOptions {
  std::string input_log;  // a directory made by make_input_log()
  std::string state;      // where stores go; emptied afterwards
  tidemill::Durability durability = tidemill::Durability::kPower;
  tidemill::ProcessingGuarantee guarantee = tidemill::ProcessingGuarantee::kExactlyOnceV2;
  std::uint64_t records = 0;
  std::uint64_t warm_up = 0;
};

/// Throws when it fails or has not seen every record exactly once.
[[nodiscard]] Sample run_streams(const RunOptions& options, const std::function<tidemill::Topology(WarmUp&)>& topology);

}  // namespace tidemill_bench
