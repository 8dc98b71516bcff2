// Hash and equality of bytes for Abseil's containers, which take look-ups by view with them. For .cpp files and private headers.
#pragma once

#include <absl/hash/hash.h>

#include <tidemill/base/bytes.hpp>

namespace tidemill {

struct BytesHash {
  using is_transparent = void;
  // Debian's Abseil has a string_view of its own.
  std::size_t operator()(BytesView bytes) const {
    return absl::Hash<absl::string_view>()(absl::string_view(bytes.data(), bytes.size()));
  }
};
struct BytesEqual {
  using is_transparent = void;
  bool operator()(BytesView a, BytesView b) const { return a == b; }
};

}  // namespace tidemill
