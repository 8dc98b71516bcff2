#include <tidemill/serde/serdes.hpp>

#include <bit>
#include <cctype>

#include "base/endian.hpp"

namespace tidemill {

namespace detail {
void throw_null_serde(bool serialize) {
  throw std::invalid_argument(std::string("Serde(serialize, deserialize): ") + (serialize ? "serialize" : "deserialize") +
                              " is null: a serde needs both functions");
}

SerdeBase::SerdeBase(std::shared_ptr<const void> state) noexcept : state_(std::move(state)) {}
SerdeBase::SerdeBase(const SerdeBase& other) noexcept = default;
SerdeBase::SerdeBase(SerdeBase&& other) noexcept = default;
SerdeBase& SerdeBase::operator=(const SerdeBase& other) noexcept = default;
SerdeBase& SerdeBase::operator=(SerdeBase&& other) noexcept = default;
SerdeBase::~SerdeBase() = default;
}  // namespace detail

namespace {

/// `topic`: what the serde was told; of a row it says which store's it is.
SerializationException unreadable(std::string_view topic, const char* type, const std::string& why) {
  std::string what = std::string(type) + " serde: " + why;
  if (!topic.empty()) what.append(" (topic ").append(topic).append(")");
  return SerializationException(what);
}
SerializationException wrong_size(std::string_view topic, const char* type, std::size_t expected, std::size_t actual) {
  return unreadable(topic, type, "size of data is " + std::to_string(actual) + ", not " + std::to_string(expected));
}

template <class Int>
void write_integer(const void*, std::string_view, const Int& value, Bytes& out) {
  append_big_endian(out, value);
}
template <class Int>
Int read_integer(const void*, std::string_view topic, BytesView bytes) {
  if (bytes.size() != sizeof(Int))
    throw wrong_size(topic, sizeof(Int) == 8 ? "int64" : sizeof(Int) == 4 ? "int32" : "int16", sizeof(Int), bytes.size());
  return load_big_endian<Int>(bytes.data());
}

template <class Float, class Bits>
void write_float(const void*, std::string_view, const Float& value, Bytes& out) {
  append_big_endian(out, std::bit_cast<Bits>(value));
}
template <class Float, class Bits>
Float read_float(const void*, std::string_view topic, BytesView bytes) {
  if (bytes.size() != sizeof(Float))
    throw wrong_size(topic, sizeof(Float) == 8 ? "double" : "float", sizeof(Float), bytes.size());
  return std::bit_cast<Float>(load_big_endian<Bits>(bytes.data()));
}

constexpr char kHex[] = "0123456789abcdef";

}  // namespace

Serde<std::string> SerdeOf<std::string>::serde() {
  return {[](const void*, std::string_view, const std::string& value, Bytes& out) { out += value; },
          [](const void*, std::string_view, BytesView bytes) { return std::string(bytes); }};
}
Serde<ByteArray> SerdeOf<ByteArray>::serde() {
  return {[](const void*, std::string_view, const ByteArray& value, Bytes& out) { out += value.bytes; },
          [](const void*, std::string_view, BytesView bytes) { return ByteArray{Bytes(bytes)}; }};
}
Serde<std::int64_t> SerdeOf<std::int64_t>::serde() { return {write_integer<std::int64_t>, read_integer<std::int64_t>}; }
Serde<std::int32_t> SerdeOf<std::int32_t>::serde() { return {write_integer<std::int32_t>, read_integer<std::int32_t>}; }
Serde<std::int16_t> SerdeOf<std::int16_t>::serde() { return {write_integer<std::int16_t>, read_integer<std::int16_t>}; }
Serde<double> SerdeOf<double>::serde() { return {write_float<double, std::uint64_t>, read_float<double, std::uint64_t>}; }
Serde<float> SerdeOf<float>::serde() { return {write_float<float, std::uint32_t>, read_float<float, std::uint32_t>}; }

Serde<bool> SerdeOf<bool>::serde() {
  return {[](const void*, std::string_view, const bool& value, Bytes& out) { out += static_cast<char>(value ? 1 : 0); },
          [](const void*, std::string_view topic, BytesView bytes) {
            if (bytes.size() != 1) throw wrong_size(topic, "bool", 1, bytes.size());
            if (bytes[0] != 0 && bytes[0] != 1) throw unreadable(topic, "bool", "the byte is neither 0 nor 1");
            return bytes[0] == 1;
          }};
}

Serde<Uuid> SerdeOf<Uuid>::serde() {
  return {[](const void*, std::string_view, const Uuid& value, Bytes& out) {
            for (std::size_t i = 0; i < 16; ++i) {
              if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
              out += kHex[value.bytes[i] >> 4];
              out += kHex[value.bytes[i] & 15];
            }
          },
          [](const void*, std::string_view topic, BytesView text) {
            Uuid uuid;
            std::size_t digits = 0;
            bool good = text.size() == 36;
            for (std::size_t i = 0; i < text.size() && good; ++i) {
              if (i == 8 || i == 13 || i == 18 || i == 23) {
                good = text[i] == '-';
                continue;
              }
              const char c = static_cast<char>(std::tolower(static_cast<unsigned char>(text[i])));
              const auto at = std::string_view(kHex).find(c);
              good = at != std::string_view::npos;
              if (good) uuid.bytes[digits / 2] = static_cast<std::uint8_t>(uuid.bytes[digits / 2] << 4 | at), ++digits;
            }
            if (!good) throw unreadable(topic, "uuid", "not a UUID of 36 characters");
            return uuid;
          }};
}

Serde<Void> SerdeOf<Void>::serde() {
  return {[](const void*, std::string_view, const Void&, Bytes&) {},  // nobody has one to call it with
          [](const void*, std::string_view topic, BytesView bytes) -> Void {
            throw unreadable(topic, "void", "null is expected, and there are " + std::to_string(bytes.size()) + " bytes");
          }};
}

}  // namespace tidemill
