#include "measure/restore.hpp"

#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <vector>

#include "end_to_end/input_log.hpp"
#include "end_to_end/topologies.hpp"
#include "floor/raw_rocksdb.hpp"

namespace tidemill_bench {

using namespace tidemill;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::chrono::minutes kPatience{30};
constexpr std::size_t kRowsPerWrite = 1000;

struct Spent {
  double cpu_ns = process_cpu_ns();
  Clock::time_point wall = Clock::now();
};

StreamsConfig config(const std::string& directory, const std::shared_ptr<Log>& log) {
  return {.application_id = "restore", .log = log, .state_dir = directory + "/state"};
}
Topology topology(WarmUp& warm_up) { return keyed_count(warm_up, StoreEngineKind::kPersistent, false); }

double metric(const Streams& streams, const std::string& name) {
  double value = 0;
  for (const Metric& metric : streams.metrics()) {
    if (metric.name == name && metric.group == "stream-thread-metrics") value = std::max(value, metric.value);
  }
  return value;
}

void load_by_hand(const std::string& directory, std::uint64_t rows) {
  RawRocksDb db(directory + "/raw");
  const std::string value(16, 'v');
  std::vector<std::string> keys(kRowsPerWrite);
  std::vector<std::pair<std::string_view, std::string_view>> batch;
  RecordGenerator generator({.records = rows, .keys = static_cast<std::uint32_t>(rows), .value_bytes = 0});
  while (!generator.done()) {
    batch.clear();
    for (std::size_t i = 0; i < kRowsPerWrite && !generator.done(); ++i) {
      generator.next();
      keys[i] = generator.key();
      batch.emplace_back(keys[i], value);
    }
    db.put(batch);
  }
  db.close();
}

}  // namespace

RestoreFigures measure_restore(const std::string& directory, std::uint64_t rows) {
  const std::string place = directory + "/log";
  make_input_log(place, {.records = rows, .keys = static_cast<std::uint32_t>(rows), .value_bytes = 100}, 8);
  const std::shared_ptr<Log> log = embedded_log(place, {.durability = Durability::kProcess});
  WarmUp warm_up(0);
  {
    Streams streams(topology(warm_up), config(directory, log));
    streams.start().value();
    if (!streams.wait_until_caught_up(kPatience)) throw std::runtime_error("the application has not caught up");
    streams.close().value();
  }
  std::filesystem::remove_all(directory + "/state");
  RestoreFigures figures{.rows = rows};
  const auto per_row = [rows](double amount) { return amount / static_cast<double>(rows); };
  {
    Streams streams(topology(warm_up), config(directory, log));
    const Spent before;
    streams.start().value();
    if (!streams.wait_until_caught_up(kPatience)) throw std::runtime_error("the store is not restored");
    streams.close().value();  // the rows are on the disk, as by hand
    figures.ours_cpu_ns = per_row(process_cpu_ns() - before.cpu_ns);
    figures.ours_wall_ns = per_row(static_cast<double>((Clock::now() - before.wall).count()));
  }
  const Spent before;
  load_by_hand(directory, rows);
  figures.raw_cpu_ns = per_row(process_cpu_ns() - before.cpu_ns);
  figures.raw_wall_ns = per_row(static_cast<double>((Clock::now() - before.wall).count()));
  return figures;
}

CommitFigures measure_commit(const std::string& directory, std::uint64_t records) {
  const std::string place = directory + "/log";
  make_input_log(place, {.records = records, .keys = 1'000'000, .value_bytes = 100}, 8);
  const std::shared_ptr<Log> log = embedded_log(place, {.durability = Durability::kProcess});
  WarmUp warm_up(0);
  Streams streams(topology(warm_up), config(directory, log));
  streams.start().value();
  if (!streams.wait_until_caught_up(kPatience)) throw std::runtime_error("the application has not caught up");
  const CommitFigures figures{metric(streams, "commit-latency-avg"), metric(streams, "commit-latency-max"),
                              metric(streams, "commit-total")};
  streams.close().value();
  return figures;
}

}  // namespace tidemill_bench
