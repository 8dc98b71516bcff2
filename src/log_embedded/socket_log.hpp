// SocketLog: the log port over the socket of the process that owns a directory: admin, consumers, and plain
// producers. What it cannot do (transactions, memberships: they need the owner's memory) answers kUnsupported
// with a sentence.
#pragma once

#include <tidemill/log/log.hpp>

namespace tidemill::embedded {

/// Says hello to the owner. kNotFound, kUnavailable: nobody listens in `directory`; kTimeout: there is no
/// answer.
[[nodiscard]] Result<std::shared_ptr<Log>> open_socket_log(const std::string& directory, MonotonicTime deadline);

/// Who says in `directory`'s lock file to own it; 0: nobody.
[[nodiscard]] int owner_pid(const std::string& directory);

}  // namespace tidemill::embedded
