// The serdes of Java's built-in types, byte for byte: UTF-8 text, big-endian numbers, IEEE 754, raw bytes, nothing at all.
#pragma once

#include <array>
#include <cstdint>

#include <tidemill/serde/serde.hpp>

namespace tidemill {

/// Raw bytes as a key or value (Java's ByteArraySerde); a type of its own, since a std::string is text.
struct ByteArray {
  Bytes bytes;
  auto operator<=>(const ByteArray&) const = default;
};
/// 36 characters of text on the wire, as Java's UUIDSerializer.
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(const Uuid&) const = default;
};
/// The key or value that is always null (Java's Serdes.Void). There is no object of it, so nothing but null can be written; bytes
/// where null is expected are a SerializationException.
struct Void {
  Void() = delete;
  auto operator<=>(const Void&) const = default;
};

template <>
struct SerdeOf<std::string> {
  static Serde<std::string> serde();
};
template <>
struct SerdeOf<ByteArray> {
  static Serde<ByteArray> serde();
};
template <>
struct SerdeOf<std::int64_t> {
  static Serde<std::int64_t> serde();
};
template <>
struct SerdeOf<std::int32_t> {
  static Serde<std::int32_t> serde();
};
template <>
struct SerdeOf<std::int16_t> {
  static Serde<std::int16_t> serde();
};
template <>
struct SerdeOf<double> {
  static Serde<double> serde();
};
template <>
struct SerdeOf<float> {
  static Serde<float> serde();
};
template <>
struct SerdeOf<bool> {
  static Serde<bool> serde();
};
template <>
struct SerdeOf<Uuid> {
  static Serde<Uuid> serde();
};
template <>
struct SerdeOf<Void> {
  static Serde<Void> serde();
};

}  // namespace tidemill
