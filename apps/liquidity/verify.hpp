// Recomputes the whole chain from its topics alone, and compares. Shares no code with the topology: it has its own reading of
// JSON and its own rules, written from the specification.
//
// What depends on when reference data became known is judged by what the chain has put on record: when it refused a
// transaction, and from which client balance on it judged by which floor.
#pragma once

#include <tidemill/log/log.hpp>

#include <string>

namespace liquidity {

struct Verdict {
  /// Not empty: the chain has more to do, and nothing has been compared. Says how much and what to do.
  std::string unfinished;
  /// Empty: no violation. Else the first difference.
  std::string violation;
  std::int64_t transactions = 0;
  std::int64_t refused = 0;
  std::int64_t repeated = 0;
  /// Of another content than the transaction that was taken under their id.
  std::int64_t contradicting = 0;
  std::int64_t legs = 0;
  std::int64_t accounts = 0;
  std::int64_t clients = 0;
  std::int64_t breaches = 0;
  std::int64_t clears = 0;
  /// Without effect, and no violation.
  std::int64_t bad_reference_rows = 0;
  std::string first_bad_reference_row;
};
/// `application_id`: whose committed positions say how far the chain has come. Throws ResultException when the log cannot be
/// read.
[[nodiscard]] Verdict verify(tidemill::Log& log, const std::string& application_id);

}  // namespace liquidity
