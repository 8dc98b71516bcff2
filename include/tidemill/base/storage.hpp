// Storage: files as the log and the stores use them. Real, in memory, and simulated (loses unsynced writes, fails
// the n-th call): whoever writes to disk gets one through its constructor.
//
// Paths are plain, '/'-separated, relative to the root the Storage was made with. A Storage may be used from any
// thread; a File from one thread at a time, except read_at() and sync(), which may run beside one writer.
// After File::sync() has failed, the file's contents are unknown: close, reopen, recover; never retry the sync.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <tidemill/base/bytes.hpp>
#include <tidemill/base/result.hpp>

namespace tidemill {

class File {
 public:
  virtual ~File() = default;
  /// Writes all of `bytes` at the end and returns where they begin. On error (kDiskFull, kIo) some of them may have
  /// been written: truncate() before the next append.
  [[nodiscard]] virtual Result<std::uint64_t> append(BytesView bytes) = 0;
  /// Overwrites or extends at `position`.
  [[nodiscard]] virtual Result<void> write_at(std::uint64_t position, BytesView bytes) = 0;
  /// Reads up to `size` bytes at `position` into `out` (replaced); fewer only at the end of the file.
  [[nodiscard]] virtual Result<void> read_at(std::uint64_t position, std::size_t size, Bytes& out) const = 0;
  [[nodiscard]] virtual Result<std::uint64_t> size() const = 0;
  /// Reserves disk space up to `size` (filled with zeros, size() grows). kDiskFull leaves the file as it was.
  [[nodiscard]] virtual Result<void> preallocate(std::uint64_t size) = 0;
  [[nodiscard]] virtual Result<void> truncate(std::uint64_t size) = 0;
  /// fdatasync: data and size survive a power failure when it returns.
  [[nodiscard]] virtual Result<void> sync() = 0;
};

/// Held until destroyed.
class DirectoryLock {
 public:
  virtual ~DirectoryLock() = default;
};

enum class OpenMode : std::uint8_t { kRead, kReadWrite, kCreate /* read-write, made if missing */, kTruncate };

class Storage {
 public:
  virtual ~Storage() = default;
  [[nodiscard]] virtual Result<std::unique_ptr<File>> open(std::string_view path, OpenMode mode) = 0;
  /// Makes the directory and its parents; fine if it exists.
  [[nodiscard]] virtual Result<void> create_directories(std::string_view path) = 0;
  /// Names (not paths) of files and directories in `path`, sorted. kNotFound if there is none.
  [[nodiscard]] virtual Result<std::vector<std::string>> list(std::string_view path) const = 0;
  [[nodiscard]] virtual Result<bool> exists(std::string_view path) const = 0;
  [[nodiscard]] virtual Result<bool> is_directory(std::string_view path) const = 0;
  /// Replaces the target. Durable after sync_directory() of the parent.
  [[nodiscard]] virtual Result<void> rename(std::string_view from, std::string_view to) = 0;
  [[nodiscard]] virtual Result<void> remove(std::string_view path) = 0;
  [[nodiscard]] virtual Result<void> remove_all(std::string_view path) = 0;
  /// Makes creations, renames and removals in the directory survive a power failure.
  [[nodiscard]] virtual Result<void> sync_directory(std::string_view path) = 0;
  /// Takes the directory of `path`, a file that gets the owner's pid and may vanish. kLocked names who has it; kUnsupported
  /// for a network file system. Where nothing can be written a lock file that is there is enough.
  [[nodiscard]] virtual Result<std::unique_ptr<DirectoryLock>> lock(std::string_view path) = 0;
  [[nodiscard]] virtual Result<std::uint64_t> free_space() const = 0;
  /// The real directory behind the root, or empty if there is none (memory, simulation).
  [[nodiscard]] virtual std::string real_path(std::string_view path) const = 0;
};

/// Files below `root` on the local file system; `root` is made on first use.
std::unique_ptr<Storage> real_storage(std::string root);
/// Files that live as long as the object.
std::unique_ptr<Storage> memory_storage();

}  // namespace tidemill
