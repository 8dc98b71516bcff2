// TextMap: a hash map from text, found by view.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <functional>
#include <string>
#include <string_view>

namespace tidemill_bench {

// Debian's Abseil has a string_view of its own, so look-ups need a hash that takes ours.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
struct TextEqual {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const { return a == b; }
};
template <class Value>
using TextMap = absl::flat_hash_map<std::string, Value, TextHash, TextEqual>;

}  // namespace tidemill_bench
