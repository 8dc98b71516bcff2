#include "liquidity/input_lines.hpp"

namespace liquidity {

std::string_view without_byte_order_mark(std::string_view line) {
  return line.starts_with("\xef\xbb\xbf") ? line.substr(3) : line;
}

InputLines::InputLines(std::istream& file, Trail& trail) : file_(file), trail_(trail) {
  file_.clear();
  if (trail_.bytes() > 0) {
    file_.seekg(trail_.bytes() - 1);
    ended_ = file_.get() == '\n';
    file_.clear();
  }
  file_.seekg(trail_.bytes());
}

bool InputLines::next() {
  const bool behind_an_end = ended_;
  if (!std::getline(file_, line_)) return false;
  rest_ = !behind_an_end;
  ended_ = !file_.eof();
  added_ = false;
  return true;
}

std::string_view InputLines::text() const { return number() == 1 ? without_byte_order_mark(line_) : line_; }

void InputLines::add() {
  rest_ ? trail_.add_rest(line_, ended_) : trail_.add(line_, ended_);
  added_ = true;
}

}  // namespace liquidity
