// Intake: single transactions from outside, many at a time.
//
// add() may be called from any thread. Whoever finds nobody at work appends what all have brought by then, and waits for the
// log once for all of them.
#pragma once

#include <tidemill/log/log.hpp>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "liquidity/appender.hpp"

namespace liquidity {

class Intake {
 public:
  explicit Intake(std::shared_ptr<tidemill::Log> log);
  /// Returns when the transaction is in the log for good. Throws ResultException: it is not, or that is not known; send it
  /// again, a repeated id has no second effect.
  void add(const std::string& id, std::string_view json, std::int64_t time_ms);

 private:
  struct Waiting {
    const std::string* id;
    std::string_view json;
    std::int64_t time_ms;
    bool done = false;
    std::optional<tidemill::Error> error = {};
  };
  std::optional<tidemill::Error> append(const std::vector<Waiting*>& all);
  std::shared_ptr<tidemill::Log> log_;
  std::unique_ptr<Appender> appender_;  // of the one who is at work
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Waiting*> waiting_;  // at most one for each thread that calls
  bool at_work_ = false;
};

}  // namespace liquidity
