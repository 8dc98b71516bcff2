// Trail: what has been read of a file, as checksums, so that a later run can tell whether it still stands there, and if not,
// between which lines it was changed.
//
// A running checksum over all bytes, with marks on the way: at most kMarksMax, evenly spread over the lines, so that a change
// is narrowed down to a small part of what was read. To verify costs one pass over what was read, once a start, at a
// multiplication a byte (1 to 3 ns, so well under a second for a million transactions), where taking them cost microseconds each.
#pragma once

#include <cstdint>
#include <istream>
#include <string>
#include <string_view>
#include <vector>

namespace liquidity {

/// FNV-1a, 64 bits; guards against accidents, not against malice.
class Checksum {
 public:
  explicit Checksum(std::uint64_t value = 0xcbf29ce484222325ULL) : value_(value) {}
  void add(std::string_view bytes) {
    for (const char c : bytes) value_ = (value_ ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  }
  [[nodiscard]] std::uint64_t value() const { return value_; }
  /// Sixteen hexadecimal digits.
  [[nodiscard]] std::string text() const;

 private:
  std::uint64_t value_;
};
[[nodiscard]] std::string checksum_of(std::string_view bytes);

class Trail {
 public:
  static constexpr std::size_t kMarksMax = 64;
  /// The end of a line, and the checksum of all before it.
  struct Mark {
    std::int64_t bytes = 0;
    std::int64_t lines = 0;
    std::string checksum = Checksum().text();
    bool operator==(const Mark&) const = default;
  };
  /// How a file compares with the trail.
  struct Comparison {
    Mark same;     // up to here it is what was read
    Mark differs;  // somewhere between `same` and this mark it differs; equal to `same`: it does not
    [[nodiscard]] bool unchanged() const { return same == differs; }
  };

  Trail() = default;
  Trail(std::vector<Mark> marks, Mark end);
  /// A line with its end, as it was read.
  void add(std::string_view line, bool ended);
  /// What has come to a line that had no end.
  void add_rest(std::string_view rest, bool ended);
  [[nodiscard]] const std::vector<Mark>& marks() const { return marks_; }
  [[nodiscard]] Mark end() const { return {bytes_, lines_, sum_.text()}; }
  [[nodiscard]] std::int64_t bytes() const { return bytes_; }
  [[nodiscard]] std::int64_t lines() const { return lines_; }
  /// Reads the file from its beginning, up to the first mark that does not agree.
  [[nodiscard]] Comparison compare(std::istream& file) const;
  /// Forgets what was read behind this mark.
  void cut_back_to(const Mark& mark);

 private:
  std::vector<Mark> marks_;  // every stride_ lines
  std::int64_t stride_ = 1;
  std::int64_t bytes_ = 0;
  std::int64_t lines_ = 0;
  Checksum sum_;
};

}  // namespace liquidity
