#include "log_kafka/coordinator.hpp"

#include <algorithm>

#include <tidemill/base/clock.hpp>

namespace tidemill::kafka {

Coordinator::Coordinator(std::shared_ptr<const ConnectionConfig> config, std::string group)
    : config_(std::move(config)), group_(std::move(group)) {}

void Coordinator::interrupt() {
  const std::lock_guard lock(mutex_);
  interrupted_ = true;
  interrupted_changed_.notify_all();
  if (in_use_) in_use_->interrupt();
}

bool Coordinator::use(std::shared_ptr<Connection> connection) {
  const std::lock_guard lock(mutex_);
  if (interrupted_) return false;
  in_use_ = std::move(connection);
  return true;
}

void Coordinator::forget() {
  const std::lock_guard lock(mutex_);
  connection_.reset();
}

Result<void> Coordinator::pause(MonotonicTime deadline) {
  std::unique_lock lock(mutex_);
  if (!interrupted_ && system_clock().now().monotonic + kRetryPause > deadline)
    return Error{ErrorKind::kTimeout, last_.message};
  interrupted_changed_.wait_for(lock, kRetryPause, [this] { return interrupted_; });
  if (interrupted_) return Error{ErrorKind::kClosed, "the client is being closed"};
  return {};
}

Result<std::shared_ptr<Connection>> Coordinator::connection_to_coordinator(MonotonicTime deadline) {
  {
    const std::lock_guard lock(mutex_);
    if (connection_) return connection_;
  }
  for (;;) {
    for (const auto& [host, port] : config_->bootstrap) {
      auto connection = std::make_shared<Connection>(config_, host, port);
      if (!use(connection)) return Error{ErrorKind::kClosed, "the client is being closed"};
      const MonotonicTime until = std::min(deadline, system_clock().now().monotonic + kLookUpTimeout);
      const Result<CoordinatorAnswer> answer = call(*connection, find_coordinator(group_), until);
      if (!answer) {
        last_ = answer.error();
        if (last_.kind == ErrorKind::kUnauthorized || last_.kind == ErrorKind::kInvalidArgument ||
            last_.kind == ErrorKind::kClosed) {
          return last_;
        }
      } else if (answer->error == BrokerError::kGroupAuthorizationFailed) {
        return Error{ErrorKind::kUnauthorized, "group " + group_ + ": this user may not use it"};
      } else if (answer->error != BrokerError::kNone) {
        last_ = Error{ErrorKind::kUnavailable, "group " + group_ + ": no coordinator yet"};
      } else {
        connection = std::make_shared<Connection>(config_, answer->host, std::to_string(answer->port));
        if (!use(connection)) return Error{ErrorKind::kClosed, "the client is being closed"};
        const std::lock_guard lock(mutex_);
        connection_ = connection;
        return connection;
      }
    }
    TIDEMILL_TRY(pause(deadline));
  }
}

}  // namespace tidemill::kafka
