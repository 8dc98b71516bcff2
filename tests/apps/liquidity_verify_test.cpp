// The verifier can fail: each test falsifies one thing in a good log, and sees it found.
#include "chain.hpp"

#include <algorithm>

namespace liquidity {
namespace {

using testing::HasSubstr;

/// Three crossings and two recoveries of C1, one of them by each account, and a refusal.
class LiquidityVerify : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    chain_ = new Chain;
    chain_->pay("t-1", {{"A1", "EUR", -1200}, {"B1", "EUR", 1200}});
    chain_->pay("t-2", {{"A2", "EUR", 700}, {"B1", "EUR", -700}});
    chain_->pay("t-3", {{"A1", "EUR", -800}, {"B1", "EUR", 800}});
    chain_->pay("t-4", {{"A2", "EUR", 500}, {"B1", "EUR", -500}});
    chain_->pay("t-5", {{"A1", "EUR", -300}, {"B1", "EUR", 300}});
    chain_->pay("bad", {{"A1", "EUR", -1}, {"Z9", "EUR", 1}});
    chain_->pay("t-1", {{"A1", "EUR", -1200}, {"B1", "EUR", 1200}});
    ASSERT_EQ(chain_->values(topics::kBreaches).size(), 3U);
    ASSERT_EQ(chain_->values(topics::kBreachClears).size(), 2U);
    ASSERT_EQ(chain_->violation(), "");
  }
  static void TearDownTestSuite() {
    delete chain_;
    chain_ = nullptr;
  }
  static std::string violation(const Forge& forge) { return verify(*forged(*chain_->log, forge), kApplication).violation; }
  /// `change` is applied to the n-th record (from 0) of the topic.
  static std::string violation_at(const char* topic, int n, const std::function<std::vector<Copy>(Copy)>& change) {
    int at = 0;
    return violation([&](const std::string& name, Copy record) {
      return name == topic && at++ == n ? change(std::move(record)) : std::vector<Copy>{std::move(record)};
    });
  }
  static std::function<std::vector<Copy>(Copy)> replace(const std::string& from, const std::string& to) {
    return [=](Copy record) {
      const auto found = record.value.find(from);
      EXPECT_NE(found, std::string::npos) << from << " in " << record.value;
      record.value.replace(found, from.size(), to);
      return std::vector<Copy>{record};
    };
  }
  static std::vector<Copy> nothing(Copy) { return {}; }
  static std::vector<Copy> twice(Copy record) { return {record, record}; }
  /// Where the record with this text stands in the topic.
  static int find(const char* topic, const std::string& text) {
    const std::vector<std::string> values = chain_->values(topic);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i].find(text) != std::string::npos) return static_cast<int>(i);
    }
    ADD_FAILURE() << text << " is not in " << topic;
    return -1;
  }
  static Chain* chain_;
};
Chain* LiquidityVerify::chain_ = nullptr;

TEST_F(LiquidityVerify, FindsNothingInATrueCopy) {
  EXPECT_EQ(violation([](const std::string&, Copy record) { return std::vector<Copy>{std::move(record)}; }), "");
}

TEST_F(LiquidityVerify, FindsAFalsifiedAccountBalance) {
  const int at = find(topics::kAccountBalances, R"("A2","client":"C1","currency":"EUR","balance":1200)");
  EXPECT_THAT(violation_at(topics::kAccountBalances, at, replace("1200", "1201")), HasSubstr("A2 ends with balance 1201"));
}
TEST_F(LiquidityVerify, FindsAFalsifiedBalanceInTheMiddle) {
  const int at = find(topics::kAccountBalances, R"("A2","client":"C1","currency":"EUR","balance":700)");
  EXPECT_THAT(violation_at(topics::kAccountBalances, at, replace("700", "701")), HasSubstr("A2: the steps"));
}
TEST_F(LiquidityVerify, FindsAFalsifiedClientBalance) {
  const int at = find(topics::kClientBalances, R"("C2","currency":"EUR","balance":1100)");
  EXPECT_THAT(violation_at(topics::kClientBalances, at, replace("1100", "1099")), HasSubstr("C2/EUR ends with balance 1099"));
}
TEST_F(LiquidityVerify, FindsAMissingBalance) {
  EXPECT_THAT(violation_at(topics::kAccountBalances, find(topics::kAccountBalances, R"("A1")"), nothing),
              HasSubstr("A1 goes from version 0 to 2"));
}
TEST_F(LiquidityVerify, FindsAMissingLastBalance) {
  const int at = find(topics::kClientBalances, R"("C1","currency":"EUR","balance":-1100,"version":5)");
  EXPECT_THAT(violation_at(topics::kClientBalances, at, nothing), HasSubstr("C1/EUR ends with"));
}
TEST_F(LiquidityVerify, FindsABalanceThatIsThereTwice) {
  EXPECT_THAT(violation_at(topics::kClientBalances, 0, twice), HasSubstr("goes from version 1 to 1"));
}
TEST_F(LiquidityVerify, FindsABalanceUnderAnothersName) {
  EXPECT_THAT(violation_at(topics::kAccountBalances, find(topics::kAccountBalances, R"("A1")"),
                           replace(R"("client":"C1")", R"("client":"C9")")),
              HasSubstr("somebody else"));
}

TEST_F(LiquidityVerify, FindsAFalsifiedBreach) {
  EXPECT_THAT(violation_at(topics::kBreaches, 1, replace(R"("balance":-1300)", R"("balance":-1301)")),
              HasSubstr("tells of balance -1301"));
  EXPECT_THAT(violation_at(topics::kBreaches, 0, replace(R"("floor":-1000)", R"("floor":-1001)")), HasSubstr("at floor -1001"));
  EXPECT_THAT(violation_at(topics::kBreaches, 0, replace("t-1", "t-2")), HasSubstr("is said to be by t-2"));
}
TEST_F(LiquidityVerify, FindsAMissingBreach) {
  for (const int n : {0, 1, 2}) EXPECT_THAT(violation_at(topics::kBreaches, n, nothing), HasSubstr(topics::kBreaches)) << n;
}
TEST_F(LiquidityVerify, FindsADuplicatedBreachId) {
  EXPECT_THAT(violation_at(topics::kBreaches, 1, twice), HasSubstr("is there twice"));
  const std::string first = R"("breach_id":"C1/EUR/1")";
  EXPECT_THAT(violation_at(topics::kBreaches, 2, replace(R"("breach_id":"C1/EUR/5")", first)),
              HasSubstr("C1/EUR/1 is there twice"));
}
TEST_F(LiquidityVerify, FindsAFalsifiedClear) {
  EXPECT_THAT(violation_at(topics::kBreachClears, 0, replace(R"("balance":-500)", R"("balance":-501)")),
              HasSubstr("tells of balance -501"));
  EXPECT_THAT(violation_at(topics::kBreachClears, 1, replace("C1/EUR/3", "C1/EUR/1")),
              HasSubstr("is not the breach that ends"));
}
TEST_F(LiquidityVerify, FindsAMissingClear) {
  for (const int n : {0, 1})
    EXPECT_THAT(violation_at(topics::kBreachClears, n, nothing), HasSubstr(topics::kBreachClears)) << n;
}
TEST_F(LiquidityVerify, FindsAClearTooMany) {
  EXPECT_THAT(violation_at(topics::kBreachClears, 1, twice), HasSubstr("has 3 events"));
}

TEST_F(LiquidityVerify, FindsALostTransaction) {
  // Its effects are there, it is not.
  EXPECT_NE(violation_at(topics::kTransactions, find(topics::kTransactions, "t-3"), nothing), "");
}
TEST_F(LiquidityVerify, FindsATransactionWithoutEffect) {
  EXPECT_NE(violation([](const std::string& topic, Copy record) {
              std::vector<Copy> copies{record};
              if (topic == topics::kTransactions && record.key == "t-4") {
                copies.push_back(record);
                copies.back().key = "t-6";
                copies.back().value.replace(copies.back().value.find("t-4"), 3, "t-6");
              }
              return copies;
            }),
            "");
}
TEST_F(LiquidityVerify, FindsALostRefusal) {
  EXPECT_THAT(violation_at(topics::kDeadLetters, 0, nothing), HasSubstr("is to be refused, but is not there"));
}
TEST_F(LiquidityVerify, FindsARefusalThatIsThereTwice) {
  EXPECT_THAT(violation_at(topics::kDeadLetters, 0, twice), HasSubstr("was refused twice"));
}
TEST_F(LiquidityVerify, FindsAFalsifiedRefusal) {
  EXPECT_THAT(violation_at(topics::kDeadLetters, 0, replace("Z9", "Y9")), HasSubstr("is not what was sent"));
}
TEST_F(LiquidityVerify, FindsAGoodTransactionThatWasRefused) {
  // Had Z9 been known from the beginning, the refusal would have been wrong.
  EXPECT_THAT(violation([](const std::string& topic, Copy record) {
                std::vector<Copy> copies{record};
                if (topic == topics::kAccounts && record.key == "A2") {
                  copies.push_back(record);
                  copies.back().key = "Z9";
                  copies.back().value = R"({"account":"Z9","client":"C9","currency":"EUR"})";
                  copies.back().timestamp = 1;
                }
                return copies;
              }),
              HasSubstr("transaction bad is good, but was refused: unknown account Z9"));
}
TEST_F(LiquidityVerify, FindsAFloorThatWasNeverSet) {
  EXPECT_THAT(violation_at(topics::kLimitsInForce, find(topics::kLimitsInForce, "-1000"), replace("-1000", "-9000")),
              HasSubstr("was never set"));
}
TEST_F(LiquidityVerify, FindsALimitThatWasOverlooked) {
  EXPECT_THAT(violation_at(topics::kLimitsInForce, find(topics::kLimitsInForce, "-1000"), replace("-1000", "null")),
              HasSubstr("replaced before"));
}
TEST(LiquidityVerifyContradictions, FindsOneThatTheChainDoesNotTellOf) {
  Chain chain({{"A1", "C1", "EUR"}, {"B1", "C2", "EUR"}}, {});
  for (const char* amount : {"1", "2"}) {  // one id, so that all of it is in one partition
    chain.pay("t", {{"A1", "EUR", -std::stoi(amount)}, {"B1", "EUR", std::stoi(amount)}});
  }
  std::string other;  // another id of the same partition
  for (int i = 0; other.empty(); ++i) {
    const std::string id = "u-" + std::to_string(i);
    chain.pay(id, {{"A1", "EUR", -1}, {"B1", "EUR", 1}});
    const std::vector<Copy> sent = read_all(*chain.log, topics::kTransactions);
    const auto at = [&](const std::string& key) {
      return std::find_if(sent.begin(), sent.end(), [&](const Copy& copy) { return copy.key == key; })->partition;
    };
    if (at(id) == at("t")) other = id;
  }
  chain.pay(other, {{"A1", "EUR", -2}, {"B1", "EUR", 2}});
  EXPECT_EQ(chain.violation(), "");
  const auto without = [&](const std::string& id) {
    return verify(*forged(*chain.log,
                          [&](const std::string& topic, Copy record) {
                            return topic == topics::kDeadLetters && record.key == id ? std::vector<Copy>{}
                                                                                     : std::vector<Copy>{record};
                          }),
                  kApplication)
        .violation;
  };
  EXPECT_THAT(without(other), HasSubstr("transaction " + other + " at offset"));
  EXPECT_EQ(without("t"), "");  // a chain of before did not tell
}
TEST(LiquidityVerifyProgress, SaysThatTheChainHasNotCaughtUp) {
  Chain chain;
  chain.pay("t-1", {{"A1", "EUR", -250}, {"B1", "EUR", 250}});
  chain.stop();
  Appender appender(*chain.log, "test", Together::kEachByItself);
  appender.append(topics::kTransactions, "t-2", "{}", kMorning);
  appender.commit();
  const Verdict verdict = verify(*chain.log, kApplication);
  EXPECT_THAT(verdict.unfinished, HasSubstr("has not caught up: 1 records of lq.transactions"));
  EXPECT_EQ(verdict.violation, "");
}

}  // namespace
}  // namespace liquidity
