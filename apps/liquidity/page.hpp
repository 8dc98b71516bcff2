// The live page: one self-contained HTML text, no outside asset.
#pragma once

namespace liquidity {
extern const char* const kPage;
}
