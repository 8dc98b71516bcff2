// reach_embedded_log(): takes the directory's lock, or finds the process that has it and speaks to that one.
//
// An owner that is just starting has the lock and no socket yet; one that is ending has no socket any more
// and still the lock. So what changes there is waited for: the socket's name coming up, another owner's pid
// in the lock file, the lock given back, the owner's death, or the end of patience.
#include <poll.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <tidemill/adapters/embedded_log.hpp>

#include "log_embedded/socket_log.hpp"
#include "log_embedded/unix_socket.hpp"

namespace tidemill {
namespace embedded {
namespace {

// Wakes when the owner of a directory may have changed.
class OwnerWatch {
 public:
  explicit OwnerWatch(const std::string& directory) : changes_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    if (!changes_) return;
    // IN_ATTRIB: real_storage() touches a lock file when it has given the lock back.
    (void)::inotify_add_watch(changes_.number(), directory.c_str(), IN_MOVED_TO | IN_MODIFY | IN_ATTRIB);
  }
  /// False: there is no such process any more, so nothing will tell of its death.
  [[nodiscard]] bool follow(int pid) {
    process_ = Descriptor();
    if (pid <= 0) return true;
    process_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    return process_ || errno != ESRCH;
  }
  /// False: the deadline has passed.
  [[nodiscard]] bool wait(MonotonicTime deadline) const {
    pollfd wanted[] = {{changes_.number(), POLLIN, 0}, {process_.number(), POLLIN, 0}};
    const MonotonicTime now = system_clock().now().monotonic;
    const int ready = ::poll(wanted, 2, poll_timeout(now, deadline));
    char events[4096];
    while (::read(changes_.number(), events, sizeof events) > 0) {
    }
    return ready != 0 && now < deadline;
  }

 private:
  Descriptor changes_;
  Descriptor process_;
};

bool may_come_up(ErrorKind kind) {
  return kind == ErrorKind::kNotFound || kind == ErrorKind::kUnavailable;
}

}  // namespace
}  // namespace embedded

Result<std::shared_ptr<Log>> reach_embedded_log(std::string directory, EmbeddedLogOptions options,
                                                std::chrono::milliseconds patience) {
  const MonotonicTime deadline = system_clock().now().monotonic + patience;
  embedded::OwnerWatch watch(directory);
  int gone = 0;
  while (true) {
    auto own = open_embedded_log(directory, options);
    if (own || own.error().kind != ErrorKind::kLocked) return own;
    const int owner = embedded::owner_pid(directory);
    const bool alive = watch.follow(owner);
    auto asked = embedded::open_socket_log(directory, deadline);
    if (asked) return asked;
    const ErrorKind kind = asked.error().kind;
    // It died between the two looks. If the lock is held all the same, it is another's, whose pid comes into the file.
    if (!alive && std::exchange(gone, owner) != owner) continue;
    if (embedded::may_come_up(kind) && watch.wait(deadline)) continue;
    const std::string who = owner > 0 ? "process " + std::to_string(owner) : "another process";
    return Error{embedded::may_come_up(kind) ? ErrorKind::kLocked : kind,
                 who + " owns " + directory + " and cannot be asked (" + asked.error().message +
                     "): it may be starting, ending or stopped; try again, or end it"};
  }
}

}  // namespace tidemill
