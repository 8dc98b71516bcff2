#include "runtime/punctuation_queue.hpp"

namespace tidemill::runtime {

Cancellable PunctuationQueue::add(OperatorNode& node, Timestamp first, std::chrono::milliseconds interval,
                                  Punctuator punctuator) {
  auto schedule = std::make_unique<Schedule>();
  schedule->node = &node;
  schedule->due = first;
  schedule->interval = interval.count();
  schedule->punctuator = std::move(punctuator);
  schedule->cancelled = std::make_shared<bool>(false);
  Cancellable cancellable(schedule->cancelled);
  heap_.offer(std::move(schedule));
  return cancellable;
}

void PunctuationQueue::reschedule(Schedule& schedule, Timestamp now) {
  const std::int64_t missed = (now - schedule.due) / schedule.interval;
  schedule.due += (missed + 1) * schedule.interval;
}

}  // namespace tidemill::runtime
