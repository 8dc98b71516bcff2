// Variable-length integers as Kafka has them: seven bits a byte, low ones first; signed ones zigzag.
// Decoding never reads past the end and refuses more bytes than the type can hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include <tidemill/base/bytes.hpp>

namespace tidemill {

inline constexpr std::size_t kVarintBytesMax = 10;

[[nodiscard]] constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
[[nodiscard]] constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}
[[nodiscard]] constexpr std::size_t unsigned_varint_size(std::uint64_t value) {
  std::size_t size = 1;
  while (value >= 0x80) value >>= 7, ++size;
  return size;
}
[[nodiscard]] constexpr std::size_t varint_size(std::int64_t value) { return unsigned_varint_size(zigzag(value)); }

/// Writes at `out` (room for kVarintBytesMax) and returns the byte behind.
inline char* write_unsigned_varint(char* out, std::uint64_t value) {
  while (value >= 0x80) *out++ = static_cast<char>(value | 0x80), value >>= 7;
  *out++ = static_cast<char>(value);
  return out;
}
inline char* write_varint(char* out, std::int64_t value) { return write_unsigned_varint(out, zigzag(value)); }
inline void append_unsigned_varint(Bytes& out, std::uint64_t value) {
  char bytes[kVarintBytesMax];
  out.append(bytes, static_cast<std::size_t>(write_unsigned_varint(bytes, value) - bytes));
}
inline void append_varint(Bytes& out, std::int64_t value) { append_unsigned_varint(out, zigzag(value)); }

/// Reads at `in` and returns the byte behind, or null when the bytes end early or are too many.
[[nodiscard]] inline const char* read_unsigned_varint(const char* in, const char* end, std::uint64_t& value) {
  std::uint64_t result = 0;
  for (unsigned shift = 0; in != end && shift < 64; shift += 7) {
    const auto byte = static_cast<unsigned char>(*in++);
    result |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      if (shift == 63 && byte > 1) return nullptr;
      value = result;
      return in;
    }
  }
  return nullptr;
}
[[nodiscard]] inline const char* read_varint(const char* in, const char* end, std::int64_t& value) {
  if (in != end && static_cast<unsigned char>(*in) < 0x80) [[likely]] {  // lengths and deltas mostly are
    value = unzigzag(static_cast<unsigned char>(*in));
    return in + 1;
  }
  std::uint64_t raw = 0;
  in = read_unsigned_varint(in, end, raw);
  value = unzigzag(raw);
  return in;
}

}  // namespace tidemill
