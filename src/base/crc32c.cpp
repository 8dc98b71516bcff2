#include "base/crc32c.hpp"

#include <nmmintrin.h>

#include <array>
#include <cstring>

namespace tidemill {
namespace {

constexpr std::uint32_t kPolynomial = 0x82f63b78U;

// Slicing by eight: table[k][b] is the checksum of byte b followed by k zero bytes.
constexpr auto make_tables() {
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      tables[k][byte] = (tables[k - 1][byte] >> 8) ^ tables[0][tables[k - 1][byte] & 0xff];
    }
  }
  return tables;
}
constexpr auto kTables = make_tables();

using Crc32c = std::uint32_t (*)(BytesView, std::uint32_t);
Crc32c choose() { return detail::have_sse42() ? detail::crc32c_sse42 : detail::crc32c_table; }

}  // namespace

namespace detail {

bool have_sse42() { return __builtin_cpu_supports("sse4.2") != 0; }

std::uint32_t crc32c_table(BytesView bytes, std::uint32_t crc) {
  crc = ~crc;
  const auto* in = reinterpret_cast<const unsigned char*>(bytes.data());
  std::size_t left = bytes.size();
  for (; left >= 8; in += 8, left -= 8) {
    std::uint64_t word;
    std::memcpy(&word, in, 8);
    word ^= crc;
    crc = kTables[7][word & 0xff] ^ kTables[6][(word >> 8) & 0xff] ^ kTables[5][(word >> 16) & 0xff] ^
          kTables[4][(word >> 24) & 0xff] ^ kTables[3][(word >> 32) & 0xff] ^ kTables[2][(word >> 40) & 0xff] ^
          kTables[1][(word >> 48) & 0xff] ^ kTables[0][word >> 56];
  }
  for (; left > 0; ++in, --left) crc = (crc >> 8) ^ kTables[0][(crc ^ *in) & 0xff];
  return ~crc;
}

__attribute__((target("sse4.2"))) std::uint32_t crc32c_sse42(BytesView bytes, std::uint32_t crc) {
  std::uint64_t state = ~crc;
  const char* in = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; in += 8, left -= 8) {
    std::uint64_t word;
    std::memcpy(&word, in, 8);
    state = _mm_crc32_u64(state, word);
  }
  auto narrow = static_cast<std::uint32_t>(state);
  for (; left > 0; ++in, --left) narrow = _mm_crc32_u8(narrow, static_cast<unsigned char>(*in));
  return ~narrow;
}

}  // namespace detail

std::uint32_t crc32c(BytesView bytes, std::uint32_t crc) {
  static const Crc32c kChosen = choose();
  return kChosen(bytes, crc);
}

}  // namespace tidemill
