// The verifier's own reading of the chain's JSON: every function answers nullopt for what is not such a record.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "liquidity/money.hpp"

namespace liquidity::verifier {

struct Leg {
  std::string account;
  std::string currency;
  Money amount = 0;
  bool overflows = false;
};
struct Transaction {
  std::string id;
  std::vector<Leg> legs;
  /// Equal for equal transactions, however they are spelled.
  std::string content;
};
/// Any record of the chain but a transaction: the fields that are there.
struct Row {
  std::string account, client, currency, breach_id, transaction;
  std::optional<Money> balance, version, floor, from_version;
};

class Json {
 public:
  Json();
  ~Json();
  [[nodiscard]] std::optional<Transaction> transaction(std::string_view json);
  /// Rows of accounts and limits come from outside: every field has to be as the specification says.
  [[nodiscard]] std::optional<Row> account(std::string_view json);
  [[nodiscard]] std::optional<Row> limit(std::string_view json);
  [[nodiscard]] std::optional<Row> row(std::string_view json);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace liquidity::verifier
