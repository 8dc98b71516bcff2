#include "liquidity/generator.hpp"

#include <cmath>
#include <filesystem>
#include <fstream>

namespace liquidity {
namespace {

constexpr const char* kCurrencies[] = {"EUR", "USD", "GBP"};
constexpr std::int64_t kFirstDay = 1795392000000;  // 2026-11-23T00:00:00Z
constexpr std::int64_t kDayMs = 86400000;
constexpr double kOpen = 7.0;
constexpr double kClose = 18.0;

// Where in the day the fraction `done` of the transactions has arrived: dense after opening and before the cut-off.
double hour_of(double done) {
  const double wave = done + 0.06 * std::sin(2 * M_PI * done) - 0.03 * std::sin(4 * M_PI * done);
  return kOpen + (kClose - kOpen) * std::min(0.999999, std::max(0.0, wave));
}

}  // namespace

Generator::Generator(std::uint64_t seed, std::int64_t transactions)
    : seed_(seed), state_(seed * 0x9e3779b97f4a7c15ULL + 1), transactions_(std::max<std::int64_t>(1, transactions)) {
  const std::int64_t clients = std::max<std::int64_t>(4, std::min<std::int64_t>(2000, transactions_ / 50));
  for (std::int64_t c = 1; c <= clients; ++c) {
    const std::string client = "C" + std::to_string(c);
    const int currencies = 1 + static_cast<int>(random() % 3);
    for (int k = 0; k < currencies; ++k) {
      const int accounts = 1 + static_cast<int>(random() % 2);
      for (int a = 0; a < accounts; ++a) {
        accounts_.push_back({"A" + std::to_string(c) + "-" + kCurrencies[k] + std::to_string(a), client, kCurrencies[k]});
      }
      limits_.push_back({client, kCurrencies[k], -static_cast<std::int64_t>(1000000 + random() % 50000000), "monitor"});
    }
  }
}

std::uint64_t Generator::random() {
  state_ += 0x9e3779b97f4a7c15ULL;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}
double Generator::uniform() { return static_cast<double>(random() >> 11) * 0x1.0p-53; }

// Zipf-like: the square of a uniform number prefers the accounts of the first clients.
const Account& Generator::counterparty(const std::string& currency) {
  while (true) {
    const double u = uniform();
    const Account& account = accounts_[static_cast<std::size_t>(u * u * u * static_cast<double>(accounts_.size()))];
    if (account.currency == currency) return account;
  }
}

Transaction Generator::next() {
  const std::int64_t day = made_ / transactions_;
  const double done = static_cast<double>(made_ % transactions_) / static_cast<double>(transactions_);
  const std::int64_t day_begin = kFirstDay + day * kDayMs;
  Transaction transaction;
  transaction.id = "t-" + std::to_string(seed_) + "-" + std::to_string(++made_);
  transaction.time_ms = day_begin + static_cast<std::int64_t>(hour_of(done) * 3600000);
  transaction.time = format_time(transaction.time_ms);
  transaction.value_date = transaction.time.substr(0, 10);
  const Account& payer = accounts_[random() % accounts_.size()];
  const Account* payee = &counterparty(payer.currency);
  for (int tries = 0; payee->account == payer.account && tries < 8; ++tries) payee = &counterparty(payer.currency);
  const double gaussian = std::sqrt(-2 * std::log(std::max(1e-12, uniform()))) * std::cos(2 * M_PI * uniform());
  const auto amount = static_cast<std::int64_t>(std::min(1e12, std::max(1.0, std::exp(11.5 + 2.0 * gaussian))));
  transaction.legs.push_back({payer.account, payer.currency, -amount});
  transaction.legs.push_back({payee->account, payer.currency, amount});
  return transaction;
}

void generate_files(std::uint64_t seed, std::int64_t transactions, const std::string& directory) {
  Generator generator(seed, transactions);
  std::filesystem::create_directories(directory);
  const auto write = [&](const char* name, auto&& fill) {
    const std::string path = directory + "/" + name;
    std::ofstream out(path + ".part", std::ios::binary);
    fill(out);
    out.close();
    if (!out) throw std::runtime_error("cannot write " + path + ": is the disk full?");
    std::filesystem::rename(path + ".part", path);
  };
  write("accounts.ndjson", [&](std::ofstream& out) {
    for (const Account& account : generator.accounts()) out << to_json(account) << '\n';
  });
  write("limits.ndjson", [&](std::ofstream& out) {
    for (const Limit& limit : generator.limits()) out << to_json(limit) << '\n';
  });
  write("transactions.ndjson", [&](std::ofstream& out) {
    for (std::int64_t i = 0; i < transactions; ++i) out << to_json(generator.next()) << '\n';
  });
}

}  // namespace liquidity
