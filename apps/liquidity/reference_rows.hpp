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
#include "liquidity/formats.hpp"

namespace liquidity {

inline constexpr const char* kAccountsStore = "accounts";
inline constexpr const char* kLimitsStore = "limits";

/// What one row says. BadInput: it is empty, cannot be read, or stands under another's key.
template <class Kind>
[[nodiscard]] Kind row_of(Reader& reader, tidemill::OptionalBytesView key, tidemill::OptionalBytesView value);
template <>
Account row_of<Account>(Reader& reader, tidemill::OptionalBytesView key, tidemill::OptionalBytesView value);
template <>
Limit row_of<Limit>(Reader& reader, tidemill::OptionalBytesView key, tidemill::OptionalBytesView value);

/// What the operator hears of a bad row.
[[nodiscard]] std::string bad_row(std::string_view topic, tidemill::PartitionId partition, tidemill::Offset offset,
                                  tidemill::OptionalBytesView key, std::string_view reason);

void add_reference_tables(tidemill::StreamsBuilder& builder, const std::shared_ptr<Counts>& counts);

}  // namespace liquidity
