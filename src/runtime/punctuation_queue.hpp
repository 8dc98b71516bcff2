// PunctuationQueue: the schedules of one task and one kind of time, the earliest first.
//
// Missed intervals collapse to one call; the next one is aligned to the schedule's own grid. A punctuator may
// schedule and cancel while it runs. Used on the task's thread.
#pragma once

#include <memory>

#include <tidemill/processor/operator_node.hpp>

#include "runtime/priority_heap.hpp"

namespace tidemill::runtime {

class PunctuationQueue {
 public:
  struct Schedule {
    OperatorNode* node = nullptr;
    Timestamp due;
    std::int64_t interval = 1;
    Punctuator punctuator;
    std::shared_ptr<bool> cancelled;
  };

  Cancellable add(OperatorNode& node, Timestamp first, std::chrono::milliseconds interval, Punctuator punctuator);
  [[nodiscard]] bool due(Timestamp now) const { return !heap_.empty() && heap_.top()->due <= now; }
  /// kNoTimestamp: none.
  [[nodiscard]] Timestamp next() const { return heap_.empty() ? kNoTimestamp : heap_.top()->due; }
  /// Calls `call(schedule)` for each that is due. True: at least one was.
  template <class F>
  bool run(Timestamp now, F&& call) {
    bool any = false;
    while (due(now)) {
      std::unique_ptr<Schedule> schedule = heap_.poll();
      if (*schedule->cancelled) continue;
      call(*schedule);
      any = true;
      if (*schedule->cancelled) continue;
      if (reschedule(*schedule, now)) heap_.offer(std::move(schedule));
    }
    return any;
  }
  void clear() { heap_.clear(); }

 private:
  /// False: its next time is behind the last there is, so it is over.
  static bool reschedule(Schedule& schedule, Timestamp now);
  struct Earlier {
    bool operator()(const std::unique_ptr<Schedule>& a, const std::unique_ptr<Schedule>& b) const { return a->due < b->due; }
  };
  PriorityHeap<std::unique_ptr<Schedule>, Earlier> heap_;
};

}  // namespace tidemill::runtime
