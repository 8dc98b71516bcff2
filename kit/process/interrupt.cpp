#include "process/interrupt.hpp"

#include <cerrno>
#include <csignal>
#include <stdexcept>

#include <unistd.h>

namespace kit {
namespace {

int pipe_ends[2] = {-1, -1};
void on_signal(int signal) {
  const int kept = errno;
  const char byte = static_cast<char>(signal);
  [[maybe_unused]] const auto written = ::write(pipe_ends[1], &byte, 1);
  errno = kept;
}

}  // namespace

void Interrupt::listen() {
  if (::pipe(pipe_ends) != 0) throw std::runtime_error("no pipe for signals can be made: too many open files?");
  thread_ = std::thread([this] { read_signals(); });
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART | SA_RESETHAND;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

Interrupt::~Interrupt() {
  if (!thread_.joinable()) return;
  ::signal(SIGINT, SIG_DFL);
  ::signal(SIGTERM, SIG_DFL);
  on_signal(0);
  thread_.join();
  ::close(pipe_ends[0]);
  ::close(pipe_ends[1]);
}

void Interrupt::read_signals() {
  while (true) {
    char byte = 0;
    const auto got = ::read(pipe_ends[0], &byte, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got != 1 || byte == 0) return;
    // SIGINT after SIGTERM, or the other way round, is a second one, too.
    ::signal(SIGINT, SIG_DFL);
    ::signal(SIGTERM, SIG_DFL);
    const std::lock_guard lock(mutex_);
    signal_ = byte;
    requested_ = true;
    changed_.notify_all();
  }
}

void Interrupt::wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  changed_.notify_all();
}

bool Interrupt::wait_until(std::chrono::steady_clock::time_point time) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, time, [this] { return requested_.load() || woken_; });
}

}  // namespace kit
