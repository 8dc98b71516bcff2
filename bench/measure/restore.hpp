// Restoring a store from its changelog beside loading the same rows into RocksDB by hand, and how long a commit holds a thread.
#pragma once

#include <cstdint>
#include <string>

namespace tidemill_bench {

struct RestoreFigures {
  std::uint64_t rows = 0;
  double ours_cpu_ns = 0;  // a row
  double raw_cpu_ns = 0;
  double ours_wall_ns = 0;
  double raw_wall_ns = 0;
};
/// Counts `rows` records, most of another key, throws the state away, starts again: a changelog of `rows` rows.
[[nodiscard]] RestoreFigures measure_restore(const std::string& directory, std::uint64_t rows);

struct CommitFigures {
  double average_ms = 0;
  double max_ms = 0;
  double commits = 0;
};
/// Counts records of a million keys in RocksDB, exactly once, durability `process`, as fast as it can.
[[nodiscard]] CommitFigures measure_commit(const std::string& directory, std::uint64_t records);

}  // namespace tidemill_bench
