// Big-endian integers, the byte order of every format in this project.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>

#include <tidemill/base/bytes.hpp>

namespace tidemill {

template <class Int>
[[nodiscard]] inline Int big_endian_swap(Int value) {
  if constexpr (sizeof(Int) == 1) {
    return value;
  } else if constexpr (sizeof(Int) == 2) {
    return static_cast<Int>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
  } else if constexpr (sizeof(Int) == 4) {
    return static_cast<Int>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
  } else {
    return static_cast<Int>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
  }
}
static_assert(std::endian::native == std::endian::little);

/// Writes sizeof(Int) bytes at `out`.
template <class Int>
inline void store_big_endian(char* out, Int value) {
  value = big_endian_swap(value);
  std::memcpy(out, &value, sizeof value);
}
/// Reads sizeof(Int) bytes at `in`; the caller has checked that they are there.
template <class Int>
[[nodiscard]] inline Int load_big_endian(const char* in) {
  Int value;
  std::memcpy(&value, in, sizeof value);
  return big_endian_swap(value);
}
template <class Int>
inline void append_big_endian(Bytes& out, Int value) {
  char bytes[sizeof(Int)];
  store_big_endian(bytes, value);
  out.append(bytes, sizeof bytes);
}

}  // namespace tidemill
