// Random: the only source of chance. Everything that needs a random number gets one through its constructor.
#pragma once

#include <cstdint>
#include <string>

namespace tidemill {

class Random {
 public:
  virtual ~Random() = default;
  [[nodiscard]] virtual std::uint64_t next() = 0;
  /// Uniform in [0, bound); bound > 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound);
};

/// Seeded from the operating system; thread-safe, lives as long as the process.
Random& system_random();

/// The same seed gives the same numbers on every machine (SplitMix64). Not thread-safe.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  [[nodiscard]] std::uint64_t next() override;

 private:
  std::uint64_t state_;
};

/// A random (version 4) UUID as text.
std::string random_uuid(Random& random);

}  // namespace tidemill
