#include "log_embedded/owner_channel.hpp"

#include <poll.h>

#include <tidemill/base/clock.hpp>

namespace tidemill::embedded {
namespace {

constexpr std::size_t kReceiveBytesMax = std::size_t{4} << 20;  // at one pump

MonotonicTime now() { return system_clock().now().monotonic; }

}  // namespace

Result<std::unique_ptr<OwnerChannel>> OwnerChannel::open(const std::string& directory, MonotonicTime deadline) {
  std::unique_ptr<OwnerChannel> channel(new OwnerChannel(directory));
  TIDEMILL_ASSIGN(channel->socket_, connect_to(directory, kOwnerSocketName));
  TIDEMILL_ASSIGN(channel->owner_, channel->call(Hello{}, deadline));
  return channel;
}

std::unique_ptr<OwnerChannel> OwnerChannel::broken_by(Error error) {
  std::unique_ptr<OwnerChannel> channel(new OwnerChannel({}));
  channel->broken_ = std::move(error);
  return channel;
}

std::string OwnerChannel::owner_name() const {
  if (owner_.pid == 0) return "the process that owns " + directory_;
  return "process " + std::to_string(owner_.pid) + ", which owns " + directory_ + ",";
}

Error OwnerChannel::no_answer() const {
  return Error{ErrorKind::kTimeout, owner_name() + " does not answer: is it stopped, or very busy?"};
}

Error OwnerChannel::broken(const Error& cause) {
  broken_ = cause.kind == ErrorKind::kClosed
                ? Error{ErrorKind::kUnavailable, owner_name() + " has ended the connection: it was stopped or killed"}
                : cause.with_context("the connection to " + owner_name());
  return *broken_;
}

Result<void> OwnerChannel::pump() {
  if (broken_) return *broken_;
  const auto sent = send_some(socket_.number(), out_);
  // An owner that turns a connection away says why before it ends it: look for that first.
  const auto received = receive_some(socket_.number(), in_, kReceiveBytesMax);
  if (sent) out_.erase(0, *sent);
  if (received && *received) return {};
  if (!sent) return broken(sent.error());
  if (!received) return broken(received.error());
  return {};
}

Result<std::size_t> OwnerChannel::whole_answer() const {
  return whole_frame(BytesView(in_).substr(taken_), kOwnerAnswerBytesMax);
}

Result<std::optional<Bytes>> OwnerChannel::next_answer() {
  auto size = whole_answer();
  if (size && *size == 0) {
    in_.erase(0, taken_);
    taken_ = 0;
    TIDEMILL_TRY(pump());
    size = whole_answer();
  }
  if (!size) return broken(size.error());
  if (*size == 0) return std::optional<Bytes>();
  Bytes answer = in_.substr(taken_ + kOwnerFrameHeadBytes, *size - kOwnerFrameHeadBytes);
  taken_ += *size;
  return std::optional<Bytes>(std::move(answer));
}

bool OwnerChannel::wait(MonotonicTime deadline, int event) const {
  // The last pump may have brought it already: then the socket has nothing more to say.
  if (const auto size = whole_answer(); !size || *size > 0) return true;
  const auto interest = static_cast<short>(out_.empty() ? POLLIN : POLLIN | POLLOUT);
  while (true) {
    pollfd wanted[] = {{broken_ ? -1 : socket_.number(), interest, 0}, {event, POLLIN, 0}};
    const MonotonicTime time = now();
    if (::poll(wanted, 2, poll_timeout(time, deadline)) > 0) return true;
    if (now() >= deadline) return false;
  }
}

Result<Bytes> OwnerChannel::answer_until(MonotonicTime deadline) {
  while (true) {
    TIDEMILL_ASSIGN(std::optional<Bytes> answer, next_answer());
    if (answer) return *std::move(answer);
    if (!wait(deadline)) {
      broken_ = no_answer();
      return *broken_;
    }
  }
}

}  // namespace tidemill::embedded
