#include "liquidity/view.hpp"

#include <algorithm>
#include <cstdio>
#include <tuple>

#include "liquidity/topics.hpp"

namespace liquidity {
namespace {

constexpr std::size_t kPollBytes = 1 << 20;
constexpr std::chrono::seconds kTick{1};
constexpr std::chrono::milliseconds kWait{1000};
constexpr double kSmoothing = 0.4;

constexpr std::size_t kSampleEvery = 8;
constexpr std::size_t kWaitingMax = 2000;
constexpr std::size_t kLatenciesMax = 4000;
constexpr std::chrono::seconds kLatencyWindow{15};

// The order is that of the chain; the page shows it.
enum StageIndex : std::size_t {
  kTransactionStage,
  kLegStage,
  kAccountStage,
  kClientLegStage,
  kClientStage,
  kBreachStage,
  kClearStage,
  kRefusedStage,
  kLimitStage,
};
constexpr const char* kTopics[] = {topics::kTransactions, topics::kLegs,           topics::kAccountBalances,
                                   topics::kClientLegs,   topics::kClientBalances, topics::kBreaches,
                                   topics::kBreachClears, topics::kDeadLetters,    topics::kLimits};

/// How much of what the client may owe it owes; above 1 it is below its floor.
double usage(Money balance, std::int64_t floor) {
  if (floor < 0) return static_cast<double>(balance) / static_cast<double>(floor);
  return balance < floor ? 1 + static_cast<double>(floor) - static_cast<double>(balance) : 0;
}

std::string fixed(double number) {
  char text[40];
  std::snprintf(text, sizeof text, "%.2f", number);
  return text;
}

}  // namespace

View::View(std::shared_ptr<tidemill::Log> log, std::shared_ptr<const Counts> counts)
    : log_(std::move(log)), counts_(std::move(counts)), last_tick_(Clock::now()) {
  static_assert(std::size(kTopics) == kStages);
  consumer_ = log_->consumer(tidemill::Isolation::kReadCommitted).value();
  for (const char* topic : kTopics) {
    const std::int32_t count = log_->admin().partition_count(topic, log_deadline()).value();
    for (std::int32_t p = 0; p < count; ++p) partitions_.push_back({topic, tidemill::PartitionId(p)});
  }
  std::vector<std::pair<tidemill::TopicPartition, tidemill::Offset>> from;
  for (const auto& offsets : log_->admin().offsets(partitions_, log_deadline()).value()) {
    from.emplace_back(offsets.partition, offsets.start);
    past_[offsets.partition] = offsets.high_watermark;
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
  try {
    while (!stopping_) fold();
  } catch (const std::exception& failed) {
    const std::lock_guard guard(mutex_);
    problem_ = failed.what();
  }
}

void View::fold() {
  const auto polled = consumer_->poll(kPollBytes).value();
  for (const auto& error : polled.errors) throw tidemill::ResultException(error.error);
  {
    const std::lock_guard guard(mutex_);
    for (const auto& batch : polled.batches) {
      const auto stage = static_cast<std::size_t>(std::find(std::begin(kTopics), std::end(kTopics), batch->partition->topic) -
                                                  std::begin(kTopics));
      const tidemill::Offset past = past_.at(*batch->partition);
      for (const auto& record : batch->records) {
        if (record.offset >= past) ++stages_[stage].fresh;
        take(stage, record);
      }
    }
    if (!current_ && polled.batches.empty()) {
      current_ = std::all_of(partitions_.begin(), partitions_.end(),
                             [this](const auto& partition) { return consumer_->caught_up(partition); });
    }
    tick(Clock::now());
  }
  if (polled.batches.empty()) (void)consumer_->wait(tidemill::system_clock().now().monotonic + kWait);
}

View::Client& View::client(std::string_view key) {
  const auto found = clients_.find(key);
  return found != clients_.end() ? found->second : clients_[std::string(key)];
}

void View::take(std::size_t stage, const tidemill::LogRecord& record) {
  ++stages_[stage].records;
  if (!record.value || !record.key) return;
  try {
    switch (stage) {
      case kTransactionStage:
        if (current_ && stages_[stage].records % kSampleEvery == 0 && waiting_.size() < kWaitingMax) {
          waiting_.emplace(*record.key, Clock::now());
          waiting_order_.emplace_back(*record.key);
        }
        break;
      case kClientStage: {
        business_time_ms_ = std::max(business_time_ms_, record.timestamp.value);
        client(*record.key).raw = *record.value;
        if (waiting_.empty()) break;
        const auto headers = tidemill::Headers::decode(record.headers);
        const tidemill::Header* header = headers ? headers->last("transaction") : nullptr;
        if (header != nullptr) sample_latency(header->value.value_or(""), Clock::now());
        break;
      }
      case kLimitStage: {
        const Limit limit = reader_.limit(*record.value);
        if (client_key(limit.client, limit.currency) == *record.key) client(*record.key).floor = limit.floor;
        break;
      }
      case kBreachStage:
      case kClearStage: {
        const bool breach = stage == kBreachStage;
        client(*record.key).open += breach ? 1 : -1;
        open_ += breach ? 1 : -1;
        Breach told = reader_.breach(*record.value);
        keep({record.timestamp.value, told.breach_id, breach, std::move(told)});
        break;
      }
      default: break;
    }
  } catch (const BadInput&) {  // the chain writes what it can read; others' records are not ours to show
  }
}

void View::keep(Event event) {
  const auto later = [](const Event& a, const Event& b) {
    return std::tie(a.time_ms, a.breach_id, b.breach) > std::tie(b.time_ms, b.breach_id, a.breach);
  };
  if (events_.size() == kEventsKept && !later(event, events_.back())) return;
  events_.insert(std::upper_bound(events_.begin(), events_.end(), event, later), std::move(event));
  if (events_.size() > kEventsKept) events_.pop_back();
}

void View::sample_latency(std::string_view transaction, Clock::time_point now) {
  const auto found = waiting_.find(transaction);
  if (found == waiting_.end()) return;
  latencies_.emplace_back(now, std::chrono::duration<double, std::milli>(now - found->second).count());
  waiting_.erase(found);
  if (latencies_.size() > kLatenciesMax) latencies_.pop_front();
}

void View::tick(Clock::time_point now) {
  const double seconds = std::chrono::duration<double>(now - last_tick_).count();
  if (now - last_tick_ < kTick) return;
  last_tick_ = now;
  for (Stage& stage : stages_) {
    const double rate = static_cast<double>(stage.fresh - stage.fresh_at_last_tick) / seconds;
    stage.rate = stage.rate == 0 ? rate : stage.rate + kSmoothing * (rate - stage.rate);
    if (stage.rate < 0.05) stage.rate = 0;
    stage.fresh_at_last_tick = stage.fresh;
  }
  while (!latencies_.empty() && now - latencies_.front().first > kLatencyWindow) latencies_.pop_front();
  // Those at the front that are done, and the oldest ones when too many wait: some were refused.
  while (!waiting_order_.empty() && (!waiting_.contains(waiting_order_.front()) || waiting_.size() >= kWaitingMax)) {
    waiting_.erase(waiting_order_.front());
    waiting_order_.pop_front();
  }
}

std::pair<double, double> View::latency_percentiles() const {
  std::vector<double> sorted;
  sorted.reserve(latencies_.size());
  for (const auto& [seen, latency] : latencies_) sorted.push_back(latency);
  std::sort(sorted.begin(), sorted.end());
  const auto at = [&](double part) { return sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1))]; };
  return {at(0.5), at(0.99)};
}

void View::look_at(Client& client) {
  if (client.raw.empty()) return;
  try {
    client.balance = reader_.balance(client.raw);
  } catch (const BadInput&) {  // as above
  }
  client.raw.clear();
}

std::string View::json() {
  const std::lock_guard guard(mutex_);
  tick(Clock::now());
  std::vector<std::pair<double, const Client*>> rows;
  for (auto& [key, client] : clients_) {
    look_at(client);
    if (client.balance.version == 0) continue;
    rows.emplace_back(client.floor ? usage(client.balance.balance, *client.floor) : 0, &client);
  }
  const auto before = [](const auto& a, const auto& b) {
    if ((a.second->open > 0) != (b.second->open > 0)) return a.second->open > 0;
    if (a.first != b.first) return a.first > b.first;
    return std::tie(a.second->balance.client, a.second->balance.currency) <
           std::tie(b.second->balance.client, b.second->balance.currency);
  };
  const auto shown = static_cast<std::ptrdiff_t>(std::min(rows.size(), kClientsShown));
  std::partial_sort(rows.begin(), rows.begin() + shown, rows.end(), before);

  std::string out = "{\"positions\":" + std::to_string(rows.size());
  rows.resize(static_cast<std::size_t>(shown));
  out += ",\"current\":" + std::string(current_ ? "true" : "false") + ",\"problem\":" + json_text(problem_) +
         ",\"business_time\":" + std::to_string(business_time_ms_) + ",\"open\":" + std::to_string(open_) +
         ",\"repeated\":" + std::to_string(counts_->repeated) + ",\"contradicting\":" + std::to_string(counts_->contradicting) +
         ",\"bad_reference_rows\":" + std::to_string(counts_->bad_reference_rows);
  if (!latencies_.empty()) {
    const auto [median, high] = latency_percentiles();
    out += ",\"latency\":{\"p50\":" + fixed(median) + ",\"p99\":" + fixed(high) + "}";
  }
  out += ",\"stages\":[";
  for (std::size_t stage = 0; stage < kLimitStage; ++stage) {
    if (stage > 0) out += ',';
    out += "{\"topic\":\"" + std::string(kTopics[stage]) + "\",\"records\":" + std::to_string(stages_[stage].records) +
           ",\"rate\":" + fixed(stages_[stage].rate) + "}";
  }
  out += "],\"clients\":[";
  for (const auto& [used, client] : rows) {
    if (out.back() != '[') out += ',';
    out += "{\"client\":" + json_text(client->balance.client) + ",\"currency\":" + json_text(client->balance.currency) +
           ",\"balance\":\"" + to_text(client->balance.balance) +
           "\",\"floor\":" + (client->floor ? "\"" + to_text(*client->floor) + "\"" : "null") + ",\"used\":" + fixed(used) +
           ",\"version\":" + std::to_string(client->balance.version) +
           ",\"breached\":" + (client->open > 0 ? "true" : "false") + "}";
  }
  out += "],\"events\":[";
  for (const Event& event : events_) {
    if (out.back() != '[') out += ',';
    const Breach& breach = event.told;
    out += "{\"breach\":" + std::string(event.breach ? "true" : "false") + ",\"time\":" + std::to_string(event.time_ms) +
           ",\"id\":" + json_text(breach.breach_id) + ",\"client\":" + json_text(breach.client) +
           ",\"currency\":" + json_text(breach.currency) + ",\"balance\":\"" + to_text(breach.balance) + "\",\"floor\":\"" +
           to_text(breach.floor) + "\",\"transaction\":" + json_text(breach.transaction) + "}";
  }
  return out + "]}";
}

std::vector<tidemill::Metric> View::metrics() {
  const std::lock_guard guard(mutex_);
  std::vector<tidemill::Metric> metrics;
  const auto add = [&](const char* name, double value, std::vector<std::pair<std::string, std::string>> tags = {}) {
    metrics.push_back({"liquidity", name, std::move(tags), value});
  };
  const auto records = [&](std::size_t stage) { return static_cast<double>(stages_[stage].records); };
  add("transactions-total", records(kTransactionStage));
  add("refused-total", records(kRefusedStage));
  add("repeated-total", static_cast<double>(counts_->repeated));
  add("contradicting-total", static_cast<double>(counts_->contradicting));
  add("bad-reference-rows-total", static_cast<double>(counts_->bad_reference_rows));
  add("breaches-total", records(kBreachStage));
  add("breach-clears-total", records(kClearStage));
  add("open-breaches", static_cast<double>(open_));
  for (std::size_t stage = 0; stage < kLimitStage; ++stage) {
    add("stage-records-total", records(stage), {{"topic", kTopics[stage]}});
  }
  if (!latencies_.empty()) {
    const auto [median, high] = latency_percentiles();
    add("latency-ms", median, {{"quantile", "0.5"}});
    add("latency-ms", high, {{"quantile", "0.99"}});
  }
  return metrics;
}

}  // namespace liquidity
