// OpenFiles: bounds how many segment files of a log are open at a time.
//
// Every segment has its File all the time, but only the most recently used ones hold a descriptor; the others are opened again
// by the next call. One with writes that were not synced is never closed: an error of writing them back would be lost with
// the descriptor. Nor is one that a call is using; so the bound may be exceeded by these.
// The names must stay: who removes or renames a file sees to it that nobody reads it any more. Any thread.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>

#include <tidemill/base/storage.hpp>

namespace tidemill::embedded {

class OpenFiles {
 public:
  /// Both must outlive the files.
  OpenFiles(Storage& storage, std::size_t open_max) : storage_(storage), open_max_(open_max) {}

  /// For reading and writing, open at once; `mode`: kReadWrite, or kTruncate for a new one.
  [[nodiscard]] Result<std::shared_ptr<File>> open(const std::string& path, OpenMode mode);
  [[nodiscard]] std::size_t open_count() const;

 private:
  class Pooled;
  void close_some();

  Storage& storage_;
  const std::size_t open_max_;
  mutable std::mutex mutex_;
  std::list<Pooled*> open_;  // the one used longest ago first
};

}  // namespace tidemill::embedded
