#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "liquidity/formats.hpp"
#include "liquidity/generator.hpp"

namespace liquidity {
namespace {

using testing::HasSubstr;

std::string transaction(const std::string& legs) {
  return R"({"id":"t-1","time":"2026-11-23T08:00:00.123Z","value_date":"2026-11-23","legs":[)" + legs + "]}";
}
std::string leg(const std::string& amount) { return R"({"account":"A1","currency":"EUR","amount":)" + amount + "}"; }
std::string problem(const std::string& json) {
  try {
    (void)Reader().transaction(json);
  } catch (const BadInput& bad) {
    return bad.what();
  }
  return "";
}

TEST(Money, IsWiderThanAmounts) {
  const Money large = Money(INT64_MAX) * 4;
  EXPECT_EQ(to_text(large), "36893488147419103228");
  EXPECT_EQ(to_text(-large), "-36893488147419103228");
  EXPECT_EQ(to_text(INT64_MIN), "-9223372036854775808");
  EXPECT_EQ(to_text(0), "0");
  for (const char* text : {"0", "-1", "36893488147419103228", "-170141183460469231731687303715884105728"}) {
    const auto parsed = parse_money(text);
    ASSERT_TRUE(parsed.has_value()) << text;
    EXPECT_EQ(to_text(*parsed), text);
  }
  for (const char* text : {"", "-", "1.5", "1e3", "170141183460469231731687303715884105728", "x"}) {
    EXPECT_FALSE(parse_money(text).has_value()) << text;
  }
}

TEST(Time, IsReadStrictly) {
  EXPECT_EQ(parse_time("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parse_time("2026-11-23T08:00:00.123Z"), 1795420800123);
  EXPECT_EQ(parse_time("2026-11-23T08:00:00.5Z"), 1795420800500);
  EXPECT_EQ(parse_time("2024-02-29T23:59:59.999999999Z"), 1709251199999);
  EXPECT_EQ(format_time(1795420800123), "2026-11-23T08:00:00.123Z");
  for (const char* bad : {"", "2026-11-23", "2026-11-23T08:00:00", "2026-11-23T08:00:00.Z", "2026-02-29T08:00:00Z",
                          "2026-13-01T00:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23 08:00:00Z", "2026-11-23T08:00:00+01:00",
                          "2026- 1-23T08:00:00Z", "1969-12-31T23:59:59Z", "2026-11-23T08:00:00.1234567890Z"}) {
    EXPECT_THROW((void)parse_time(bad), BadInput) << bad;
  }
}

TEST(Transaction, SaysWhatIsWrongWithIt) {
  EXPECT_EQ(problem(transaction(leg("0"))), "");
  EXPECT_THAT(problem("[1]"), HasSubstr("not a JSON object"));
  EXPECT_THAT(problem("{\"id\":"), HasSubstr("not valid JSON"));
  EXPECT_THAT(problem("{}"), HasSubstr("\"id\" is missing"));
  EXPECT_THAT(problem(transaction("")), HasSubstr("no legs"));
  EXPECT_THAT(problem(transaction(leg("1.5"))), HasSubstr("\"amount\" is not a whole number"));
  EXPECT_THAT(problem(transaction(leg("\"1\""))), HasSubstr("\"amount\" is not a whole number"));
  EXPECT_THAT(problem(transaction(R"({"account":"A1","currency":"EU/R","amount":1})")), HasSubstr("slash"));
  EXPECT_THAT(problem(transaction(R"({"account":"","currency":"EUR","amount":1})")), HasSubstr("\"account\" is empty"));
  EXPECT_THAT(problem(transaction(R"({"account":"A1","currency":")" + std::string(1025, 'E') + R"(","amount":1})")),
              HasSubstr("\"currency\" has 1025 bytes, more than 1024"));
  EXPECT_THAT(problem(transaction(R"({"account":"A1","account":"A2","currency":"EUR","amount":1})")), HasSubstr("twice"));
}

TEST(Transaction, IsReadWhateverTheOrderOfItsFieldsAndWithFurtherOnes) {
  const Transaction read = Reader().transaction(
      R"({"note":{"a":[1,"2"]},"legs":[{"amount":5,"x":null,"account":"A1","currency":"EUR"},)"
      R"({"amount":-5,"account":"B\"1","currency":"EUR"}],"value_date":"2026-11-23","time":"2026-11-23T08:00:00Z","id":"t"})");
  EXPECT_EQ(read.refusal, "");
  EXPECT_EQ(to_json(read),
            R"({"id":"t","time":"2026-11-23T08:00:00Z","value_date":"2026-11-23","legs":)"
            R"([{"account":"A1","currency":"EUR","amount":5},{"account":"B\"1","currency":"EUR","amount":-5}]})");
}

TEST(Transaction, OfAnAmountThatOverflowsIsReadButRefused) {
  const auto refusal = [](const std::string& amounts) { return Reader().transaction(transaction(amounts)).refusal; };
  EXPECT_EQ(refusal(leg("9223372036854775807") + "," + leg("-9223372036854775807")), "");
  EXPECT_EQ(refusal(leg("-9223372036854775808") + "," + leg("9223372036854775807") + "," + leg("1")), "");
  EXPECT_THAT(refusal(leg("9223372036854775808")), HasSubstr("overflows"));
  EXPECT_THAT(refusal(leg("-9223372036854775809")), HasSubstr("overflows"));
  EXPECT_THAT(refusal(leg("18446744073709551616")), HasSubstr("overflows"));
  EXPECT_THAT(refusal(leg("-99999999999999999999999999")), HasSubstr("overflows"));
  EXPECT_THAT(refusal(leg("9223372036854775807") + "," + leg("9223372036854775807") + "," + leg("2")),
              HasSubstr("18446744073709551616"));
  // Digits in texts and fractions are no amounts.
  EXPECT_EQ(problem(R"({"id":"t-1","time":"2026-11-23T08:00:00Z","value_date":"2026-11-23","n":0.12345678901234567890123,)"
                    R"("t":"99999999999999999999","legs":[{"account":"11111111111111111111","currency":"EUR","amount":0}]})"),
            "");
}

TEST(Generator, GivesTheSameDayForTheSameSeed) {
  Generator a(7, 100);
  Generator b(7, 100);
  Generator c(8, 100);
  bool different = false;
  for (int i = 0; i < 250; ++i) {
    const std::string json = to_json(a.next());
    ASSERT_EQ(json, to_json(b.next()));
    different = different || json != to_json(c.next());
  }
  EXPECT_TRUE(different);
}

TEST(Generator, GoesOnAtAnyTransaction) {
  for (const std::int64_t made : {0, 1, 99, 100, 101, 250}) {
    Generator whole(7, 100);
    for (std::int64_t i = 0; i < made; ++i) (void)whole.next();
    Generator jumped(7, 100);
    jumped.skip_to(made);
    for (int i = 0; i < 120; ++i) ASSERT_EQ(to_json(jumped.next()), to_json(whole.next())) << made;
  }
}

TEST(Generator, MakesABusinessDay) {
  constexpr int kTransactions = 20000;
  Generator generator(3, kTransactions);
  std::map<std::string, Account> accounts;
  for (const Account& account : generator.accounts()) ASSERT_TRUE(accounts.emplace(account.account, account).second);
  std::map<std::int64_t, int> by_hour;
  std::map<std::string, int> met;
  std::vector<std::int64_t> amounts;
  std::int64_t last = 0;
  Reader reader;
  for (int i = 0; i < kTransactions; ++i) {
    const Transaction transaction = reader.transaction(to_json(generator.next()));
    ASSERT_EQ(transaction.refusal, "");
    ASSERT_GE(transaction.time_ms, last);
    last = transaction.time_ms;
    ++by_hour[transaction.time_ms / 3600000 % 24];
    for (const TransactionLeg& leg : transaction.legs) {
      ASSERT_TRUE(accounts.contains(leg.account));
      ASSERT_EQ(accounts[leg.account].currency, leg.currency);
      if (leg.amount > 0) ++met[accounts[leg.account].client], amounts.push_back(leg.amount);
    }
  }
  // All of the day, busiest before the cut-off at 16:00, quiet at noon.
  EXPECT_EQ(by_hour.begin()->first, 7);
  EXPECT_EQ(by_hour.rbegin()->first, 17);
  EXPECT_GT(by_hour[15], 2 * by_hour[12]);
  // Heavy tails: the largest hundredth is most of the money; the busiest clients are met a hundred times as often as most.
  std::sort(amounts.begin(), amounts.end());
  double all = 0;
  double top = 0;
  for (std::size_t i = 0; i < amounts.size(); ++i) {
    all += static_cast<double>(amounts[i]);
    if (i >= amounts.size() * 99 / 100) top += static_cast<double>(amounts[i]);
  }
  EXPECT_GT(top / all, 0.3);
  std::vector<int> meetings;
  for (const auto& [client, times] : met) meetings.push_back(times);
  std::sort(meetings.begin(), meetings.end());
  EXPECT_GT(meetings.back(), 30 * meetings[meetings.size() / 2]);
}

TEST(Generator, WritesTheDirectoryThatRunReads) {
  const std::string directory = testing::TempDir() + "/liquidity-generator/a/b";
  std::filesystem::remove_all(directory);
  generate_files(1, 50, directory);
  std::ifstream in(directory + "/transactions.ndjson");
  std::string line;
  int lines = 0;
  Reader reader;
  for (; std::getline(in, line); ++lines) EXPECT_EQ(to_json(reader.transaction(line)), line);
  EXPECT_EQ(lines, 50);
  std::filesystem::remove_all(testing::TempDir() + "/liquidity-generator");
}

}  // namespace
}  // namespace liquidity
