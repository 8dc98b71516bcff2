#include "liquidity/verify.hpp"

#include <charconv>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "liquidity/topics.hpp"
#include "liquidity/verify_json.hpp"

namespace liquidity {
namespace {

using verifier::Row;
using verifier::Transaction;
using Place = std::pair<std::int32_t, std::int64_t>;  // partition and offset in lq.transactions

/// An order-free sum over what moved a balance.
std::uint64_t mixed(Money amount) {
  auto z = static_cast<std::uint64_t>(amount) + 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}
std::size_t hash_of(tidemill::OptionalBytesView bytes) { return std::hash<std::string_view>()(bytes.value_or("")); }

/// Of a record that was too large for a dead letter with reason and place, this much is there.
constexpr std::size_t kCutTo = 1000;
tidemill::OptionalBytesView cut(tidemill::OptionalBytesView bytes) {
  return bytes ? tidemill::OptionalBytesView(bytes->substr(0, kCutTo)) : bytes;
}

std::int64_t number_in(const TopicRecord& record, std::string_view header) {
  const std::string text = record.header(header);
  std::int64_t number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : -1;
}

struct Account {
  std::string client;
  std::string currency;
  std::int64_t since_ms = 0;
};
struct Refusal {
  std::string key;
  std::string reason;
  std::size_t value_hash = 0;
  std::int64_t at_ms = -1;
  bool is_cut = false;
  bool explained = false;
};
struct Balance {
  Money balance = 0;
  std::int64_t version = 0;
  std::uint64_t moves = 0;
  void move(Money amount) {
    balance += amount;
    ++version;
    moves += mixed(amount);
  }
};
struct Floor {
  std::int64_t from_version = 1;
  std::optional<Money> floor;
};
struct Crossing {
  Money floor = 0;
  Money balance = 0;
  Money move = 0;
};
struct Event {
  std::string id;
  Money floor = 0;
  Money balance = 0;
  std::string transaction;
  std::string client;
  std::string currency;
};

class Verifier {
 public:
  Verifier(tidemill::Log& log, const std::string& application_id) : log_(log), application_id_(application_id) {}

  Verdict run() {
    check_caught_up();
    if (!verdict_.unfinished.empty()) return std::move(verdict_);
    read_reference_data();
    read_refusals();
    read_events(topics::kBreaches, breaches_, verdict_.breaches);
    read_events(topics::kBreachClears, clears_, verdict_.clears);
    read_transactions();
    check_refusals();
    check_balances(topics::kAccountBalances, accounts_expected_, [](const std::string&, const Balance&, Money) {});
    check_balances(topics::kClientBalances, clients_expected_,
                   [this](const std::string& key, const Balance& now, Money move) { cross(key, now, move); });
    check_events();
    verdict_.accounts = static_cast<std::int64_t>(accounts_expected_.size());
    verdict_.clients = static_cast<std::int64_t>(clients_expected_.size());
    return std::move(verdict_);
  }

 private:
  void note(std::string text) {
    if (verdict_.violation.empty()) verdict_.violation = std::move(text);
  }

  void check_caught_up() {
    std::map<tidemill::TopicPartition, tidemill::Offset> done;
    const auto group = log_.admin().describe_group(application_id_, log_deadline());
    if (group) {
      for (const auto& position : group->offsets) done[position.partition] = position.offset;
    } else if (group.error().kind != tidemill::ErrorKind::kNotFound) {
      throw tidemill::ResultException(group.error());
    }
    for (const char* topic : {topics::kTransactions, topics::kLegs, topics::kClientLegs, topics::kClientBalances}) {
      std::int64_t left = 0;
      read_topic(
          log_, topic, [&](const TopicRecord&) { ++left; }, done);
      if (left > 0 && verdict_.unfinished.empty()) {
        verdict_.unfinished = "the chain has not caught up: " + std::to_string(left) + " records of " + topic +
                              " are still to be processed; let `liquidity run --once` come to its end, then verify";
      }
    }
  }

  void read_reference_data() {
    read_topic(log_, topics::kAccounts, [&](const TopicRecord& record) {
      const auto row = json_.account(record.value.value_or(""));
      const std::string key(record.key.value_or(""));
      if (!row || !record.key || row->account != key) return pass_over(topics::kAccounts, record, "is not an account");
      const auto [known, fresh] = accounts_.emplace(key, Account{row->client, row->currency, record.timestamp.value});
      if (known->second.client != row->client || known->second.currency != row->currency) {
        pass_over(topics::kAccounts, record, "changes its client or currency");
      }
    });
    read_topic(log_, topics::kLimits, [&](const TopicRecord& record) {
      const auto row = json_.limit(record.value.value_or(""));
      const std::string key(record.key.value_or(""));
      if (!row || !record.key || row->client + "/" + row->currency != key) {
        return pass_over(topics::kLimits, record, "is not a limit");
      }
      limits_[key].emplace_back(record.timestamp.value, *row->floor);
    });
    read_topic(log_, topics::kLimitsInForce, [&](const TopicRecord& record) { take_floor(record); });
    for (const auto& [key, limits] : limits_) {
      // Without a record the first limit is in force from the beginning.
      floors_.try_emplace(key, std::vector<Floor>{{1, limits.front().second}});
    }
  }

  // A bad row has no effect; the one before it stays.
  void pass_over(const char* topic, const TopicRecord& record, const char* what) {
    if (++verdict_.bad_reference_rows > 1) return;
    verdict_.first_bad_reference_row = std::string(topic) + ": the row of " + std::string(record.key.value_or("(no key)")) +
                                       " at offset " + std::to_string(record.offset.value) + " of partition " +
                                       std::to_string(record.partition.value) + " " + what;
  }

  // Floors come into force in the order in which they were set, and not after a later one was known.
  void take_floor(const TopicRecord& record) {
    const std::string key(record.key.value_or(""));
    const std::string where = std::string(topics::kLimitsInForce) + ": " + key;
    const auto row = json_.row(record.value.value_or(""));
    if (!row || !row->from_version) return note(where + " has no from_version");
    std::vector<Floor>& floors = floors_[key];
    const auto from = static_cast<std::int64_t>(*row->from_version);
    if (floors.empty() ? from != 1 : from <= floors.back().from_version) {
      note(where + ": a floor is in force from version " + std::to_string(from) + ", which is out of order");
    }
    const auto known = limits_.find(key);
    const std::size_t count = known == limits_.end() ? 0 : known->second.size();
    std::size_t& next = limits_used_[key];  // of the limits before it none can come into force any more
    std::size_t latest = 0;                 // how many were known then
    while (latest < count && known->second[latest].first < number_in(record, "at")) ++latest;
    if (row->floor) {
      std::size_t found = next;
      while (found < count && known->second[found].second != *row->floor) ++found;
      if (found == count) note(where + ": the floor " + to_text(*row->floor) + " was never set, or was replaced before");
      next = found + 1;
    }
    // The floor that was set last is looked for; an equal one set again does not count as another.
    while (next < latest && row->floor && known->second[next].second == *row->floor) ++next;
    if (next < latest)
      note(where + ": from version " + std::to_string(from) + " on a floor is in force that was replaced before");
    floors.push_back({from, row->floor});
  }

  void read_refusals() {
    read_topic(log_, topics::kDeadLetters, [&](const TopicRecord& record) {
      const Place place{static_cast<std::int32_t>(number_in(record, "partition")), number_in(record, "offset")};
      Refusal refusal{std::string(record.key.value_or("")), record.header("reason"), hash_of(record.value),
                      number_in(record, "refused-at"), !record.header("cut-from").empty()};
      if (refusal.reason.empty()) note(std::string(topics::kDeadLetters) + ": " + refusal.key + " has no reason");
      first_refusal_.emplace(refusal.key, place);
      if (!refusals_.emplace(place, std::move(refusal)).second) {
        note(std::string(topics::kDeadLetters) + ": the record at offset " + std::to_string(place.second) + " of partition " +
             std::to_string(place.first) + " was refused twice");
      }
    });
    if (refusals_.empty()) return;
    // A transaction that was refused may have been sent again and taken, when its accounts were known: its legs say so.
    read_topic(log_, topics::kLegs, [&](const TopicRecord& record) {
      const auto row = json_.row(record.value.value_or(""));
      if (row && first_refusal_.contains(row->transaction)) mended_.insert(row->transaction);
    });
  }

  void read_events(const char* topic, std::map<std::string, std::vector<Event>>& events, std::int64_t& count) {
    read_topic(log_, topic, [&](const TopicRecord& record) {
      ++count;
      const std::string key(record.key.value_or(""));
      const auto row = json_.row(record.value.value_or(""));
      if (!row || row->breach_id.empty() || !row->floor || !row->balance || row->client + "/" + row->currency != key) {
        return note(std::string(topic) + ": a record of " + key + " is not complete");
      }
      named_[row->transaction];
      events[key].push_back({row->breach_id, *row->floor, *row->balance, row->transaction, row->client, row->currency});
    });
  }

  void read_transactions() {
    read_topic(log_, topics::kTransactions, [&](const TopicRecord& record) {
      ++verdict_.transactions;
      const Place place{record.partition.value, record.offset.value};
      const auto transaction = json_.transaction(record.value.value_or(""));
      if (!transaction || record.key != transaction->id) return expect_refusal(place, record, false);
      const auto taken = taken_.find(transaction->id);
      if (taken != taken_.end()) {
        if (taken->second.content != hash_of(transaction->content))
          return expect_contradiction(place, record, taken->second.at);
        ++verdict_.repeated;
        return;
      }
      switch (judge(*transaction, place)) {
        case Judgement::kTaken: return take(*transaction, place);
        case Judgement::kRefused: return expect_refusal(place, record, true);
        case Judgement::kRepeatedRefusal: ++verdict_.repeated;
      }
    });
  }
  enum class Judgement { kTaken, kRefused, kRepeatedRefusal };
  Judgement judge(const Transaction& transaction, Place place) {
    std::map<std::string, Money> sums;
    bool known = true;
    std::int64_t known_since = 0;
    for (const auto& leg : transaction.legs) {
      if (leg.overflows) return Judgement::kRefused;
      sums[leg.currency] += leg.amount;
      const auto account = accounts_.find(leg.account);
      known = known && account != accounts_.end() && account->second.currency == leg.currency;
      if (known) known_since = std::max(known_since, account->second.since_ms);
    }
    for (const auto& [currency, sum] : sums) {
      if (sum != 0) return Judgement::kRefused;
    }
    if (!known) return Judgement::kRefused;
    // Good, as far as is known today. It was right to refuse it if an account became known only later.
    const auto refusal = refusals_.find(place);
    if (refusal != refusals_.end()) {
      if (known_since >= refusal->second.at_ms) return Judgement::kRefused;
      note("transaction " + transaction.id + " is good, but was refused: " + refusal->second.reason);
      return Judgement::kRefused;
    }
    if (refused_before(transaction.id, place) && !mended_.contains(transaction.id)) return Judgement::kRepeatedRefusal;
    return Judgement::kTaken;
  }
  [[nodiscard]] bool refused_before(const std::string& id, Place place) const {
    const auto first = first_refusal_.find(id);
    return first != first_refusal_.end() && first->second.first == place.first && first->second.second < place.second;
  }
  void expect_refusal(Place place, const TopicRecord& record, bool readable) {
    const auto refusal = refusals_.find(place);
    if (refusal == refusals_.end()) {
      if (readable && refused_before(std::string(*record.key), place)) {
        ++verdict_.repeated;
        return;
      }
      ++verdict_.refused;
      return note(std::string(topics::kDeadLetters) + ": transaction " + std::string(record.key.value_or("(no key)")) +
                  " at offset " + std::to_string(place.second) + " of partition " + std::to_string(place.first) +
                  " is to be refused, but is not there");
    }
    ++verdict_.refused;
    refusal->second.explained = true;
    const bool is_cut = refusal->second.is_cut;
    const auto key = is_cut ? cut(record.key) : record.key;
    const auto value = is_cut ? cut(record.value) : record.value;
    if (refusal->second.key != key.value_or("") || refusal->second.value_hash != hash_of(value)) {
      note(std::string(topics::kDeadLetters) + ": " + refusal->second.key + " is not what was sent");
    }
  }
  // A chain of before has let contradictions pass in silence. From the first on that it tells of, it knows the content of all
  // that it takes, and has to tell of every one.
  void expect_contradiction(Place place, const TopicRecord& record, Place taken_at) {
    ++verdict_.contradicting;
    const auto telling = telling_since_.find(place.first);
    if (refusals_.contains(place)) {
      if (telling == telling_since_.end()) telling_since_.emplace(place);
      return expect_refusal(place, record, false);
    }
    if (telling != telling_since_.end() && taken_at.first == place.first && taken_at.second > telling->second) {
      note(std::string(topics::kDeadLetters) + ": transaction " + std::string(*record.key) + " at offset " +
           std::to_string(place.second) + " of partition " + std::to_string(place.first) +
           " has another content than was taken, but is not there");
    }
  }
  void take(const Transaction& transaction, Place place) {
    taken_.emplace(transaction.id, Taken{hash_of(transaction.content), place});
    const auto named = named_.find(transaction.id);
    for (const auto& leg : transaction.legs) {
      ++verdict_.legs;
      const std::string client = accounts_.at(leg.account).client + "/" + leg.currency;
      accounts_expected_[leg.account].move(leg.amount);
      clients_expected_[client].move(leg.amount);
      if (named != named_.end()) named->second.emplace_back(client, leg.amount);
    }
  }

  void check_refusals() {
    for (const auto& [place, refusal] : refusals_) {
      if (refusal.explained) continue;
      note(std::string(topics::kDeadLetters) + ": " + refusal.key + " was refused (" + refusal.reason +
           "), but there is no transaction to be refused at offset " + std::to_string(place.second) + " of partition " +
           std::to_string(place.first));
    }
  }

  // Every record is one leg further than the one before it, and all of them together are the legs of the transactions.
  template <class Each>
  void check_balances(const char* topic, const std::map<std::string, Balance>& expected, Each each) {
    const bool per_account = topic == std::string_view(topics::kAccountBalances);
    std::map<std::string, Balance> actual;
    read_topic(log_, topic, [&](const TopicRecord& record) {
      const std::string key(record.key.value_or(""));
      const std::string where = std::string(topic) + ": " + key;
      const auto row = json_.row(record.value.value_or(""));
      if (!row || !row->balance || !row->version) return note(where + " has a record that is not complete");
      Balance& now = actual[key];
      if (*row->version != now.version + 1) {
        note(where + " goes from version " + std::to_string(now.version) + " to " + to_text(*row->version));
      }
      if (per_account ? row->account != key || !is_account(*row) : row->client + "/" + row->currency != key) {
        note(where + " has a record of somebody else: " + std::string(*record.value));
      }
      const Money move = *row->balance - now.balance;
      now.move(move);
      now.version = static_cast<std::int64_t>(*row->version);
      each(key, now, move);
    });
    for (const auto& [key, wanted] : expected) {
      const auto found = actual.find(key);
      const std::string where = std::string(topic) + ": " + key;
      if (found == actual.end()) {
        note(where + " has no record, but " + std::to_string(wanted.version) + " legs");
      } else if (found->second.balance != wanted.balance || found->second.version != wanted.version) {
        note(where + " ends with balance " + to_text(found->second.balance) + ", version " +
             std::to_string(found->second.version) + ", but its transactions give balance " + to_text(wanted.balance) +
             ", version " + std::to_string(wanted.version));
      } else if (found->second.moves != wanted.moves) {
        note(where + ": the steps from balance to balance are not the amounts of its legs");
      }
    }
    for (const auto& [key, balance] : actual) {
      if (!expected.contains(key)) note(std::string(topic) + ": " + key + " has a balance, but no transaction");
    }
  }
  [[nodiscard]] bool is_account(const Row& row) const {
    const auto account = accounts_.find(row.account);
    return account != accounts_.end() && account->second.client == row.client && account->second.currency == row.currency;
  }

  void cross(const std::string& key, const Balance& now, Money move) {
    const auto floors = floors_.find(key);
    if (floors == floors_.end()) return;
    std::size_t& at = floor_at_[key];
    while (at + 1 < floors->second.size() && floors->second[at + 1].from_version <= now.version) ++at;
    const std::optional<Money>& floor = floors->second[at].floor;
    if (!floor) return;
    bool& open = open_[key];
    const bool below = now.balance < *floor;
    if (below == open) return;
    open = below;
    (below ? breaches_expected_ : clears_expected_)[key].push_back({*floor, now.balance, move});
  }

  void check_events() {
    std::set<std::string> ids;
    for (const auto& [key, events] : breaches_) {
      for (const Event& event : events) {
        if (!ids.insert(event.id).second) note(std::string(topics::kBreaches) + ": " + event.id + " is there twice");
      }
    }
    compare(topics::kBreaches, breaches_, breaches_expected_);
    compare(topics::kBreachClears, clears_, clears_expected_);
    for (const auto& [key, events] : clears_) {
      const auto opened = breaches_.find(key);
      for (std::size_t i = 0; i < events.size(); ++i) {
        const bool paired = opened != breaches_.end() && i < opened->second.size() && opened->second[i].id == events[i].id;
        if (!paired) note(std::string(topics::kBreachClears) + ": " + events[i].id + " is not the breach that ends");
      }
    }
  }
  void compare(const char* topic, const std::map<std::string, std::vector<Event>>& actual,
               std::map<std::string, std::vector<Crossing>>& expected) {
    for (const auto& [key, events] : actual) expected[key];
    for (const auto& [key, crossings] : expected) {
      const auto found = actual.find(key);
      const std::size_t there = found == actual.end() ? 0 : found->second.size();
      const std::string where = std::string(topic) + ": " + key;
      for (std::size_t i = 0; i < std::min(there, crossings.size()); ++i) {
        const Event& event = found->second[i];
        if (event.floor != crossings[i].floor || event.balance != crossings[i].balance) {
          note(where + ": " + event.id + " tells of balance " + to_text(event.balance) + " at floor " + to_text(event.floor) +
               ", but the crossing is to " + to_text(crossings[i].balance) + " at " + to_text(crossings[i].floor));
        } else if (!moved(event.transaction, key, crossings[i].move)) {
          note(where + ": " + event.id + " is said to be by " + event.transaction + ", which has no such leg");
        }
      }
      if (there != crossings.size()) {
        note(where + " has " + std::to_string(there) + " events, but crosses its floor " + std::to_string(crossings.size()) +
             " times in this direction");
      }
    }
  }
  [[nodiscard]] bool moved(const std::string& transaction, const std::string& key, Money move) const {
    const auto named = named_.find(transaction);
    if (named == named_.end()) return false;
    for (const auto& [client, amount] : named->second) {
      if (client == key && amount == move) return true;
    }
    return false;
  }

  tidemill::Log& log_;
  std::string application_id_;
  Verdict verdict_;
  verifier::Json json_;
  std::unordered_map<std::string, Account> accounts_;
  std::map<std::string, std::vector<std::pair<std::int64_t, Money>>> limits_;  // since when, in the order of setting
  std::map<std::string, std::size_t> limits_used_;
  std::map<std::string, std::vector<Floor>> floors_;  // in force
  std::map<std::string, std::size_t> floor_at_;
  std::map<Place, Refusal> refusals_;
  std::unordered_map<std::string, Place> first_refusal_;
  std::unordered_set<std::string> mended_;
  struct Taken {
    std::size_t content = 0;
    Place at;
  };
  std::unordered_map<std::string, Taken> taken_;
  std::map<std::int32_t, std::int64_t> telling_since_;  // partition and offset of the first contradiction that it tells of
  std::map<std::string, std::vector<Event>> breaches_;
  std::map<std::string, std::vector<Event>> clears_;
  std::unordered_map<std::string, std::vector<std::pair<std::string, Money>>> named_;  // transactions of events: their legs
  std::map<std::string, Balance> accounts_expected_;
  std::map<std::string, Balance> clients_expected_;
  std::map<std::string, bool> open_;
  std::map<std::string, std::vector<Crossing>> breaches_expected_;
  std::map<std::string, std::vector<Crossing>> clears_expected_;
};

}  // namespace

Verdict verify(tidemill::Log& log, const std::string& application_id) { return Verifier(log, application_id).run(); }

}  // namespace liquidity
