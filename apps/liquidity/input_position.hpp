// How far an input has been read, on record in lq.input-positions beside the records themselves.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "liquidity/appender.hpp"
#include "liquidity/trail.hpp"

namespace liquidity {

struct InputPosition {
  std::string source = {};  // for people: a file as it was named
  std::int64_t done = 0;    // bytes of a file, or records
  std::int64_t lines = 0;   // of a file
  /// Checksum of the file's bytes before `done`. Where `marks` are missing: of the last 4 KiB of them only, as it was once.
  std::string before = {};
  std::optional<std::vector<Trail::Mark>> marks = {};
  std::string path = {};  // of the file, absolute
  /// Up to this byte lines are read again: some of them have been taken before.
  std::int64_t again_until = 0;
};

/// The last position of the input; nullopt: it is new.
[[nodiscard]] std::optional<InputPosition> read_position(tidemill::Log& log, const std::string& input);
/// The last position in any file that was read at this absolute path.
[[nodiscard]] std::optional<InputPosition> read_position_at(tidemill::Log& log, const std::string& path);
/// In the appender's transaction.
void append_position(Appender& appender, const std::string& input, const InputPosition& position);

}  // namespace liquidity
