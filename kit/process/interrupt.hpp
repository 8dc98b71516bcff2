// Interrupt: SIGINT and SIGTERM as something that a program can wait for and ask.
//
// One per process. From listen() on the first signal is told; before, and from the second one on, a signal ends the process at
// once, which is safe: what is in the log stays.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace kit {

class Interrupt {
 public:
  Interrupt() = default;
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  void listen();
  /// Any thread.
  [[nodiscard]] bool requested() const { return requested_; }
  /// SIGINT or SIGTERM; 0: none yet.
  [[nodiscard]] int signal() const { return signal_; }
  /// Whoever waits now or later returns at once, as at a signal: something else has come to its end. Any thread.
  void wake();
  /// Returns at the signal, at wake(), or then; true: not only then. Any thread.
  bool wait_until(std::chrono::steady_clock::time_point time);
  bool wait_for(std::chrono::milliseconds duration) { return wait_until(std::chrono::steady_clock::now() + duration); }

 private:
  void read_signals();
  std::atomic<bool> requested_{false};
  std::atomic<int> signal_{0};
  bool woken_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::thread thread_;
};

}  // namespace kit
