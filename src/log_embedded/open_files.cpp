#include "log_embedded/open_files.hpp"

#include <tidemill/base/assert.hpp>

namespace tidemill::embedded {

class OpenFiles::Pooled final : public File {
 public:
  Pooled(OpenFiles& all, std::string path) : all_(all), path_(std::move(path)) {}
  ~Pooled() override {
    std::lock_guard lock(all_.mutex_);
    if (file_) all_.open_.erase(place_);
  }

  Result<std::uint64_t> append(BytesView bytes) override {
    return writing([&](File& file) { return file.append(bytes); });
  }
  Result<void> write_at(std::uint64_t position, BytesView bytes) override {
    return writing([&](File& file) { return file.write_at(position, bytes); });
  }
  Result<void> read_at(std::uint64_t position, std::size_t size, Bytes& out) const override {
    TIDEMILL_ASSIGN(const std::shared_ptr<File> file, use());
    return file->read_at(position, size, out);
  }
  Result<std::uint64_t> size() const override {
    TIDEMILL_ASSIGN(const std::shared_ptr<File> file, use());
    return file->size();
  }
  Result<void> preallocate(std::uint64_t size) override {
    return writing([&](File& file) { return file.preallocate(size); });
  }
  Result<void> truncate(std::uint64_t size) override {
    return writing([&](File& file) { return file.truncate(size); });
  }
  Result<void> sync() override {
    {
      std::lock_guard lock(all_.mutex_);
      if (!dirty_) return {};
    }
    TIDEMILL_ASSIGN(const std::shared_ptr<File> file, use());
    // What is written from here on may miss this sync.
    mark(false);
    Result<void> synced = file->sync();
    if (!synced) mark(true);
    return synced;
  }

  /// The file, open, as the one that was used last.
  [[nodiscard]] Result<std::shared_ptr<File>> use(OpenMode mode = OpenMode::kReadWrite) const {
    std::lock_guard lock(all_.mutex_);
    if (file_) {
      all_.open_.splice(all_.open_.end(), all_.open_, place_);
      return file_;
    }
    TIDEMILL_ASSIGN(std::unique_ptr<File> file, all_.storage_.open(path_, mode));
    file_ = std::move(file);
    place_ = all_.open_.insert(all_.open_.end(), const_cast<Pooled*>(this));
    std::shared_ptr<File> used = file_;
    all_.close_some();
    return used;
  }
  /// False: it has to stay open.
  [[nodiscard]] bool close() {
    if (dirty_ || file_.use_count() > 1) return false;
    file_.reset();
    return true;
  }

 private:
  template <class Write>
  auto writing(const Write& write) -> decltype(write(std::declval<File&>())) {
    TIDEMILL_ASSIGN(const std::shared_ptr<File> file, use());
    auto written = write(*file);
    mark(true);  // only now: a sync that ran beside it may have missed it
    return written;
  }
  void mark(bool dirty) {
    std::lock_guard lock(all_.mutex_);
    dirty_ = dirty;
  }

  OpenFiles& all_;
  const std::string path_;
  bool dirty_ = false;
  // Opening it again changes nothing that anybody sees.
  mutable std::shared_ptr<File> file_;  // null: closed
  mutable std::list<Pooled*>::iterator place_;
};

Result<std::shared_ptr<File>> OpenFiles::open(const std::string& path, OpenMode mode) {
  TIDEMILL_ASSERT(mode == OpenMode::kReadWrite || mode == OpenMode::kTruncate);
  auto file = std::make_shared<Pooled>(*this, path);
  TIDEMILL_TRY(file->use(mode));
  return std::shared_ptr<File>(std::move(file));
}

std::size_t OpenFiles::open_count() const {
  std::lock_guard lock(mutex_);
  return open_.size();
}

void OpenFiles::close_some() {
  for (auto file = open_.begin(); file != open_.end() && open_.size() > open_max_;) {
    file = (*file)->close() ? open_.erase(file) : std::next(file);
  }
}

}  // namespace tidemill::embedded
