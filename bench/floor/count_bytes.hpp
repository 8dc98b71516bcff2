// A count as eight big-endian bytes: what goes into outputs, changelogs and RocksDB.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace tidemill_bench {

class CountBytes {
 public:
  explicit CountBytes(std::int64_t count) {
    const std::uint64_t swapped = __builtin_bswap64(static_cast<std::uint64_t>(count));
    std::memcpy(bytes_, &swapped, sizeof bytes_);
  }
  [[nodiscard]] std::string_view view() const { return {bytes_, sizeof bytes_}; }
  static std::int64_t read(const char* bytes) {
    std::uint64_t swapped = 0;
    std::memcpy(&swapped, bytes, sizeof swapped);
    return static_cast<std::int64_t>(__builtin_bswap64(swapped));
  }

 private:
  char bytes_[8];
};

}  // namespace tidemill_bench
