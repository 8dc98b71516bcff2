#include "runtime/punctuation_queue.hpp"

#include <limits>

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

bool PunctuationQueue::reschedule(Schedule& schedule, Timestamp now) {
  // Unsigned: the two may be as far apart as timestamps can be.
  const std::uint64_t since = static_cast<std::uint64_t>(now.value) - static_cast<std::uint64_t>(schedule.due.value);
  const auto until_next = static_cast<std::int64_t>(static_cast<std::uint64_t>(schedule.interval) -
                                                    since % static_cast<std::uint64_t>(schedule.interval));
  if (now.value > std::numeric_limits<std::int64_t>::max() - until_next) return false;
  schedule.due = now + until_next;
  return true;
}

}  // namespace tidemill::runtime
