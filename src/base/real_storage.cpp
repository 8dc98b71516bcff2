// Files of the local file system. Every path is below the root; errors name the whole path and errno's words.
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <set>
#include <tuple>

#include <tidemill/base/storage.hpp>

#include "base/file_system_type.hpp"

namespace tidemill {
namespace {

Error system_error(std::string_view action, const std::string& path, int code = errno) {
  ErrorKind kind = ErrorKind::kIo;
  if (code == ENOSPC || code == EDQUOT) kind = ErrorKind::kDiskFull;
  if (code == ENOENT || code == ENOTDIR) kind = ErrorKind::kNotFound;
  if (code == EEXIST) kind = ErrorKind::kAlreadyExists;
  if (code == EACCES || code == EPERM) kind = ErrorKind::kUnauthorized;
  return Error{kind, std::string(action) + " " + path + ": " + std::strerror(code)};
}

class RealFile final : public File {
 public:
  RealFile(int fd, std::string path, std::uint64_t size) : fd_(fd), path_(std::move(path)), size_(size) {}
  ~RealFile() override { ::close(fd_); }

  Result<std::uint64_t> append(BytesView bytes) override {
    const std::uint64_t begin = size_;
    TIDEMILL_TRY(write_at(begin, bytes));
    return begin;
  }
  Result<void> write_at(std::uint64_t position, BytesView bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(position));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return system_error("write", path_);
      if (written == 0) return system_error("write", path_, ENOSPC);
      position += static_cast<std::uint64_t>(written);
      bytes.remove_prefix(static_cast<std::size_t>(written));
      size_ = std::max(size_, position);
    }
    return {};
  }
  Result<void> read_at(std::uint64_t position, std::size_t size, Bytes& out) const override {
    out.resize(size);
    std::size_t done = 0;
    while (done < size) {
      const ssize_t got = ::pread(fd_, out.data() + done, size - done, static_cast<off_t>(position + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return system_error("read", path_);
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    out.resize(done);
    return {};
  }
  Result<std::uint64_t> size() const override { return size_; }
  Result<void> preallocate(std::uint64_t size) override {
    if (size <= size_) return {};
    const int code = ::posix_fallocate(fd_, 0, static_cast<off_t>(size));
    if (code != 0) {
      (void)!::ftruncate(fd_, static_cast<off_t>(size_));  // give back what was taken before the disk was full
      return system_error("preallocate", path_, code);
    }
    size_ = size;
    return {};
  }
  Result<void> truncate(std::uint64_t size) override {
    if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) return system_error("truncate", path_);
    size_ = size;
    return {};
  }
  Result<void> sync() override {
    if (::fdatasync(fd_) != 0) return system_error("fdatasync", path_);
    return {};
  }

 private:
  int fd_;
  std::string path_;
  std::uint64_t size_;
};

/// The lock files that this process holds. The number of a process in the file does not say that: processes of other containers have
/// the same ones.
class HeldHere {
 public:
  void add(int file) {
    const std::lock_guard lock(mutex_);
    files_.insert(id_of(file));
  }
  void remove(int file) {
    const std::lock_guard lock(mutex_);
    files_.erase(id_of(file));
  }
  [[nodiscard]] bool contains(int file) {
    const std::lock_guard lock(mutex_);
    return files_.contains(id_of(file));
  }

 private:
  using Id = std::tuple<dev_t, ino_t, pid_t>;  // a child is another process
  static Id id_of(int file) {
    struct stat status {};
    return ::fstat(file, &status) == 0 ? Id(status.st_dev, status.st_ino, ::getpid()) : Id();
  }
  std::mutex mutex_;
  std::set<Id> files_;
};
HeldHere& held_here() {
  static auto& held = *new HeldHere;  // never destroyed: a lock may be let go as late as static objects are
  return held;
}

/// The directory and the file in it that names the owner. The directory is what counts: a file can be removed under its
/// owner, and one of the same name made and locked beside it.
class RealLock final : public DirectoryLock {
 public:
  RealLock(int directory, int file) : directory_(directory), file_(file) { held_here().add(file_); }
  ~RealLock() override {
    held_here().remove(file_);
    ::flock(file_, LOCK_UN);
    ::flock(directory_, LOCK_UN);
    for (const int fd : {file_, directory_}) {
      (void)!::futimens(fd, nullptr);  // whoever watches the directory learns that it is free now
      ::close(fd);
    }
  }

 private:
  int directory_;
  int file_;
};

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

class RealStorage final : public Storage {
 public:
  explicit RealStorage(std::string root) : root_(std::move(root)) {}

  Result<std::unique_ptr<File>> open(std::string_view path, OpenMode mode) override {
    const std::string whole = real_path(path);
    int flags = O_CLOEXEC | (mode == OpenMode::kRead ? O_RDONLY : O_RDWR);
    if (mode == OpenMode::kCreate || mode == OpenMode::kTruncate) flags |= O_CREAT;
    if (mode == OpenMode::kTruncate) flags |= O_TRUNC;
    int fd = ::open(whole.c_str(), flags, 0644);
    if (fd < 0) return system_error("open", whole);
    struct stat status {};
    if (::fstat(fd, &status) != 0) {
      const int code = errno;
      ::close(fd);
      return system_error("stat", whole, code);
    }
    return std::unique_ptr<File>(new RealFile(fd, whole, static_cast<std::uint64_t>(status.st_size)));
  }
  Result<void> create_directories(std::string_view path) override {
    const std::string whole = real_path(path);
    for (std::size_t at = 1; at <= whole.size(); ++at) {
      if (at != whole.size() && whole[at] != '/') continue;
      const std::string part = whole.substr(0, at);
      if (::mkdir(part.c_str(), 0755) != 0) {
        if (errno == EEXIST) continue;
        return system_error("create directory", part);
      }
      // Nobody can sync what lies above the root, so that is done here.
      if (path.empty()) TIDEMILL_TRY(sync_directory_at(parent_of(part)));
    }
    struct stat status {};
    if (::stat(whole.c_str(), &status) != 0) return system_error("create directory", whole);
    if (!S_ISDIR(status.st_mode)) return system_error("create directory", whole, ENOTDIR);
    return {};
  }
  Result<std::vector<std::string>> list(std::string_view path) const override {
    const std::string whole = real_path(path);
    DIR* directory = ::opendir(whole.c_str());
    if (directory == nullptr) return system_error("list", whole);
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(directory)) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    ::closedir(directory);
    std::sort(names.begin(), names.end());
    return names;
  }
  Result<bool> exists(std::string_view path) const override {
    const std::string whole = real_path(path);
    if (::access(whole.c_str(), F_OK) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return system_error("look at", whole);
  }
  Result<bool> is_directory(std::string_view path) const override {
    struct stat status {};
    const std::string whole = real_path(path);
    if (::stat(whole.c_str(), &status) == 0) return S_ISDIR(status.st_mode);
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return system_error("look at", whole);
  }
  Result<void> rename(std::string_view from, std::string_view to) override {
    if (::rename(real_path(from).c_str(), real_path(to).c_str()) != 0) {
      return system_error("rename to " + real_path(to), real_path(from));
    }
    return {};
  }
  Result<void> remove(std::string_view path) override {
    const std::string whole = real_path(path);
    if (::remove(whole.c_str()) != 0) return system_error("remove", whole);
    return {};
  }
  Result<void> remove_all(std::string_view path) override {
    TIDEMILL_ASSIGN(const bool there, exists(path));
    if (!there) return {};
    TIDEMILL_ASSIGN(const bool directory, is_directory(path));
    if (directory) {
      TIDEMILL_ASSIGN(const std::vector<std::string> names, list(path));
      for (const std::string& name : names) TIDEMILL_TRY(remove_all(std::string(path) + "/" + name));
    }
    return remove(path);
  }
  Result<void> sync_directory(std::string_view path) override { return sync_directory_at(real_path(path)); }
  static Result<void> sync_directory_at(const std::string& whole) {
    const int fd = ::open(whole.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return system_error("open directory", whole);
    const int failed = ::fsync(fd);
    const int code = errno;
    ::close(fd);
    if (failed != 0) return system_error("fsync directory", whole, code);
    return {};
  }
  Result<std::unique_ptr<DirectoryLock>> lock(std::string_view path) override {
    const std::string whole = real_path(path);
    const std::string parent = parent_of(whole);
    const int directory = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return system_error("open directory", parent);
    auto file = lock_file(directory, whole);
    if (!file) {
      ::close(directory);
      return file.error();
    }
    return std::unique_ptr<DirectoryLock>(new RealLock(directory, *file));
  }
  Result<std::uint64_t> free_space() const override {
    struct statvfs status {};
    if (::statvfs(root_.c_str(), &status) != 0) return system_error("free space of", root_);
    return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
  }
  std::string real_path(std::string_view path) const override { return path.empty() ? root_ : root_ + "/" + std::string(path); }

 private:
  /// Locks the directory, then the file, and returns the file.
  static Result<int> lock_file(int directory, const std::string& whole) {
    struct statfs file_system {};
    if (::fstatfs(directory, &file_system) == 0 && is_network_file_system(static_cast<std::uint64_t>(file_system.f_type))) {
      return Error{ErrorKind::kUnsupported, whole + " is on a network file system, where locks and fsync cannot be "
                                                    "trusted: use a directory on a local disk"};
    }
    if (::flock(directory, LOCK_EX | LOCK_NB) != 0) return held(whole);
    int fd = ::open(whole.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    const bool only_to_look = fd < 0 && (errno == EROFS || errno == EACCES);
    if (only_to_look) {  // a lock needs no writing; whoever wants to write there will hear of it
      const int code = errno;
      fd = ::open(whole.c_str(), O_RDONLY | O_CLOEXEC);
      if (fd < 0) errno = code;
    }
    if (fd < 0) return system_error("open lock file", whole);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      ::close(fd);
      return held(whole);
    }
    if (only_to_look) return fd;
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) < 0) {
      const int code = errno;
      if (code != ENOSPC && code != EDQUOT) {  // a full disk must still be openable: the lock holds without its text
        ::close(fd);
        return system_error("write lock file", whole, code);
      }
    }
    return fd;
  }
  static Error held(const std::string& whole) {
    char owner[32] = {};
    const int fd = ::open(whole.c_str(), O_RDONLY | O_CLOEXEC);
    const ssize_t got = fd < 0 ? 0 : ::pread(fd, owner, sizeof owner - 1, 0);
    const bool here = fd >= 0 && held_here().contains(fd);
    if (fd >= 0) ::close(fd);
    std::string pid(owner, got > 0 ? static_cast<std::size_t>(got) : 0);
    while (!pid.empty() && pid.back() == '\n') pid.pop_back();
    if (here) {
      return Error{ErrorKind::kLocked, whole + " is held by this process already: close what has it, or use another directory"};
    }
    return Error{ErrorKind::kLocked,
                 whole + " is held by process " + (pid.empty() ? "(unknown)" : pid) + ": stop it, or use another directory"};
  }
  std::string root_;
};

}  // namespace

std::unique_ptr<Storage> real_storage(std::string root) {
  while (root.size() > 1 && root.back() == '/') root.pop_back();
  return std::unique_ptr<Storage>(new RealStorage(root.empty() ? "." : std::move(root)));
}

}  // namespace tidemill
