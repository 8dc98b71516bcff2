// The chain's topics: their names, how they are made, and how they are read back.
#pragma once

#include <tidemill/base/clock.hpp>
#include <tidemill/base/headers.hpp>
#include <tidemill/log/log.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <string>

namespace liquidity {

namespace topics {
// In.
inline constexpr const char* kAccounts = "lq.accounts";               // key account
inline constexpr const char* kLimits = "lq.limits";                   // key client/currency
inline constexpr const char* kTransactions = "lq.transactions";       // key transaction id
inline constexpr const char* kInputPositions = "lq.input-positions";  // key input; how far it has been read
// Between.
inline constexpr const char* kLegs = "lq.legs";               // key account
inline constexpr const char* kClientLegs = "lq.client-legs";  // key client/currency
// Out.
inline constexpr const char* kAccountBalances = "lq.account-balances";  // key account
inline constexpr const char* kClientBalances = "lq.client-balances";    // key client/currency
inline constexpr const char* kLimitsInForce = "lq.limits-in-force";     // key client/currency
inline constexpr const char* kBreaches = "lq.breaches";                 // key client/currency
inline constexpr const char* kBreachClears = "lq.breach-clears";        // key client/currency
inline constexpr const char* kDeadLetters = "lq.dlq";                   // key transaction id
}  // namespace topics

struct TopicCounts {
  /// <= 0: the log's default.
  std::int32_t partitions = -1;
  std::int16_t replication_factor = -1;
};
/// Makes every topic of the chain that is missing; nothing in them ever expires. Throws ResultException.
void create_topics(tidemill::Log& log, TopicCounts counts = {});

/// What was read of a topic: committed records only.
struct TopicRecord {
  tidemill::PartitionId partition;
  tidemill::Offset offset;
  tidemill::Timestamp timestamp;
  tidemill::OptionalBytesView key;
  tidemill::OptionalBytesView value;
  tidemill::BytesView headers;  // encoded

  /// The value of the last header of that name; empty: there is none.
  [[nodiscard]] std::string header(std::string_view name) const;
};
/// Every committed record of the topic, each partition in the order of its offsets and from the offset in `from` (none: its
/// beginning); none when there is no such topic. The views are valid during the call. Throws ResultException.
void read_topic(tidemill::Log& log, const std::string& topic, const std::function<void(const TopicRecord&)>& each,
                const std::map<tidemill::TopicPartition, tidemill::Offset>& from = {});

/// How long a call to the log may take before it is given up.
inline constexpr std::chrono::seconds kLogPatience{60};
[[nodiscard]] tidemill::MonotonicTime log_deadline();

}  // namespace liquidity
