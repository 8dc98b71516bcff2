// Metrics in Prometheus' text format.
#pragma once

#include <tidemill/streams.hpp>

#include <string>
#include <vector>

namespace kit {

/// One line each: `prefix` group `_` name, with tags as labels; what a name may not contain becomes `_`. Ordered by name, each
/// name with its type.
[[nodiscard]] std::string metrics_text(const std::string& prefix, const std::vector<tidemill::Metric>& metrics);
/// For between quotation marks, in JSON and in labels.
[[nodiscard]] std::string escaped(const std::string& text);

}  // namespace kit
