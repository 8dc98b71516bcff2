// Headers of a record: an ordered list of (key, nullable value); keys may repeat.
//
// Immutable once a record carries them; who changes them makes a copy. Their encoded form is that of RecordBatch v2
// (varint count, then key and value with varint lengths, -1 for null); an empty text means no headers, so the
// common record pays nothing.
#pragma once

#include <cstddef>
#include <vector>

#include <tidemill/base/bytes.hpp>
#include <tidemill/base/result.hpp>

namespace tidemill {

struct Header {
  std::string key;
  OptionalBytes value;
  bool operator==(const Header&) const = default;
};

class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<Header> headers) : headers_(headers) {}
  explicit Headers(std::vector<Header> headers) : headers_(std::move(headers)) {}

  [[nodiscard]] bool empty() const { return headers_.empty(); }
  [[nodiscard]] std::size_t size() const { return headers_.size(); }
  [[nodiscard]] auto begin() const { return headers_.begin(); }
  [[nodiscard]] auto end() const { return headers_.end(); }
  /// The last header of that key, or null.
  [[nodiscard]] const Header* last(std::string_view key) const;
  void add(std::string key, OptionalBytes value);
  /// Removes all of that key.
  void remove(std::string_view key);
  bool operator==(const Headers&) const = default;

  /// Empty text when there are none.
  [[nodiscard]] Bytes encode() const;
  /// kCorruption when the bytes are not encoded headers.
  [[nodiscard]] static Result<Headers> decode(BytesView encoded);
  /// No headers; lives as long as the process.
  [[nodiscard]] static const Headers& none();

 private:
  std::vector<Header> headers_;
};

}  // namespace tidemill
