// Answers<T>: what several threads answer, awaited by one caller. Shared, because a thread may answer after the caller has given up.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <vector>

namespace tidemill {

template <class T>
struct Answers {
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t expected = 0;
  std::vector<T> answers;

  void add(T answer) {
    const std::lock_guard lock(mutex);
    answers.push_back(std::move(answer));
    changed.notify_all();
  }
  /// False: not all have answered in time.
  bool wait(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, timeout, [this] { return answers.size() >= expected; });
  }
};

}  // namespace tidemill
