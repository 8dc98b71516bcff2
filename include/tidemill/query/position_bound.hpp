// Positions as questions use them: which input an answer has seen, and which it must have seen.
#pragma once

#include <string>
#include <utility>

#include <tidemill/state/bytes_store.hpp>

namespace tidemill {

/// `{in: {0: 41, 1: 7}}`.
[[nodiscard]] std::string to_string(const Position& position);

/// How much of the input a store must have seen before it answers.
class PositionBound {
 public:
  [[nodiscard]] static PositionBound unbounded() { return PositionBound({}); }
  [[nodiscard]] static PositionBound at(Position position) { return PositionBound(std::move(position)); }
  [[nodiscard]] bool is_unbounded() const { return position_.empty(); }
  [[nodiscard]] const Position& position() const { return position_; }
  /// Of the bound only that partition of its topics counts.
  [[nodiscard]] bool admits(const Position& seen, std::int32_t partition) const;
  /// The whole bound, for a store that has all partitions.
  [[nodiscard]] bool admits(const Position& seen) const;
  bool operator==(const PositionBound&) const = default;

 private:
  explicit PositionBound(Position position) : position_(std::move(position)) {}
  Position position_;
};

}  // namespace tidemill
