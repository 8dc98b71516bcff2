// One run of the production runtime in a simulated world: disk, clock, chance and the order in which threads run all follow
// from one seed.
//
// Three sub-topologies (lines into words, words counted, counts summed by first letter), two instances on one embedded log,
// 300 lines of input, changelogs that are compacted, stream threads that are added and removed (of two seeds in three), and one or
// two faults of a kind that the seed chooses. What must hold, whatever happened:
//   - every line whose producer was told so is there, once;
//   - the committed outputs are the fold of the input: for each word 1, 2, 3, ... in this order, for each letter too;
//   - what a reader has seen committed stays as it was (in `process` durability: unless the power failed);
//   - each store equals the fold of its changelog;
//   - after the last fault all input is processed within a bound: nothing is stuck.
// Survived, by promise: loss of all that was not synced, one failed write or sync at any moment, a full disk that is emptied
// later, processes that die, instances that stand still and come back, two owners of one transactional id.
#pragma once

#include <string>

#include "simulated_storage.hpp"

namespace tidemill::simulation {

enum class Fault : std::uint8_t {
  kPowerFailure,
  kPowerFailureInRecovery,
  kProcessDeathThenPowerFailure,
  kFailedWrite,
  kFailedSync,
  kFailedSyncThenPowerFailure,
  kDiskFull,
  kInstanceDeath,
  kZombie,       // stands still until its tasks are another's, then goes on
  kSecondOwner,  // a new process opens the same transactional id while the old one runs
};
inline constexpr std::size_t kFaultKinds = 10;
std::string_view to_string(Fault fault);

struct SimulationOptions {
  std::uint64_t seed = 0;
  /// Mistakes on purpose, which the simulation has to find.
  bool stores_before_journal = false;
  bool skip_sync = false;
  bool verbose = false;
};

struct SimulationReport {
  /// Empty: everything held.
  std::string violation;
  Fault fault = Fault::kPowerFailure;
  FaultCounts faults;
  std::uint64_t zombies = 0;
  std::uint64_t second_owners = 0;
  std::uint64_t instance_deaths = 0;
  std::uint64_t restarts = 0;
  std::uint64_t threads_added = 0;
  std::uint64_t threads_removed = 0;
  std::uint64_t compacted_segments = 0;
  std::uint64_t records = 0;
  std::uint64_t steps = 0;
};

[[nodiscard]] SimulationReport simulate(const SimulationOptions& options);

}  // namespace tidemill::simulation
