// Intake: single transactions from outside, many at a time.
//
// add() may be called from any thread. Whoever finds nobody at work appends what all have brought by then, and waits for the
// log once for all of them.
//
// Whether an id is known says the chain's store, and for what the chain has not judged yet a list of the last kRecentMax that
// came this way. Where the store cannot tell, that list knows only what is being brought just now: what is in the log may have been
// refused since. What neither knows (a file's transactions on their way, another instance's partitions) goes in, and has no second
// effect.
#pragma once

#include <tidemill/log/log.hpp>

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "liquidity/appender.hpp"
#include "liquidity/seen.hpp"

namespace liquidity {

enum class Added {
  kNew,            // in the log now, for good
  kKnown,          // was there already, with the same content; nothing has been written
  kContradiction,  // the id was there already, with another content; nothing has been written
};

class Intake {
 public:
  static constexpr std::size_t kRecentMax = std::size_t{1} << 16;

  Intake(std::shared_ptr<tidemill::Log> log, SeenLookup seen);
  /// Throws ResultException: the transaction is not in the log, or that is not known; send it again, a repeated id has no
  /// second effect. One that refuses itself always goes in: it says nothing about its id.
  Added add(const Transaction& transaction, std::string_view json);

 private:
  using Lock = std::unique_lock<std::mutex>;
  struct Waiting {
    const std::string* id;
    std::string_view json;
    std::int64_t time_ms;
    bool done = false;
    std::optional<tidemill::Error> error = {};
  };
  struct Recent {
    std::string content;
    std::uint64_t number = 0;
    bool in_log = false;
  };
  void bring(Lock& lock, const Transaction& transaction, std::string_view json);
  std::optional<tidemill::Error> append(const std::vector<Waiting*>& all);
  std::uint64_t remember(const std::string& id, const std::string& content);
  std::shared_ptr<tidemill::Log> log_;
  SeenLookup seen_;
  std::unique_ptr<Appender> appender_;  // of the one who is at work
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Waiting*> waiting_;  // at most one for each thread that calls
  bool at_work_ = false;
  std::unordered_map<std::string, Recent> recent_;
  std::deque<std::pair<std::uint64_t, std::string>> recent_order_;  // number and id
  std::uint64_t next_number_ = 1;
};

}  // namespace liquidity
