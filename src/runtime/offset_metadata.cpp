#include "runtime/offset_metadata.hpp"

#include <array>
#include <cstdint>
#include <optional>

namespace tidemill::runtime {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string to_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) group = group << 8 | (i < count ? static_cast<unsigned char>(bytes[at + i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i) text += i <= count ? kAlphabet[group >> (18 - 6 * i) & 63] : '=';
  }
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  std::string bytes;
  std::uint32_t group = 0;
  int bits = 0;
  for (const char c : text) {
    const auto digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    group = group << 6 | static_cast<std::uint32_t>(digit);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>(group >> bits & 255);
    }
  }
  return bytes;
}

template <class Int>
void append_big_endian(std::string& out, Int value) {
  for (int shift = (sizeof(Int) - 1) * 8; shift >= 0; shift -= 8) {
    out += static_cast<char>(static_cast<std::uint64_t>(value) >> shift & 255);
  }
}
template <class Int>
bool take_big_endian(std::string_view& in, Int& value) {
  if (in.size() < sizeof(Int)) return false;
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < sizeof(Int); ++i) number = number << 8 | static_cast<unsigned char>(in[i]);
  value = static_cast<Int>(number);
  in.remove_prefix(sizeof(Int));
  return true;
}

}  // namespace

std::string encode_offset_metadata(Timestamp partition_time, const ProcessorMetadata& processors) {
  std::string bytes(1, '\2');
  append_big_endian(bytes, partition_time.value);
  if (!processors.empty()) {
    append_big_endian(bytes, static_cast<std::int32_t>(processors.size()));
    for (const auto& [key, value] : processors) {
      append_big_endian(bytes, static_cast<std::int32_t>(key.size()));
      bytes += key;
      append_big_endian(bytes, value);
    }
  }
  return to_base64(bytes);
}

OffsetMetadata decode_offset_metadata(std::string_view text) {
  OffsetMetadata result;
  const std::optional<std::string> bytes = from_base64(text);
  if (!bytes || bytes->empty()) return result;
  std::string_view in = *bytes;
  const char version = in.front();
  in.remove_prefix(1);
  std::int64_t time = 0;
  if ((version != 1 && version != 2) || !take_big_endian(in, time)) return result;
  result.partition_time = Timestamp(time);
  std::int32_t count = 0;
  if (version == 1 || in.empty() || !take_big_endian(in, count)) return result;
  for (std::int32_t i = 0; i < count; ++i) {
    std::int32_t length = 0;
    std::int64_t value = 0;
    if (!take_big_endian(in, length) || length < 0 || in.size() < static_cast<std::size_t>(length)) return {};
    const std::string key(in.substr(0, static_cast<std::size_t>(length)));
    in.remove_prefix(static_cast<std::size_t>(length));
    if (!take_big_endian(in, value)) return {};
    result.processors[key] = value;
  }
  return result;
}

}  // namespace tidemill::runtime
