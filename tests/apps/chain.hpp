// The liquidity chain on a log in memory, and a forger for its topics.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tidemill/streams.hpp>

#include <unistd.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "liquidity/appender.hpp"
#include "liquidity/file_input.hpp"
#include "liquidity/topics.hpp"
#include "liquidity/topology.hpp"
#include "liquidity/verify.hpp"

namespace liquidity {

inline constexpr const char* kApplication = "liquidity";
inline constexpr std::int64_t kMorning = 1795420800000;  // 2026-11-23T08:00:00Z

/// A record of the test, as it is on a topic.
struct Copy {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::int64_t timestamp = 0;
  std::string key;
  std::string value;
  tidemill::Headers headers;
};
inline std::vector<Copy> read_all(tidemill::Log& log, const char* topic) {
  std::vector<Copy> all;
  read_topic(log, topic, [&](const TopicRecord& record) {
    all.push_back({record.partition.value, record.offset.value, record.timestamp.value, std::string(record.key.value_or("")),
                   std::string(record.value.value_or("")), tidemill::Headers::decode(record.headers).value()});
  });
  return all;
}

/// Accounts A1, A2 of C1 and B1 of C2 in EUR, D1 of C2 in USD; C1 may owe 1000 in EUR.
class Chain {
 public:
  Chain()
      : Chain({{"A1", "C1", "EUR"}, {"A2", "C1", "EUR"}, {"B1", "C2", "EUR"}, {"D1", "C2", "USD"}},
              {{"C1", "EUR", -1000, "monitor"}}) {}
  Chain(const std::vector<Account>& accounts, const std::vector<Limit>& limits) {
    create_topics(*log);
    load_reference_data(*log, accounts, limits);
    start();
  }
  ~Chain() { stop(); }

  void start() {
    tidemill::StreamsConfig config;
    config.application_id = kApplication;
    config.log = log;
    config.state_engine = tidemill::in_memory_stores();
    config.state_dir = testing::TempDir() + "/liquidity-test-" + std::to_string(::getpid());
    streams_ = std::make_unique<tidemill::Streams>(build_topology(counts), config);
    streams_->start().value();
  }
  void stop() {
    if (streams_) (void)streams_->close().has_value();
    streams_.reset();
  }
  tidemill::Streams& streams() { return *streams_; }
  void catch_up() { ASSERT_TRUE(streams_->wait_until_caught_up(std::chrono::seconds(60))); }

  void pay(const std::string& id, std::vector<TransactionLeg> legs) {
    send(id, to_json(Transaction{id, "2026-11-23T08:00:00.000Z", "2026-11-23", kMorning, std::move(legs), {}}));
  }
  void send(const std::string& key, const std::string& json) {
    append(topics::kTransactions, key, json);
    catch_up();
  }
  void append(const char* topic, const std::string& key, const std::string& json) {
    Appender appender(*log, "test", Together::kEachByItself);
    appender.append(topic, key, json, kMorning);
    appender.commit();
  }
  std::map<std::string, std::string> last(const char* topic) {
    std::map<std::string, std::string> rows;
    for (const Copy& record : read_all(*log, topic)) rows[record.key] = record.value;
    return rows;
  }
  std::vector<std::string> values(const char* topic) {
    std::vector<std::string> values;
    for (const Copy& record : read_all(*log, topic)) values.push_back(record.value);
    return values;
  }
  std::vector<std::string> reasons() {
    std::vector<std::string> reasons;
    for (const Copy& record : read_all(*log, topics::kDeadLetters)) {
      reasons.push_back(record.headers.last("reason")->value.value_or(""));
    }
    return reasons;
  }
  /// The first difference that the verifier finds; empty: none.
  std::string violation() {
    const Verdict verdict = verify(*log, kApplication);
    return verdict.unfinished + verdict.violation;
  }

  std::shared_ptr<tidemill::Log> log = tidemill::in_memory_log();
  const std::shared_ptr<Counts> counts = std::make_shared<Counts>();

 private:
  std::unique_ptr<tidemill::Streams> streams_;
};

/// What becomes of a record in a forged log: nothing of it, it, something else, several.
using Forge = std::function<std::vector<Copy>(const std::string& topic, Copy record)>;

/// A copy of the chain's topics, with what `forge` makes of each record; the chain has processed all of it.
inline std::shared_ptr<tidemill::Log> forged(tidemill::Log& from, const Forge& forge) {
  auto log = tidemill::in_memory_log();
  create_topics(*log);
  tidemill::CommitGroupOptions options;
  options.name = "forger";
  options.application_id = kApplication;
  const auto group = log->commit_group(options, log_deadline()).value();
  const auto producer = group->producer();
  std::map<std::pair<std::int32_t, std::int64_t>, std::int64_t> moved;  // offsets of transactions
  for (const char* topic :
       {topics::kAccounts, topics::kLimits, topics::kTransactions, topics::kLegs, topics::kAccountBalances, topics::kClientLegs,
        topics::kClientBalances, topics::kLimitsInForce, topics::kBreaches, topics::kBreachClears, topics::kDeadLetters}) {
    std::map<std::int32_t, std::int64_t> next;
    for (const Copy& original : read_all(from, topic)) {
      for (Copy& copy : forge(topic, original)) {
        if (topic == std::string(topics::kTransactions)) {
          moved[{original.partition, original.offset}] = next[copy.partition];
        }
        if (topic == std::string(topics::kDeadLetters)) {
          const auto place =
              std::pair(std::stoi(*copy.headers.last("partition")->value), std::stoll(*copy.headers.last("offset")->value));
          copy.headers.remove("offset");
          copy.headers.add("offset", std::to_string(moved.at(place)));
        }
        tidemill::ProducerRecord record;
        record.topic = producer->topic(topic, log_deadline()).value();
        record.partition = tidemill::PartitionId(copy.partition);
        record.timestamp = tidemill::Timestamp(copy.timestamp);
        record.key = copy.key;
        record.value = copy.value;
        const tidemill::Bytes headers = copy.headers.encode();
        record.headers = headers;
        EXPECT_EQ(producer->send(record), tidemill::SendStatus::kAccepted);
        ++next[copy.partition];
      }
    }
    for (const auto& [partition, end] : next) {
      tidemill::CommitPosition position;
      position.partition = {topic, tidemill::PartitionId(partition)};
      position.offset = tidemill::Offset(end);
      group->stage(std::span(&position, 1)).value();
    }
  }
  producer->dispatch();
  (void)group->flush(log_deadline()).value();
  tidemill::MembershipToken token;
  token.group = kApplication;
  EXPECT_EQ(group->commit(token, log_deadline()).outcome, tidemill::CommitOutcome::kCommitted);
  return log;
}

}  // namespace liquidity
