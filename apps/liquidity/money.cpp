#include "liquidity/money.hpp"

#include <charconv>
#include <cstdint>
#include <limits>

namespace liquidity {

void append_money(std::string& out, Money money) {
  constexpr std::size_t kDigitsMax = 40;
  char text[kDigitsMax];
  if (money >= std::numeric_limits<std::int64_t>::min() && money <= std::numeric_limits<std::int64_t>::max()) {
    const auto end = std::to_chars(text, text + kDigitsMax, static_cast<std::int64_t>(money)).ptr;
    out.append(text, end);
    return;
  }
  char* at = text + kDigitsMax;
  const bool negative = money < 0;
  for (; money != 0; money /= 10) {
    const int digit = static_cast<int>(money % 10);
    *--at = static_cast<char>('0' + (digit < 0 ? -digit : digit));
  }
  if (negative) *--at = '-';
  out.append(at, text + kDigitsMax);
}

std::string to_text(Money money) {
  std::string text;
  append_money(text, money);
  return text;
}

std::optional<Money> parse_money(std::string_view text) {
  const bool negative = !text.empty() && text.front() == '-';
  if (negative) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  Money money = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    // Downwards, so that the smallest number can be read, too.
    if (__builtin_mul_overflow(money, 10, &money) || __builtin_sub_overflow(money, c - '0', &money)) {
      return std::nullopt;
    }
  }
  if (negative) return money;
  Money positive = 0;
  if (__builtin_sub_overflow(positive, money, &positive)) return std::nullopt;
  return positive;
}

}  // namespace liquidity
