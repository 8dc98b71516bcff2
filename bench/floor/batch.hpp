// RecordBatch v2 by hand, for the floor alone: 61 bytes of header, records with varint lengths and deltas, a CRC-32C.
// Nothing here is careful; it is the least work that reads and writes such bytes.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace tidemill_bench {

inline constexpr std::size_t kFloorHeaderBytes = 61;
inline constexpr std::size_t kFloorBatchBytes = 128 * 1024;

[[nodiscard]] std::uint32_t floor_crc32c(std::string_view bytes, std::uint32_t crc = 0);

/// Collects records; sealed, the bytes stay until the next record.
class FloorBatch {
 public:
  FloorBatch() : bytes_(kFloorBatchBytes * 2, '\0') { clear(); }
  void add(std::int64_t timestamp, std::string_view key, std::string_view value) {
    if (count_ == 0) first_timestamp_ = timestamp;
    last_timestamp_ = timestamp;
    const std::int64_t delta = timestamp - first_timestamp_;
    const std::size_t body = 1 + size(delta) + size(count_) + sized(key) + sized(value) + 1;
    out_ = put(out_, static_cast<std::int64_t>(body));
    *out_++ = 0;
    out_ = put(out_, delta);
    out_ = put(out_, count_++);
    out_ = put_bytes(out_, key);
    out_ = put_bytes(out_, value);
    *out_++ = 0;
  }
  [[nodiscard]] std::size_t size_bytes() const { return static_cast<std::size_t>(out_ - bytes_.data()); }
  [[nodiscard]] bool full() const { return size_bytes() + 512 > kFloorBatchBytes; }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  std::string_view seal();
  void clear() {
    out_ = bytes_.data() + kFloorHeaderBytes;
    count_ = 0;
  }

 private:
  static std::uint64_t zigzag(std::int64_t value) {
    return static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
  }
  static std::size_t size(std::int64_t value) {
    std::size_t bytes = 1;
    for (std::uint64_t rest = zigzag(value); rest >= 128; rest >>= 7) ++bytes;
    return bytes;
  }
  static std::size_t sized(std::string_view bytes) { return size(static_cast<std::int64_t>(bytes.size())) + bytes.size(); }
  static char* put(char* out, std::int64_t value) {
    std::uint64_t rest = zigzag(value);
    for (; rest >= 128; rest >>= 7) *out++ = static_cast<char>(rest | 128);
    *out++ = static_cast<char>(rest);
    return out;
  }
  static char* put_bytes(char* out, std::string_view bytes) {
    out = put(out, static_cast<std::int64_t>(bytes.size()));
    std::memcpy(out, bytes.data(), bytes.size());
    return out + bytes.size();
  }
  std::string bytes_;
  char* out_ = nullptr;
  std::int64_t count_ = 0;
  std::int64_t first_timestamp_ = 0;
  std::int64_t last_timestamp_ = 0;
};

/// Walks the records of a sealed batch.
class FloorReader {
 public:
  explicit FloorReader(std::string_view batch);
  bool next() {
    if (left_ == 0) return false;
    --left_;
    std::int64_t number = 0;
    in_ = get(in_, number) + 1;
    in_ = get(in_, number);
    timestamp_ = first_timestamp_ + number;
    in_ = get(in_, number);
    in_ = get_bytes(in_, key_);
    in_ = get_bytes(in_, value_) + 1;
    return true;
  }
  [[nodiscard]] std::string_view key() const { return key_; }
  [[nodiscard]] std::string_view value() const { return value_; }
  [[nodiscard]] std::int64_t timestamp() const { return timestamp_; }

 private:
  static const char* get(const char* in, std::int64_t& value) {
    std::uint64_t raw = 0;
    unsigned shift = 0;
    unsigned char byte = 0;
    do {
      byte = static_cast<unsigned char>(*in++);
      raw |= static_cast<std::uint64_t>(byte & 127) << shift;
      shift += 7;
    } while (byte >= 128);
    value = static_cast<std::int64_t>(raw >> 1) ^ -static_cast<std::int64_t>(raw & 1);
    return in;
  }
  static const char* get_bytes(const char* in, std::string_view& bytes) {
    std::int64_t length = 0;
    in = get(in, length);
    bytes = {in, static_cast<std::size_t>(length)};
    return in + length;
  }
  const char* in_ = nullptr;
  std::int32_t left_ = 0;
  std::int64_t first_timestamp_ = 0;
  std::int64_t timestamp_ = 0;
  std::string_view key_;
  std::string_view value_;
};

}  // namespace tidemill_bench
