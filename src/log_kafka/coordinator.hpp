// Coordinator: a group's requests, sent to the broker that coordinates the group, wherever that is now. It looks the broker
// up, asks again after a move or a lost connection, and waits a little between tries; who calls it sees only answers that mean
// something, or that the deadline passed.
//
// Used by one thread, but for interrupt().
#pragma once

#include <condition_variable>
#include <mutex>

#include "log_kafka/group_requests.hpp"

namespace tidemill::kafka {

class Coordinator {
 public:
  static constexpr std::chrono::milliseconds kRetryPause{100};
  /// Time that one broker of the bootstrap list has to answer.
  static constexpr std::chrono::milliseconds kLookUpTimeout{5000};

  Coordinator(std::shared_ptr<const ConnectionConfig> config, std::string group);

  /// With `once`, a connection that breaks under the request ends the call: for what must not be sent twice unawares.
  template <class Answer>
  [[nodiscard]] Result<Answer> ask(const Request<Answer>& request, MonotonicTime deadline, bool once = false) {
    for (;;) {
      TIDEMILL_ASSIGN(const std::shared_ptr<Connection> connection, connection_to_coordinator(deadline));
      Result<Answer> answer = call(*connection, request, deadline);
      if (!answer) {
        forget();
        if (once || answer.error().kind != ErrorKind::kUnavailable) return answer.error();
        last_ = answer.error();
      } else if (answer->error == BrokerError::kNotCoordinator || answer->error == BrokerError::kCoordinatorNotAvailable) {
        forget();
        last_ = Error{ErrorKind::kUnavailable, "group " + group_ + ": its coordinator is not available"};
      } else if (answer->error == BrokerError::kCoordinatorLoadInProgress) {
        last_ = Error{ErrorKind::kUnavailable, "group " + group_ + ": its coordinator is starting"};
      } else {
        return answer;
      }
      TIDEMILL_TRY(pause(deadline));
    }
  }
  /// Ends the call that waits, and all later ones, with kClosed.
  void interrupt();
  [[nodiscard]] const std::string& group() const { return group_; }

 private:
  [[nodiscard]] Result<std::shared_ptr<Connection>> connection_to_coordinator(MonotonicTime deadline);
  [[nodiscard]] Result<void> pause(MonotonicTime deadline);
  void forget();
  [[nodiscard]] bool use(std::shared_ptr<Connection> connection);

  std::shared_ptr<const ConnectionConfig> config_;
  std::string group_;
  Error last_;
  std::mutex mutex_;  // guards what follows
  std::shared_ptr<Connection> connection_;
  std::shared_ptr<Connection> in_use_;
  bool interrupted_ = false;
  std::condition_variable interrupted_changed_;
};

}  // namespace tidemill::kafka
