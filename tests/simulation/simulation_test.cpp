// simulation_test [--first N] [--seeds N] [--every N] [--mistake stores-before-journal|skip-sync] [--verbose]
//
// Runs seeds one after the other; ends with status 1 and the command that repeats it at the first violation. With a mistake
// switched on it is the other way round: then a violation must be found.
#include <spdlog/spdlog.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <map>

#include "simulation.hpp"

using namespace tidemill::simulation;

int main(int argc, char** argv) {
  CLI::App app{"The production runtime in a simulated world, seed by seed"};
  std::uint64_t first = 0;
  std::uint64_t seeds = 100;
  std::uint64_t every = 1;
  std::string mistake;
  bool verbose = false;
  bool keep_going = false;
  app.add_option("--first", first, "The first seed");
  app.add_option("--seeds", seeds, "How many");
  app.add_option("--every", every, "Only every n-th seed: 10 stays with one kind of fault");
  app.add_option("--mistake", mistake, "A mistake that must be found")
      ->check(CLI::IsMember({"stores-before-journal", "skip-sync"}));
  app.add_flag("--verbose", verbose, "Say what happens");
  app.add_flag("--keep-going", keep_going, "Do not stop at the first violation");
  CLI11_PARSE(app, argc, argv);
  spdlog::set_level(verbose ? spdlog::level::debug : spdlog::level::off);

  FaultCounts faults;
  std::map<std::string_view, std::uint64_t> kinds;
  std::uint64_t records = 0, restarts = 0, zombies = 0, owners = 0, deaths = 0, compacted = 0, violations = 0;
  std::uint64_t threads_added = 0, threads_removed = 0;
  for (std::uint64_t i = 0; i < seeds; ++i) {
    const std::uint64_t seed = first + i * every;
    SimulationOptions options;
    options.seed = seed;
    options.stores_before_journal = mistake == "stores-before-journal";
    options.skip_sync = mistake == "skip-sync";
    options.verbose = verbose;
    const SimulationReport report = simulate(options);
    faults += report.faults;
    ++kinds[to_string(report.fault)];
    records += report.records;
    restarts += report.restarts;
    zombies += report.zombies;
    owners += report.second_owners;
    deaths += report.instance_deaths;
    compacted += report.compacted_segments;
    threads_added += report.threads_added;
    threads_removed += report.threads_removed;
    if (report.violation.empty()) continue;
    ++violations;
    std::printf("seed %llu (%s, %llu steps): %s\n", static_cast<unsigned long long>(seed),
                std::string(to_string(report.fault)).c_str(), static_cast<unsigned long long>(report.steps),
                report.violation.c_str());
    if (!mistake.empty()) {
      std::printf("the mistake was found after %llu seeds\n", static_cast<unsigned long long>(i + 1));
      return 0;
    }
    std::printf("to repeat: %s --first %llu --seeds 1 --verbose\n", argv[0], static_cast<unsigned long long>(seed));
    if (!keep_going) return 1;
  }
  std::printf("%llu seeds from %llu, %llu records of input, %llu starts of instances\n", static_cast<unsigned long long>(seeds),
              static_cast<unsigned long long>(first), static_cast<unsigned long long>(records),
              static_cast<unsigned long long>(restarts));
  for (const auto& [kind, count] : kinds) {
    std::printf("  %-36s %llu seeds\n", std::string(kind).c_str(), static_cast<unsigned long long>(count));
  }
  const std::pair<const char*, std::uint64_t> counted[] = {{"power failures", faults.power_failures},
                                                           {"sectors lost", faults.lost_sectors},
                                                           {"names lost", faults.lost_names},
                                                           {"process deaths", faults.process_deaths},
                                                           {"failed writes", faults.failed_writes},
                                                           {"failed syncs", faults.failed_syncs},
                                                           {"other failed calls", faults.failed_others},
                                                           {"writes to a full disk", faults.disk_full},
                                                           {"instance deaths", deaths},
                                                           {"zombies", zombies},
                                                           {"second owners", owners},
                                                           {"threads added", threads_added},
                                                           {"threads removed", threads_removed},
                                                           {"segments compacted", compacted}};
  bool all = true;
  for (const auto& [name, count] : counted) {
    std::printf("  %-36s %llu\n", name, static_cast<unsigned long long>(count));
    all = all && count > 0;
  }
  if (!mistake.empty()) {
    std::printf("the mistake was NOT found\n");
    return 1;
  }
  constexpr std::uint64_t kSeedsForAllKinds = 100;
  if (seeds >= kSeedsForAllKinds && every == 1 && !all) {
    std::printf("a kind of fault never came\n");
    return 1;
  }
  return violations == 0 ? 0 : 1;
}
