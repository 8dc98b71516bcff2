// Latency of one record from the moment it was due to be sent until a reader of committed records has it.
//
// Corrected for coordinated omission: a record counts from when it was due, at a fixed rate, however late the sender was; so a
// stall is seen by all records that were due in it, not by one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <tidemill/streams.hpp>

namespace tidemill_bench {

struct Percentiles {
  std::uint64_t samples = 0;
  double p50_ms = 0;
  double p99_ms = 0;
  double p999_ms = 0;
  double max_ms = 0;
};
[[nodiscard]] Percentiles percentiles(std::vector<std::int64_t> nanoseconds);

struct LatencyOptions {
  std::string directory;  // empty; the log and the state go there
  tidemill::Durability durability = tidemill::Durability::kPower;
  tidemill::ProcessingGuarantee guarantee = tidemill::ProcessingGuarantee::kExactlyOnceV2;
  double records_per_second = 0;
  double seconds = 5;
  double warm_up_seconds = 1;
};
[[nodiscard]] Percentiles measure_latency(const LatencyOptions& options, const tidemill::Topology& topology);

/// fdatasync after a write of 4 KiB into a preallocated file, over and over.
[[nodiscard]] Percentiles measure_fdatasync(const std::string& directory, double seconds);

}  // namespace tidemill_bench
