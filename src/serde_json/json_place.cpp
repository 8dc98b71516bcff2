#include "serde_json/json_place.hpp"

namespace tidemill::detail {

std::string shortened(std::string_view text) {
  constexpr std::size_t kShown = 40;
  if (text.size() <= kShown) return std::string(text);
  std::size_t end = kShown;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;  // no half character
  return std::string(text.substr(0, end)) + "...";
}

std::string to_string(const JsonPlace* place) {
  if (place == nullptr) return {};
  const std::string above = to_string(place->above);
  switch (place->kind) {
    case JsonPlace::Kind::kIndex: return above + "[" + std::to_string(place->index) + "]";
    case JsonPlace::Kind::kKey: return above + "[\"" + shortened(place->name) + "\"]";
    case JsonPlace::Kind::kField: break;
  }
  return above.empty() ? std::string(place->name) : above + "." + std::string(place->name);
}

}  // namespace tidemill::detail
