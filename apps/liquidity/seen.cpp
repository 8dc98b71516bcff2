#include "liquidity/seen.hpp"

#include "liquidity/trail.hpp"

namespace liquidity {
namespace {

constexpr std::string_view kTaken = "taken";
constexpr std::string_view kRefused = "refused ";
constexpr std::size_t kChecksumDigits = 16;

}  // namespace

std::string content_of(const Transaction& transaction) {
  Checksum sum;
  const auto add = [&sum](std::string_view text) {
    sum.add(text);
    sum.add(std::string_view("\0", 1));  // where one ends and the next begins
  };
  add(transaction.id);
  add(std::to_string(transaction.time_ms));
  add(transaction.value_date);
  for (const TransactionLeg& leg : transaction.legs) {
    add(leg.account);
    add(leg.currency);
    add(std::to_string(leg.amount));
  }
  return sum.text();
}

// "taken CHECKSUM", "refused CHECKSUM REASON"; once "taken" and "REASON".
std::string to_row(const Seen& seen) {
  if (seen.fate == Seen::Fate::kTaken) return std::string(kTaken) + " " + seen.content;
  return std::string(kRefused) + seen.content + " " + seen.refusal;
}

Seen parse_seen(std::string_view row) {
  if (row == kTaken) return {Seen::Fate::kTaken, "", ""};
  if (row.starts_with(kTaken) && row.size() == kTaken.size() + 1 + kChecksumDigits) {
    return {Seen::Fate::kTaken, std::string(row.substr(kTaken.size() + 1)), ""};
  }
  if (!row.starts_with(kRefused) || row.size() < kRefused.size() + kChecksumDigits + 1) {
    return {Seen::Fate::kRefused, "", std::string(row)};
  }
  row.remove_prefix(kRefused.size());
  return {Seen::Fate::kRefused, std::string(row.substr(0, kChecksumDigits)), std::string(row.substr(kChecksumDigits + 1))};
}

// All partitions that are here are asked: who wrote the record may have another idea of where a key belongs.
SeenLookup seen_by(const tidemill::Streams& streams) {
  return [&streams](const std::string& id) {
    const auto place = streams.query_metadata_for_key(kSeenStore, id);
    if (!place) return Seen{.fate = Seen::Fate::kCannotTell};
    const tidemill::StateQueryRequest request{.store_name = kSeenStore,
                                              .require_active = true,
                                              .isolation = tidemill::QueryIsolation::kReadCommitted,
                                              .timeout = kLookUpPatience};
    const auto answer = streams.query(request, tidemill::KeyQuery<std::string, std::string>{.key = id});
    if (!answer) return Seen{.fate = Seen::Fate::kCannotTell};
    Seen::Fate without_row = Seen::Fate::kElsewhere;
    for (const auto& [partition, part] : answer->partition_results()) {
      if (part.is_failure()) continue;
      if (part.result()) return parse_seen(*part.result());
      if (partition == place->partition) without_row = Seen::Fate::kUnknown;
    }
    return Seen{.fate = without_row};
  };
}

}  // namespace liquidity
