#include "log_embedded/read_only_storage.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

namespace tidemill::embedded {
namespace {

constexpr std::uint64_t kPageBytes = 4096;

Error no_such(std::string_view path) { return Error{ErrorKind::kNotFound, "there is no file " + std::string(path)}; }

// What a file is now: the one below up to `below_end`, zeros up to `size`, and the pages that were changed.
struct Contents {
  std::mutex mutex;
  std::unique_ptr<File> below;  // null: it is not on the disk
  std::uint64_t below_end = 0;
  std::uint64_t size = 0;
  std::map<std::uint64_t, Bytes> pages;  // each of kPageBytes

  Result<void> read(std::uint64_t position, std::size_t bytes, Bytes& out) const {
    const std::uint64_t end = std::min(size, position + bytes);
    out.clear();
    if (position >= end) return {};
    if (position < below_end) TIDEMILL_TRY(below->read_at(position, std::min(end, below_end) - position, out));
    out.resize(end - position, '\0');
    for (auto page = pages.lower_bound(position / kPageBytes); page != pages.end(); ++page) {
      const std::uint64_t begin = page->first * kPageBytes;
      if (begin >= end) break;
      const std::uint64_t from = std::max(begin, position);
      const std::uint64_t to = std::min(begin + kPageBytes, end);
      out.replace(from - position, to - from, page->second, from - begin, to - from);
    }
    return {};
  }
  Result<void> write(std::uint64_t position, BytesView bytes) {
    Bytes page;
    while (!bytes.empty()) {
      const std::uint64_t index = position / kPageBytes;
      const std::uint64_t at = position % kPageBytes;
      const BytesView part = bytes.substr(0, kPageBytes - at);
      TIDEMILL_TRY(read(index * kPageBytes, kPageBytes, page));
      page.resize(kPageBytes, '\0');
      if (BytesView(page).substr(at, part.size()) != part) {
        page.replace(at, part.size(), part);
        pages[index] = page;
      }
      position += part.size();
      size = std::max(size, position);
      bytes.remove_prefix(part.size());
    }
    return {};
  }
  void truncate(std::uint64_t to) {
    below_end = std::min(below_end, to);
    pages.erase(pages.lower_bound((to + kPageBytes - 1) / kPageBytes), pages.end());
    if (const auto last = pages.find(to / kPageBytes); last != pages.end()) {
      std::fill(last->second.begin() + static_cast<std::ptrdiff_t>(to % kPageBytes), last->second.end(), '\0');
    }
    size = to;
  }
};

class ReadOnlyFile final : public File {
 public:
  explicit ReadOnlyFile(std::shared_ptr<Contents> contents) : contents_(std::move(contents)) {}
  Result<std::uint64_t> append(BytesView bytes) override {
    std::lock_guard guard(contents_->mutex);
    const std::uint64_t begin = contents_->size;
    TIDEMILL_TRY(contents_->write(begin, bytes));
    return begin;
  }
  Result<void> write_at(std::uint64_t position, BytesView bytes) override {
    std::lock_guard guard(contents_->mutex);
    return contents_->write(position, bytes);
  }
  Result<void> read_at(std::uint64_t position, std::size_t size, Bytes& out) const override {
    std::lock_guard guard(contents_->mutex);
    return contents_->read(position, size, out);
  }
  Result<std::uint64_t> size() const override {
    std::lock_guard guard(contents_->mutex);
    return contents_->size;
  }
  Result<void> preallocate(std::uint64_t size) override {
    std::lock_guard guard(contents_->mutex);
    contents_->size = std::max(contents_->size, size);
    return {};
  }
  Result<void> truncate(std::uint64_t size) override {
    std::lock_guard guard(contents_->mutex);
    contents_->truncate(size);
    return {};
  }
  Result<void> sync() override { return {}; }

 private:
  std::shared_ptr<Contents> contents_;
};

class ReadOnlyStorage final : public Storage {
 public:
  explicit ReadOnlyStorage(std::unique_ptr<Storage> below) : below_(std::move(below)) {}

  Result<std::unique_ptr<File>> open(std::string_view path, OpenMode mode) override {
    std::lock_guard guard(mutex_);
    const bool makes = mode == OpenMode::kCreate || mode == OpenMode::kTruncate;
    auto found = files_.find(path);
    if (found == files_.end()) {
      TIDEMILL_ASSIGN(const bool there, below_has(path));
      if (!there && !makes) return no_such(path);
      auto contents = std::make_shared<Contents>();
      if (there) {
        TIDEMILL_ASSIGN(contents->below, below_->open(path, OpenMode::kRead));
        TIDEMILL_ASSIGN(contents->size, contents->below->size());
        contents->below_end = contents->size;
      }
      found = files_.emplace(path, std::move(contents)).first;
    }
    if (mode == OpenMode::kTruncate) {
      std::lock_guard contents_guard(found->second->mutex);
      found->second->truncate(0);
    }
    return std::unique_ptr<File>(new ReadOnlyFile(found->second));
  }
  Result<void> create_directories(std::string_view path) override {
    std::lock_guard guard(mutex_);
    directories_.emplace(path);
    return {};
  }
  Result<std::vector<std::string>> list(std::string_view path) const override {
    std::lock_guard guard(mutex_);
    const std::string prefix = path.empty() ? "" : std::string(path) + "/";
    std::set<std::string> names;
    if (auto below = below_->list(path); below.has_value()) {
      for (std::string& name : *below) {
        if (!gone(prefix + name)) names.insert(std::move(name));
      }
    } else if (!directories_.contains(path)) {
      return below.error();
    }
    for (const auto& [file, contents] : files_) {
      if (!file.starts_with(prefix)) continue;
      names.insert(file.substr(prefix.size(), file.find('/', prefix.size()) - prefix.size()));
    }
    return std::vector<std::string>(names.begin(), names.end());
  }
  Result<bool> exists(std::string_view path) const override {
    std::lock_guard guard(mutex_);
    if (files_.contains(path) || directories_.contains(path)) return true;
    return below_has(path);
  }
  Result<bool> is_directory(std::string_view path) const override {
    std::lock_guard guard(mutex_);
    if (directories_.contains(path)) return true;
    if (files_.contains(path) || gone(path)) return false;
    return below_->is_directory(path);
  }
  Result<void> rename(std::string_view from, std::string_view to) override {
    TIDEMILL_ASSIGN(const std::unique_ptr<File> file, open(from, OpenMode::kReadWrite));
    std::lock_guard guard(mutex_);
    const auto found = files_.find(from);
    files_.insert_or_assign(std::string(to), found->second);
    files_.erase(found);
    gone_.emplace(from);
    return {};
  }
  Result<void> remove(std::string_view path) override { return remove_all(path); }
  Result<void> remove_all(std::string_view path) override {
    std::lock_guard guard(mutex_);
    const std::string prefix = std::string(path) + "/";
    const auto inside = [&](std::string_view name) { return name == path || name.starts_with(prefix); };
    std::erase_if(files_, [&](const auto& file) { return inside(file.first); });
    std::erase_if(directories_, inside);
    gone_.emplace(path);
    return {};
  }
  Result<void> sync_directory(std::string_view) override { return {}; }
  Result<std::unique_ptr<DirectoryLock>> lock(std::string_view path) override { return below_->lock(path); }
  Result<std::uint64_t> free_space() const override { return below_->free_space(); }
  std::string real_path(std::string_view path) const override { return below_->real_path(path); }

 private:
  /// Removed or renamed here, itself or a directory that it lies in.
  bool gone(std::string_view path) const {
    for (std::size_t end = path.find('/'); end != std::string_view::npos; end = path.find('/', end + 1)) {
      if (gone_.contains(path.substr(0, end))) return true;
    }
    return gone_.contains(path);
  }
  Result<bool> below_has(std::string_view path) const {
    if (gone(path)) return false;
    return below_->exists(path);
  }

  std::unique_ptr<Storage> below_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Contents>, std::less<>> files_;  // those that were opened
  std::set<std::string, std::less<>> directories_;
  std::set<std::string, std::less<>> gone_;
};

}  // namespace

std::unique_ptr<Storage> read_only_storage(std::unique_ptr<Storage> below) {
  return std::unique_ptr<Storage>(new ReadOnlyStorage(std::move(below)));
}

}  // namespace tidemill::embedded
