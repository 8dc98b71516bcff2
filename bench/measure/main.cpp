// measure: what is not CPU per record: latency, start, memory, restore, commits. One JSON object a line.
#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <CLI/CLI.hpp>

#include <filesystem>

#include "end_to_end/input_log.hpp"
#include "end_to_end/run_streams.hpp"
#include "harness/workspace.hpp"
#include "measure/latency.hpp"
#include "measure/restore.hpp"
#include "measure/start.hpp"

using namespace tidemill_bench;
using tidemill::Durability;
using tidemill::ProcessingGuarantee;

namespace {

constexpr double kLoad = 0.3;  // of what it takes at most
constexpr std::uint64_t kRateRecords = 300'000;

struct Options {
  std::string directory = "/tmp";
  double seconds = 5;
  double rate = 0;
  std::uint64_t records = 1'000'000;
  std::int64_t begun_ns = 0;
};

void print(const std::string& name, const Percentiles& found, double rate) {
  fmt::print("{{\"name\":\"{}\",\"p50_ms\":{:.3f},\"p99_ms\":{:.3f},\"p999_ms\":{:.3f},\"max_ms\":{:.3f},"
             "\"records_per_second\":{:.0f},\"samples\":{}}}\n",
             name, found.p50_ms, found.p99_ms, found.p999_ms, found.max_ms, rate, found.samples);
  std::fflush(stdout);
}

using Build = tidemill::Topology (*)(WarmUp&);

/// Records a second that the application takes when they are all there already, by the clock on the wall.
double maximum_rate(const Workspace& workspace, Durability durability, std::uint64_t records, Build build) {
  const std::string log = workspace.path("rate");
  std::filesystem::remove_all(log);
  make_input_log(log, {.records = records, .keys = 10'000, .value_bytes = 100}, 8);
  const auto before = std::chrono::steady_clock::now();
  (void)run_streams(
      {.input_log = log, .state = workspace.path("state"), .durability = durability, .records = records, .warm_up = 0}, build);
  return static_cast<double>(records) / std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count();
}

void latency(const Options& options) {
  const Workspace workspace(options.directory);
  const auto row = [&](const std::string& name, ProcessingGuarantee guarantee, Durability durability, Build build,
                       double rate) {
    WarmUp warm_up(0);
    const Workspace place(workspace.path());
    print("measure/latency/" + name,
          measure_latency({.directory = place.path(),
                           .durability = durability,
                           .guarantee = guarantee,
                           .records_per_second = rate,
                           .seconds = options.seconds},
                          build(warm_up)),
          rate);
  };
  for (const auto& [durability_name, durability] :
       {std::pair("process", Durability::kProcess), std::pair("power", Durability::kPower)}) {
    const auto rate_for = [&, durability = durability](Build build) {
      return options.rate > 0 ? options.rate : kLoad * maximum_rate(workspace, durability, kRateRecords, build);
    };
    const double one_hop = rate_for(stateless);
    const double four_hops = rate_for(chain_of_four);
    if (durability == Durability::kPower) print("measure/fdatasync", measure_fdatasync(workspace.path(), options.seconds), 0);
    for (const auto& [guarantee_name, guarantee] : {std::pair("at_least_once", ProcessingGuarantee::kAtLeastOnce),
                                                    std::pair("exactly_once", ProcessingGuarantee::kExactlyOnceV2)}) {
      const std::string world = fmt::format("/{}/{}", guarantee_name, durability_name);
      row("one_hop" + world, guarantee, durability, stateless, one_hop);
      row("chain_of_four" + world, guarantee, durability, chain_of_four, four_hops);
      row("one_hop_at_the_rate_of_the_chain" + world, guarantee, durability, stateless, four_hops);
    }
  }
}

void restore(const Options& options) {
  const Workspace workspace(options.directory);
  const RestoreFigures found = measure_restore(workspace.path(), options.records);
  fmt::print("{{\"name\":\"measure/restore\",\"rows\":{},\"cpu_ns_per_row\":{:.0f},\"raw_cpu_ns_per_row\":{:.0f},"
             "\"speed_ratio_cpu\":{:.2f},\"speed_ratio_wall\":{:.2f}}}\n",
             found.rows, found.ours_cpu_ns, found.raw_cpu_ns, found.raw_cpu_ns / found.ours_cpu_ns,
             found.raw_wall_ns / found.ours_wall_ns);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Latency, start, memory, restore and commits of the embedded log; one JSON object a line."};
  app.require_subcommand(1);
  Options options;
  const auto add_directory = [&](CLI::App* command) {
    command->add_option("--dir", options.directory, "On the disk to be measured")
        ->check(CLI::ExistingDirectory)
        ->capture_default_str();
    return command;
  };
  CLI::App* latencies = add_directory(app.add_subcommand("latency", "Percentiles, counted from when a record was due"));
  latencies->add_option("--seconds", options.seconds, "Of each row, after one of warm-up")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  latencies->add_option("--rate", options.rate, "Records a second; default: 30 % of what one hop takes")
      ->check(CLI::PositiveNumber);
  CLI::App* start = add_directory(app.add_subcommand("start", "First output and idle memory, eight tasks without state"));
  CLI::App* child = add_directory(app.add_subcommand("start-child", "")->group(""));
  child->add_option("--begun", options.begun_ns)->required();
  CLI::App* restores = add_directory(app.add_subcommand("restore", "A store from its changelog beside RocksDB loaded by hand"));
  CLI::App* commits =
      add_directory(app.add_subcommand("commit", "How long a commit holds its thread: count in RocksDB, a million keys"));
  for (CLI::App* command : {restores, commits}) {
    command->add_option("--records", options.records)->check(CLI::Range(100, 100'000'000))->capture_default_str();
  }
  CLI11_PARSE(app, argc, argv);
  spdlog::set_default_logger(spdlog::stderr_logger_mt("measure"));
  spdlog::set_level(spdlog::level::warn);
  try {
    if (*latencies) latency(options);
    if (*child) start_child(options.directory, options.begun_ns);
    if (*start) {
      const Workspace workspace(options.directory);
      const StartFigures found = measure_start(std::filesystem::read_symlink("/proc/self/exe"), workspace.path("log"));
      fmt::print("{{\"name\":\"measure/start\",\"first_output_ms\":{:.0f},\"idle_mb\":{:.1f}}}\n", found.first_output_ms,
                 found.idle_mb);
    }
    if (*restores) restore(options);
    if (*commits) {
      const Workspace workspace(options.directory);
      const CommitFigures found = measure_commit(workspace.path(), options.records);
      fmt::print("{{\"name\":\"measure/commit\",\"average_ms\":{:.3f},\"max_ms\":{:.3f},\"commits\":{:.0f}}}\n",
                 found.average_ms, found.max_ms, found.commits);
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "measure: %s\n", error.what());
    return 1;
  }
}
