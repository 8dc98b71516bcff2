// View: what the page shows, folded from the chain's topics by a thread of its own: client balances against their floors,
// breaches as they come, records per stage, latency from the transaction's arrival in the log to its balances.
#pragma once

#include <tidemill/log/log.hpp>

#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "liquidity/formats.hpp"

namespace liquidity {

class View {
 public:
  explicit View(std::shared_ptr<tidemill::Log> log);
  ~View();
  /// The page's state as JSON. Any thread.
  [[nodiscard]] std::string json();

 private:
  void follow();
  void take(const std::string& topic, const tidemill::LogRecord& record);
  struct Client {
    Balance balance;
    std::int64_t floor = 0;
    bool has_limit = false;
    bool breached = false;
  };
  std::shared_ptr<tidemill::Log> log_;
  std::mutex mutex_;
  std::map<std::string, Client> clients_;
  std::map<std::string, std::int64_t> records_;  // by topic
  std::map<std::string, double> rates_;
  std::deque<std::string> events_;               // newest first, JSON, at most kEventsKept
  std::int64_t breaches_ = 0;
  std::int64_t clears_ = 0;
  Reader reader_;
  std::unique_ptr<tidemill::LogConsumer> consumer_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace liquidity
