// MurmurHash3, x64, 128 bits: what foreign-key joins tell two values of a row apart by.
#pragma once

#include <array>
#include <cstdint>

#include <tidemill/base/bytes.hpp>

namespace tidemill::detail {

[[nodiscard]] std::array<std::uint64_t, 2> murmur3_128(BytesView data, std::uint64_t seed);

}  // namespace tidemill::detail
