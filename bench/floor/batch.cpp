#include "floor/batch.hpp"

#include <nmmintrin.h>

#include <cstdio>
#include <cstdlib>

namespace tidemill_bench {
namespace {

constexpr std::size_t kChecksumAt = 17;
constexpr std::size_t kCheckedFrom = 21;
constexpr std::size_t kFirstTimestampAt = 27;
constexpr std::size_t kCountAt = 57;

template <class Int>
void store(char* at, Int value) {
  for (std::size_t i = 0; i < sizeof value; ++i) at[i] = static_cast<char>(value >> (8 * (sizeof value - 1 - i)));
}
template <class Int>
Int load(const char* at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(Int); ++i) value = value << 8 | static_cast<unsigned char>(at[i]);
  return static_cast<Int>(value);
}

}  // namespace

std::uint32_t floor_crc32c(std::string_view bytes, std::uint32_t crc) {
  std::uint64_t state = ~crc;
  const char* in = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; in += 8, left -= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, in, 8);
    state = _mm_crc32_u64(state, word);
  }
  for (; left > 0; --left) state = _mm_crc32_u8(static_cast<std::uint32_t>(state), static_cast<unsigned char>(*in++));
  return ~static_cast<std::uint32_t>(state);
}

std::string_view FloorBatch::seal() {
  const std::string_view batch(bytes_.data(), size_bytes());
  char* const at = bytes_.data();
  store(at, std::int64_t{0});
  store(at + 8, static_cast<std::int32_t>(batch.size() - 12));
  store(at + 12, std::int32_t{0});
  at[16] = 2;
  store(at + kCheckedFrom, std::int16_t{0});
  store(at + 23, static_cast<std::int32_t>(count_ - 1));
  store(at + kFirstTimestampAt, first_timestamp_);
  store(at + 35, last_timestamp_);
  store(at + 43, std::int64_t{1});
  store(at + 51, std::int16_t{0});
  store(at + 53, std::int32_t{0});
  store(at + kCountAt, static_cast<std::int32_t>(count_));
  store(at + kChecksumAt, floor_crc32c(batch.substr(kCheckedFrom)));
  return batch;
}

FloorReader::FloorReader(std::string_view batch) {
  if (floor_crc32c(batch.substr(kCheckedFrom)) != load<std::uint32_t>(batch.data() + kChecksumAt)) {
    std::fputs("floor: a checksum differs\n", stderr);
    std::abort();
  }
  in_ = batch.data() + kFloorHeaderBytes;
  left_ = load<std::int32_t>(batch.data() + kCountAt);
  first_timestamp_ = load<std::int64_t>(batch.data() + kFirstTimestampAt);
}

}  // namespace tidemill_bench
