// reach_embedded_log(): takes the directory's lock, or finds the process that has it and speaks to that one.
// await_embedded_log(): only the latter, and waits for such a process.
//
// An owner that is just starting has the lock and no socket yet; one that is ending has no socket any more
// and still the lock. So what changes there is waited for, see OwnerWatch.
#include <tidemill/adapters/embedded_log.hpp>

#include "log_embedded/owner_watch.hpp"
#include "log_embedded/socket_log.hpp"
#include "log_embedded/unix_socket.hpp"

namespace tidemill {
namespace {

bool may_come_up(ErrorKind kind) { return kind == ErrorKind::kNotFound || kind == ErrorKind::kUnavailable; }

}  // namespace

Result<std::shared_ptr<Log>> reach_embedded_log(std::string directory, EmbeddedLogOptions options,
                                                std::chrono::milliseconds patience) {
  const MonotonicTime deadline = system_clock().now().monotonic + patience;
  options.lock_wait = {};
  embedded::OwnerWatch watch(directory);
  while (true) {
    auto own = open_embedded_log(directory, options);
    if (own || own.error().kind != ErrorKind::kLocked) return own;
    const int owner = embedded::owner_pid(directory);
    auto asked = embedded::open_socket_log(directory, deadline);
    if (asked) return asked;
    const ErrorKind kind = asked.error().kind;
    if (may_come_up(kind) && watch.wait(owner, deadline)) continue;
    const std::string who = owner > 0 ? "process " + std::to_string(owner) : "another process";
    return Error{may_come_up(kind) ? ErrorKind::kLocked : kind,
                 who + " owns " + directory + " and cannot be asked (" + asked.error().message +
                     "): it may be starting, ending or stopped; try again, or end it"};
  }
}

Result<std::shared_ptr<Log>> await_embedded_log(std::string directory, std::chrono::milliseconds patience) {
  const MonotonicTime deadline = system_clock().now().monotonic + patience;
  embedded::OwnerWatch watch(directory);
  while (true) {
    auto asked = embedded::open_socket_log(directory, deadline);
    if (asked || !may_come_up(asked.error().kind)) return asked;
    if (!watch.wait(0, deadline)) return Error{ErrorKind::kTimeout, "no process owns " + directory};
  }
}

}  // namespace tidemill
