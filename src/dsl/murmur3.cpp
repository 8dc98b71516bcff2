#include "dsl/murmur3.hpp"

#include <bit>
#include <cstring>

namespace tidemill::detail {
namespace {

constexpr std::uint64_t kC1 = 0x87c37b91114253d5ULL;
constexpr std::uint64_t kC2 = 0x4cf5ad432745937fULL;

std::uint64_t mix1(std::uint64_t k) { return std::rotl(k * kC1, 31) * kC2; }
std::uint64_t mix2(std::uint64_t k) { return std::rotl(k * kC2, 33) * kC1; }
std::uint64_t finish(std::uint64_t h) {
  h = (h ^ (h >> 33)) * 0xff51afd7ed558ccdULL;
  h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  return h ^ (h >> 33);
}
std::uint64_t little_endian(BytesView bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i > 0; --i) value = (value << 8) | static_cast<unsigned char>(bytes[i - 1]);
  return value;
}

}  // namespace

std::array<std::uint64_t, 2> murmur3_128(BytesView data, std::uint64_t seed) {
  std::uint64_t h1 = seed;
  std::uint64_t h2 = seed;
  const std::uint64_t size = data.size();
  for (; data.size() >= 16; data.remove_prefix(16)) {
    h1 = (std::rotl(h1 ^ mix1(little_endian(data.substr(0, 8))), 27) + h2) * 5 + 0x52dce729;
    h2 = (std::rotl(h2 ^ mix2(little_endian(data.substr(8, 8))), 31) + h1) * 5 + 0x38495ab5;
  }
  if (data.size() > 8) h2 ^= mix2(little_endian(data.substr(8)));
  if (!data.empty()) h1 ^= mix1(little_endian(data.substr(0, 8)));
  h1 ^= size;
  h2 ^= size;
  h1 += h2;
  h2 += h1;
  h1 = finish(h1);
  h2 = finish(h2);
  h1 += h2;
  h2 += h1;
  return {h1, h2};
}

}  // namespace tidemill::detail
