#include "topology/java_set_order.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace tidemill::detail {
namespace {

// String.hashCode over UTF-16 units; names are ASCII.
std::uint32_t java_hash(std::string_view text) {
  std::uint32_t hash = 0;
  for (const char c : text) hash = 31 * hash + static_cast<unsigned char>(c);
  return hash;
}

}  // namespace

std::vector<std::string> java_set_order(const std::vector<std::string>& texts) {
  std::vector<std::string> unique;
  for (const std::string& text : texts) {
    if (std::find(unique.begin(), unique.end(), text) == unique.end()) unique.push_back(text);
  }
  std::uint32_t slots = 16;
  while (unique.size() * 4 > slots * 3) slots *= 2;
  std::stable_sort(unique.begin(), unique.end(), [&](const std::string& a, const std::string& b) {
    const auto slot = [&](const std::string& text) {
      const std::uint32_t hash = java_hash(text);
      return (hash ^ (hash >> 16)) & (slots - 1);
    };
    return slot(a) < slot(b);
  });
  return unique;
}

}  // namespace tidemill::detail
