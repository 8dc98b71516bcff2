// Times as the inputs spell them: 2026-11-23T08:00:00.123Z.
#include <chrono>
#include <cstdio>
#include <optional>

#include "liquidity/formats.hpp"

namespace liquidity {
namespace {

using std::chrono::sys_days;

/// Exactly `digits` of them at `at`, as a number; -1: they are not there.
int digits_at(std::string_view text, std::size_t at, std::size_t digits) {
  if (text.size() < at + digits) return -1;
  int number = 0;
  for (const char c : text.substr(at, digits)) {
    if (c < '0' || c > '9') return -1;
    number = number * 10 + (c - '0');
  }
  return number;
}

/// YYYY-MM-DD at the beginning of the text; nullopt: it is no date since 1970.
std::optional<sys_days> date_at_front(std::string_view text) {
  constexpr std::string_view kShape = "....-..-..";
  if (text.size() < kShape.size() || text[4] != '-' || text[7] != '-') return std::nullopt;
  const int year = digits_at(text, 0, 4), month = digits_at(text, 5, 2), day = digits_at(text, 8, 2);
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (year < 1970 || month < 0 || day < 0 || !date.ok()) return std::nullopt;
  return sys_days(date);
}

[[noreturn]] void bad_time(std::string_view text) {
  throw BadInput("\"time\" is \"" + std::string(text) + "\", not like 2026-11-23T08:00:00.123Z");
}

}  // namespace

std::int64_t parse_time(std::string_view text) {
  constexpr std::string_view kShape = "....-..-..T..:..:..";
  constexpr std::size_t kFractionMax = 9;
  if (text.size() <= kShape.size() || text.back() != 'Z') bad_time(text);
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    if (kShape[i] != '.' && text[i] != kShape[i]) bad_time(text);
  }
  const std::optional<sys_days> date = date_at_front(text);
  const int hour = digits_at(text, 11, 2), minute = digits_at(text, 14, 2), second = digits_at(text, 17, 2);
  if (!date || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) bad_time(text);
  std::string_view fraction = text.substr(kShape.size());
  fraction.remove_suffix(1);
  int ms = 0;
  if (!fraction.empty()) {
    fraction.remove_prefix(1);
    if (text[kShape.size()] != '.' || fraction.empty() || fraction.size() > kFractionMax ||
        digits_at(fraction, 0, fraction.size()) < 0) {
      bad_time(text);
    }
    for (std::size_t i = 0; i < 3; ++i) ms = ms * 10 + (i < fraction.size() ? fraction[i] - '0' : 0);
  }
  const std::int64_t days = date->time_since_epoch().count();
  return ((days * 24 + hour) * 60 + minute) * 60000 + second * 1000 + ms;
}

void check_date(std::string_view text) {
  constexpr std::size_t kLength = 10;
  if (text.size() == kLength && date_at_front(text)) return;
  throw BadInput("\"value_date\" is \"" + std::string(text) + "\", not a date like 2026-11-23");
}

std::string format_time(std::int64_t ms) {
  const std::chrono::sys_time<std::chrono::milliseconds> time{std::chrono::milliseconds(ms)};
  const sys_days midnight = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{midnight};
  const auto of_day = (time - midnight).count();
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), static_cast<int>(of_day / 3600000),
                static_cast<int>(of_day / 60000 % 60), static_cast<int>(of_day / 1000 % 60), static_cast<int>(of_day % 1000));
  return text;
}

}  // namespace liquidity
