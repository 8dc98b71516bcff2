// Answers<T>: what several threads answer, awaited by one caller. Shared, because a thread may answer after the caller has given up.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/durations.hpp"

namespace tidemill {

template <class T>
class Answers {
 public:
  explicit Answers(std::size_t expected) : expected_(expected) {}
  void add(T answer) {
    const std::lock_guard lock(mutex_);
    if (given_up_) return;
    answers_.push_back(std::move(answer));
    changed_.notify_all();
  }
  /// One that would have answered cannot.
  void expect_less() {
    const std::lock_guard lock(mutex_);
    --expected_;
    changed_.notify_all();
  }
  /// False: nobody waits any more.
  [[nodiscard]] bool wanted() const {
    const std::lock_guard lock(mutex_);
    return !given_up_;
  }
  /// False: not all have answered in time, and what they answer is let go of.
  [[nodiscard]] bool wait(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    given_up_ = !changed_.wait_for(lock, bounded(timeout), [this] { return answers_.size() >= expected_; });
    if (given_up_) answers_.clear();
    return !given_up_;
  }
  /// After wait().
  [[nodiscard]] std::vector<T> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(answers_, {});
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t expected_;
  bool given_up_ = false;
  std::vector<T> answers_;
};

/// One thread's duty to answer: whoever has it gives an answer, or lets go of it, and then nobody waits for that.
template <class T>
class Reply {
 public:
  explicit Reply(std::shared_ptr<Answers<T>> answers) : answers_(std::move(answers)) {}
  Reply(Reply&&) noexcept = default;
  Reply& operator=(Reply&&) = delete;
  ~Reply() {
    if (answers_) answers_->expect_less();
  }
  [[nodiscard]] bool wanted() const { return answers_->wanted(); }
  void give(T answer) { std::exchange(answers_, nullptr)->add(std::move(answer)); }

 private:
  std::shared_ptr<Answers<T>> answers_;
};

}  // namespace tidemill
