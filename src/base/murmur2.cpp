#include "base/murmur2.hpp"

#include <cstring>

#include <tidemill/base/assert.hpp>

namespace tidemill {

std::int32_t murmur2(BytesView bytes) {
  constexpr std::uint32_t kSeed = 0x9747b28cU;
  constexpr std::uint32_t kM = 0x5bd1e995U;
  constexpr int kR = 24;
  const auto size = static_cast<std::uint32_t>(bytes.size());
  std::uint32_t hash = kSeed ^ size;
  const char* in = bytes.data();
  for (std::uint32_t words = size / 4; words > 0; --words, in += 4) {
    std::uint32_t k;
    std::memcpy(&k, in, 4);  // little-endian words
    k *= kM;
    k ^= k >> kR;
    k *= kM;
    hash *= kM;
    hash ^= k;
  }
  const auto tail = [&](int index) { return static_cast<std::uint32_t>(static_cast<unsigned char>(in[index])); };
  switch (size % 4) {
    case 3: hash ^= tail(2) << 16; [[fallthrough]];
    case 2: hash ^= tail(1) << 8; [[fallthrough]];
    case 1:
      hash ^= tail(0);
      hash *= kM;
      break;
    default: break;
  }
  hash ^= hash >> 13;
  hash *= kM;
  hash ^= hash >> 15;
  return static_cast<std::int32_t>(hash);
}

PartitionId partition_for_key(BytesView key, std::int32_t partitions) {
  TIDEMILL_ASSERT(partitions > 0);
  return PartitionId((murmur2(key) & 0x7fffffff) % partitions);
}

}  // namespace tidemill
