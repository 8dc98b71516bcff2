// The applications that are measured. Each begins with a WarmUp, which sees every record and starts the figures.
#pragma once

#include <tidemill/streams.hpp>

#include "harness/process.hpp"
#include "harness/suite.hpp"
#include "records.hpp"

namespace tidemill_bench {

/// Counts the records of one stream thread; notes what had been spent when the warm-up was over.
class WarmUp {
 public:
  explicit WarmUp(std::uint64_t records) : left_(records) {
    if (left_ == 0) begin();
  }
  void see() {
    ++seen_;
    if (left_ > 0 && --left_ == 0) begin();
  }
  [[nodiscard]] std::uint64_t seen() const { return seen_; }
  /// From the end of the warm-up to now.
  [[nodiscard]] Sample end() const { return {seen_ - from_, process_cpu_ns() - cpu_ns_, process_bytes_written() - bytes_}; }

 private:
  void begin() {
    from_ = seen_;
    bytes_ = process_bytes_written();
    cpu_ns_ = process_cpu_ns();
  }
  std::uint64_t left_;
  std::uint64_t seen_ = 0;
  std::uint64_t from_ = 0;
  std::uint64_t bytes_ = 0;
  double cpu_ns_ = 0;
};

/// A filter that keeps all, a map of values that changes nothing.
[[nodiscard]] tidemill::Topology stateless(WarmUp& warm_up);
/// The same, through three repartition topics: four sub-topologies.
[[nodiscard]] tidemill::Topology chain_of_four(WarmUp& warm_up);
/// Count by key; each count goes out.
[[nodiscard]] tidemill::Topology keyed_count(WarmUp& warm_up, tidemill::StoreEngineKind engine, bool caching);
/// Count by key in windows of a second; each count goes out with its windowed key.
[[nodiscard]] tidemill::Topology windowed_count(WarmUp& warm_up, tidemill::StoreEngineKind engine);
/// Count by key in sessions of kSessionGap; a session that grows leaves a tombstone of what it was.
[[nodiscard]] tidemill::Topology session_count(WarmUp& warm_up, tidemill::StoreEngineKind engine);
/// What comes with a value of the alphabet's first half against what comes with another, kJoinWindow apart at most.
[[nodiscard]] tidemill::Topology join_of_streams(WarmUp& warm_up, tidemill::StoreEngineKind engine);

}  // namespace tidemill_bench
