// Money: a sum of amounts in minor units. Amounts are signed 64-bit integers; sums are wider, so that no number of
// transactions can make a balance overflow.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace liquidity {

__extension__ typedef __int128 Money;

void append_money(std::string& out, Money money);
[[nodiscard]] std::string to_text(Money money);
/// nullopt: not a whole number, or wider than Money.
[[nodiscard]] std::optional<Money> parse_money(std::string_view text);

}  // namespace liquidity
