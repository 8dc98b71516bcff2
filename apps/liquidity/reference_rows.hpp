// The chain's tables of accounts and limits: of every key the last row that is good.
//
// A row that cannot be read, that stands under another's key, or that gives an account another client or currency has no effect:
// the row before it stays in force. It is told (topic, partition, offset, key, reason) and counted. Where no good row is before it
// the bad one is kept, so that a transaction of such an account can be refused with the reason; whoever reads these tables must
// expect that. The verifier has the same rules, in its own words.
#pragma once

#include <tidemill/dsl/streams_builder.hpp>

#include <memory>

#include "liquidity/counts.hpp"

namespace liquidity {

inline constexpr const char* kAccountsStore = "accounts";
inline constexpr const char* kLimitsStore = "limits";

void add_reference_tables(tidemill::StreamsBuilder& builder, const std::shared_ptr<Counts>& counts);

}  // namespace liquidity
