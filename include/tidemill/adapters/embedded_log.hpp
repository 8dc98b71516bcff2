// The embedded log: a durable, transactional log in this process, in a directory that it owns.
#pragma once

#include <memory>
#include <string>

#include <tidemill/base/clock.hpp>
#include <tidemill/base/random.hpp>
#include <tidemill/base/storage.hpp>
#include <tidemill/log/log.hpp>

namespace tidemill {

enum class Durability : std::uint8_t {
  kPower,    // a commit is acknowledged after its fdatasync: survives power failure
  kProcess,  // survives the death of the process; a background sync bounds what a power failure loses
};

struct EmbeddedLogOptions {
  Durability durability = Durability::kPower;
  std::int32_t default_partitions = 8;
  /// kProcess: how long a commit may be unsynced.
  std::chrono::milliseconds background_sync_interval{1000};
  /// Refuses every write and leaves the files as they are, also where an owner would mend them; for tools that look.
  bool read_only = false;
  /// How long opening waits for a process that has the directory now and may be about to end: a tool, or a predecessor.
  std::chrono::milliseconds lock_wait{3000};
  /// Bytes of one segment file where a topic does not say (segment.bytes).
  std::int64_t segment_bytes = std::int64_t{1} << 30;
  /// A commit group that has written so much commits early: what is not committed is held in memory.
  std::size_t transaction_bytes_max = std::size_t{8} << 20;
  /// Newest batches kept in memory, over all partitions, for readers that follow.
  std::size_t recent_batches_bytes = std::size_t{64} << 20;
  /// What compaction may take for the keys of one pass; a log with more keys is compacted in several.
  std::size_t compaction_key_bytes = std::size_t{64} << 20;
  /// How often retention and compaction look whether there is something to do.
  std::chrono::milliseconds background_interval{5000};
  /// Run retention, compaction and background sync on threads of their own; simulation calls run_background() instead.
  bool background_thread = true;
  /// Acknowledges commits without fdatasync: only for the test that must find the loss.
  bool unsafe_skip_sync_for_tests = false;
};

/// Opens (makes, recovers) the log in `directory`, and answers other processes' questions about it (reach_embedded_log()) at
/// its file `socket`, unless it is read-only or without background thread. kLocked: another process owns it, and its pid.
/// kNotFound: read-only, and there is no log.
[[nodiscard]] Result<std::shared_ptr<Log>> open_embedded_log(std::string directory, EmbeddedLogOptions options = {});
/// The log in `directory` for who is not its application, but a tool: opened as above, or, where another process owns it,
/// over the socket that the owner serves there. Then it is an admin, consumers, and plain producers without transactions;
/// all else answers kUnsupported. kLocked, kTimeout: the owner has not answered for as long as `patience`.
[[nodiscard]] Result<std::shared_ptr<Log>> reach_embedded_log(std::string directory, EmbeddedLogOptions options,
                                                              std::chrono::milliseconds patience);
/// The log of a process that owns `directory`, over its socket as above; waits until there is one and never takes the lock.
/// kTimeout: there was none for as long as `patience`.
[[nodiscard]] Result<std::shared_ptr<Log>> await_embedded_log(std::string directory, std::chrono::milliseconds patience);
/// The same as open_embedded_log(), with the world given: for tests and simulation. All three must outlive the log.
[[nodiscard]] Result<std::shared_ptr<Log>> open_embedded_log(Storage& storage, const Clock& clock, Random& random,
                                                             EmbeddedLogOptions options = {});
/// As open_embedded_log(), for a main() of one expression: when it fails, everything that is asked of the log answers why, and
/// so do Streams::start() and run().
[[nodiscard]] std::shared_ptr<Log> embedded_log(std::string directory, EmbeddedLogOptions options = {});
/// A log that lives as long as the object. Same code, files in memory.
[[nodiscard]] std::shared_ptr<Log> in_memory_log(EmbeddedLogOptions options = {});
/// One round of what the background threads do, now. `log` must be an embedded one.
[[nodiscard]] Result<void> run_background(Log& log);

}  // namespace tidemill
