// Writer and reader of the journal's entries: big-endian numbers, texts and blobs with a u32 length. Reading is bounded and
// remembers a failure, so that a decoder checks once at its end.
#pragma once

#include <tidemill/base/bytes.hpp>

#include "base/endian.hpp"

namespace tidemill::embedded {

class WireWriter {
 public:
  explicit WireWriter(Bytes& out) : out_(out) {}
  template <class Int>
  void number(Int value) {
    append_big_endian(out_, value);
  }
  void text(BytesView bytes) {
    number(static_cast<std::uint32_t>(bytes.size()));
    out_ += bytes;
  }

 private:
  Bytes& out_;
};

class WireReader {
 public:
  explicit WireReader(BytesView bytes) : rest_(bytes) {}
  template <class Int>
  Int number() {
    if (rest_.size() < sizeof(Int)) return fail(), Int{};
    const Int value = load_big_endian<Int>(rest_.data());
    rest_.remove_prefix(sizeof(Int));
    return value;
  }
  BytesView text() {
    const auto size = number<std::uint32_t>();
    if (size > rest_.size()) return fail(), BytesView();
    const BytesView view = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return view;
  }
  /// A count of things that take at least one byte each.
  std::uint32_t count() {
    const auto number_of = number<std::uint32_t>();
    if (number_of > rest_.size()) return fail(), 0;
    return number_of;
  }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return ok_ && rest_.empty(); }

 private:
  void fail() {
    ok_ = false;
    rest_ = {};
  }
  BytesView rest_;
  bool ok_ = true;
};

}  // namespace tidemill::embedded
