// Runs one scenario.
#pragma once

#include <nlohmann/json.hpp>

namespace tidemill::differential {

/// {"built": describe(), "steps": [{"sent": [[topic, key, value, timestamp, headers]...]}...], "end": {...}}. An exception ends it:
/// "error" is in the step that raised it, or, of building, in the answer itself. Bytes are texts of one letter a byte.
[[nodiscard]] nlohmann::json run(const nlohmann::json& scenario);

}  // namespace tidemill::differential
