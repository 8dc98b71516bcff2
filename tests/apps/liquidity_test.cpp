#include <gtest/gtest.h>

#include <tidemill/streams.hpp>

#include <map>

#include "liquidity/feed.hpp"
#include "liquidity/generator.hpp"
#include "liquidity/topology.hpp"
#include "liquidity/verify.hpp"

namespace liquidity {
namespace {

using tidemill::Streams;
using tidemill::StreamsConfig;

/// The chain on a log in memory, with two accounts of one client and one of another.
class Chain {
 public:
  Chain() {
    create_topics(*log_);
    feed_ = std::make_unique<Feed>(log_);
    feed_->add(Account{"A1", "C1", "EUR"});
    feed_->add(Account{"A2", "C1", "EUR"});
    feed_->add(Account{"B1", "C2", "EUR"});
    feed_->add(Account{"D1", "C2", "USD"});
    feed_->add(Limit{"C1", "EUR", -1000, "monitor"});
    feed_->commit();
    StreamsConfig config;
    config.application_id = "liquidity";
    config.log = log_;
    config.state_engine = tidemill::in_memory_stores();
    config.state_dir = testing::TempDir() + "/liquidity-test-" + std::to_string(::getpid());
    streams_ = std::make_unique<Streams>(build_topology(), config);
    streams_->start().value();
  }
  ~Chain() { (void)streams_->close().has_value(); }

  void pay(const std::string& id, std::vector<TransactionLeg> legs) {
    Transaction transaction{id, "2026-11-23T08:00:00.000Z", "2026-11-23", 1795420800000, std::move(legs)};
    feed_->add(transaction);
    feed_->commit();
    ASSERT_TRUE(streams_->wait_until_caught_up(std::chrono::seconds(30)));
  }
  void send_raw(const std::string& json) {
    feed_->add_raw_transaction("raw", json, 1795420800000);
    feed_->commit();
    ASSERT_TRUE(streams_->wait_until_caught_up(std::chrono::seconds(30)));
  }
  std::map<std::string, std::string> last(const char* topic) {
    std::map<std::string, std::string> rows;
    read_topic(*log_, topic, [&](TopicRecord&& record) { rows[*record.key] = *record.value; });
    return rows;
  }
  std::vector<std::string> reasons() {
    std::vector<std::string> reasons;
    read_topic(*log_, topics::kDeadLetters, [&](TopicRecord&& record) {
      reasons.push_back(record.headers.last("reason")->value.value_or(""));
    });
    return reasons;
  }
  std::vector<std::string> values(const char* topic) {
    std::vector<std::string> values;
    read_topic(*log_, topic, [&](TopicRecord&& record) { values.push_back(*record.value); });
    return values;
  }
  std::shared_ptr<tidemill::Log> log_ = tidemill::in_memory_log();
  std::unique_ptr<Feed> feed_;
  std::unique_ptr<Streams> streams_;
};

TEST(LiquidityChain, AppliesEachLegOnceToAccountAndClient) {
  Chain chain;
  chain.pay("t-1", {{"A1", "EUR", -250}, {"A2", "EUR", 100}, {"B1", "EUR", 150}});
  EXPECT_EQ(chain.last(topics::kAccountBalances)["A1"],
            R"({"account":"A1","client":"C1","currency":"EUR","balance":-250,"version":1})");
  EXPECT_EQ(chain.last(topics::kClientBalances)["C1/EUR"], R"({"client":"C1","currency":"EUR","balance":-150,"version":2})");
  EXPECT_EQ(verify(*chain.log_).violation, "");
}

TEST(LiquidityChain, IgnoresARepeatedTransaction) {
  Chain chain;
  chain.pay("t-1", {{"A1", "EUR", -250}, {"B1", "EUR", 250}});
  chain.pay("t-1", {{"A1", "EUR", -250}, {"B1", "EUR", 250}});
  EXPECT_EQ(chain.last(topics::kAccountBalances)["B1"],
            R"({"account":"B1","client":"C2","currency":"EUR","balance":250,"version":1})");
  EXPECT_TRUE(chain.reasons().empty());
  EXPECT_EQ(verify(*chain.log_).violation, "");
}

TEST(LiquidityChain, RefusesABadTransactionWhole) {
  Chain chain;
  chain.pay("unbalanced", {{"A1", "EUR", -250}, {"B1", "EUR", 249}});
  chain.pay("unknown", {{"A1", "EUR", -250}, {"Z9", "EUR", 250}});
  chain.pay("currency", {{"A1", "EUR", -250}, {"D1", "EUR", 250}});
  chain.send_raw(R"({"id":"raw","time":"2026-11-23T08:00:00Z","value_date":"2026-11-23",)"
                 R"("legs":[{"account":"A1","currency":"EUR","amount":9223372036854775808}]})");
  chain.send_raw("{half a record");
  EXPECT_TRUE(chain.last(topics::kAccountBalances).empty());
  const std::vector<std::string> reasons = chain.reasons();
  ASSERT_EQ(reasons.size(), 5U);
  std::string all;
  for (const std::string& reason : reasons) all += reason + "\n";
  for (const char* expected : {"sum to zero", "unknown account Z9", "account D1 is in USD", "overflows", "JSON"}) {
    EXPECT_NE(all.find(expected), std::string::npos) << expected << " in:\n" << all;
  }
  EXPECT_EQ(verify(*chain.log_).violation, "");
}

TEST(LiquidityChain, TellsOneBreachPerCrossingAndOneClearPerRecovery) {
  Chain chain;
  chain.pay("t-1", {{"A1", "EUR", -1000}, {"B1", "EUR", 1000}});  // at the floor: no breach
  chain.pay("t-2", {{"A1", "EUR", -1}, {"B1", "EUR", 1}});        // below
  chain.pay("t-3", {{"A2", "EUR", -500}, {"B1", "EUR", 500}});    // still below
  chain.pay("t-4", {{"A1", "EUR", 900}, {"B1", "EUR", -900}});    // back
  EXPECT_EQ(chain.values(topics::kBreaches),
            (std::vector<std::string>{R"({"breach_id":"C1/EUR/2","client":"C1","currency":"EUR","floor":-1000,"balance":-1001,"transaction":"t-2"})"}));
  EXPECT_EQ(chain.values(topics::kBreachClears),
            (std::vector<std::string>{R"({"breach_id":"C1/EUR/2","client":"C1","currency":"EUR","floor":-1000,"balance":-601,"transaction":"t-4"})"}));
  EXPECT_EQ(verify(*chain.log_).violation, "");
}

TEST(LiquidityVerify, FindsAFalsifiedBalance) {
  Chain chain;
  chain.pay("t-1", {{"A1", "EUR", -250}, {"B1", "EUR", 250}});
  tidemill::CommitGroupOptions options;
  options.name = "forger";
  const auto deadline = tidemill::system_clock().now().monotonic + std::chrono::seconds(10);
  auto group = chain.log_->commit_group(options, deadline).value();
  auto producer = group->producer();
  tidemill::ProducerRecord record;
  record.topic = producer->topic(topics::kAccountBalances, deadline).value();
  record.key = "A1";
  record.value = R"({"account":"A1","client":"C1","currency":"EUR","balance":-249,"version":2})";
  ASSERT_EQ(producer->send(record), tidemill::SendStatus::kAccepted);
  producer->dispatch();
  ASSERT_TRUE(group->flush(deadline).has_value());
  ASSERT_EQ(group->commit({}, deadline).outcome, tidemill::CommitOutcome::kCommitted);
  EXPECT_NE(verify(*chain.log_).violation.find("A1"), std::string::npos);
}

TEST(Generator, GivesTheSameDayForTheSameSeed) {
  Generator a(7, 100);
  Generator b(7, 100);
  for (int i = 0; i < 250; ++i) ASSERT_EQ(to_json(a.next()), to_json(b.next()));
}

}  // namespace
}  // namespace liquidity
