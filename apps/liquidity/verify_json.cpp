#include "liquidity/verify_json.hpp"

#include <simdjson.h>

#include <chrono>
#include <limits>

namespace liquidity::verifier {
namespace {

namespace dom = simdjson::dom;

bool matches(std::string_view text, std::string_view shape) {  // 0: a digit; others: themselves
  if (text.size() != shape.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (shape[i] == '0' ? !digit : text[i] != shape[i]) return false;
  }
  return true;
}

bool is_date(std::string_view text) {
  if (!matches(text, "0000-00-00")) return false;
  const auto number = [&](std::size_t at, std::size_t length) { return std::stoi(std::string(text.substr(at, length))); };
  return number(0, 4) >= 1970 && (std::chrono::year(number(0, 4)) / number(5, 2) / number(8, 2)).ok();
}

bool is_time(std::string_view text) {
  if (text.empty() || text.back() != 'Z') return false;
  text.remove_suffix(1);
  const auto dot = text.find('.');
  if (dot != std::string_view::npos) {
    const std::string_view fraction = text.substr(dot + 1);
    if (fraction.empty() || fraction.size() > 9 || !matches(fraction, std::string(fraction.size(), '0'))) return false;
    text = text.substr(0, dot);
  }
  if (!matches(text, "0000-00-00T00:00:00")) return false;
  const auto number = [&](std::size_t at, std::size_t length) { return std::stoi(std::string(text.substr(at, length))); };
  return is_date(text.substr(0, 10)) && number(11, 2) < 24 && number(14, 2) < 60 && number(17, 2) < 60;
}

/// A time counts to the millisecond.
std::string content_begin(std::string_view time, std::string_view value_date) {
  constexpr std::size_t kSeconds = 19;
  constexpr std::size_t kMilliseconds = 3;
  std::string fraction(time.substr(kSeconds, time.size() - kSeconds - 1));
  fraction = fraction.empty() ? "" : fraction.substr(1, kMilliseconds);
  fraction.resize(kMilliseconds, '0');
  return std::string(time.substr(0, kSeconds)) + '.' + fraction + '\n' + std::string(value_date) + '\n';
}

constexpr std::size_t kLongestText = 1024;

/// The only field of that name, as a text with something in it, and not too much.
std::optional<std::string> text(dom::object object, std::string_view name) {
  std::optional<std::string> found;
  for (const auto [key, value] : object) {
    if (key != name) continue;
    std::string_view content;
    if (found || value.get(content) != simdjson::SUCCESS || content.empty() || content.size() > kLongestText) {
      return std::nullopt;
    }
    found = content;
  }
  return found;
}

/// A copy in which every whole number below a signed 64-bit integer, or with twenty digits or more, is
/// 18446744073709551615, so that all else can be read.
std::string tamed(std::string_view json) {
  std::string copy;
  std::string token;
  bool quoted = false;
  bool escaped = false;
  const auto end_token = [&] {
    const bool negative = token.starts_with('-');
    const std::string digits = token.substr(negative ? 1 : 0);
    const bool whole = !digits.empty() && digits.find_first_not_of("0123456789") == std::string::npos && digits[0] != '0';
    const bool huge = digits.size() >= 20 || (negative && digits.size() == 19 && digits > "9223372036854775808");
    copy += whole && huge ? "18446744073709551615" : token;
    token.clear();
  };
  for (const char c : json) {
    if (!quoted && std::string_view("0123456789+-.eE").find(c) != std::string_view::npos) {
      token += c;
      continue;
    }
    end_token();
    copy += c;
    if (escaped) {
      escaped = false;
    } else if (quoted && c == '\\') {
      escaped = true;
    } else if (c == '"') {
      quoted = !quoted;
    }
  }
  end_token();
  return copy;
}

}  // namespace

struct Json::Impl {
  dom::parser parser;
  simdjson::ondemand::parser row_parser;
  simdjson::padded_string copy;

  bool read(std::string_view json, dom::object& object) {
    return parser.parse(simdjson::padded_string(json)).get(object) == simdjson::SUCCESS ||
           parser.parse(simdjson::padded_string(tamed(json))).get(object) == simdjson::SUCCESS;
  }
};
Json::Json() : impl_(new Impl) {}
Json::~Json() = default;

std::optional<Row> Json::account(std::string_view json) {
  dom::object object;
  if (!impl_->read(json, object)) return std::nullopt;
  const auto account = text(object, "account");
  const auto client = text(object, "client");
  const auto currency = text(object, "currency");
  if (!account || !client || !currency || currency->find('/') != std::string::npos) return std::nullopt;
  Row row;
  row.account = *account;
  row.client = *client;
  row.currency = *currency;
  return row;
}

std::optional<Row> Json::limit(std::string_view json) {
  dom::object object;
  if (!impl_->read(json, object)) return std::nullopt;
  const auto client = text(object, "client");
  const auto currency = text(object, "currency");
  if (!client || !currency || currency->find('/') != std::string::npos) return std::nullopt;
  Row row;
  row.client = *client;
  row.currency = *currency;
  for (const auto [key, value] : object) {
    if (key == "mode" && text(object, "mode") != "monitor") return std::nullopt;
    if (key != "floor") continue;
    std::int64_t floor = 0;
    if (row.floor || value.get(floor) != simdjson::SUCCESS) return std::nullopt;
    row.floor = floor;
  }
  if (!row.floor) return std::nullopt;
  return row;
}

std::optional<Transaction> Json::transaction(std::string_view json) {
  dom::object object;
  if (!impl_->read(json, object)) return std::nullopt;
  const auto id = text(object, "id");
  const auto time = text(object, "time");
  const auto value_date = text(object, "value_date");
  if (!id || !time || !is_time(*time) || !value_date || !is_date(*value_date)) return std::nullopt;
  Transaction transaction{*id, {}, content_begin(*time, *value_date)};
  bool seen = false;
  for (const auto [key, value] : object) {
    if (key != "legs") continue;
    dom::array legs;
    if (seen || value.get(legs) != simdjson::SUCCESS) return std::nullopt;
    seen = true;
    for (const dom::element element : legs) {
      dom::object fields;
      if (element.get(fields) != simdjson::SUCCESS) return std::nullopt;
      const auto account = text(fields, "account");
      const auto currency = text(fields, "currency");
      if (!account || !currency || currency->find('/') != std::string::npos) return std::nullopt;
      std::optional<Leg> leg;
      for (const auto [name, amount] : fields) {
        if (name != "amount") continue;
        std::int64_t narrow = 0;
        std::uint64_t wide = 0;
        if (leg) return std::nullopt;
        if (amount.get(narrow) == simdjson::SUCCESS) {
          leg = Leg{*account, *currency, narrow, false};
        } else if (amount.get(wide) == simdjson::SUCCESS) {
          leg = Leg{*account, *currency, 0, true};
        } else {
          return std::nullopt;
        }
      }
      if (!leg) return std::nullopt;
      transaction.legs.push_back(*leg);
      transaction.content += *account + '\n' + *currency + '\n' + to_text(leg->amount) + '\n';
    }
  }
  if (transaction.legs.empty()) return std::nullopt;
  return transaction;
}

std::optional<Row> Json::row(std::string_view json) {
  Row row;
  const auto number = [](std::string_view token) {
    while (!token.empty() && std::string_view(" \t\r\n").find(token.back()) != std::string_view::npos) token.remove_suffix(1);
    return token == "null" ? std::optional<Money>() : parse_money(token);
  };
  try {
    impl_->copy = simdjson::padded_string(json);
    auto document = impl_->row_parser.iterate(impl_->copy);
    for (auto field : document.get_object()) {
      const std::string_view name = field.unescaped_key();
      auto value = field.value();
      if (name == "account") row.account = std::string_view(value.get_string());
      if (name == "client") row.client = std::string_view(value.get_string());
      if (name == "currency") row.currency = std::string_view(value.get_string());
      if (name == "breach_id") row.breach_id = std::string_view(value.get_string());
      if (name == "transaction") row.transaction = std::string_view(value.get_string());
      if (name == "balance") row.balance = number(value.raw_json_token());
      if (name == "version") row.version = number(value.raw_json_token());
      if (name == "floor") row.floor = number(value.raw_json_token());
      if (name == "from_version") row.from_version = number(value.raw_json_token());
    }
  } catch (const simdjson::simdjson_error&) {
    return std::nullopt;
  }
  return row;
}

}  // namespace liquidity::verifier
