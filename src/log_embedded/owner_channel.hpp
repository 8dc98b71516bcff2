// OwnerChannel: the asking side of a connection to the process that owns a directory. Requests go out in
// order and their answers come back in the same order. Used by one thread at a time.
//
// An error is the end of the channel: what was asked and not answered has an unknown outcome.
#pragma once

#include <memory>

#include "log_embedded/owner_protocol.hpp"
#include "log_embedded/unix_socket.hpp"

namespace tidemill::embedded {

class OwnerChannel {
 public:
  /// Connects and says hello. kNotFound, kUnavailable: nobody listens there; kTimeout: somebody listens and
  /// does not answer.
  [[nodiscard]] static Result<std::unique_ptr<OwnerChannel>> open(const std::string& directory, MonotonicTime deadline);

  /// One that answers everything with `error`.
  [[nodiscard]] static std::unique_ptr<OwnerChannel> broken_by(Error error);

  [[nodiscard]] const HelloAnswer& owner() const { return owner_; }
  /// Queues the request; pump() and wait() send it.
  void ask(const Request& request) { out_ += frame(encode_request(request)); }
  /// Sends and receives what goes now.
  [[nodiscard]] Result<void> pump();
  /// The next whole answer, if it is there; pumps.
  [[nodiscard]] Result<std::optional<Bytes>> next_answer();
  /// Waits for something to send or receive, for `event` (< 0: none), or for the deadline. True: not the
  /// deadline.
  [[nodiscard]] bool wait(MonotonicTime deadline, int event = -1) const;
  [[nodiscard]] std::size_t unsent_bytes() const { return out_.size(); }
  /// kTimeout, with who has not answered.
  [[nodiscard]] Error no_answer() const;

  /// Asks and waits for the answer; nothing else may be outstanding.
  template <class Ask>
  [[nodiscard]] Result<typename Ask::Answer> call(const Ask& request, MonotonicTime deadline) {
    ask(request);
    TIDEMILL_ASSIGN(const Bytes answer, answer_until(deadline));
    return decode_answer<Ask>(answer);
  }

 private:
  explicit OwnerChannel(std::string directory) : directory_(std::move(directory)) {}
  [[nodiscard]] Result<std::size_t> whole_answer() const;
  [[nodiscard]] Result<Bytes> answer_until(MonotonicTime deadline);
  [[nodiscard]] std::string owner_name() const;
  [[nodiscard]] Error broken(const Error& cause);

  std::string directory_;
  Descriptor socket_;
  HelloAnswer owner_;
  Bytes out_;
  Bytes in_;
  std::size_t taken_ = 0;  // of in_, by answers handed out
  std::optional<Error> broken_;
};

}  // namespace tidemill::embedded
