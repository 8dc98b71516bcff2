// View: what the page shows, folded from the chain's topics by a thread of its own: client balances against their floors,
// breaches as they come, records and rates per stage, and the latency that a reader of the topics sees, from a
// transaction in the log to the client balances that it moves.
//
// It reads committed records from the beginning of the topics; until it has come to their end for the first time, the
// page says so.
#pragma once

#include <tidemill/log/log.hpp>
#include <tidemill/streams.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "liquidity/counts.hpp"
#include "liquidity/formats.hpp"

namespace liquidity {

class View {
 public:
  static constexpr std::size_t kEventsKept = 50;
  static constexpr std::size_t kClientsShown = 40;

  View(std::shared_ptr<tidemill::Log> log, std::shared_ptr<const Counts> counts);
  ~View();
  /// The page's state as JSON. Money is in texts: JavaScript's numbers are too narrow. Any thread.
  [[nodiscard]] std::string json();
  /// liquidity_*: totals and the latency. What `counts` counts is since the process began. Any thread.
  [[nodiscard]] std::vector<tidemill::Metric> metrics();

 private:
  using Clock = std::chrono::steady_clock;
  struct Client {
    std::string raw;  // the last client balance, not looked at yet; empty: it has been
    Balance balance;
    std::optional<std::int64_t> floor;
    /// Breaches minus clears. They are two topics, so that a clear may be read before its breach.
    int open = 0;
  };
  struct Event {
    std::int64_t time_ms = 0;
    std::string breach_id;
    bool breach = true;
    Breach told;
  };
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  template <class T>
  using ByText = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;
  struct Stage {
    std::int64_t records = 0;
    std::int64_t fresh = 0;  // of them, those that came since this view began
    std::int64_t fresh_at_last_tick = 0;
    double rate = 0;  // of the fresh ones: what it reads of the past is no measure of what happens now
  };
  static constexpr std::size_t kStages = 9;

  void follow();
  void fold();
  void take(std::size_t stage, const tidemill::LogRecord& record);
  void tick(Clock::time_point now);
  void sample_latency(std::string_view transaction, Clock::time_point now);
  void look_at(Client& client);
  void keep(Event event);
  [[nodiscard]] std::pair<double, double> latency_percentiles() const;
  [[nodiscard]] Client& client(std::string_view key);

  std::shared_ptr<tidemill::Log> log_;
  std::shared_ptr<const Counts> counts_;
  std::mutex mutex_;  // guards all below, but for the consumer and the thread
  ByText<Client> clients_;
  std::array<Stage, kStages> stages_;
  std::vector<Event> events_;  // the latest kEventsKept, the latest first
  std::int64_t open_ = 0;      // positions in breach
  std::int64_t business_time_ms_ = 0;
  bool current_ = false;               // has come to the end of the topics once
  std::string problem_;                // why it does not go on; empty: it does
  ByText<Clock::time_point> waiting_;  // transactions whose balances are to come; a sample
  std::deque<std::string> waiting_order_;
  std::deque<std::pair<Clock::time_point, double>> latencies_;  // when seen, milliseconds
  Clock::time_point last_tick_;
  Reader reader_;

  std::vector<tidemill::TopicPartition> partitions_;
  std::map<tidemill::TopicPartition, tidemill::Offset> past_;  // where they ended when this view began
  std::unique_ptr<tidemill::LogConsumer> consumer_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace liquidity
