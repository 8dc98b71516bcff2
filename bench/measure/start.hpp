// How long an application with eight tasks takes from the start of its process to its first output, and how much memory it has
// when nothing happens. Each run is a process of its own.
#pragma once

#include <string>

namespace tidemill_bench {

struct StartFigures {
  double first_output_ms = 0;
  double idle_mb = 0;
};
/// Starts `program start-child DIRECTORY` and reads what it says.
[[nodiscard]] StartFigures measure_start(const std::string& program, const std::string& directory);
/// The child: opens a log with one record, counts by key in RocksDB, prints the figures; `begun_ns` is when its process began.
void start_child(const std::string& directory, std::int64_t begun_ns);

}  // namespace tidemill_bench
