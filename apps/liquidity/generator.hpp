// A business day that never happened: seeded, so that the same seed gives the same bytes.
//
// Arrivals follow the day (opening, noon, the cut-off at 16:00), amounts are heavy-tailed (log-normal), counterparties are
// scale-free (a few clients trade with everybody).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "liquidity/formats.hpp"

namespace liquidity {

class Generator {
 public:
  Generator(std::uint64_t seed, std::int64_t transactions);
  [[nodiscard]] const std::vector<Account>& accounts() const { return accounts_; }
  [[nodiscard]] const std::vector<Limit>& limits() const { return limits_; }
  /// The next transaction of the day; times grow. `day` counts from 2026-11-23.
  [[nodiscard]] Transaction next();

 private:
  [[nodiscard]] std::uint64_t random();
  [[nodiscard]] double uniform();
  [[nodiscard]] const Account& counterparty(const std::string& currency);
  std::uint64_t seed_;
  std::uint64_t state_;
  std::int64_t transactions_;
  std::int64_t made_ = 0;
  std::vector<Account> accounts_;
  std::vector<Limit> limits_;
};

/// Writes accounts.ndjson, limits.ndjson, transactions.ndjson into `directory` (made if missing); throws std::runtime_error.
void generate_files(std::uint64_t seed, std::int64_t transactions, const std::string& directory);

}  // namespace liquidity
