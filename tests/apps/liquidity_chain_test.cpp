#include "chain.hpp"

#include <atomic>
#include <thread>

#include "liquidity/intake.hpp"

namespace liquidity {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST(LiquidityChain, AppliesEachLegOnceToAccountAndClient) {
  Chain chain;
  chain.pay("t-1", {{"A1", "EUR", -250}, {"A2", "EUR", 100}, {"B1", "EUR", 150}});
  EXPECT_EQ(chain.last(topics::kAccountBalances)["A1"],
            R"({"account":"A1","client":"C1","currency":"EUR","balance":-250,"version":1})");
  EXPECT_EQ(chain.last(topics::kClientBalances)["C1/EUR"], R"({"client":"C1","currency":"EUR","balance":-150,"version":2})");
  EXPECT_EQ(chain.violation(), "");
}

TEST(LiquidityChain, GivesARepeatedIdNoSecondEffectAndTellsOfAnotherContent) {
  Chain chain;
  chain.pay("t-1", {{"A1", "EUR", -250}, {"B1", "EUR", 250}});
  chain.pay("t-1", {{"A1", "EUR", -250}, {"B1", "EUR", 250}});
  chain.pay("t-1", {{"A1", "EUR", -99}, {"B1", "EUR", 99}});
  EXPECT_EQ(chain.last(topics::kAccountBalances)["B1"],
            R"({"account":"B1","client":"C2","currency":"EUR","balance":250,"version":1})");
  EXPECT_THAT(chain.reasons(), ElementsAre(HasSubstr("transaction t-1 was taken with another content, and stays as it was")));
  // However it is spelled.
  chain.send("t-1",
             R"({"value_date":"2026-11-23","time":"2026-11-23T08:00:00.0009Z","more":1,"id":"t-1",)"
             R"("legs":[{"account":"A1","currency":"EUR","amount":-250},{"amount":250,"account":"B1","currency":"EUR"}]})");
  EXPECT_EQ(chain.reasons().size(), 1U);
  EXPECT_EQ(chain.counts->repeated, 2);
  EXPECT_EQ(chain.counts->contradicting, 1);
  EXPECT_EQ(chain.violation(), "");
  const Verdict verdict = verify(*chain.log, kApplication);
  EXPECT_EQ(verdict.repeated, 2);
  EXPECT_EQ(verdict.contradicting, 1);
  EXPECT_EQ(verdict.refused, 1);
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

TEST(LiquidityChain, RefusesAValueDateThatIsNoneWhole) {
  Chain chain;
  const std::string legs =
      R"("legs":[{"account":"A1","currency":"EUR","amount":-5},{"account":"B1","currency":"EUR","amount":5}]})";
  const std::string begin = R"({"id":"t","time":"2026-11-23T08:00:00Z",)";
  for (const char* date :
       {R"("tomorrow")", R"("2026-11-31")", R"("2026-11-23T08:00:00Z")", R"("20261123")", "20261123", "null"}) {
    chain.send("t", begin + "\"value_date\":" + date + "," + legs);
  }
  chain.send("t", begin + legs);
  EXPECT_THAT(chain.last(topics::kAccountBalances), IsEmpty());
  EXPECT_THAT(chain.reasons(), ElementsAre(R"("value_date" is "tomorrow", not a date like 2026-11-23)", HasSubstr("2026-11-31"),
                                           HasSubstr("not a date"), HasSubstr("not a date"), R"("value_date" is not a text)",
                                           R"("value_date" is not a text)", R"("value_date" is missing)"));
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

TEST(LiquidityChain, AGoodRowMendsAKeyWhoseFirstRowWasAnothers) {
  Chain chain;
  chain.stop();
  chain.append(topics::kAccounts, "N1", R"({"account":"A1","client":"C1","currency":"EUR"})");
  chain.append(topics::kAccounts, "N1", R"({"account":"N1","client":"C3","currency":"EUR"})");
  chain.append(topics::kAccounts, "N2", R"({"account":"A1","client":"C1","currency":"EUR"})");
  chain.start();
  EXPECT_EQ(chain.counts->bad_reference_rows, 2);
  chain.pay("t-1", {{"A1", "EUR", -5}, {"N1", "EUR", 5}});
  chain.pay("t-2", {{"A1", "EUR", -5}, {"N2", "EUR", 5}});
  EXPECT_EQ(chain.last(topics::kClientBalances)["C3/EUR"], R"({"client":"C3","currency":"EUR","balance":5,"version":1})");
  EXPECT_THAT(chain.reasons(), ElementsAre(HasSubstr("the row of account N2 in lq.accounts cannot be read")));
  EXPECT_EQ(chain.violation(), "");
}

// The rows are there before the chain starts, so that it has seen them when it judges.
TEST(LiquidityChain, PassesOverBadRowsOfAccountsAndLimitsAndKeepsTheGoodOnesInForce) {
  Chain chain;
  chain.stop();
  chain.append(topics::kAccounts, "A1", "garbage");
  chain.append(topics::kAccounts, "A2", R"({"account":"A2","client":"C9","currency":"EUR"})");
  chain.append(topics::kAccounts, "B1", R"({"account":"A1","client":"C1","currency":"EUR"})");
  chain.append(topics::kAccounts, "N1", "garbage");
  chain.append(topics::kLimits, "C1/EUR", R"({"client":"C1","currency":"EUR","floor":"none"})");
  chain.append(topics::kLimits, "C2/EUR", "{");
  chain.start();
  EXPECT_EQ(chain.counts->bad_reference_rows, 6);
  chain.pay("t-1", {{"A1", "EUR", -600}, {"A2", "EUR", -600}, {"B1", "EUR", 1200}});
  chain.pay("t-2", {{"A1", "EUR", -1}, {"N1", "EUR", 1}});
  EXPECT_EQ(chain.last(topics::kClientBalances)["C1/EUR"], R"({"client":"C1","currency":"EUR","balance":-1200,"version":2})");
  EXPECT_THAT(chain.values(topics::kBreaches), testing::SizeIs(1));
  EXPECT_THAT(chain.reasons(), ElementsAre(HasSubstr("the row of account N1 in lq.accounts cannot be read: not valid JSON")));
  EXPECT_EQ(chain.violation(), "");
  const Verdict verdict = verify(*chain.log, kApplication);
  EXPECT_EQ(verdict.bad_reference_rows, 6);
  EXPECT_THAT(verdict.first_bad_reference_row, HasSubstr("lq.accounts: the row of "));
  // A good row mends it.
  chain.stop();
  load_reference_data(*chain.log, {{"N1", "C3", "EUR"}}, {{"C2", "EUR", 0, "monitor"}});
  chain.start();
  chain.pay("t-2", {{"A1", "EUR", -1}, {"N1", "EUR", 1}});
  EXPECT_EQ(chain.last(topics::kClientBalances)["C3/EUR"], R"({"client":"C3","currency":"EUR","balance":1,"version":1})");
  EXPECT_EQ(chain.violation(), "");
}

// The dead letter has to carry the reason as well: a record as large as a topic takes would not fit.
TEST(LiquidityChain, CutsADeadLetterThatWouldNotFit) {
  Chain chain;
  const std::string large(1'048'400, 'x');
  chain.send("large", large);
  chain.send(large, "x");
  const std::vector<Copy> dead = read_all(*chain.log, topics::kDeadLetters);
  ASSERT_EQ(dead.size(), 2U);
  for (const Copy& letter : dead) {
    const bool by_key = letter.key != "large";
    EXPECT_EQ(letter.key, by_key ? std::string(1000, 'x') : "large");
    EXPECT_EQ(letter.value, by_key ? "x" : std::string(1000, 'x'));
    EXPECT_EQ(letter.headers.last("cut-from")->value, by_key ? "1048401" : "1048405");
  }
  chain.pay("t-1", {{"A1", "EUR", -1}, {"B1", "EUR", 1}});
  EXPECT_EQ(chain.values(topics::kLegs).size(), 2U);
  EXPECT_EQ(chain.violation(), "");
}

TEST(LiquidityChain, RefusesATextThatIsTooLong) {
  Chain chain;
  const std::string longest(kTextBytesMax, 'A');
  chain.pay("t-1", {{longest, "EUR", -1}, {"B1", "EUR", 1}});
  chain.pay("t-2", {{longest + "A", "EUR", -1}, {"B1", "EUR", 1}});
  chain.pay("t" + longest, {{"A1", "EUR", -1}, {"B1", "EUR", 1}});
  EXPECT_THAT(chain.reasons(), UnorderedElementsAre("unknown account " + longest, "\"account\" has 1025 bytes, more than 1024",
                                                    "\"id\" has 1025 bytes, more than 1024"));
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
  Intake intake(chain.log, [](const std::string&) { return Seen{}; });
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        const std::string id = "t-" + std::to_string(t) + "-" + std::to_string(i);
        const Transaction one{id, "2026-11-23T08:00:00.000Z", "2026-11-23", kMorning, {{"A1", "EUR", -1}, {"B1", "EUR", 1}},
                              {}};
        EXPECT_EQ(intake.add(one, to_json(one)), Added::kNew);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  chain.catch_up();
  EXPECT_EQ(chain.last(topics::kAccountBalances)["B1"],
            R"({"account":"B1","client":"C2","currency":"EUR","balance":200,"version":200})");
  EXPECT_EQ(chain.violation(), "");
}

// The chain's store as a test sets it.
TEST(Intake, TellsARepetitionFromAnotherTransactionOfTheSameId) {
  Chain chain;
  std::map<std::string, Seen> store;
  Intake intake(chain.log, [&](const std::string& id) { return store[id]; });
  const auto payment = [](std::int64_t amount) {
    return Transaction{"t", "2026-11-23T08:00:00Z", "2026-11-23", kMorning, {{"A1", "EUR", -amount}, {"B1", "EUR", amount}},
                       {}};
  };
  const auto add = [&](const Transaction& one) { return intake.add(one, to_json(one)); };
  EXPECT_EQ(add(payment(1)), Added::kNew);
  // On its way:
  EXPECT_EQ(add(payment(1)), Added::kKnown);
  EXPECT_EQ(add(payment(2)), Added::kContradiction);
  // Refused: mended or not, it is judged anew.
  store["t"] = {Seen::Fate::kRefused, content_of(payment(1)), "unknown account A1"};
  EXPECT_EQ(add(payment(1)), Added::kNew);
  store["t"] = {Seen::Fate::kRefused, content_of(payment(1)), "unknown account A1"};
  EXPECT_EQ(add(payment(2)), Added::kNew);
  // Taken:
  store["t"] = {Seen::Fate::kTaken, content_of(payment(2)), ""};
  EXPECT_EQ(add(payment(2)), Added::kKnown);
  EXPECT_EQ(add(payment(1)), Added::kContradiction);
  // Taken before the store kept checksums: what it was is not known.
  store["t"] = parse_seen("taken");
  EXPECT_EQ(add(payment(1)), Added::kKnown);
  EXPECT_EQ(read_all(*chain.log, topics::kTransactions).size(), 3U);
}

// On Kafka another instance may have the id's partition, and know that it was refused.
TEST(Intake, AnswersNothingFromItsListWhereTheStoreCannotTell) {
  for (const Seen::Fate fate : {Seen::Fate::kElsewhere, Seen::Fate::kCannotTell}) {
    Chain chain;
    Intake intake(chain.log, [&](const std::string&) { return Seen{.fate = fate}; });
    for (const std::int64_t amount : {1, 1, 2}) {
      const Transaction one{
          "t", "2026-11-23T08:00:00Z", "2026-11-23", kMorning, {{"A1", "EUR", -amount}, {"B1", "EUR", amount}}, {}};
      EXPECT_EQ(intake.add(one, to_json(one)), Added::kNew);
    }
    chain.catch_up();
    EXPECT_EQ(chain.values(topics::kLegs).size(), 2U);
    EXPECT_EQ(chain.reasons().size(), 1U);
    EXPECT_EQ(chain.violation(), "");
  }
}

TEST(Intake, LetsOneOfManyThreadsBringAnIdAndAnswersTheOthers) {
  Chain chain;
  Intake intake(chain.log, [](const std::string&) { return Seen{}; });
  std::atomic<int> fresh{0};
  std::atomic<int> known{0};
  std::atomic<int> contradictions{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      const Transaction one{
          "t", "2026-11-23T08:00:00Z", "2026-11-23", kMorning, {{"A1", "EUR", -1 - t % 2}, {"B1", "EUR", 1 + t % 2}}, {}};
      switch (intake.add(one, to_json(one))) {
        case Added::kNew: ++fresh; break;
        case Added::kKnown: ++known; break;
        case Added::kContradiction: ++contradictions; break;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(fresh, 1);
  EXPECT_EQ(known, 3);
  EXPECT_EQ(contradictions, 4);
  EXPECT_EQ(read_all(*chain.log, topics::kTransactions).size(), 1U);
}

TEST(Seen, IsAskedOfTheRunningChain) {
  Chain chain;
  const SeenLookup seen = seen_by(chain.streams());
  chain.pay("t-1", {{"A1", "EUR", -1}, {"B1", "EUR", 1}});
  chain.pay("t-2", {{"Z", "EUR", -1}, {"B1", "EUR", 1}});
  EXPECT_EQ(seen("t-1").fate, Seen::Fate::kTaken);
  EXPECT_EQ(seen("t-2").refusal, "unknown account Z");
  EXPECT_EQ(seen("t-3").fate, Seen::Fate::kUnknown);
  (void)chain.streams().close();
  EXPECT_EQ(seen("t-1").fate, Seen::Fate::kCannotTell);
}

TEST(Seen, RowsOfBeforeThereWereChecksumsAreRead) {
  EXPECT_EQ(parse_seen("taken").fate, Seen::Fate::kTaken);
  EXPECT_EQ(parse_seen("taken").content, "");
  EXPECT_EQ(parse_seen("unknown account X"), (Seen{Seen::Fate::kRefused, "", "unknown account X"}));
  const Seen taken{Seen::Fate::kTaken, "0123456789abcdef", ""};
  const Seen refused{Seen::Fate::kRefused, "0123456789abcdef", "taken by nobody"};
  EXPECT_EQ(parse_seen(to_row(taken)), taken);
  EXPECT_EQ(parse_seen(to_row(refused)), refused);
}

}  // namespace
}  // namespace liquidity
