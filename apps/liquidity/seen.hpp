// Seen: what the chain has made of a transaction's id, as its store `transactions-seen` keeps it.
//
// Beside the fate stands a checksum of the content, so that a second transaction of the same id can be told from a repetition.
// Rows of before there were checksums have none.
#pragma once

#include <tidemill/streams.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "liquidity/formats.hpp"

namespace liquidity {

inline constexpr const char* kSeenStore = "transactions-seen";

struct Seen {
  enum class Fate {
    kUnknown,  // the chain has not judged it
    kTaken,
    kRefused,
    kElsewhere,   // another instance has its partition, or that is on its way
    kCannotTell,  // the store has not answered in time, or not at all
  };
  Fate fate = Fate::kUnknown;
  std::string content = {};  // checksum; empty: not on record
  std::string refusal = {};  // why
  bool operator==(const Seen&) const = default;

  /// The chain may have judged it all the same.
  [[nodiscard]] bool nobody_knows() const { return fate == Fate::kElsewhere || fate == Fate::kCannotTell; }
  /// A transaction with this content may come again only as a repetition.
  [[nodiscard]] bool contradicts(std::string_view other) const {
    return fate == Fate::kTaken && !content.empty() && content != other;
  }
};
/// Equal for equal transactions, however they are spelled: order of fields, spaces, fields that the chain does not know.
[[nodiscard]] std::string content_of(const Transaction& transaction);

[[nodiscard]] std::string to_row(const Seen& seen);
[[nodiscard]] Seen parse_seen(std::string_view row);

/// By id. Knows what has been committed in the tasks of this process.
using SeenLookup = std::function<Seen(const std::string& id)>;
/// Waits for at most kLookUpPatience; `streams` must outlive it.
inline constexpr std::chrono::seconds kLookUpPatience{2};
[[nodiscard]] SeenLookup seen_by(const tidemill::Streams& streams);

}  // namespace liquidity
