#include "liquidity/topology.hpp"

#include <tidemill/dsl/streams_builder.hpp>

#include <map>

#include "liquidity/formats.hpp"

namespace liquidity {
namespace {

using tidemill::Record;
using Text = std::string;
using Context = tidemill::ProcessorContext<Text, Text>;
using TextProcessor = tidemill::Processor<Text, Text, Text, Text>;
using TextStore = tidemill::KeyValueStore<Text, Text>;
using TableStore = tidemill::KeyValueStore<Text, tidemill::ValueAndTimestamp<Text>>;

constexpr const char* kAccountsStore = "accounts";
constexpr const char* kLimitsStore = "limits";
constexpr const char* kSeenStore = "transactions-seen";
constexpr const char* kAccountStore = "account-balances";
constexpr const char* kClientStore = "client-balances";
constexpr const char* kOpenStore = "open-breaches";
constexpr const char* kTransactionHeader = "transaction";

/// Splits good transactions into legs; refuses the others whole, with the reason.
class Validate final : public TextProcessor {
 public:
  void init(Context& context) override {
    accounts_ = context.key_value_store<Text, tidemill::ValueAndTimestamp<Text>>(kAccountsStore);
    seen_ = context.key_value_store<Text, Text>(kSeenStore);
  }
  void process(const Record<Text, Text>& record) override {
    try {
      if (!record.has_value()) throw BadInput("an empty record");
      const Transaction transaction = reader_.transaction(record.value());
      if (record.has_key() && record.key() != transaction.id) throw BadInput("the record's key is not the transaction's id");
      if (seen_->get(transaction.id)) return;
      const std::vector<Leg> legs = check(transaction);
      seen_->put(transaction.id, "1");
      for (const Leg& leg : legs) {
        const Text json = to_json(leg);
        context().forward(Record<Text, Text>(leg.account, json, record.timestamp()), "legs");
      }
    } catch (const BadInput& problem) {
      refuse(record, problem.what());
    }
  }

 private:
  std::vector<Leg> check(const Transaction& transaction) {
    std::vector<Leg> legs;
    std::map<std::string, std::int64_t> sums;
    for (const TransactionLeg& leg : transaction.legs) {
      if (leg.amount > kAmountMax || leg.amount < -kAmountMax) {
        throw BadInput("the amount " + std::to_string(leg.amount) + " of account " + leg.account + " overflows the limit of " +
                       std::to_string(kAmountMax));
      }
      const auto stored = accounts_->get(leg.account);
      if (!stored) throw BadInput("unknown account " + leg.account);
      const Account account = reader_.account(stored->value);
      if (account.currency != leg.currency) {
        throw BadInput("account " + leg.account + " is in " + account.currency + ", the leg in " + leg.currency);
      }
      sums[leg.currency] += leg.amount;  // cannot overflow: kLegsMax times kAmountMax fits
      legs.push_back({transaction.id, leg.account, account.client, leg.currency, leg.amount});
    }
    for (const auto& [currency, sum] : sums) {
      if (sum != 0) throw BadInput("the legs in " + currency + " do not sum to zero, but to " + std::to_string(sum));
    }
    return legs;
  }
  void refuse(const Record<Text, Text>& record, const std::string& reason) {
    tidemill::Headers headers = record.headers();
    headers.add("reason", reason);
    context().forward(Record<Text, Text>(record.key_or_null(), record.value_or_null(), record.timestamp(), &headers), "dlq");
  }
  Reader reader_;
  std::unique_ptr<TableStore> accounts_;
  std::unique_ptr<TextStore> seen_;
};

std::int64_t add(std::int64_t balance, std::int64_t amount, const std::string& whose) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(balance, amount, &sum)) {
    throw tidemill::StreamsException("the balance of " + whose + " overflows a signed 64-bit integer");
  }
  return sum;
}

/// Keeps one balance per key; forwards the new balance and, where there is a next stage, the leg.
class Accumulate final : public TextProcessor {
 public:
  Accumulate(const char* store, bool per_account) : store_name_(store), per_account_(per_account) {}
  void init(Context& context) override { store_ = context.key_value_store<Text, Text>(store_name_); }
  void process(const Record<Text, Text>& record) override {
    const Leg leg = reader_.leg(record.value());
    Balance balance{per_account_ ? leg.account : "", leg.client, leg.currency, 0, 0};
    if (const auto stored = store_->get(record.key())) balance = reader_.balance(*stored);
    balance.balance = add(balance.balance, leg.amount, record.key());
    ++balance.version;
    const Text json = to_json(balance);
    store_->put(record.key(), json);
    if (per_account_) {
      context().forward(record.with_value(json), "account-balances");
      const Text key = client_key(leg.client, leg.currency);
      context().forward(record.with_key(key), "client-legs");
      return;
    }
    // Which transaction moved it travels as a header: the value depends on what was applied, not on the order of it.
    tidemill::Headers headers;
    headers.add(kTransactionHeader, leg.transaction);
    context().forward(record.with_value(json).with_headers(headers), "client-balances");
  }

 private:
  const char* store_name_;
  bool per_account_;
  Reader reader_;
  std::unique_ptr<TextStore> store_;
};

/// One breach per crossing below the floor, one clear per recovery; ids from the balance's version, so never twice.
class Monitor final : public TextProcessor {
 public:
  void init(Context& context) override {
    limits_ = context.key_value_store<Text, tidemill::ValueAndTimestamp<Text>>(kLimitsStore);
    open_ = context.key_value_store<Text, Text>(kOpenStore);
  }
  void process(const Record<Text, Text>& record) override {
    const auto stored = limits_->get(record.key());
    if (!stored) return;
    const Limit limit = reader_.limit(stored->value);
    const Balance balance = reader_.balance(record.value());
    const tidemill::Header* transaction = record.headers().last(kTransactionHeader);
    const auto open = open_->get(record.key());
    const bool below = balance.balance < limit.floor;
    if (below == open.has_value()) return;
    Breach breach{record.key() + "/" + std::to_string(balance.version), balance.client, balance.currency, limit.floor,
                  balance.balance, transaction != nullptr ? transaction->value.value_or("") : ""};
    if (!below) breach.breach_id = *open;
    const Text json = to_json(breach);
    if (below) {
      open_->put(record.key(), breach.breach_id);
    } else {
      (void)open_->remove(record.key());
    }
    context().forward(record.with_value(json), below ? "breaches" : "breach-clears");
  }

 private:
  Reader reader_;
  std::unique_ptr<TableStore> limits_;
  std::unique_ptr<TextStore> open_;
};

tidemill::StoreSpec text_store(const char* name) {
  tidemill::StoreSpec spec;
  spec.name = name;
  spec.kind = tidemill::StoreKind::kKeyValue;
  return spec;
}

// A child processor of a given name, so that forward(record, "name") finds its sink.
tidemill::KStream<Text, Text> output(const tidemill::KStream<Text, Text>& from, const char* name) {
  return from.filter([](const Text*) { return true; }, {name});
}

}  // namespace

tidemill::Topology build_topology() {
  tidemill::StreamsBuilder builder;
  (void)builder.global_table<Text, Text>(topics::kAccounts, {}, {.store_name = kAccountsStore});
  (void)builder.global_table<Text, Text>(topics::kLimits, {}, {.store_name = kLimitsStore});
  for (const char* store : {kSeenStore, kAccountStore, kClientStore, kOpenStore}) builder.add_state_store(text_store(store));

  const auto validated = builder.stream<Text, Text>(topics::kTransactions)
                             .process([] { return std::make_unique<Validate>(); }, {kSeenStore}, {"validate"});
  output(validated, "legs").to(topics::kLegs);
  output(validated, "dlq").to(topics::kDeadLetters);

  const auto accounts =
      builder.stream<Text, Text>(topics::kLegs)
          .process([] { return std::make_unique<Accumulate>(kAccountStore, true); }, {kAccountStore}, {"account-balance"});
  output(accounts, "account-balances").to(topics::kAccountBalances);
  output(accounts, "client-legs").to(topics::kClientLegs);

  const auto clients =
      builder.stream<Text, Text>(topics::kClientLegs)
          .process([] { return std::make_unique<Accumulate>(kClientStore, false); }, {kClientStore}, {"client-balance"});
  output(clients, "client-balances").to(topics::kClientBalances);

  const auto monitored = builder.stream<Text, Text>(topics::kClientBalances)
                             .process([] { return std::make_unique<Monitor>(); }, {kOpenStore}, {"limit-monitor"});
  output(monitored, "breaches").to(topics::kBreaches);
  output(monitored, "breach-clears").to(topics::kBreachClears);
  return builder.build();
}

}  // namespace liquidity
