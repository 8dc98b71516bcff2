// bench: CPU per record of the library's parts and of whole applications, each beside its floor, in turns.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <CLI/CLI.hpp>

#include <cstdio>

#include "end_to_end/cases.hpp"
#include "harness/suite.hpp"
#include "harness/workspace.hpp"
#include "micro/cases.hpp"

using namespace tidemill_bench;

int main(int argc, char** argv) {
  CLI::App app{
      "CPU of all threads per record, beside the floor: the least program that does the same work on the same records, run in\n"
      "turns with ours. Without --json a table with the bytes that both gave to write(2)."};
  SuiteOptions suite_options;
  EndToEndOptions end_to_end;
  std::string directory = "/tmp";
  std::uint64_t micro_records = 1'000'000;
  bool list = false;
  bool quick = false;
  app.add_option("filter", suite_options.filter, "Only rows whose name contains this; names begin with micro/ or end_to_end/");
  app.add_flag("--json", suite_options.json, "One JSON object a line: name, cpu_ns_per_record, floor_cpu_ns, ratio, records");
  app.add_option("--records", end_to_end.records, "Records of an end-to-end row; a quarter of them is warm-up")
      ->check(CLI::Range(100, 100'000'000))
      ->capture_default_str();
  app.add_option("--rounds", suite_options.rounds, "Runs of ours and of the floor, in turns; the medians count")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  app.add_option("--partitions", end_to_end.partitions, "Partitions of the input topic")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--dir", directory, "Where logs and stores go, on the disk to be measured; gone afterwards")
      ->check(CLI::ExistingDirectory)
      ->capture_default_str();
  app.add_flag("--quick", quick, "One round of few records: does it run? The figures say little");
  app.add_flag("--list", list, "The names, without running anything");
  CLI11_PARSE(app, argc, argv);
  if (quick) {
    suite_options.rounds = 1;
    end_to_end.records = 20'000;
    micro_records = 20'000;
  }
  spdlog::set_default_logger(spdlog::stderr_logger_mt("bench"));  // standard output is for figures
  spdlog::set_level(spdlog::level::warn);
  try {
    const Workspace workspace(directory);
    Suite suite(suite_options);
    add_micro_cases(suite, workspace, micro_records);
    add_end_to_end_cases(suite, workspace, end_to_end);
    if (suite.cases().empty()) {
      std::fprintf(stderr, "bench: no row's name contains \"%s\"; --list shows them\n", suite_options.filter.c_str());
      return 1;
    }
    if (list) {
      for (const Case& row : suite.cases()) std::puts(row.name.c_str());
      return 0;
    }
    suite.run();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench: %s\n", error.what());
    return 1;
  }
}
