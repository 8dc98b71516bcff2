// Bytes as the whole library speaks of them: owned `Bytes`, borrowed `BytesView`, ordered by unsigned byte.
//
// std::string and std::string_view carry arbitrary bytes (decision 0002): keys stay inline up to 15 bytes, and
// comparison is memcmp. A null key or value is std::nullopt, which is not the same as an empty one.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tidemill {

using Bytes = std::string;
using BytesView = std::string_view;
using OptionalBytes = std::optional<Bytes>;
using OptionalBytesView = std::optional<BytesView>;

inline OptionalBytes to_owned(OptionalBytesView view) { return view ? OptionalBytes(Bytes(*view)) : OptionalBytes(); }
inline OptionalBytesView to_view(const OptionalBytes& bytes) {
  return bytes ? OptionalBytesView(BytesView(*bytes)) : OptionalBytesView();
}

}  // namespace tidemill
