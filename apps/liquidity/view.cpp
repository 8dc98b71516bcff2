#include "liquidity/view.hpp"

#include <algorithm>
#include <vector>

#include <tidemill/base/clock.hpp>

namespace liquidity {
namespace {

constexpr std::size_t kEventsKept = 50;
constexpr std::size_t kClientsShown = 40;
constexpr std::size_t kPollBytes = 1 << 20;
constexpr const char* kTopics[] = {topics::kTransactions,   topics::kLegs,     topics::kAccountBalances,
                                   topics::kClientBalances, topics::kBreaches, topics::kBreachClears,
                                   topics::kLimits,         topics::kDeadLetters};

tidemill::MonotonicTime in(std::chrono::milliseconds time) { return tidemill::system_clock().now().monotonic + time; }

}  // namespace

View::View(std::shared_ptr<tidemill::Log> log) : log_(std::move(log)) {
  consumer_ = log_->consumer(tidemill::Isolation::kReadCommitted).value();
  std::vector<std::pair<tidemill::TopicPartition, tidemill::Offset>> from;
  for (const char* topic : kTopics) {
    const auto description = log_->admin().describe_topic(topic, in(std::chrono::seconds(10))).value();
    for (std::int32_t p = 0; p < description.partitions; ++p) {
      const tidemill::TopicPartition id{topic, tidemill::PartitionId(p)};
      const auto offsets = log_->admin().offsets(std::span(&id, 1), in(std::chrono::seconds(10))).value();
      from.emplace_back(id, offsets.front().start);
    }
  }
  consumer_->assign(from).value();
  thread_ = std::thread([this] { follow(); });
}

View::~View() {
  stopping_ = true;
  consumer_->wake();
  thread_.join();
}

void View::follow() {
  auto last_time = std::chrono::steady_clock::now();
  std::map<std::string, std::int64_t> last_records;
  while (!stopping_) {
    auto polled = consumer_->poll(kPollBytes);
    if (!polled) return;
    {
      std::lock_guard guard(mutex_);
      for (const auto& batch : polled->batches) {
        for (const auto& record : batch->records) take(batch->partition->topic, record);
      }
      const auto now = std::chrono::steady_clock::now();
      const double seconds = std::chrono::duration<double>(now - last_time).count();
      if (seconds >= 1) {
        for (const auto& [topic, count] : records_) {
          rates_[topic] = static_cast<double>(count - last_records[topic]) / seconds;
        }
        last_records = records_;
        last_time = now;
      }
    }
    if (polled->batches.empty()) consumer_->wait(in(std::chrono::milliseconds(500)));
  }
}

void View::take(const std::string& topic, const tidemill::LogRecord& record) {
  ++records_[topic];
  if (!record.value || !record.key) return;
  const std::string key(*record.key);
  try {
    if (topic == topics::kClientBalances) {
      clients_[key].balance = reader_.balance(*record.value);
    } else if (topic == topics::kLimits) {
      clients_[key].floor = reader_.limit(*record.value).floor;
      clients_[key].has_limit = true;
    } else if (topic == topics::kBreaches || topic == topics::kBreachClears) {
      const bool breach = topic == topics::kBreaches;
      ++(breach ? breaches_ : clears_);
      clients_[key].breached = breach;
      events_.push_front(std::string("{\"kind\":\"") + (breach ? "breach" : "clear") + "\",\"event\":" + std::string(*record.value) + "}");
      if (events_.size() > kEventsKept) events_.pop_back();
    }
  } catch (const BadInput&) {  // the chain writes what it can read; others' records are not ours to show
  }
}

std::string View::json() {
  std::lock_guard guard(mutex_);
  std::vector<const std::pair<const std::string, Client>*> rows;
  for (const auto& row : clients_) {
    if (row.second.balance.version > 0) rows.push_back(&row);
  }
  // Those in breach first, then who is nearest to the floor.
  std::sort(rows.begin(), rows.end(), [](const auto* a, const auto* b) {
    if (a->second.breached != b->second.breached) return a->second.breached;
    return a->second.balance.balance - a->second.floor < b->second.balance.balance - b->second.floor;
  });
  const std::size_t all = rows.size();
  if (rows.size() > kClientsShown) rows.resize(kClientsShown);
  std::string out = "{\"clients\":[";
  for (const auto* row : rows) {
    if (out.back() != '[') out += ',';
    std::string json = to_json(row->second.balance);
    json.pop_back();
    out += json + ",\"floor\":" + std::to_string(row->second.floor) +
           ",\"has_limit\":" + (row->second.has_limit ? "true" : "false") +
           ",\"breached\":" + (row->second.breached ? "true" : "false") + "}";
  }
  out += "],\"client_count\":" + std::to_string(all) + ",\"breaches\":" + std::to_string(breaches_) +
         ",\"clears\":" + std::to_string(clears_) + ",\"stages\":[";
  for (const char* topic : kTopics) {
    if (topic == topics::kLimits) continue;
    if (out.back() != '[') out += ',';
    out += std::string("{\"topic\":\"") + topic + "\",\"records\":" + std::to_string(records_[topic]) +
           ",\"rate\":" + std::to_string(rates_[topic]) + "}";
  }
  out += "],\"events\":[";
  for (const std::string& event : events_) out += (out.back() == '[' ? "" : ",") + event;
  return out + "]}";
}

}  // namespace liquidity
