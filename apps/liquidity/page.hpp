// The live page: one self-contained HTML text, no outside asset.
#pragma once

#include <string>

namespace liquidity {

[[nodiscard]] std::string page();

}  // namespace liquidity
