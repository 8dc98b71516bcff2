#include "liquidity/trail.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace liquidity {
namespace {

constexpr std::size_t kReadBytes = std::size_t{64} << 10;

/// False: the file ends before.
bool add_from(std::istream& file, std::int64_t bytes, Checksum& sum) {
  std::array<char, kReadBytes> buffer;
  while (bytes > 0) {
    const auto wanted = static_cast<std::streamsize>(std::min<std::int64_t>(bytes, kReadBytes));
    file.read(buffer.data(), wanted);
    if (file.gcount() < wanted) return false;
    sum.add({buffer.data(), static_cast<std::size_t>(wanted)});
    bytes -= wanted;
  }
  return true;
}

Checksum parse(const std::string& text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return Checksum(value);
}

}  // namespace

std::string Checksum::text() const {
  char text[20];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value_));
  return text;
}

std::string checksum_of(std::string_view bytes) {
  Checksum sum;
  sum.add(bytes);
  return sum.text();
}

Trail::Trail(std::vector<Mark> marks, Mark end)
    : marks_(std::move(marks)),
      stride_(marks_.empty() ? 1 : std::max<std::int64_t>(1, marks_.front().lines)),
      bytes_(end.bytes),
      lines_(end.lines),
      sum_(parse(end.checksum)) {}

void Trail::add(std::string_view line, bool ended) {
  ++lines_;
  add_rest(line, ended);
}

void Trail::add_rest(std::string_view rest, bool ended) {
  sum_.add(rest);
  if (ended) sum_.add("\n");
  bytes_ += static_cast<std::int64_t>(rest.size()) + (ended ? 1 : 0);
  if (!ended || lines_ % stride_ != 0) return;
  marks_.push_back(end());
  if (marks_.size() <= kMarksMax) return;
  stride_ *= 2;
  std::erase_if(marks_, [this](const Mark& mark) { return mark.lines % stride_ != 0; });
}

Trail::Comparison Trail::compare(std::istream& file) const {
  std::vector<Mark> marks = marks_;
  if (marks.empty() || marks.back() != end()) marks.push_back(end());
  file.clear();
  file.seekg(0);
  Comparison found;
  Checksum sum;
  for (const Mark& mark : marks) {
    found.differs = mark;
    if (!add_from(file, mark.bytes - found.same.bytes, sum) || sum.text() != mark.checksum) break;
    found.same = mark;
  }
  file.clear();
  return found;
}

void Trail::cut_back_to(const Mark& mark) {
  std::vector<Mark> kept = marks_;
  std::erase_if(kept, [&](const Mark& one) { return one.lines > mark.lines; });
  const std::int64_t stride = stride_;
  *this = Trail(std::move(kept), mark);
  stride_ = stride;
}

}  // namespace liquidity
