#include <tidemill/base/headers.hpp>

#include "base/varint.hpp"

namespace tidemill {
namespace {

constexpr const char* kWhere = "record headers: ";

Error corrupt(const char* what) { return Error{ErrorKind::kCorruption, std::string(kWhere) + what}; }

// Takes `size` bytes from the front of `in`, or returns false.
bool take(const char*& in, const char* end, std::int64_t size, BytesView& out) {
  if (size < 0 || size > end - in) return false;
  out = BytesView(in, static_cast<std::size_t>(size));
  in += size;
  return true;
}

}  // namespace

const Header* Headers::last(std::string_view key) const {
  for (auto header = headers_.rbegin(); header != headers_.rend(); ++header) {
    if (header->key == key) return &*header;
  }
  return nullptr;
}
void Headers::add(std::string key, OptionalBytes value) { headers_.push_back({std::move(key), std::move(value)}); }
void Headers::remove(std::string_view key) {
  std::erase_if(headers_, [&](const Header& header) { return header.key == key; });
}

Bytes Headers::encode() const {
  Bytes out;
  if (headers_.empty()) return out;
  append_varint(out, static_cast<std::int64_t>(headers_.size()));
  for (const Header& header : headers_) {
    append_varint(out, static_cast<std::int64_t>(header.key.size()));
    out += header.key;
    append_varint(out, header.value ? static_cast<std::int64_t>(header.value->size()) : -1);
    if (header.value) out += *header.value;
  }
  return out;
}

Result<Headers> Headers::decode(BytesView encoded) {
  Headers headers;
  if (encoded.empty()) return headers;
  const char* in = encoded.data();
  const char* end = in + encoded.size();
  std::int64_t count = 0;
  in = read_varint(in, end, count);
  // A header takes two bytes at least: a count beyond that is a lie, found before anything is reserved.
  if (in == nullptr || count < 0 || count > (end - in) / 2) return corrupt("bad count");
  headers.headers_.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t size = 0;
    BytesView key;
    BytesView value;
    in = read_varint(in, end, size);
    if (in == nullptr || !take(in, end, size, key)) return corrupt("bad key");
    in = read_varint(in, end, size);
    if (in == nullptr) return corrupt("bad value length");
    if (size == -1) {
      headers.add(std::string(key), std::nullopt);
      continue;
    }
    if (!take(in, end, size, value)) return corrupt("bad value");
    headers.add(std::string(key), Bytes(value));
  }
  if (in != end) return corrupt("bytes left over");
  return headers;
}

const Headers& Headers::none() {
  static const Headers kNone;
  return kNone;
}

}  // namespace tidemill
