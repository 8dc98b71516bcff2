// The records of the liquidity chain and their JSON: what comes in is read strictly, what goes out has a fixed order of
// fields, so that equal states are equal bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace liquidity {

namespace topics {
inline constexpr const char* kAccounts = "lq.accounts";                // key account
inline constexpr const char* kLimits = "lq.limits";                    // key client/currency
inline constexpr const char* kTransactions = "lq.transactions";        // key transaction id
inline constexpr const char* kLegs = "lq.legs";                        // key account
inline constexpr const char* kAccountBalances = "lq.account-balances"; // key account
inline constexpr const char* kClientLegs = "lq.client-legs";           // key client/currency
inline constexpr const char* kClientBalances = "lq.client-balances";   // key client/currency
inline constexpr const char* kBreaches = "lq.breaches";                // key client/currency
inline constexpr const char* kBreachClears = "lq.breach-clears";       // key client/currency
inline constexpr const char* kDeadLetters = "lq.dlq";                  // key transaction id
}  // namespace topics

/// Ten trillion in hundredths: beyond it an amount is refused, so that balances cannot overflow within 9000 of them.
inline constexpr std::int64_t kAmountMax = 1'000'000'000'000'000;
inline constexpr std::size_t kLegsMax = 1000;

struct Account {
  std::string account;
  std::string client;
  std::string currency;
};
struct Limit {
  std::string client;
  std::string currency;
  std::int64_t floor = 0;
  std::string mode = "monitor";
};
struct TransactionLeg {
  std::string account;
  std::string currency;
  std::int64_t amount = 0;
};
struct Transaction {
  std::string id;
  std::string time;
  std::string value_date;
  std::int64_t time_ms = 0;
  std::vector<TransactionLeg> legs;
};
/// A leg on its way through the chain.
struct Leg {
  std::string transaction;
  std::string account;
  std::string client;
  std::string currency;
  std::int64_t amount = 0;
};
struct Balance {
  std::string account;  // empty for a client's
  std::string client;
  std::string currency;
  std::int64_t balance = 0;
  std::int64_t version = 0;  // legs applied
};
struct Breach {
  std::string breach_id;
  std::string client;
  std::string currency;
  std::int64_t floor = 0;
  std::int64_t balance = 0;
  std::string transaction;
};

/// What is wrong with an input, for a person.
class BadInput : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Reads JSON. Reuse one per thread: it keeps its buffers. All members throw BadInput.
class Reader {
 public:
  Reader();
  ~Reader();
  Reader(const Reader&) = delete;
  [[nodiscard]] Account account(std::string_view json);
  [[nodiscard]] Limit limit(std::string_view json);
  [[nodiscard]] Transaction transaction(std::string_view json);
  [[nodiscard]] Leg leg(std::string_view json);
  [[nodiscard]] Balance balance(std::string_view json);
  [[nodiscard]] Breach breach(std::string_view json);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

std::string to_json(const Account& account);
std::string to_json(const Limit& limit);
std::string to_json(const Transaction& transaction);
std::string to_json(const Leg& leg);
std::string to_json(const Balance& balance);
std::string to_json(const Breach& breach);

inline std::string client_key(const std::string& client, const std::string& currency) { return client + "/" + currency; }
/// "2026-11-23T08:00:00.123Z" to milliseconds since 1970; throws BadInput.
std::int64_t parse_time(std::string_view text);
std::string format_time(std::int64_t ms);

}  // namespace liquidity
