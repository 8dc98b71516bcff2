// Text in JSON: in quotes, with what must be escaped escaped.
#pragma once

#include <tidemill/base/bytes.hpp>

namespace tidemill::detail {

void append_json_text(std::string_view text, Bytes& out);

}  // namespace tidemill::detail
