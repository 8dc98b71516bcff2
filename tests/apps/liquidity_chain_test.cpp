#include "chain.hpp"

#include <thread>

#include "liquidity/intake.hpp"

namespace liquidity {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(LiquidityChain, AppliesEachLegOnceToAccountAndClient) {
  Chain chain;
  chain.pay("t-1", {{"A1", "EUR", -250}, {"A2", "EUR", 100}, {"B1", "EUR", 150}});
  EXPECT_EQ(chain.last(topics::kAccountBalances)["A1"],
            R"({"account":"A1","client":"C1","currency":"EUR","balance":-250,"version":1})");
  EXPECT_EQ(chain.last(topics::kClientBalances)["C1/EUR"], R"({"client":"C1","currency":"EUR","balance":-150,"version":2})");
  EXPECT_EQ(chain.violation(), "");
}

TEST(LiquidityChain, IgnoresARepeatedTransaction) {
  Chain chain;
  chain.pay("t-1", {{"A1", "EUR", -250}, {"B1", "EUR", 250}});
  chain.pay("t-1", {{"A1", "EUR", -250}, {"B1", "EUR", 250}});
  chain.pay("t-1", {{"A1", "EUR", -99}, {"B1", "EUR", 99}});
  EXPECT_EQ(chain.last(topics::kAccountBalances)["B1"],
            R"({"account":"B1","client":"C2","currency":"EUR","balance":250,"version":1})");
  EXPECT_THAT(chain.reasons(), IsEmpty());
  EXPECT_EQ(chain.violation(), "");
}

TEST(LiquidityChain, RefusesABadTransactionWhole) {
  Chain chain;
  chain.pay("unbalanced", {{"A1", "EUR", -250}, {"B1", "EUR", 249}});
  chain.pay("wraps around", {{"A1", "EUR", INT64_MAX}, {"A2", "EUR", INT64_MAX}, {"B1", "EUR", 2}});
  chain.pay("unknown", {{"A1", "EUR", -250}, {"Z9", "EUR", 250}});
  chain.pay("currency", {{"A1", "EUR", -250}, {"D1", "EUR", 250}});
  chain.send("raw", R"({"id":"raw","time":"2026-11-23T08:00:00Z","value_date":"2026-11-23",)"
                    R"("legs":[{"account":"A1","currency":"EUR","amount":9223372036854775808}]})");
  chain.send("huge", R"({"id":"huge","time":"2026-11-23T08:00:00Z","value_date":"2026-11-23",)"
                     R"("legs":[{"account":"A1","currency":"EUR","amount":-123456789012345678901234567890}]})");
  chain.send("half", "{half a record");
  chain.send("other", R"({"id":"t-9","time":"2026-11-23T08:00:00Z","value_date":"2026-11-23",)"
                      R"("legs":[{"account":"A1","currency":"EUR","amount":0}]})");
  EXPECT_THAT(chain.last(topics::kAccountBalances), IsEmpty());
  EXPECT_THAT(chain.reasons(), testing::UnorderedElementsAre(
                                   HasSubstr("sum to zero, but to -1"), HasSubstr("sum to zero, but to 18446744073709551616"),
                                   "unknown account Z9", "account D1 is in USD, the leg in EUR", HasSubstr("overflows"),
                                   HasSubstr("overflows"), HasSubstr("not valid JSON"), HasSubstr("key")));
  EXPECT_EQ(chain.violation(), "");
}

TEST(LiquidityChain, SaysOnceWhyATransactionIsRefusedAndTakesItWhenItIsMended) {
  Chain chain;
  chain.pay("t-1", {{"A1", "EUR", -5}, {"N1", "EUR", 5}});
  chain.pay("t-1", {{"A1", "EUR", -5}, {"N1", "EUR", 5}});
  EXPECT_THAT(chain.reasons(), ElementsAre("unknown account N1"));
  EXPECT_EQ(chain.violation(), "");
  chain.stop();
  load_reference_data(*chain.log, {{"N1", "C3", "EUR"}}, {});
  chain.start();
  chain.catch_up();
  EXPECT_EQ(chain.violation(), "");
  chain.pay("t-1", {{"A1", "EUR", -5}, {"N1", "EUR", 5}});
  EXPECT_EQ(chain.last(topics::kClientBalances)["C3/EUR"], R"({"client":"C3","currency":"EUR","balance":5,"version":1})");
  EXPECT_EQ(chain.reasons().size(), 1U);
  EXPECT_EQ(chain.violation(), "");
}

TEST(LiquidityChain, KeepsBalancesThatNoAmountCouldHold) {
  Chain chain;
  for (int i = 0; i < 3; ++i) {
    chain.pay("t-" + std::to_string(i), {{"A1", "EUR", INT64_MIN}, {"B1", "EUR", INT64_MAX}, {"B1", "EUR", 1}});
  }
  EXPECT_EQ(chain.last(topics::kAccountBalances)["A1"],
            R"({"account":"A1","client":"C1","currency":"EUR","balance":-27670116110564327424,"version":3})");
  EXPECT_THAT(chain.values(topics::kBreaches), testing::SizeIs(1));
  EXPECT_EQ(chain.violation(), "");
}

TEST(LiquidityChain, TellsOneBreachPerCrossingAndOneClearPerRecovery) {
  Chain chain;
  chain.pay("t-1", {{"A1", "EUR", -1000}, {"B1", "EUR", 1000}});  // at the floor: no breach
  chain.pay("t-2", {{"A1", "EUR", -1}, {"B1", "EUR", 1}});        // below
  chain.pay("t-3", {{"A2", "EUR", -500}, {"B1", "EUR", 500}});    // still below
  chain.pay("t-4", {{"A1", "EUR", 900}, {"B1", "EUR", -900}});    // back
  EXPECT_THAT(
      chain.values(topics::kBreaches),
      ElementsAre(
          R"({"breach_id":"C1/EUR/2","client":"C1","currency":"EUR","floor":-1000,"balance":-1001,"transaction":"t-2"})"));
  EXPECT_THAT(
      chain.values(topics::kBreachClears),
      ElementsAre(
          R"({"breach_id":"C1/EUR/2","client":"C1","currency":"EUR","floor":-1000,"balance":-601,"transaction":"t-4"})"));
  EXPECT_EQ(chain.violation(), "");
}

TEST(LiquidityChain, JudgesLegByLegWithinOneTransaction) {
  Chain chain;
  // Down and up again, twice, in one transaction whose sum moves nothing.
  chain.pay("t-1", {{"A1", "EUR", -1500}, {"A2", "EUR", 1500}, {"A1", "EUR", -2000}, {"A2", "EUR", 2000}});
  // Accounts are in different partitions, so the legs may come in another order; but each crossing is told.
  EXPECT_EQ(chain.values(topics::kBreaches).size(), chain.values(topics::kBreachClears).size());
  EXPECT_THAT(chain.values(topics::kBreaches), testing::SizeIs(testing::AnyOf(1, 2)));
  EXPECT_EQ(chain.violation(), "");
}

TEST(LiquidityChain, JudgesByTheFloorThatIsInForce) {
  Chain chain;
  chain.pay("t-1", {{"A1", "EUR", -900}, {"B1", "EUR", 900}});
  EXPECT_THAT(chain.values(topics::kBreaches), IsEmpty());
  chain.stop();
  load_reference_data(*chain.log, {}, {{"C1", "EUR", -500, "monitor"}, {"C2", "EUR", 0, "monitor"}});
  chain.start();
  chain.catch_up();
  chain.pay("t-2", {{"A1", "EUR", -1}, {"B1", "EUR", 1}});
  EXPECT_THAT(
      chain.values(topics::kBreaches),
      ElementsAre(
          R"({"breach_id":"C1/EUR/2","client":"C1","currency":"EUR","floor":-500,"balance":-901,"transaction":"t-2"})"));
  EXPECT_THAT(chain.values(topics::kLimitsInForce),
              testing::UnorderedElementsAre(R"({"client":"C1","currency":"EUR","floor":-1000,"from_version":1})",
                                            R"({"client":"C1","currency":"EUR","floor":-500,"from_version":2})",
                                            R"({"client":"C2","currency":"EUR","floor":null,"from_version":1})",
                                            R"({"client":"C2","currency":"EUR","floor":0,"from_version":2})"));
  EXPECT_EQ(chain.violation(), "");
}

TEST(Intake, TakesTransactionsFromManyThreads) {
  Chain chain;
  Intake intake(chain.log);
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        const std::string id = "t-" + std::to_string(t) + "-" + std::to_string(i);
        const Transaction one{id, "2026-11-23T08:00:00.000Z", "2026-11-23", kMorning, {{"A1", "EUR", -1}, {"B1", "EUR", 1}},
                              {}};
        intake.add(id, to_json(one), kMorning);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  chain.catch_up();
  EXPECT_EQ(chain.last(topics::kAccountBalances)["B1"],
            R"({"account":"B1","client":"C2","currency":"EUR","balance":200,"version":200})");
  EXPECT_EQ(chain.violation(), "");
}

}  // namespace
}  // namespace liquidity
