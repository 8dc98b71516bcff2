// Files in memory: the same contract as real ones; a file that is removed or replaced lives on for who has it open.
#include <map>
#include <mutex>
#include <shared_mutex>

#include <tidemill/base/storage.hpp>

namespace tidemill {
namespace {

struct Contents {
  mutable std::shared_mutex mutex;
  Bytes bytes;
};

class MemoryFile final : public File {
 public:
  explicit MemoryFile(std::shared_ptr<Contents> contents) : contents_(std::move(contents)) {}

  Result<std::uint64_t> append(BytesView bytes) override {
    std::unique_lock lock(contents_->mutex);
    const std::uint64_t begin = contents_->bytes.size();
    contents_->bytes += bytes;
    return begin;
  }
  Result<void> write_at(std::uint64_t position, BytesView bytes) override {
    std::unique_lock lock(contents_->mutex);
    if (contents_->bytes.size() < position + bytes.size()) contents_->bytes.resize(position + bytes.size());
    contents_->bytes.replace(position, bytes.size(), bytes);
    return {};
  }
  Result<void> read_at(std::uint64_t position, std::size_t size, Bytes& out) const override {
    std::shared_lock lock(contents_->mutex);
    if (position >= contents_->bytes.size()) {
      out.clear();
    } else {
      out.assign(contents_->bytes, position, size);
    }
    return {};
  }
  Result<std::uint64_t> size() const override {
    std::shared_lock lock(contents_->mutex);
    return contents_->bytes.size();
  }
  Result<void> preallocate(std::uint64_t size) override {
    std::unique_lock lock(contents_->mutex);
    if (contents_->bytes.size() < size) contents_->bytes.resize(size);
    return {};
  }
  Result<void> truncate(std::uint64_t size) override {
    std::unique_lock lock(contents_->mutex);
    contents_->bytes.resize(size);
    return {};
  }
  Result<void> sync() override { return {}; }

 private:
  std::shared_ptr<Contents> contents_;
};

// Shared with the locks, which may outlive the storage.
struct LockTable {
  std::mutex mutex;
  std::map<std::string, bool, std::less<>> held;  // directories
};
class MemoryLock final : public DirectoryLock {
 public:
  MemoryLock(std::shared_ptr<LockTable> table, std::string directory)
      : table_(std::move(table)), directory_(std::move(directory)) {}
  ~MemoryLock() override {
    std::lock_guard guard(table_->mutex);
    table_->held.erase(directory_);
  }

 private:
  std::shared_ptr<LockTable> table_;
  std::string directory_;
};

class MemoryStorage final : public Storage {
 public:
  Result<std::unique_ptr<File>> open(std::string_view path, OpenMode mode) override {
    std::lock_guard guard(mutex_);
    auto found = files_.find(path);
    if (found == files_.end()) {
      if (mode == OpenMode::kRead || mode == OpenMode::kReadWrite) return missing("open", path);
      if (!parent_exists(path)) return missing("open", path);
      found = files_.emplace(std::string(path), std::make_shared<Contents>()).first;
    } else if (mode == OpenMode::kTruncate) {
      std::unique_lock lock(found->second->mutex);
      found->second->bytes.clear();
    }
    return std::unique_ptr<File>(new MemoryFile(found->second));
  }
  Result<void> create_directories(std::string_view path) override {
    std::lock_guard guard(mutex_);
    for (std::size_t at = 0; at <= path.size(); ++at) {
      if (at == path.size() || path[at] == '/') directories_[std::string(path.substr(0, at))] = true;
    }
    return {};
  }
  Result<std::vector<std::string>> list(std::string_view path) const override {
    std::lock_guard guard(mutex_);
    if (!is_directory_locked(path)) return missing("list", path);
    std::map<std::string, bool> names;
    const auto collect = [&](const auto& entries) {
      for (const auto& [name, ignored] : entries) {
        if (!inside(name, path)) continue;
        const std::string rest = name.substr(path.empty() ? 0 : path.size() + 1);
        if (!rest.empty()) names[rest.substr(0, rest.find('/'))] = true;
      }
    };
    collect(files_);
    collect(directories_);
    std::vector<std::string> result;
    for (const auto& [name, ignored] : names) result.push_back(name);
    return result;
  }
  Result<bool> exists(std::string_view path) const override {
    std::lock_guard guard(mutex_);
    return files_.contains(path) || is_directory_locked(path);
  }
  Result<bool> is_directory(std::string_view path) const override {
    std::lock_guard guard(mutex_);
    return is_directory_locked(path);
  }
  Result<void> rename(std::string_view from, std::string_view to) override {
    std::lock_guard guard(mutex_);
    if (const auto file = files_.find(from); file != files_.end()) {
      auto contents = file->second;
      files_.erase(file);
      files_[std::string(to)] = std::move(contents);
      return {};
    }
    if (!is_directory_locked(from)) return missing("rename", from);
    move_below(files_, from, to);
    move_below(directories_, from, to);
    return {};
  }
  Result<void> remove(std::string_view path) override {
    std::lock_guard guard(mutex_);
    if (const auto file = files_.find(path); file != files_.end()) {
      files_.erase(file);
      return {};
    }
    const auto directory = directories_.find(path);
    if (directory == directories_.end()) return missing("remove", path);
    directories_.erase(directory);
    return {};
  }
  Result<void> remove_all(std::string_view path) override {
    std::lock_guard guard(mutex_);
    std::erase_if(files_, [&](const auto& entry) { return entry.first == path || inside(entry.first, path); });
    std::erase_if(directories_, [&](const auto& entry) { return entry.first == path || inside(entry.first, path); });
    return {};
  }
  Result<void> sync_directory(std::string_view) override { return {}; }
  Result<std::unique_ptr<DirectoryLock>> lock(std::string_view path) override {
    std::lock_guard guard(locks_->mutex);
    const auto slash = path.rfind('/');
    const std::string directory(path.substr(0, slash == std::string_view::npos ? 0 : slash));
    if (!locks_->held.emplace(directory, true).second) {
      return Error{ErrorKind::kLocked, std::string(path) + " is held by this process already"};
    }
    return std::unique_ptr<DirectoryLock>(new MemoryLock(locks_, directory));
  }
  Result<std::uint64_t> free_space() const override { return std::uint64_t{1} << 40; }
  std::string real_path(std::string_view) const override { return {}; }

 private:
  static Error missing(const char* action, std::string_view path) {
    return Error{ErrorKind::kNotFound, std::string(action) + " " + std::string(path) + ": no such file or directory"};
  }
  static bool inside(std::string_view path, std::string_view directory) {
    if (directory.empty()) return !path.empty();
    return path.size() > directory.size() && path.starts_with(directory) && path[directory.size()] == '/';
  }
  bool is_directory_locked(std::string_view path) const { return path.empty() || directories_.contains(path); }
  bool parent_exists(std::string_view path) const {
    const auto slash = path.rfind('/');
    return slash == std::string_view::npos || is_directory_locked(path.substr(0, slash));
  }
  template <class Entries>
  static void move_below(Entries& entries, std::string_view from, std::string_view to) {
    Entries moved;
    for (auto entry = entries.begin(); entry != entries.end();) {
      if (entry->first == from || inside(entry->first, from)) {
        moved[std::string(to) + entry->first.substr(from.size())] = std::move(entry->second);
        entry = entries.erase(entry);
      } else {
        ++entry;
      }
    }
    entries.merge(moved);
  }

  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Contents>, std::less<>> files_;
  std::map<std::string, bool, std::less<>> directories_;
  std::shared_ptr<LockTable> locks_ = std::make_shared<LockTable>();
};

}  // namespace

std::unique_ptr<Storage> memory_storage() { return std::unique_ptr<Storage>(new MemoryStorage()); }

}  // namespace tidemill
