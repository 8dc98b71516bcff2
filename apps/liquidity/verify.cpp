#include "liquidity/verify.hpp"

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "liquidity/feed.hpp"

namespace liquidity {
namespace {

using Json = nlohmann::json;

struct Row {
  std::int64_t balance = 0;
  std::int64_t version = 0;
};
using Rows = std::map<std::string, Row>;

Json parse(const tidemill::OptionalBytes& bytes) {
  return bytes ? Json::parse(*bytes, nullptr, false) : Json(Json::value_t::discarded);
}
bool is_text(const Json& object, const char* field) {
  return object.contains(field) && object[field].is_string() && !object[field].get_ref<const std::string&>().empty();
}

// The whole of a transaction, or nothing.
bool acceptable(const Json& transaction, const std::map<std::string, Json>& accounts) {
  if (!transaction.is_object() || !is_text(transaction, "id") || !is_text(transaction, "time") ||
      !is_text(transaction, "value_date") || !transaction.contains("legs") || !transaction["legs"].is_array() ||
      transaction["legs"].empty() || transaction["legs"].size() > kLegsMax) {
    return false;
  }
  std::map<std::string, __int128> sums;
  for (const Json& leg : transaction["legs"]) {
    if (!leg.is_object() || !is_text(leg, "account") || !is_text(leg, "currency") || !leg.contains("amount") ||
        !leg["amount"].is_number_integer()) {
      return false;
    }
    if (leg["amount"].is_number_unsigned() && leg["amount"].get<std::uint64_t>() > static_cast<std::uint64_t>(kAmountMax)) {
      return false;
    }
    const auto amount = leg["amount"].get<std::int64_t>();
    if (amount > kAmountMax || amount < -kAmountMax) return false;
    const auto account = accounts.find(leg["account"].get<std::string>());
    if (account == accounts.end() || account->second["currency"] != leg["currency"]) return false;
    sums[leg["currency"].get<std::string>()] += amount;
  }
  for (const auto& [currency, sum] : sums) {
    if (sum != 0) return false;
  }
  return true;
}

std::string compare(const char* topic, const Rows& expected, const std::map<std::string, Json>& actual) {
  for (const auto& [key, row] : expected) {
    const auto found = actual.find(key);
    if (found == actual.end()) return std::string(topic) + ": there is no record of " + key;
    const Json& json = found->second;
    if (json.value("balance", std::int64_t{0}) != row.balance || json.value("version", std::int64_t{0}) != row.version) {
      return std::string(topic) + ": " + key + " is " + json.dump() + ", but its transactions give balance " +
             std::to_string(row.balance) + ", version " + std::to_string(row.version);
    }
  }
  for (const auto& [key, json] : actual) {
    if (!expected.contains(key)) return std::string(topic) + ": " + key + " has a balance, but no transaction";
  }
  return {};
}

}  // namespace

Verdict verify(tidemill::Log& log) {
  Verdict verdict;
  std::map<std::string, Json> accounts;
  std::map<std::string, std::int64_t> floors;
  read_topic(log, topics::kAccounts, [&](TopicRecord&& record) { accounts[record.key.value_or("")] = parse(record.value); });
  read_topic(log, topics::kLimits, [&](TopicRecord&& record) {
    floors[record.key.value_or("")] = parse(record.value).value("floor", std::int64_t{0});
  });

  Rows account_rows;
  Rows client_rows;
  std::set<std::string> taken;
  read_topic(log, topics::kTransactions, [&](TopicRecord&& record) {
    ++verdict.transactions;
    const Json transaction = parse(record.value);
    const bool key_fits = transaction.is_object() && is_text(transaction, "id") && record.key == transaction["id"].get<std::string>();
    if (key_fits && taken.contains(transaction["id"].get<std::string>())) return;
    if (!key_fits || !acceptable(transaction, accounts)) {
      ++verdict.refused;
      return;
    }
    taken.insert(transaction["id"].get<std::string>());
    for (const Json& leg : transaction["legs"]) {
      ++verdict.legs;
      const auto amount = leg["amount"].get<std::int64_t>();
      const auto account = leg["account"].get<std::string>();
      const std::string client = accounts[account]["client"].get<std::string>() + "/" + leg["currency"].get<std::string>();
      for (Row* row : {&account_rows[account], &client_rows[client]}) row->balance += amount, ++row->version;
    }
  });
  verdict.accounts = static_cast<std::int64_t>(account_rows.size());
  verdict.clients = static_cast<std::int64_t>(client_rows.size());

  // Balances: the last record of each key, and no gap on the way.
  const auto last = [&](const char* topic, const auto& each) {
    std::map<std::string, Json> rows;
    read_topic(log, topic, [&](TopicRecord&& record) {
      Json json = parse(record.value);
      const std::string key = record.key.value_or("");
      const std::int64_t version = json.value("version", std::int64_t{0});
      const std::int64_t before = rows.contains(key) ? rows[key].value("version", std::int64_t{0}) : 0;
      if (version != before + 1 && verdict.violation.empty()) {
        verdict.violation = std::string(topic) + ": " + key + " goes from version " + std::to_string(before) + " to " +
                            std::to_string(version);
      }
      each(key, json);
      rows[key] = std::move(json);
    });
    return rows;
  };
  const auto account_actual = last(topics::kAccountBalances, [](const std::string&, const Json&) {});
  std::map<std::string, std::vector<std::string>> expected_breaches;
  std::map<std::string, std::vector<std::string>> expected_clears;
  std::map<std::string, std::string> open;
  const auto client_actual = last(topics::kClientBalances, [&](const std::string& key, const Json& json) {
    const auto floor = floors.find(key);
    if (floor == floors.end()) return;
    const bool below = json.value("balance", std::int64_t{0}) < floor->second;
    if (below && !open.contains(key)) {
      open[key] = key + "/" + std::to_string(json.value("version", std::int64_t{0}));
      expected_breaches[key].push_back(open[key]);
    } else if (!below && open.contains(key)) {
      expected_clears[key].push_back(open[key]);
      open.erase(key);
    }
  });
  const auto note = [&](std::string text) {
    if (verdict.violation.empty()) verdict.violation = std::move(text);
  };
  note(compare(topics::kAccountBalances, account_rows, account_actual));
  note(compare(topics::kClientBalances, client_rows, client_actual));

  const auto events = [&](const char* topic, std::int64_t& count, std::map<std::string, std::vector<std::string>>& expected) {
    std::map<std::string, std::vector<std::string>> actual;
    read_topic(log, topic, [&](TopicRecord&& record) {
      ++count;
      actual[record.key.value_or("")].push_back(parse(record.value).value("breach_id", ""));
    });
    if (actual != expected) note(std::string(topic) + ": the events are not the crossings of " + topics::kClientBalances);
  };
  events(topics::kBreaches, verdict.breaches, expected_breaches);
  events(topics::kBreachClears, verdict.clears, expected_clears);
  std::int64_t dead = 0;
  read_topic(log, topics::kDeadLetters, [&](TopicRecord&&) { ++dead; });
  if (dead != verdict.refused) {
    note(std::string(topics::kDeadLetters) + " holds " + std::to_string(dead) + " records, but " +
         std::to_string(verdict.refused) + " transactions are to be refused");
  }
  return verdict;
}

}  // namespace liquidity
