// FlushingEngine: stands for RocksDB in the simulation: what was committed lives in memory until a flush writes it, whole and
// checksummed, to the simulated disk; after a crash a store is what its last flush said.
//
// Owned by one simulated instance; its files die with the SimulatedStorage's power.
#pragma once

#include <tidemill/base/random.hpp>
#include <tidemill/base/storage.hpp>
#include <tidemill/state/state_engine.hpp>

namespace tidemill::simulation {

struct FlushingEngineOptions {
  /// A commit, or a batch restored, is followed by a flush one time in this many.
  std::uint64_t flush_one_in = 3;
  /// The mistake that the simulation must find: what is put is part of the store at once, whatever becomes of the commit.
  bool unsafe_commit_before_journal = false;
};

class FlushingEngine final : public StateEngine {
 public:
  FlushingEngine(Storage& storage, std::uint64_t seed, FlushingEngineOptions options);
  [[nodiscard]] Result<std::vector<std::unique_ptr<BytesStore>>> open(const std::string& task_directory,
                                                                      std::span<const StoreSpec> specs) override;
  [[nodiscard]] bool persistent() const override { return true; }
  [[nodiscard]] std::size_t memory_bytes() const override { return 0; }

 private:
  Storage& storage_;
  SeededRandom random_;
  FlushingEngineOptions options_;
};

}  // namespace tidemill::simulation
