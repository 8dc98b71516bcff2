// Waits for a change of who owns a directory: its socket's name coming up, another pid in the lock file, the lock given back,
// the owner's death. No change that happens after the watch was made is missed.
#pragma once

#include <string>

#include "log_embedded/unix_socket.hpp"

namespace tidemill::embedded {

class OwnerWatch {
 public:
  explicit OwnerWatch(const std::string& directory);
  /// `owner`: the pid that the lock file names, <= 0: none. False: the deadline has passed.
  [[nodiscard]] bool wait(int owner, MonotonicTime deadline);

 private:
  Descriptor changes_;
  int gone_ = 0;
};

}  // namespace tidemill::embedded
