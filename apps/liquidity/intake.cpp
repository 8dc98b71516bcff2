#include "liquidity/intake.hpp"

#include <utility>

#include "liquidity/topics.hpp"

namespace liquidity {

Intake::Intake(std::shared_ptr<tidemill::Log> log, SeenLookup seen) : log_(std::move(log)), seen_(std::move(seen)) {}

Added Intake::add(const Transaction& transaction, std::string_view json) {
  if (!transaction.refusal.empty()) {
    Lock lock(mutex_);
    bring(lock, transaction, json);
    return Added::kNew;
  }
  const std::string content = content_of(transaction);
  const Seen seen = seen_(transaction.id);
  if (seen.contradicts(content)) return Added::kContradiction;
  if (seen.fate == Seen::Fate::kTaken) return Added::kKnown;
  Lock lock(mutex_);
  bool waited = false;
  while (true) {
    const auto found = recent_.find(transaction.id);
    if (found == recent_.end()) break;
    // What was refused may come again: it is judged anew.
    if (seen.fate == Seen::Fate::kRefused && seen.content == found->second.content && found->second.in_log) break;
    // What has become of it since it went in, nobody here knows: it may have been refused.
    if (seen.nobody_knows() && found->second.in_log && !waited) break;
    if (found->second.in_log) return found->second.content == content ? Added::kKnown : Added::kContradiction;
    waited = true;
    changed_.wait(lock);  // another thread brings it just now
  }
  const std::uint64_t number = remember(transaction.id, content);
  const auto mine = [&] {
    const auto found = recent_.find(transaction.id);
    return found != recent_.end() && found->second.number == number ? found : recent_.end();
  };
  try {
    bring(lock, transaction, json);
  } catch (...) {
    if (mine() != recent_.end()) recent_.erase(mine());
    changed_.notify_all();
    throw;
  }
  if (mine() != recent_.end()) mine()->second.in_log = true;
  changed_.notify_all();
  return Added::kNew;
}

std::uint64_t Intake::remember(const std::string& id, const std::string& content) {
  const std::uint64_t number = next_number_++;
  recent_[id] = {content, number, false};
  recent_order_.emplace_back(number, id);
  if (recent_order_.size() > kRecentMax) {
    const auto oldest = recent_.find(recent_order_.front().second);
    if (oldest != recent_.end() && oldest->second.number == recent_order_.front().first) recent_.erase(oldest);
    recent_order_.pop_front();
  }
  return number;
}

void Intake::bring(Lock& lock, const Transaction& transaction, std::string_view json) {
  Waiting mine{&transaction.id, json, transaction.time_ms};
  waiting_.push_back(&mine);
  while (!mine.done) {
    if (at_work_) {
      changed_.wait(lock);
      continue;
    }
    at_work_ = true;
    const std::vector<Waiting*> all = std::exchange(waiting_, {});
    lock.unlock();
    const std::optional<tidemill::Error> error = append(all);
    lock.lock();
    at_work_ = false;
    for (Waiting* one : all) {
      one->error = error;
      one->done = true;
    }
    changed_.notify_all();
  }
  if (mine.error) throw tidemill::ResultException(*mine.error);
}

std::optional<tidemill::Error> Intake::append(const std::vector<Waiting*>& all) {
  try {
    if (!appender_) appender_ = std::make_unique<Appender>(*log_, "liquidity-intake", Together::kEachByItself);
    for (const Waiting* one : all) appender_->append(topics::kTransactions, *one->id, one->json, one->time_ms);
    appender_->commit();
    return std::nullopt;
  } catch (const tidemill::ResultException& problem) {
    appender_.reset();
    return problem.error();
  } catch (const std::exception& problem) {  // whoever waits must hear of it, whatever it is
    appender_.reset();
    return tidemill::Error{tidemill::ErrorKind::kInternal, problem.what()};
  }
}

}  // namespace liquidity
