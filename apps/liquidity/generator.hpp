// Business days that never happened: seeded, so that the same seed gives the same bytes.
//
// Arrivals follow the day (a rush after opening, a lull at noon, a rush before the cut-off at 16:00), amounts are
// heavy-tailed (log-normal), payers and payees are scale-free (the n-th busiest account is met in proportion to 1/n), one
// payment in ten goes to several payees, and most of the money comes back in the course of the day. Every transaction is
// good.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "liquidity/formats.hpp"

namespace liquidity {

class Generator {
 public:
  /// `per_day` transactions a day. The clients depend on `seed` and `per_day` alone.
  Generator(std::uint64_t seed, std::int64_t per_day);
  [[nodiscard]] const std::vector<Account>& accounts() const { return accounts_; }
  [[nodiscard]] const std::vector<Limit>& limits() const { return limits_; }
  /// The next transaction; times never go back. The first day is 2026-11-23; weekends are skipped.
  [[nodiscard]] Transaction next();
  /// As if next() had been called `count` times.
  void skip_to(std::int64_t count);

 private:
  struct Random {
    std::uint64_t state;
    [[nodiscard]] std::uint64_t next();
    [[nodiscard]] double uniform();  // in [0, 1)
    [[nodiscard]] double gaussian();
  };
  void make_clients(std::int64_t count);
  void begin_day(std::int64_t day);
  struct Market;
  [[nodiscard]] const Account& someone(const Market& market);
  [[nodiscard]] std::vector<TransactionLeg> new_payment();
  [[nodiscard]] std::int64_t amount();

  std::uint64_t seed_;
  std::int64_t per_day_;
  Random random_{0};
  std::vector<Account> accounts_;
  std::vector<Limit> limits_;
  struct Market {  // the accounts of one currency, the busiest first, and the sums of 1/n
    std::string currency;
    std::vector<std::size_t> accounts;
    std::vector<double> weights;
  };
  std::vector<Market> markets_;
  struct Return {      // a payment that comes back
    std::int64_t due;  // as made_
    std::vector<TransactionLeg> legs;
    bool operator>(const Return& other) const { return due > other.due; }
  };
  std::vector<Return> returns_;  // a heap, the next one due in front
  std::int64_t made_ = 0;
  std::int64_t day_begin_ = 0;
  double arrived_ = 0;  // of this day's arrivals, in units of their number
};

/// Writes accounts.ndjson, limits.ndjson, transactions.ndjson into `directory` (made if missing); throws
/// std::runtime_error.
void generate_files(std::uint64_t seed, std::int64_t transactions, const std::string& directory);

}  // namespace liquidity
