// Writer and reader of Kafka protocol messages. One flag says whether a message is of the flexible kind (compact lengths,
// tagged fields); the fields are then written the same way. Reading is bounded and remembers a failure, so that a decoder
// checks once, at its end. Types: https://kafka.apache.org/protocol#protocol_types
#pragma once

#include <optional>
#include <string>

#include <tidemill/base/bytes.hpp>

#include "base/endian.hpp"
#include "base/varint.hpp"

namespace tidemill::kafka {

class ProtocolWriter {
 public:
  explicit ProtocolWriter(bool flexible = false) : flexible_(flexible) {}
  template <class Int>
  void number(Int value) {
    append_big_endian(bytes_, value);
  }
  void boolean(bool value) { number(static_cast<std::int8_t>(value)); }
  void text(BytesView value) {
    length<std::int16_t>(value.size());
    bytes_ += value;
  }
  void nullable_text(const std::optional<std::string>& value) {
    if (value) return text(*value);
    null_length<std::int16_t>();
  }
  void blob(BytesView value) {
    length<std::int32_t>(value.size());
    bytes_ += value;
  }
  void array(std::size_t count) { length<std::int32_t>(count); }
  void null_array() { null_length<std::int32_t>(); }
  /// The end of a struct: no tagged fields.
  void end_struct() {
    if (flexible_) bytes_.push_back(0);
  }
  [[nodiscard]] Bytes take() { return std::move(bytes_); }

 private:
  template <class Int>
  void length(std::size_t size) {
    if (flexible_) {
      append_unsigned_varint(bytes_, size + 1);
    } else {
      number(static_cast<Int>(size));
    }
  }
  template <class Int>
  void null_length() {
    if (flexible_) {
      bytes_.push_back(0);
    } else {
      number(static_cast<Int>(-1));
    }
  }
  Bytes bytes_;
  bool flexible_;
};

class ProtocolReader {
 public:
  explicit ProtocolReader(BytesView bytes, bool flexible = false) : rest_(bytes), flexible_(flexible) {}
  template <class Int>
  Int number() {
    if (rest_.size() < sizeof(Int)) return fail(), Int{};
    const Int value = load_big_endian<Int>(rest_.data());
    rest_.remove_prefix(sizeof(Int));
    return value;
  }
  bool boolean() { return number<std::int8_t>() != 0; }
  /// Null reads as empty.
  std::string text() { return std::string(view<std::int16_t>().value_or(BytesView())); }
  std::optional<std::string> nullable_text() {
    const OptionalBytesView read = view<std::int16_t>();
    return read ? std::optional<std::string>(std::string(*read)) : std::nullopt;
  }
  BytesView blob() { return view<std::int32_t>().value_or(BytesView()); }
  /// How many elements follow, each of at least one byte; null reads as none.
  std::size_t array() {
    const std::int64_t count = length<std::int32_t>();
    if (count <= 0) return 0;
    if (static_cast<std::size_t>(count) > rest_.size()) return fail(), 0;
    return static_cast<std::size_t>(count);
  }
  void end_struct() {
    if (!flexible_) return;
    for (std::uint64_t tags = varint(); ok_ && tags > 0; --tags) {
      (void)varint();
      skip(varint());
    }
  }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return ok_ && rest_.empty(); }

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    const char* next = read_unsigned_varint(rest_.data(), rest_.data() + rest_.size(), value);
    if (next == nullptr) return fail(), 0;
    rest_.remove_prefix(static_cast<std::size_t>(next - rest_.data()));
    return value;
  }
  template <class Int>
  std::int64_t length() {
    if (!flexible_) return number<Int>();
    const std::uint64_t plus_one = varint();
    if (plus_one > rest_.size() + 1) return fail(), -1;
    return static_cast<std::int64_t>(plus_one) - 1;
  }
  template <class Int>
  OptionalBytesView view() {
    const std::int64_t size = length<Int>();
    if (size < 0) return std::nullopt;
    if (static_cast<std::size_t>(size) > rest_.size()) return fail(), std::nullopt;
    const BytesView result = rest_.substr(0, static_cast<std::size_t>(size));
    rest_.remove_prefix(static_cast<std::size_t>(size));
    return result;
  }
  void skip(std::uint64_t bytes) {
    if (bytes > rest_.size()) return fail();
    rest_.remove_prefix(static_cast<std::size_t>(bytes));
  }
  void fail() {
    ok_ = false;
    rest_ = {};
  }
  BytesView rest_;
  bool flexible_;
  bool ok_ = true;
};

}  // namespace tidemill::kafka
