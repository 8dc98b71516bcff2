#include "topology/optimizations.hpp"

#include <algorithm>
#include <array>

namespace tidemill {

bool are_optimizations(std::string_view names) {
  constexpr auto kNames = std::to_array<std::string_view>(
      {"none", "all", "reuse.ktable.source.topics", "merge.repartition.topics", "single.store.self.join"});
  for (std::size_t at = 0; at <= names.size();) {
    const std::size_t end = std::min(names.find(',', at), names.size());
    if (std::find(kNames.begin(), kNames.end(), names.substr(at, end - at)) == kNames.end()) return false;
    at = end + 1;
  }
  return true;
}

}  // namespace tidemill
