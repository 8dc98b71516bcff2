// Progress: one line on standard error that says how far something is. On a terminal it is redrawn in place; else a line is
// written whenever another tenth is done.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace kit {

class Progress {
 public:
  explicit Progress(std::string what);
  /// Ends the line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// `of` <= 0: not known. `note` stands behind the bar. Redraws at most every kRedraw, and at the end.
  void show(std::int64_t done, std::int64_t of, const std::string& note);
  /// Puts a message above the bar.
  void say(const std::string& message);

 private:
  static constexpr std::chrono::milliseconds kRedraw{100};
  void draw();
  std::string what_;
  std::string line_;
  bool terminal_;
  bool drawn_ = false;
  std::int64_t tenths_ = -1;
  std::chrono::steady_clock::time_point last_{};
};

}  // namespace kit
