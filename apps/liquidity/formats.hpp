// The records of the liquidity chain and their JSON: what comes in is read strictly, what goes out has a fixed order of
// fields, so that equal states are equal bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "liquidity/money.hpp"

namespace liquidity {

struct Account {
  std::string account;
  std::string client;
  std::string currency;
  bool operator==(const Account&) const = default;
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
  /// Why the transaction is refused whatever the accounts are: an amount overflows, the legs do not sum to zero.
  /// Empty: it is not.
  std::string refusal;
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
  Money balance = 0;
  std::int64_t version = 0;  // legs applied
};
/// From the client balance of this version on, the floor is this one; nullopt: there is no limit.
struct LimitInForce {
  std::string client;
  std::string currency;
  std::optional<std::int64_t> floor;
  std::int64_t from_version = 0;
};
struct Breach {
  std::string breach_id;
  std::string client;
  std::string currency;
  std::int64_t floor = 0;
  Money balance = 0;
  std::string transaction;
};

/// What is wrong with an input, for a person.
class BadInput : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Ids and names are keys of records, and stand in others and in sentences about them: a longer one could make a record that
/// fits into no topic.
inline constexpr std::size_t kTextBytesMax = 1024;

/// Reads JSON. Reuse one per thread: it keeps its buffers. All members throw BadInput.
///
/// Accounts, limits and transactions come from outside: any order of fields, further fields, every byte checked, texts of at
/// most kTextBytesMax.
/// The others were written by the chain and are only looked through for what is asked.
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
std::string to_json(const LimitInForce& limit);
std::string to_json(const Breach& breach);
/// `text` in quotation marks.
std::string json_text(std::string_view text);

/// `C1/EUR`. A currency has no slash, so that two positions never share a key.
inline std::string client_key(std::string_view client, std::string_view currency) {
  std::string key(client);
  key += '/';
  return key += currency;
}

/// "2026-11-23T08:00:00.123Z" (the fraction may be missing) to milliseconds since 1970; throws BadInput.
std::int64_t parse_time(std::string_view text);
/// Throws BadInput unless it is a date like "2026-11-23".
void check_date(std::string_view text);
std::string format_time(std::int64_t ms);

}  // namespace liquidity
