#include "liquidity/intake.hpp"

#include <utility>

#include "liquidity/topics.hpp"

namespace liquidity {

Intake::Intake(std::shared_ptr<tidemill::Log> log) : log_(std::move(log)) {}

void Intake::add(const std::string& id, std::string_view json, std::int64_t time_ms) {
  Waiting mine{&id, json, time_ms};
  std::unique_lock lock(mutex_);
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
