#include "liquidity/formats.hpp"

#include <simdjson.h>

#include <cstdio>
#include <ctime>

namespace liquidity {
namespace {

namespace dom = simdjson::dom;

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

class Writer {
 public:
  Writer& text(const char* name, std::string_view value) {
    field(name);
    append_text(out_, value);
    return *this;
  }
  Writer& number(const char* name, std::int64_t value) {
    field(name);
    out_ += std::to_string(value);
    return *this;
  }
  std::string& raw(const char* name) {
    field(name);
    return out_;
  }
  std::string done() { return std::move(out_) + "}"; }

 private:
  void field(const char* name) {
    out_ += out_.empty() ? "{" : ",";
    append_text(out_, name);
    out_ += ':';
  }
  std::string out_;
};

std::string text(dom::object object, const char* name) {
  dom::element element;
  if (object[name].get(element) != simdjson::SUCCESS) throw BadInput(std::string("\"") + name + "\" is missing");
  std::string_view value;
  if (element.get(value) != simdjson::SUCCESS) throw BadInput(std::string("\"") + name + "\" is not a text");
  if (value.empty()) throw BadInput(std::string("\"") + name + "\" is empty");
  return std::string(value);
}
std::string text_or(dom::object object, const char* name, const char* otherwise) {
  dom::element element;
  return object[name].get(element) == simdjson::SUCCESS ? text(object, name) : otherwise;
}
std::int64_t number(dom::object object, const char* name) {
  dom::element element;
  if (object[name].get(element) != simdjson::SUCCESS) throw BadInput(std::string("\"") + name + "\" is missing");
  std::int64_t value = 0;
  const auto error = element.get(value);
  if (error == simdjson::NUMBER_OUT_OF_RANGE || element.type() == dom::element_type::UINT64) {
    throw BadInput(std::string("\"") + name + "\" overflows a signed 64-bit integer");
  }
  if (error != simdjson::SUCCESS) {
    throw BadInput(std::string("\"") + name + "\" is not a whole number (amounts are in minor units)");
  }
  return value;
}

}  // namespace

struct Reader::Impl {
  dom::parser parser;
  dom::object parse(std::string_view json) {
    dom::element element;
    const auto error = parser.parse(json.data(), json.size()).get(element);
    if (error == simdjson::NUMBER_ERROR || error == simdjson::NUMBER_OUT_OF_RANGE) {
      throw BadInput("a number overflows a signed 64-bit integer");
    }
    if (error != simdjson::SUCCESS) throw BadInput(std::string("not valid JSON: ") + simdjson::error_message(error));
    dom::object object;
    if (element.get(object) != simdjson::SUCCESS) throw BadInput("not a JSON object");
    return object;
  }
};

Reader::Reader() : impl_(new Impl) {}
Reader::~Reader() = default;

Account Reader::account(std::string_view json) {
  const auto object = impl_->parse(json);
  return {text(object, "account"), text(object, "client"), text(object, "currency")};
}
Limit Reader::limit(std::string_view json) {
  const auto object = impl_->parse(json);
  Limit limit{text(object, "client"), text(object, "currency"), number(object, "floor"),
              text_or(object, "mode", "monitor")};
  if (limit.mode != "monitor") throw BadInput("\"mode\" must be \"monitor\", not \"" + limit.mode + "\"");
  return limit;
}
Transaction Reader::transaction(std::string_view json) {
  const auto object = impl_->parse(json);
  Transaction transaction;
  transaction.id = text(object, "id");
  transaction.time = text(object, "time");
  transaction.time_ms = parse_time(transaction.time);
  transaction.value_date = text(object, "value_date");
  dom::array legs;
  if (object["legs"].get(legs) != simdjson::SUCCESS) throw BadInput("\"legs\" is missing or not a list");
  for (const dom::element element : legs) {
    dom::object leg;
    if (element.get(leg) != simdjson::SUCCESS) throw BadInput("a leg is not an object");
    transaction.legs.push_back({text(leg, "account"), text(leg, "currency"), number(leg, "amount")});
    if (transaction.legs.size() > kLegsMax) throw BadInput("more than " + std::to_string(kLegsMax) + " legs");
  }
  if (transaction.legs.empty()) throw BadInput("there are no legs");
  return transaction;
}
Leg Reader::leg(std::string_view json) {
  const auto object = impl_->parse(json);
  return {text(object, "transaction"), text(object, "account"), text(object, "client"), text(object, "currency"),
          number(object, "amount")};
}
Balance Reader::balance(std::string_view json) {
  const auto object = impl_->parse(json);
  return {text_or(object, "account", ""), text(object, "client"), text(object, "currency"), number(object, "balance"),
          number(object, "version")};
}
Breach Reader::breach(std::string_view json) {
  const auto object = impl_->parse(json);
  return {text(object, "breach_id"), text(object, "client"), text(object, "currency"), number(object, "floor"),
          number(object, "balance"), text(object, "transaction")};
}

std::string to_json(const Account& account) {
  return Writer().text("account", account.account).text("client", account.client).text("currency", account.currency).done();
}
std::string to_json(const Limit& limit) {
  return Writer().text("client", limit.client).text("currency", limit.currency).number("floor", limit.floor)
      .text("mode", limit.mode).done();
}
std::string to_json(const Transaction& transaction) {
  Writer writer;
  writer.text("id", transaction.id).text("time", transaction.time).text("value_date", transaction.value_date);
  std::string& out = writer.raw("legs");
  out += '[';
  for (const TransactionLeg& leg : transaction.legs) {
    if (out.back() != '[') out += ',';
    out += Writer().text("account", leg.account).text("currency", leg.currency).number("amount", leg.amount).done();
  }
  out += ']';
  return writer.done();
}
std::string to_json(const Leg& leg) {
  return Writer().text("transaction", leg.transaction).text("account", leg.account).text("client", leg.client)
      .text("currency", leg.currency).number("amount", leg.amount).done();
}
std::string to_json(const Balance& balance) {
  Writer writer;
  if (!balance.account.empty()) writer.text("account", balance.account);
  writer.text("client", balance.client).text("currency", balance.currency).number("balance", balance.balance)
      .number("version", balance.version);
  return writer.done();
}
std::string to_json(const Breach& breach) {
  return Writer().text("breach_id", breach.breach_id).text("client", breach.client).text("currency", breach.currency)
      .number("floor", breach.floor).number("balance", breach.balance).text("transaction", breach.transaction).done();
}

namespace {

// Days since 1970 of a civil date (proleptic Gregorian), after Howard Hinnant's public description of the formula.
std::int64_t days_of(std::int64_t year, int month, int day) {
  year -= month <= 2;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const auto year_of_era = year - era * 400;
  const auto day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

}  // namespace

std::int64_t parse_time(std::string_view text) {
  int year, month, day, hour, minute, second, ms = 0;
  const std::string copy(text);
  int used = 0;
  const bool with_ms = std::sscanf(copy.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &year, &month, &day, &hour, &minute,
                                   &second, &ms, &used) == 7;
  const bool without = !with_ms && std::sscanf(copy.c_str(), "%4d-%2d-%2dT%2d:%2d:%2dZ%n", &year, &month, &day, &hour,
                                               &minute, &second, &used) == 6;
  if ((!with_ms && !without) || used != static_cast<int>(copy.size()) || month < 1 || month > 12 || day < 1 || day > 31 ||
      hour > 23 || minute > 59 || second > 59 || year < 1970) {
    throw BadInput("\"time\" is \"" + copy + "\", not like 2026-11-23T08:00:00.123Z");
  }
  return ((days_of(year, month, day) * 24 + hour) * 60 + minute) * 60000 + second * 1000 + (without ? 0 : ms);
}

std::string format_time(std::int64_t ms) {
  const std::time_t seconds = static_cast<std::time_t>(ms / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[96];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900, parts.tm_mon + 1,
                parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, static_cast<int>(ms % 1000));
  return text;
}

}  // namespace liquidity
