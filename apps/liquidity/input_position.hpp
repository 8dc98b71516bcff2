// How far an input has been read, on record in lq.input-positions beside the records themselves.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "liquidity/appender.hpp"

namespace liquidity {

struct InputPosition {
  std::string source = {};  // for people
  std::int64_t done = 0;    // bytes of a file, or records
  std::int64_t lines = 0;   // of a file
  std::string before = {};  // fingerprint of what stands before `done`; empty: none
};

/// The last position of the input; nullopt: it is new.
[[nodiscard]] std::optional<InputPosition> read_position(tidemill::Log& log, const std::string& input);
/// In the appender's transaction.
void append_position(Appender& appender, const std::string& input, const InputPosition& position);

}  // namespace liquidity
