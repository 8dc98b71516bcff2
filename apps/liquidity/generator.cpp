#include "liquidity/generator.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>

namespace liquidity {
namespace {

constexpr const char* kCurrencies[] = {"EUR", "USD", "GBP"};
constexpr std::int64_t kFirstDay = 1795392000000;  // Monday 2026-11-23T00:00:00Z
constexpr std::int64_t kDayMs = 86400000;
constexpr std::int64_t kHourMs = 3600000;
constexpr std::int64_t kClientsMax = 2000;
constexpr std::int64_t kTransactionsPerClient = 50;
constexpr double kComesBack = 0.93;

/// How busy the hours from 7 to 18 are, relative to each other: opening, noon, the cut-off at 16:00, the rest.
constexpr double kBusy[] = {0.5, 1.2, 2.0, 1.7, 1.2, 0.7, 0.9, 1.4, 2.6, 0.8, 0.3};
constexpr std::int64_t kOpenHour = 7;
constexpr double kBusyTotal = [] {
  double total = 0;
  for (const double busy : kBusy) total += busy;
  return total;
}();

/// When in the day the fraction `done` of all transactions has arrived, in ms since midnight.
std::int64_t time_of_day(double done) {
  double left = std::clamp(done, 0.0, 1.0) * kBusyTotal;
  std::size_t hour = 0;
  while (hour + 1 < std::size(kBusy) && left > kBusy[hour]) left -= kBusy[hour++];
  const double within = std::min(0.999999, left / kBusy[hour]);
  return (kOpenHour + static_cast<std::int64_t>(hour)) * kHourMs + static_cast<std::int64_t>(within * kHourMs);
}

/// Five business days a week, from the first Monday on.
std::int64_t midnight_of(std::int64_t business_day) { return kFirstDay + (business_day / 5 * 7 + business_day % 5) * kDayMs; }

}  // namespace

// SplitMix64: small, and good enough for a demonstration.
std::uint64_t Generator::Random::next() {
  state += 0x9e3779b97f4a7c15ULL;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}
double Generator::Random::uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
double Generator::Random::gaussian() {
  const double u = std::max(1e-12, uniform());
  return std::sqrt(-2 * std::log(u)) * std::cos(2 * M_PI * uniform());
}

Generator::Generator(std::uint64_t seed, std::int64_t per_day)
    : seed_(seed), per_day_(std::max<std::int64_t>(1, per_day)), random_{seed * 0x9e3779b97f4a7c15ULL + 1} {
  make_clients(std::clamp<std::int64_t>(per_day_ / kTransactionsPerClient, 4, kClientsMax));
  begin_day(0);
}

void Generator::make_clients(std::int64_t count) {
  for (const char* currency : kCurrencies) markets_.push_back({currency, {}, {}});
  for (std::int64_t c = 1; c <= count; ++c) {
    const std::string client = "C" + std::to_string(c);
    const std::size_t currencies = 1 + random_.next() % std::size(kCurrencies);
    // Who trades much may owe much.
    const double size = 6e7 / std::pow(static_cast<double>(c), 0.5);
    for (std::size_t k = 0; k < currencies; ++k) {
      for (std::uint64_t a = 1 + random_.next() % 2; a > 0; --a) {
        markets_[k].accounts.push_back(accounts_.size());
        accounts_.push_back({"A" + std::to_string(c) + "-" + kCurrencies[k] + "-" + std::to_string(a), client, kCurrencies[k]});
      }
      const double floor = size * (0.5 + 2 * random_.uniform());
      limits_.push_back({client, kCurrencies[k], -static_cast<std::int64_t>(floor / 100000) * 100000, "monitor"});
    }
  }
  for (Market& market : markets_) {
    double sum = 0;
    for (std::size_t n = 1; n <= market.accounts.size(); ++n) {
      market.weights.push_back(sum += 1 / static_cast<double>(n));
    }
  }
}

// Each day has a seed of its own, so that a later day can be begun without going through the earlier ones.
void Generator::begin_day(std::int64_t day) {
  day_begin_ = midnight_of(day);
  arrived_ = 0;
  returns_.clear();
  random_ = Random{(seed_ * 0x9e3779b97f4a7c15ULL + 1) ^ (static_cast<std::uint64_t>(day) + 1) * 0xd1342543de82ef95ULL};
}

void Generator::skip_to(std::int64_t count) {
  made_ = count / per_day_ * per_day_;
  begin_day(made_ / per_day_);
  while (made_ < count) (void)next();
}

const Account& Generator::someone(const Market& market) {
  const double point = random_.uniform() * market.weights.back();
  const auto at =
      static_cast<std::size_t>(std::upper_bound(market.weights.begin(), market.weights.end(), point) - market.weights.begin());
  return accounts_[market.accounts[std::min(at, market.accounts.size() - 1)]];
}

std::int64_t Generator::amount() {
  return static_cast<std::int64_t>(std::clamp(std::exp(11.5 + 2.0 * random_.gaussian()), 1.0, 1e12));
}

std::vector<TransactionLeg> Generator::new_payment() {
  constexpr int kTries = 16;
  const std::string currency = accounts_[random_.next() % accounts_.size()].currency;
  const auto market = std::find_if(markets_.begin(), markets_.end(), [&](const Market& m) { return m.currency == currency; });
  const std::string payer = someone(*market).account;
  const double kind = random_.uniform();
  const int payees = kind < 0.9 ? 1 : kind < 0.97 ? 2 : 3 + static_cast<int>(random_.next() % 4);
  std::vector<TransactionLeg> legs{{payer, currency, 0}};
  for (int i = 0; i < payees; ++i) {
    std::string payee = payer;
    for (int tries = 0; payee == payer && tries < kTries; ++tries) payee = someone(*market).account;
    legs.push_back({payee, currency, amount()});
    legs.front().amount -= legs.back().amount;
  }
  return legs;
}

Transaction Generator::next() {
  if (made_ > 0 && made_ % per_day_ == 0) begin_day(made_ / per_day_);
  // Waiting times are exponential, and their sum may not run ahead of what is left of the day.
  const double left = static_cast<double>(per_day_ - made_ % per_day_);
  const double room = static_cast<double>(per_day_) - arrived_;
  arrived_ += -std::log(1 - random_.uniform()) * room / (left + 1);
  arrived_ = std::min(arrived_, static_cast<double>(per_day_));

  Transaction transaction;
  transaction.id = "t-" + std::to_string(seed_) + "-" + std::to_string(++made_);
  transaction.time_ms = day_begin_ + time_of_day(arrived_ / static_cast<double>(per_day_));
  transaction.time = format_time(transaction.time_ms);
  transaction.value_date = transaction.time.substr(0, 10);
  if (!returns_.empty() && returns_.front().due <= made_) {
    std::pop_heap(returns_.begin(), returns_.end(), std::greater<>());
    transaction.legs = std::move(returns_.back().legs);
    returns_.pop_back();
    return transaction;
  }
  transaction.legs = new_payment();
  if (random_.uniform() < kComesBack) {
    Return back{made_ - static_cast<std::int64_t>(std::log(1 - random_.uniform()) * static_cast<double>(per_day_) / 8),
                transaction.legs};
    for (TransactionLeg& leg : back.legs) leg.amount = -leg.amount;
    returns_.push_back(std::move(back));
    std::push_heap(returns_.begin(), returns_.end(), std::greater<>());
  }
  return transaction;
}

void generate_files(std::uint64_t seed, std::int64_t transactions, const std::string& directory) {
  Generator generator(seed, transactions);
  std::error_code failed;
  std::filesystem::create_directories(directory, failed);
  if (failed) throw std::runtime_error("directory " + directory + " cannot be made: " + failed.message());
  const auto write = [&](const char* name, auto&& fill) {
    const std::string path = directory + "/" + name;
    const std::string unfinished = path + ".part";
    std::ofstream out(unfinished, std::ios::binary | std::ios::trunc);
    fill(out);
    out.close();
    if (!out) {
      std::filesystem::remove(unfinished, failed);
      throw std::runtime_error(path + " cannot be written: may you write there, and is the disk full?");
    }
    std::filesystem::rename(unfinished, path);
  };
  write("accounts.ndjson", [&](std::ofstream& out) {
    for (const Account& account : generator.accounts()) out << to_json(account) << '\n';
  });
  write("limits.ndjson", [&](std::ofstream& out) {
    for (const Limit& limit : generator.limits()) out << to_json(limit) << '\n';
  });
  write("transactions.ndjson", [&](std::ofstream& out) {
    for (std::int64_t i = 0; i < transactions && out; ++i) out << to_json(generator.next()) << '\n';
  });
}

}  // namespace liquidity
