// Writer: where the floor's batches go. Meter: CPU and bytes from the end of the warm-up on.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>

#include "floor/batch.hpp"
#include "harness/process.hpp"
#include "harness/suite.hpp"

namespace tidemill_bench {

class FloorFile {
 public:
  explicit FloorFile(std::string path) : path_(std::move(path)) {
    fd_ = ::open(path_.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
    if (fd_ < 0) failed();
  }
  ~FloorFile() {
    ::close(fd_);
    ::unlink(path_.c_str());
  }
  FloorFile(const FloorFile&) = delete;
  FloorFile& operator=(const FloorFile&) = delete;
  void write(std::string_view bytes) {
    if (::write(fd_, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) failed();
  }
  void preallocate(std::size_t bytes) {
    if (::posix_fallocate(fd_, 0, static_cast<off_t>(bytes)) != 0) failed();
  }
  void rewind() { ::lseek(fd_, 0, SEEK_SET); }
  void sync() {
    if (::fdatasync(fd_) != 0) failed();
  }

 private:
  void failed() const {
    std::perror(("floor: " + path_).c_str());
    std::abort();
  }
  std::string path_;
  int fd_ = -1;
};

/// What `power` writes beside the data: every batch again.
class FloorJournal {
 public:
  explicit FloorJournal(const std::string& directory) : file_(directory + "/floor.journal") {
    file_.preallocate(kFileBytes);
    file_.rewind();
  }
  void write(std::string_view batch) {
    checksum_ = floor_crc32c(batch, checksum_);
    if (position_ + batch.size() > kFileBytes) {
      file_.rewind();
      position_ = 0;
    }
    file_.write(batch);
    position_ += batch.size();
    unsynced_ += batch.size();
    if (unsynced_ < kCommitBytes) return;
    file_.sync();
    unsynced_ = 0;
  }

 private:
  static constexpr std::size_t kFileBytes = std::size_t{64} << 20;
  static constexpr std::size_t kCommitBytes = std::size_t{8} << 20;
  FloorFile file_;
  std::size_t position_ = 0;
  std::size_t unsynced_ = 0;
  std::uint32_t checksum_ = 0;
};

/// An output: a batch that fills, a file, and who else wants the sealed bytes.
class FloorWriter {
 public:
  FloorWriter(const std::string& path, FloorJournal* journal, std::function<void(std::string_view)> next = nullptr)
      : file_(path), journal_(journal), next_(std::move(next)) {}
  void add(std::int64_t timestamp, std::string_view key, std::string_view value) {
    batch_.add(timestamp, key, value);
    if (batch_.full()) flush();
  }
  void flush() {
    if (batch_.empty()) return;
    const std::string_view sealed = batch_.seal();
    file_.write(sealed);
    if (journal_ != nullptr) journal_->write(sealed);
    if (next_) next_(sealed);
    batch_.clear();
  }

 private:
  FloorBatch batch_;
  FloorFile file_;
  FloorJournal* journal_;
  std::function<void(std::string_view)> next_;
};

class FloorMeter {
 public:
  explicit FloorMeter(std::uint64_t warm_up) : warm_up_(warm_up) { begin(); }
  /// After each batch.
  void processed(std::uint64_t records) {
    const bool warm = done_ >= warm_up_;
    done_ += records;
    if (!warm && done_ >= warm_up_) begin();
  }
  [[nodiscard]] Sample end() const { return {done_ - from_, process_cpu_ns() - cpu_ns_, process_bytes_written() - bytes_}; }

 private:
  void begin() {
    from_ = done_;
    bytes_ = process_bytes_written();
    cpu_ns_ = process_cpu_ns();
  }
  std::uint64_t warm_up_;
  std::uint64_t done_ = 0;
  std::uint64_t from_ = 0;
  std::uint64_t bytes_ = 0;
  double cpu_ns_ = 0;
};

}  // namespace tidemill_bench
