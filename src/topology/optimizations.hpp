// Which optimizations there are, for all who are given their names.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tidemill {

/// Behind "must be".
inline constexpr std::string_view kOptimizations =
    "none, all, or a list of reuse.ktable.source.topics, merge.repartition.topics, single.store.self.join";
/// Such names, with commas and blanks between, as commas alone separate them. nullopt: they are none, or stand beside "none" or "all".
[[nodiscard]] std::optional<std::string> read_optimizations(std::string_view names);

}  // namespace tidemill
