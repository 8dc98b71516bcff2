#include "liquidity/topics.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace liquidity {
namespace {

constexpr std::size_t kPollBytes = std::size_t{4} << 20;

}  // namespace

tidemill::MonotonicTime log_deadline() { return tidemill::system_clock().now().monotonic + kLogPatience; }

void create_topics(tidemill::Log& log, TopicCounts counts) {
  // The chain is proved from its topics, and business time may be long past: no record may expire.
  const tidemill::TopicConfig history{{"cleanup.policy", "delete"}, {"retention.ms", "-1"}, {"retention.bytes", "-1"}};
  const tidemill::TopicConfig latest{{"cleanup.policy", "compact"}};
  const auto create = [&](const char* name, std::int32_t partitions, const tidemill::TopicConfig& config) {
    const auto created = log.admin().create_topic(
        {.name = name, .partitions = partitions, .replication_factor = counts.replication_factor, .config = config},
        log_deadline());
    if (!created && created.error().kind != tidemill::ErrorKind::kAlreadyExists) {
      throw tidemill::ResultException(created.error().with_context(std::string("topic ") + name + " cannot be created"));
    }
  };
  create(topics::kInputPositions, 1, latest);
  for (const char* name :
       {topics::kAccounts, topics::kLimits, topics::kTransactions, topics::kLegs, topics::kAccountBalances, topics::kClientLegs,
        topics::kClientBalances, topics::kLimitsInForce, topics::kBreaches, topics::kBreachClears, topics::kDeadLetters}) {
    create(name, counts.partitions, history);
  }
}

std::string TopicRecord::header(std::string_view name) const {
  const auto decoded = tidemill::Headers::decode(headers);
  const tidemill::Header* found = decoded ? decoded->last(name) : nullptr;
  return found != nullptr ? found->value.value_or("") : "";
}

void read_topic(tidemill::Log& log, const std::string& topic, const std::function<void(const TopicRecord&)>& each,
                const std::map<tidemill::TopicPartition, tidemill::Offset>& from) {
  const auto count = log.admin().partition_count(topic, log_deadline());
  if (!count && count.error().kind == tidemill::ErrorKind::kNotFound) return;
  std::vector<tidemill::TopicPartition> ids;
  for (std::int32_t p = 0; p < count.value(); ++p) ids.push_back({topic, tidemill::PartitionId(p)});
  std::vector<std::pair<tidemill::TopicPartition, tidemill::Offset>> begin;
  std::map<tidemill::TopicPartition, tidemill::Offset> ends;
  for (const auto& offsets : log.admin().offsets(ids, log_deadline()).value()) {
    const auto given = from.find(offsets.partition);
    const tidemill::Offset first = given == from.end() ? offsets.start : std::max(offsets.start, given->second);
    if (first >= offsets.last_stable) continue;
    begin.emplace_back(offsets.partition, first);
    ends[offsets.partition] = offsets.last_stable;
  }
  const auto consumer = log.consumer(tidemill::Isolation::kReadCommitted).value();
  consumer->assign(begin).value();
  while (!ends.empty()) {
    const auto polled = consumer->poll(kPollBytes).value();
    for (const auto& error : polled.errors) throw tidemill::ResultException(error.error);
    for (const auto& batch : polled.batches) {
      const auto end = ends.find(*batch->partition);
      for (const auto& record : batch->records) {
        if (end == ends.end() || record.offset >= end->second) break;  // written since
        each({batch->partition->partition, record.offset, record.timestamp, record.key, record.value, record.headers});
      }
    }
    for (auto end = ends.begin(); end != ends.end();) {
      const bool done = consumer->position(end->first).value() >= end->second;
      end = done ? ends.erase(end) : std::next(end);
    }
    if (!ends.empty() && polled.batches.empty() && !consumer->wait(log_deadline())) {
      throw tidemill::ResultException({tidemill::ErrorKind::kTimeout, "the rest of topic " + topic + " did not arrive within " +
                                                                          std::to_string(kLogPatience.count()) + " s"});
    }
  }
}

}  // namespace liquidity
