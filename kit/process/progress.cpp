#include "process/progress.hpp"

#include <algorithm>
#include <cstdio>

#include <unistd.h>

namespace kit {

Progress::Progress(std::string what) : what_(std::move(what)), terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (terminal_ && drawn_) {
    draw();
    std::fputc('\n', stderr);
  }
}

void Progress::show(std::int64_t done, std::int64_t of, const std::string& note) {
  constexpr std::int64_t kWidth = 30;
  const std::int64_t percent = of > 0 ? std::clamp<std::int64_t>(done * 100 / of, 0, 100) : 0;
  line_ = what_;
  if (of > 0) {
    const auto filled = static_cast<std::size_t>(percent * kWidth / 100);
    line_ += " [" + std::string(filled, '#') + std::string(kWidth - filled, '.') + "] " + std::to_string(percent) + "%";
  }
  line_ += "  " + note;
  if (!terminal_) {
    if (percent / 10 == tenths_) return;
    tenths_ = percent / 10;
    std::fprintf(stderr, "%s\n", line_.c_str());
    return;
  }
  const auto now = std::chrono::steady_clock::now();
  if (drawn_ && now - last_ < kRedraw && percent < 100) return;
  last_ = now;
  draw();
}

void Progress::draw() {
  drawn_ = true;
  std::fprintf(stderr, "\r\x1b[K%s", line_.c_str());
}

void Progress::say(const std::string& message) {
  std::fprintf(stderr, "%s%s\n", terminal_ && drawn_ ? "\r\x1b[K" : "", message.c_str());
  if (terminal_ && drawn_) draw();
}

}  // namespace kit
