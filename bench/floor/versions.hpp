// The work of the micro rows of versioned stores, and its floor: an ordered map of a key's versions, also beside RocksDB.
#pragma once

#include <cstdint>

#include "harness/suite.hpp"

namespace tidemill_bench {

inline constexpr std::int64_t kVersionEvery = 1'000;  // ms
/// For each version of the history: it has moved on by half of it when the step begins.
inline constexpr std::int64_t kVersionsPutFirst = kVersionEvery * 3 / 2;
inline constexpr std::size_t kVersionBytes = 40;

enum class VersionsStep : std::uint8_t { kPut, kLatePut, kGet, kGetAsOf };
/// One step again and again, of a key with so many versions: a put moves the history on, so that as many stay.
struct VersionsWork {
  VersionsStep step;
  std::int64_t versions;
  std::uint64_t records;
  /// How far back the i-th step looks: all over the history but its ends.
  [[nodiscard]] std::int64_t age(std::uint64_t i) const {
    const auto middle = static_cast<std::uint64_t>(versions * 3 / 4);
    return (versions / 8 + static_cast<std::int64_t>(i * 2'654'435'761U % middle)) * kVersionEvery;
  }
};

[[nodiscard]] Sample floor_versions(const VersionsWork& work);

}  // namespace tidemill_bench
