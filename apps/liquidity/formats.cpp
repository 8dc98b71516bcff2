#include "liquidity/formats.hpp"

#include <simdjson.h>

#include <cctype>
#include <cstdio>

namespace liquidity {
namespace {

namespace dom = simdjson::dom;
namespace ondemand = simdjson::ondemand;

void append_text(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", byte);
      out += escape;
    } else {
      out += c;
    }
  }
  out += '"';
}

/// Fields in the order of the calls. Names need no escapes.
class Writer {
 public:
  Writer() { out_.reserve(kTypicalSize); }
  Writer& text(std::string_view name, std::string_view value) {
    append_text(field(name), value);
    return *this;
  }
  Writer& number(std::string_view name, Money value) {
    append_money(field(name), value);
    return *this;
  }
  Writer& null(std::string_view name) {
    field(name) += "null";
    return *this;
  }
  std::string& field(std::string_view name) {
    out_ += out_.empty() ? "{\"" : ",\"";
    out_ += name;
    return out_ += "\":";
  }
  std::string done() {
    out_ += '}';
    return std::move(out_);
  }

 private:
  static constexpr std::size_t kTypicalSize = 160;
  std::string out_;
};

std::string quoted(std::string_view name) { return "\"" + std::string(name) + "\""; }

std::string text_of(dom::element element, std::string_view name) {
  std::string_view value;
  if (element.get(value) != simdjson::SUCCESS) throw BadInput(quoted(name) + " is not a text");
  if (value.empty()) throw BadInput(quoted(name) + " is empty");
  if (value.size() > kTextBytesMax) {
    throw BadInput(quoted(name) + " has " + std::to_string(value.size()) + " bytes, more than " +
                   std::to_string(kTextBytesMax));
  }
  return std::string(value);
}
/// False: it overflows.
bool whole_number(dom::element element, std::string_view name, std::int64_t& number) {
  if (element.get(number) == simdjson::SUCCESS) return true;
  if (element.type() == dom::element_type::UINT64) return false;
  throw BadInput(quoted(name) + " is not a whole number (amounts are in minor units)");
}

/// The fields of an object that somebody else wrote, each at most once; further fields are not looked at.
class Fields {
 public:
  Fields(dom::object object, std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names) elements_[size_++].first = name;
    for (const auto [key, element] : object) {
      for (std::size_t i = 0; i < size_; ++i) {
        if (key != elements_[i].first) continue;
        if (elements_[i].second) throw BadInput(quoted(key) + " is there twice");
        elements_[i].second = element;
      }
    }
  }
  [[nodiscard]] bool has(std::string_view name) const { return find(name).has_value(); }
  [[nodiscard]] dom::element at(std::string_view name) const {
    const auto& found = find(name);
    if (!found) throw BadInput(quoted(name) + " is missing");
    return *found;
  }
  [[nodiscard]] std::string text(std::string_view name) const { return text_of(at(name), name); }
  [[nodiscard]] std::string currency() const {
    std::string currency = text("currency");
    if (currency.find('/') != std::string::npos) throw BadInput("\"currency\" contains a slash");
    return currency;
  }

 private:
  static constexpr std::size_t kFieldsMax = 4;
  [[nodiscard]] const std::optional<dom::element>& find(std::string_view name) const {
    std::size_t i = 0;
    while (elements_[i].first != name) ++i;
    return elements_[i].second;
  }
  std::pair<std::string_view, std::optional<dom::element>> elements_[kFieldsMax];
  std::size_t size_ = 0;
};

/// Whole numbers that the parser cannot hold become the largest that it can: they overflow a signed 64-bit integer either
/// way, and the rest of the record can be read.
std::string with_huge_numbers_clamped(std::string_view json) {
  constexpr std::string_view kLargest = "18446744073709551615";
  constexpr std::string_view kLowest = "9223372036854775808";
  std::string out;
  bool in_text = false;
  for (std::size_t i = 0; i < json.size();) {
    const char c = json[i];
    if (c == '"') in_text = !in_text;
    if (in_text && c == '\\' && i + 1 < json.size()) out += json[i++];
    std::size_t end = i;
    // A whole number begins here, unless what stands before belongs to it already.
    const bool inside = i > 0 && (std::isdigit(static_cast<unsigned char>(json[i - 1])) != 0 ||
                                  std::string_view(".eE+-").find(json[i - 1]) != std::string_view::npos);
    if (!in_text && !inside) {
      if (json[end] == '-') ++end;
      while (end < json.size() && json[end] >= '0' && json[end] <= '9') ++end;
    }
    const bool whole = end == json.size() || (json[end] != '.' && json[end] != 'e' && json[end] != 'E');
    const std::size_t digits = end - i - (end > i && c == '-' ? 1 : 0);
    if (end == i || (end == i + 1 && c == '-')) {
      out += json[i++];
    } else {
      const std::string_view number = json.substr(end - digits, digits);
      const bool too_low = c == '-' && digits == kLowest.size() && number > kLowest;
      const bool huge = whole && number.front() != '0' && (digits >= kLargest.size() || too_low);
      out += huge ? kLargest : json.substr(i, end - i);
      i = end;
    }
  }
  return out;
}

void check(Transaction& transaction, const std::string& overflowing) {
  if (!overflowing.empty()) {
    transaction.refusal = "an amount of account " + overflowing + " overflows a signed 64-bit integer";
    return;
  }
  // Few legs, fewer currencies: looking through them beats a map.
  std::vector<std::pair<std::string_view, Money>> sums;
  for (const TransactionLeg& leg : transaction.legs) {
    auto sum = sums.begin();
    while (sum != sums.end() && sum->first != leg.currency) ++sum;
    if (sum == sums.end()) sum = sums.insert(sum, {leg.currency, 0});
    sum->second += leg.amount;
  }
  for (const auto& [currency, sum] : sums) {
    if (sum == 0) continue;
    transaction.refusal = "the legs in " + std::string(currency) + " do not sum to zero, but to " + to_text(sum);
    return;
  }
}

}  // namespace

struct Reader::Impl {
  dom::parser parser;
  ondemand::parser own_parser;
  std::string buffer;

  std::string_view padded(std::string_view json) {
    buffer.reserve(json.size() + simdjson::SIMDJSON_PADDING);
    buffer.assign(json);
    return buffer;
  }
  dom::object parse(std::string_view json) {
    dom::element element;
    auto error = parse_padded(padded(json), element);
    if (error == simdjson::NUMBER_ERROR) {
      error = parse_padded(padded(with_huge_numbers_clamped(json)), element);
    }
    if (error != simdjson::SUCCESS) throw BadInput(std::string("not valid JSON: ") + simdjson::error_message(error));
    dom::object object;
    if (element.get(object) != simdjson::SUCCESS) throw BadInput("not a JSON object");
    return object;
  }
  simdjson::error_code parse_padded(std::string_view json, dom::element& element) {
    return parser.parse(json.data(), json.size(), false).get(element);
  }

  /// `each(name, value)` for every field of an object that the chain wrote.
  template <class Each>
  void own(std::string_view json, Each each) {
    try {
      const std::string_view text = padded(json);
      auto document = own_parser.iterate(text.data(), text.size(), buffer.capacity());
      for (auto field : document.get_object()) {
        const std::string_view name = field.unescaped_key();
        each(name, field.value());
      }
    } catch (const simdjson::simdjson_error& error) {
      throw BadInput(std::string("not a record of the chain: ") + error.what());
    }
  }
};

namespace {

void set(std::string& text, ondemand::value value) { text = std::string_view(value.get_string()); }
void set(std::int64_t& number, ondemand::value value) { number = value.get_int64(); }
void set_money(Money& money, ondemand::value value) {
  std::string_view token = value.raw_json_token();
  while (!token.empty() && (token.back() < '0' || token.back() > '9')) token.remove_suffix(1);
  const std::optional<Money> parsed = parse_money(token);
  if (!parsed) throw BadInput("not a record of the chain: its balance is not a whole number");
  money = *parsed;
}
void require(bool there) {
  if (!there) throw BadInput("not a record of the chain: a field is missing");
}

}  // namespace

Reader::Reader() : impl_(new Impl) {}
Reader::~Reader() = default;

Account Reader::account(std::string_view json) {
  const Fields fields(impl_->parse(json), {"account", "client", "currency"});
  return {fields.text("account"), fields.text("client"), fields.currency()};
}

Limit Reader::limit(std::string_view json) {
  const Fields fields(impl_->parse(json), {"client", "currency", "floor", "mode"});
  Limit limit{.client = fields.text("client"), .currency = fields.currency()};
  if (!whole_number(fields.at("floor"), "floor", limit.floor)) {
    throw BadInput("\"floor\" overflows a signed 64-bit integer");
  }
  if (fields.has("mode")) limit.mode = fields.text("mode");
  if (limit.mode != "monitor") throw BadInput("\"mode\" must be \"monitor\", not \"" + limit.mode + "\"");
  return limit;
}

Transaction Reader::transaction(std::string_view json) {
  const Fields fields(impl_->parse(json), {"id", "time", "value_date", "legs"});
  Transaction transaction{.id = fields.text("id"),
                          .time = fields.text("time"),
                          .value_date = fields.text("value_date"),
                          .time_ms = 0,
                          .legs = {},
                          .refusal = {}};
  transaction.time_ms = parse_time(transaction.time);
  check_date(transaction.value_date);
  dom::array legs;
  if (fields.at("legs").get(legs) != simdjson::SUCCESS) throw BadInput("\"legs\" is not a list");
  std::string overflowing;
  for (const dom::element element : legs) {
    dom::object object;
    if (element.get(object) != simdjson::SUCCESS) throw BadInput("a leg is not an object");
    const Fields leg(object, {"account", "currency", "amount"});
    TransactionLeg& made = transaction.legs.emplace_back(TransactionLeg{leg.text("account"), leg.currency(), 0});
    if (!whole_number(leg.at("amount"), "amount", made.amount) && overflowing.empty()) overflowing = made.account;
  }
  if (transaction.legs.empty()) throw BadInput("there are no legs");
  check(transaction, overflowing);
  return transaction;
}

Leg Reader::leg(std::string_view json) {
  Leg leg;
  impl_->own(json, [&](std::string_view name, ondemand::value value) {
    if (name == "transaction") set(leg.transaction, value);
    if (name == "account") set(leg.account, value);
    if (name == "client") set(leg.client, value);
    if (name == "currency") set(leg.currency, value);
    if (name == "amount") set(leg.amount, value);
  });
  require(!leg.transaction.empty() && !leg.account.empty() && !leg.client.empty() && !leg.currency.empty());
  return leg;
}
Balance Reader::balance(std::string_view json) {
  Balance balance;
  impl_->own(json, [&](std::string_view name, ondemand::value value) {
    if (name == "account") set(balance.account, value);
    if (name == "client") set(balance.client, value);
    if (name == "currency") set(balance.currency, value);
    if (name == "balance") set_money(balance.balance, value);
    if (name == "version") set(balance.version, value);
  });
  require(!balance.client.empty() && !balance.currency.empty() && balance.version > 0);
  return balance;
}
Breach Reader::breach(std::string_view json) {
  Breach breach;
  impl_->own(json, [&](std::string_view name, ondemand::value value) {
    if (name == "breach_id") set(breach.breach_id, value);
    if (name == "client") set(breach.client, value);
    if (name == "currency") set(breach.currency, value);
    if (name == "floor") set(breach.floor, value);
    if (name == "balance") set_money(breach.balance, value);
    if (name == "transaction") set(breach.transaction, value);
  });
  require(!breach.breach_id.empty() && !breach.client.empty() && !breach.currency.empty());
  return breach;
}

std::string json_text(std::string_view text) {
  std::string out;
  append_text(out, text);
  return out;
}
std::string to_json(const Account& account) {
  return Writer().text("account", account.account).text("client", account.client).text("currency", account.currency).done();
}
std::string to_json(const Limit& limit) {
  return Writer()
      .text("client", limit.client)
      .text("currency", limit.currency)
      .number("floor", limit.floor)
      .text("mode", limit.mode)
      .done();
}
std::string to_json(const Transaction& transaction) {
  Writer writer;
  writer.text("id", transaction.id).text("time", transaction.time).text("value_date", transaction.value_date);
  std::string& out = writer.field("legs");
  out += '[';
  for (const TransactionLeg& leg : transaction.legs) {
    if (out.back() != '[') out += ',';
    out += Writer().text("account", leg.account).text("currency", leg.currency).number("amount", leg.amount).done();
  }
  out += ']';
  return writer.done();
}
std::string to_json(const Leg& leg) {
  return Writer()
      .text("transaction", leg.transaction)
      .text("account", leg.account)
      .text("client", leg.client)
      .text("currency", leg.currency)
      .number("amount", leg.amount)
      .done();
}
std::string to_json(const Balance& balance) {
  Writer writer;
  if (!balance.account.empty()) writer.text("account", balance.account);
  return writer.text("client", balance.client)
      .text("currency", balance.currency)
      .number("balance", balance.balance)
      .number("version", balance.version)
      .done();
}
std::string to_json(const LimitInForce& limit) {
  Writer writer;
  writer.text("client", limit.client).text("currency", limit.currency);
  if (limit.floor) {
    writer.number("floor", *limit.floor);
  } else {
    writer.null("floor");
  }
  return writer.number("from_version", limit.from_version).done();
}
std::string to_json(const Breach& breach) {
  return Writer()
      .text("breach_id", breach.breach_id)
      .text("client", breach.client)
      .text("currency", breach.currency)
      .number("floor", breach.floor)
      .number("balance", breach.balance)
      .text("transaction", breach.transaction)
      .done();
}

}  // namespace liquidity
