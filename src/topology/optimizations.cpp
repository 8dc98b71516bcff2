#include "topology/optimizations.hpp"

#include <algorithm>
#include <array>

namespace tidemill {

namespace {

std::string_view without_blanks(std::string_view text) {
  const std::size_t first = std::min(text.find_first_not_of(" \t"), text.size());
  text.remove_prefix(first);
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

}  // namespace

std::optional<std::string> read_optimizations(std::string_view names) {
  constexpr auto kRules =
      std::to_array<std::string_view>({"reuse.ktable.source.topics", "merge.repartition.topics", "single.store.self.join"});
  names = without_blanks(names);
  if (names.empty()) return std::nullopt;
  // As in Java, commas at the end are nothing.
  names = names.substr(0, names.find_last_not_of(", \t") + 1);
  if (names.empty()) return "none";
  if (names == "none" || names == "all") return std::string(names);
  std::string rules;
  for (std::size_t at = 0; at <= names.size();) {
    const std::size_t end = std::min(names.find(',', at), names.size());
    const std::string_view rule = without_blanks(names.substr(at, end - at));
    if (std::find(kRules.begin(), kRules.end(), rule) == kRules.end()) return std::nullopt;
    rules.append(rules.empty() ? "" : ",").append(rule);
    at = end + 1;
  }
  return rules;
}

}  // namespace tidemill
