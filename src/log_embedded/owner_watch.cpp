#include "log_embedded/owner_watch.hpp"

#include <poll.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include <tidemill/base/clock.hpp>

namespace tidemill::embedded {

OwnerWatch::OwnerWatch(const std::string& directory) : changes_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  if (!changes_) return;
  // IN_ATTRIB: real_storage() touches a lock file when it has given the lock back.
  (void)::inotify_add_watch(changes_.number(), directory.c_str(), IN_MOVED_TO | IN_MODIFY | IN_ATTRIB);
}

bool OwnerWatch::wait(int owner, MonotonicTime deadline) {
  const MonotonicTime now = system_clock().now().monotonic;
  const Descriptor process(owner > 0 ? static_cast<int>(::syscall(SYS_pidfd_open, owner, 0)) : -1);
  if (owner > 0 && !process && errno == ESRCH && std::exchange(gone_, owner) != owner) {
    // It died since it was looked at, and nothing will tell of that: to be looked at again at once. If the lock is held all the
    // same, it is another's, whose pid comes into the file.
    return now < deadline;
  }
  pollfd wanted[] = {{changes_.number(), POLLIN, 0}, {process.number(), POLLIN, 0}};
  const int ready = ::poll(wanted, 2, poll_timeout(now, deadline));
  char events[4096];
  while (::read(changes_.number(), events, sizeof events) > 0) {
  }
  return ready != 0 && now < deadline;
}

}  // namespace tidemill::embedded
