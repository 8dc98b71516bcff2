// Gives mutated batches and journal entries the checksum that they should have: else nearly every input ends
// at the checksum, and what lies behind it is never reached.
#pragma once

#include <cstdint>
#include <string>

#include "base/crc32c.hpp"
#include "base/endian.hpp"
#include "log/record_batch_codec.hpp"

namespace fuzz {

/// All batches at the front of `bytes`, as far as their lengths go.
inline void mend_batches(std::string& bytes) {
  constexpr std::size_t kCrcAt = 17;
  constexpr std::size_t kCoveredFrom = 21;
  for (std::size_t at = 0; at + tidemill::kBatchHeaderBytes <= bytes.size();) {
    const auto length = tidemill::load_big_endian<std::int32_t>(bytes.data() + at + 8);
    if (length < static_cast<std::int32_t>(tidemill::kBatchHeaderBytes) - 12) return;
    const std::size_t total = static_cast<std::size_t>(length) + 12;
    if (total > bytes.size() - at) return;
    const std::string_view covered = std::string_view(bytes).substr(at + kCoveredFrom, total - kCoveredFrom);
    tidemill::store_big_endian(bytes.data() + at + kCrcAt, tidemill::crc32c(covered));
    at += total;
  }
}

}  // namespace fuzz
