// InputLines: the lines of a file behind the end of a trail, one after the other, each with its number in the file.
//
// A last line without an end may have been taken. What comes behind it in a file that has grown since is the rest of that
// line, not a line of its own: numbers stay those that an editor shows.
#pragma once

#include <cstdint>
#include <istream>
#include <string>
#include <string_view>

#include "liquidity/trail.hpp"

namespace liquidity {

/// Without the byte order mark that some editors put at the beginning of a file.
[[nodiscard]] std::string_view without_byte_order_mark(std::string_view line);

class InputLines {
 public:
  /// Goes on where the trail ends. Both must outlive this object.
  InputLines(std::istream& file, Trail& trail);
  /// Reads a line; false at the end of the file.
  bool next();
  /// As it was read, without its end and without a byte order mark; valid until the next line is read.
  [[nodiscard]] std::string_view text() const;
  /// In the file, from 1.
  [[nodiscard]] std::int64_t number() const { return trail_.lines() + (added_ || rest_ ? 0 : 1); }
  /// False: it is the last one, and nothing ends it.
  [[nodiscard]] bool ended() const { return ended_; }
  /// It counts as read: its bytes belong to the trail from now on.
  void add();

 private:
  std::istream& file_;
  Trail& trail_;
  std::string line_;
  bool rest_ = false;  // of the line before
  bool ended_ = true;
  bool added_ = true;
};

}  // namespace liquidity
