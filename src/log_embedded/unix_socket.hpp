// Unix sockets in a directory, and the events that end a wait on them: all of the operating system that the owner's socket
// needs. Everything is non-blocking; who waits calls poll(2) with a deadline.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <tidemill/base/bytes.hpp>
#include <tidemill/base/result.hpp>
#include <tidemill/base/types.hpp>

namespace tidemill::embedded {

/// A file descriptor, closed with its owner.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor();
  [[nodiscard]] int number() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }

 private:
  int number_ = -1;
};

/// Listens at `directory`/`name`, with mode 0600, in place of whatever socket is there: the caller owns the directory. The name
/// shows up when the first connection would be taken. Paths longer than a socket address has room for work too.
[[nodiscard]] Result<Descriptor> listen_at(const std::string& directory, std::string_view name);
/// kNotFound: there is no socket; kUnavailable: nobody listens to it (any more), or nobody has time.
[[nodiscard]] Result<Descriptor> connect_to(const std::string& directory, std::string_view name);
/// An event: readable from raise_event() until clear_event(). Any thread.
[[nodiscard]] Result<Descriptor> make_event();
void raise_event(int event);
/// True: it was raised.
bool clear_event(int event);

/// Appends what has come to `received`, at most about `bytes_max`. False: nothing was there. kClosed: the other side is gone.
[[nodiscard]] Result<bool> receive_some(int socket, Bytes& received, std::size_t bytes_max);
/// Sends what goes of `bytes` now and says how much that was. kClosed: the other side is gone.
[[nodiscard]] Result<std::size_t> send_some(int socket, BytesView bytes);
/// For poll(2): milliseconds from `now` until `deadline`, rounded up, at least 0.
[[nodiscard]] int poll_timeout(MonotonicTime now, MonotonicTime deadline);

}  // namespace tidemill::embedded
