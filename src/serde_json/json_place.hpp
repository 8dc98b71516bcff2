// Where in a value reader and writer are, for their errors: a chain on the stack that becomes text only when there is one.
#pragma once

#include <string>
#include <string_view>

namespace tidemill::detail {

struct JsonPlace {
  const JsonPlace* above = nullptr;
  std::string_view name = {};  // of a field, or a map's key
  std::size_t index = 0;
  enum class Kind : unsigned char { kField, kKey, kIndex } kind = Kind::kField;
};

/// `legs[2].amount`; empty at the top. Keys are data, and long ones are cut.
[[nodiscard]] std::string to_string(const JsonPlace* place);
/// For an error: at most so much of what came from outside.
[[nodiscard]] std::string shortened(std::string_view text);

}  // namespace tidemill::detail
