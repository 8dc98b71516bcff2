#include "liquidity/topology.hpp"

#include <tidemill/dsl/streams_builder.hpp>

#include "liquidity/formats.hpp"
#include "liquidity/reference_rows.hpp"
#include "liquidity/seen.hpp"
#include "liquidity/topics.hpp"

namespace liquidity {
namespace {

using tidemill::Record;
using Text = std::string;
using Context = tidemill::ProcessorContext<Text, Text>;
using TextProcessor = tidemill::Processor<Text, Text, Text, Text>;
template <class V>
using Store = tidemill::KeyValueStore<Text, V>;
using TableStore = Store<tidemill::ValueAndTimestamp<Text>>;

constexpr const char* kAccountStore = "account-balances";
constexpr const char* kClientStore = "client-balances";
constexpr const char* kWatchStore = "limit-watch";

/// Key, value and headers of a record that becomes a dead letter whole; what refuse() adds fits into the rest of the 1 MiB that
/// a record may have. Of a larger one the beginning must do: the record itself stays where the dead letter says.
constexpr std::size_t kDeadLetterBytesMax = 1'000'000;
constexpr std::size_t kExcerptBytes = 1000;

/// What a balance store keeps per key; the key says whose it is.
struct Sum {
  Money balance = 0;
  std::int64_t version = 0;
};
/// What the monitor keeps per client position.
struct Watch {
  std::optional<std::int64_t> floor;  // in force
  std::string open_breach;            // its id; empty: none is open
};

template <class Number>
void append_big_endian(Number number, tidemill::Bytes& out) {
  for (int shift = static_cast<int>(sizeof(Number)) * 8 - 8; shift >= 0; shift -= 8) {
    out += static_cast<char>(number >> shift & 0xff);
  }
}
template <class Number>
Number take_big_endian(tidemill::BytesView& bytes) {
  if (bytes.size() < sizeof(Number)) throw tidemill::SerializationException("a row of a liquidity store is too short");
  Number number = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    number = static_cast<Number>(number << 8 | static_cast<unsigned char>(bytes[i]));
  }
  bytes.remove_prefix(sizeof(Number));
  return number;
}
__extension__ typedef unsigned __int128 WideBits;

tidemill::Serde<Sum> sum_serde() {
  return {[](const void*, std::string_view, const Sum& sum, tidemill::Bytes& out) {
            append_big_endian(static_cast<WideBits>(sum.balance), out);
            append_big_endian(static_cast<std::uint64_t>(sum.version), out);
          },
          [](const void*, std::string_view, tidemill::BytesView bytes) {
            const auto balance = static_cast<Money>(take_big_endian<WideBits>(bytes));
            return Sum{balance, static_cast<std::int64_t>(take_big_endian<std::uint64_t>(bytes))};
          }};
}
tidemill::Serde<Watch> watch_serde() {
  return {[](const void*, std::string_view, const Watch& watch, tidemill::Bytes& out) {
            out += watch.floor ? '\1' : '\0';
            append_big_endian(static_cast<std::uint64_t>(watch.floor.value_or(0)), out);
            out += watch.open_breach;
          },
          [](const void*, std::string_view, tidemill::BytesView bytes) {
            const auto has_floor = take_big_endian<std::uint8_t>(bytes);
            const auto floor = static_cast<std::int64_t>(take_big_endian<std::uint64_t>(bytes));
            return Watch{has_floor != 0 ? std::optional(floor) : std::nullopt, Text(bytes)};
          }};
}

Text now_text(const Context& context) { return std::to_string(context.current_system_time().value); }

/// Splits good transactions into legs; refuses the others whole, with the reason.
class Validate final : public TextProcessor {
 public:
  explicit Validate(std::shared_ptr<Counts> counts) : counts_(std::move(counts)) {}
  void init(Context& context) override {
    accounts_ = context.key_value_store<Text, tidemill::ValueAndTimestamp<Text>>(kAccountsStore);
    seen_ = context.key_value_store<Text, Text>(kSeenStore);
  }
  void process(const Record<Text, Text>& record) override {
    Transaction transaction;
    try {
      if (!record.has_value()) throw BadInput("an empty record");
      transaction = reader_.transaction(record.value());
      if (!record.has_key() || record.key() != transaction.id) {
        throw BadInput("the record's key is not the transaction's id");
      }
    } catch (const BadInput& problem) {
      return refuse(record, problem.what());
    }
    const auto row = seen_->get(transaction.id);
    const Seen seen = row ? parse_seen(*row) : Seen{};
    if (seen.fate == Seen::Fate::kTaken) return say_again(record, transaction, seen);
    legs_.clear();
    const Text refusal = judge(transaction);
    const Seen now{refusal.empty() ? Seen::Fate::kTaken : Seen::Fate::kRefused, content_of(transaction), refusal};
    if (now != seen) seen_->put(transaction.id, to_row(now));
    if (refusal.empty()) {
      for (const Leg& leg : legs_) {
        const Text json = to_json(leg);
        context().forward(Record<Text, Text>(leg.account, json, record.timestamp()), "legs");
      }
    } else if (seen.refusal != refusal) {  // said once is enough; what has been mended since is judged anew
      refuse(record, refusal);
    } else {
      ++counts_->repeated;
    }
  }

 private:
  // No second effect; but who sent something else under an id that was taken must be able to find out.
  void say_again(const Record<Text, Text>& record, const Transaction& transaction, const Seen& seen) {
    if (!seen.contradicts(content_of(transaction))) {
      ++counts_->repeated;
      return;
    }
    ++counts_->contradicting;
    refuse(record, "transaction " + transaction.id +
                       " was taken with another content, and stays as it was; a correction needs "
                       "an id of its own");
  }
  /// Fills the legs and returns nothing, or returns why the transaction is refused.
  Text judge(const Transaction& transaction) {
    if (!transaction.refusal.empty()) return transaction.refusal;
    for (const TransactionLeg& leg : transaction.legs) {
      const auto stored = accounts_->get(leg.account);
      if (!stored) return "unknown account " + leg.account;
      Account account;
      try {
        account = row_of<Account>(reader_, tidemill::BytesView(leg.account), tidemill::BytesView(stored->value));
      } catch (const BadInput& problem) {
        return "the row of account " + leg.account + " in " + topics::kAccounts + " cannot be read: " + problem.what();
      }
      if (account.currency != leg.currency) {
        return "account " + leg.account + " is in " + account.currency + ", the leg in " + leg.currency;
      }
      legs_.push_back({transaction.id, leg.account, std::move(account.client), leg.currency, leg.amount});
    }
    return {};
  }
  void refuse(const Record<Text, Text>& record, const Text& reason) {
    tidemill::Headers headers = record.headers();
    const std::size_t size = headers.encode().size() + (record.has_key() ? record.key().size() : 0) +
                             (record.has_value() ? record.value().size() : 0);
    const bool fits = size <= kDeadLetterBytesMax;
    if (!fits) headers = {};
    headers.add("reason", reason);
    headers.add("refused-at", now_text(context()));
    const auto at = context().record_metadata();
    headers.add("topic", at->topic);
    headers.add("partition", std::to_string(at->partition.value));
    headers.add("offset", std::to_string(at->offset.value));
    if (fits) {
      context().forward(Record<Text, Text>(record.key_or_null(), record.value_or_null(), record.timestamp(), &headers), "dlq");
      return;
    }
    headers.add("cut-from", std::to_string(size));
    std::optional<Text> key;
    std::optional<Text> value;
    if (record.has_key()) key = record.key().substr(0, kExcerptBytes);
    if (record.has_value()) value = record.value().substr(0, kExcerptBytes);
    const Record<Text, Text> cut(key ? &*key : nullptr, value ? &*value : nullptr, record.timestamp(), &headers);
    context().forward(cut, "dlq");
  }
  std::shared_ptr<Counts> counts_;
  Reader reader_;
  std::vector<Leg> legs_;
  std::unique_ptr<TableStore> accounts_;
  std::unique_ptr<Store<Text>> seen_;  // by id
};

/// Keeps one balance per account, and passes each leg on to the client's position.
class AccountBalances final : public TextProcessor {
 public:
  void init(Context& context) override { sums_ = context.key_value_store<Text, Sum>(kAccountStore, text_, sum_serde()); }
  void process(const Record<Text, Text>& record) override {
    const Leg leg = reader_.leg(record.value());
    Sum sum = sums_->get(leg.account).value_or(Sum{});
    sum.balance += leg.amount;
    ++sum.version;
    sums_->put(leg.account, sum);
    const Text json = to_json(Balance{leg.account, leg.client, leg.currency, sum.balance, sum.version});
    context().forward(record.with_value(json), "account-balances");
    const Text key = client_key(leg.client, leg.currency);
    context().forward(record.with_key(key), "client-legs");
  }

 private:
  Reader reader_;
  const tidemill::Serde<Text> text_ = tidemill::SerdeOf<Text>::serde();
  std::unique_ptr<Store<Sum>> sums_;
};

/// Keeps one balance per client and currency.
class ClientBalances final : public TextProcessor {
 public:
  void init(Context& context) override { sums_ = context.key_value_store<Text, Sum>(kClientStore, text_, sum_serde()); }
  void process(const Record<Text, Text>& record) override {
    const Leg leg = reader_.leg(record.value());
    Sum sum = sums_->get(record.key()).value_or(Sum{});
    sum.balance += leg.amount;
    ++sum.version;
    sums_->put(record.key(), sum);
    const Text json = to_json(Balance{"", leg.client, leg.currency, sum.balance, sum.version});
    // The transaction travels as a header: the value depends on what was applied, not on the order of it.
    tidemill::Headers headers;
    headers.add("transaction", leg.transaction);
    context().forward(record.with_value(json).with_headers(headers), "client-balances");
  }

 private:
  Reader reader_;
  const tidemill::Serde<Text> text_ = tidemill::SerdeOf<Text>::serde();
  std::unique_ptr<Store<Sum>> sums_;
};

/// One breach per crossing below the floor, one clear per recovery; ids from the balance's version, so never twice.
/// Which floor it judges by, from which version on, it puts on record.
class Monitor final : public TextProcessor {
 public:
  void init(Context& context) override {
    limits_ = context.key_value_store<Text, tidemill::ValueAndTimestamp<Text>>(kLimitsStore);
    watches_ = context.key_value_store<Text, Watch>(kWatchStore, text_, watch_serde());
  }
  void process(const Record<Text, Text>& record) override {
    const Balance balance = reader_.balance(record.value());
    const std::optional<Watch> stored = watches_->get(record.key());
    Watch watch = stored.value_or(Watch{});
    const std::optional<std::int64_t> floor = floor_of(record.key(), watch.floor);
    if (!stored || watch.floor != floor) record_floor(record, balance, floor);
    const bool below = floor && balance.balance < *floor;
    const bool crossed = floor && below == watch.open_breach.empty();
    const Text breach_id = below ? record.key() + "/" + std::to_string(balance.version) : watch.open_breach;
    if (stored && watch.floor == floor && !crossed) return;
    watch.floor = floor;
    if (crossed) watch.open_breach = below ? breach_id : "";
    watches_->put(record.key(), watch);
    if (!crossed) return;
    const tidemill::Header* transaction = record.headers().last("transaction");
    const Text json = to_json(Breach{breach_id, balance.client, balance.currency, *floor, balance.balance,
                                     transaction != nullptr ? transaction->value.value_or("") : ""});
    context().forward(record.with_value(json).with_headers(tidemill::Headers::none()), below ? "breaches" : "breach-clears");
  }

 private:
  std::optional<std::int64_t> floor_of(const Text& key, std::optional<std::int64_t> before) {
    const auto limit = limits_->get(key);
    if (!limit) return std::nullopt;
    try {
      return row_of<Limit>(reader_, tidemill::BytesView(key), tidemill::BytesView(limit->value)).floor;
    } catch (const BadInput&) {  // there was no good row yet
      return before;
    }
  }
  void record_floor(const Record<Text, Text>& record, const Balance& balance, std::optional<std::int64_t> floor) {
    const Text json = to_json(LimitInForce{balance.client, balance.currency, floor, balance.version});
    tidemill::Headers headers;
    headers.add("at", now_text(context()));
    context().forward(record.with_value(json).with_headers(headers), "limits-in-force");
  }
  Reader reader_;
  const tidemill::Serde<Text> text_ = tidemill::SerdeOf<Text>::serde();
  std::unique_ptr<TableStore> limits_;
  std::unique_ptr<Store<Watch>> watches_;
};

tidemill::StoreSpec store(const char* name) {
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

tidemill::Topology build_topology(const std::shared_ptr<Counts>& counts) {
  tidemill::StreamsBuilder builder;
  add_reference_tables(builder, counts);
  for (const char* name : {kSeenStore, kAccountStore, kClientStore, kWatchStore}) builder.add_state_store(store(name));

  const auto validated = builder.stream<Text, Text>(topics::kTransactions)
                             .process([counts] { return std::make_unique<Validate>(counts); }, {kSeenStore}, {"validate"});
  output(validated, "legs").to(topics::kLegs);
  output(validated, "dlq").to(topics::kDeadLetters);

  const auto accounts = builder.stream<Text, Text>(topics::kLegs)
                            .process([] { return std::make_unique<AccountBalances>(); }, {kAccountStore}, {"account-balance"});
  output(accounts, "account-balances").to(topics::kAccountBalances);
  output(accounts, "client-legs").to(topics::kClientLegs);

  const auto clients = builder.stream<Text, Text>(topics::kClientLegs)
                           .process([] { return std::make_unique<ClientBalances>(); }, {kClientStore}, {"client-balance"});
  output(clients, "client-balances").to(topics::kClientBalances);

  const auto monitored = builder.stream<Text, Text>(topics::kClientBalances)
                             .process([] { return std::make_unique<Monitor>(); }, {kWatchStore}, {"limit-monitor"});
  output(monitored, "limits-in-force").to(topics::kLimitsInForce);
  output(monitored, "breaches").to(topics::kBreaches);
  output(monitored, "breach-clears").to(topics::kBreachClears);
  return builder.build();
}

}  // namespace liquidity
