#include "runtime/custom_store.hpp"

#include <fmt/format.h>

#include <tidemill/base/assert.hpp>

#include "base/logging.hpp"
#include "base/thrown_error.hpp"

namespace tidemill::runtime {
namespace {

/// Below the task's directory, a folder per store: its lock, and what is its own.
constexpr std::string_view kFolder = "stores";
constexpr std::string_view kLock = "lock";
constexpr std::string_view kData = "data";
/// What was data, and is being removed.
constexpr std::string_view kGone = "gone";

/// The name of a store is a folder's here.
bool may_name_a_folder(std::string_view name) {
  return name != "." && name != ".." && name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

}  // namespace

/// What commit, abort and restore meet: a store of no rows.
class HostedStore::Engine final : public BytesStore {
 public:
  explicit Engine(HostedStore& host) : host_(host) {}
  const std::string& name() const override { return host_.spec().name; }
  Result<bool> get(BytesView, Bytes&) override { return no_rows(); }
  Result<void> put(BytesView, OptionalBytesView) override { return no_rows(); }
  Result<std::unique_ptr<BytesIterator>> range(const BytesRange&) override { return no_rows(); }
  std::uint64_t approximate_num_entries() const override { return 0; }
  std::size_t uncommitted_bytes() const override { return host_.logged_bytes_; }
  Result<void> commit(const ChangelogPosition& changelog, const Position& position) override {
    return host_.commit(changelog, position);
  }
  void abort() override { host_.close(); }
  Result<void> flush() override { return {}; }  // it is closed by then
  std::optional<ChangelogPosition> durable_position() const override { return host_.durable_; }
  const Position& position() const override { return host_.position_; }
  Result<void> restore(std::span<const std::pair<BytesView, OptionalBytesView>>, const ChangelogPosition&) override {
    return no_rows();
  }
  Result<void> clear() override { return host_.clear(); }
  Result<std::unique_ptr<BytesSnapshot>> snapshot() override { return no_rows(); }

 private:
  [[nodiscard]] Error no_rows() const {
    return {ErrorKind::kUnsupported,
            fmt::format("store \"{}\" is of its own kind ({}) and has no rows in bytes", name(), host_.spec().custom.type())};
  }
  HostedStore& host_;
};

HostedStore::HostedStore(HostedStoreOptions options) : options_(std::move(options)), engine_(std::make_unique<Engine>(*this)) {}
HostedStore::~HostedStore() { close(); }

Result<std::unique_ptr<HostedStore>> HostedStore::open(HostedStoreOptions options) {
  std::unique_ptr<HostedStore> host(new HostedStore(std::move(options)));
  if (host->persistent()) TIDEMILL_TRY(host->take_directory());
  TIDEMILL_TRY(host->begin());
  return host;
}

BytesStore& HostedStore::engine_store() { return *engine_; }

Error HostedStore::with_name(const Error& error) const {
  return error.with_context(fmt::format("store \"{}\" ({})", spec().name, spec().custom.type()));
}

template <class F>
Result<void> HostedStore::run(const char* what, F&& fn) {
  const char* const outer = std::exchange(inside_, what);
  Result<void> result;
  try {
    fn();
  } catch (const StateStoreException& error) {
    result = with_name(error.error().with_context(what));
  } catch (...) {
    const ThrownError thrown = describe_exception(std::current_exception());
    result = with_name({ErrorKind::kInternal, fmt::format("{} threw {}: {}", what, thrown.type, thrown.message)});
  }
  inside_ = outer;
  return result;
}

// Beginning and end

Result<void> HostedStore::take_directory() {
  if (options_.directory.empty() || !may_name_a_folder(spec().name)) {
    return with_name({ErrorKind::kInvalidArgument, options_.directory.empty()
                                                       ? "it is declared persistent, and there is no state directory"
                                                       : "it is declared persistent, and its name cannot be a folder's"});
  }
  storage_ = real_storage(fmt::format("{}/{}/{}", options_.directory, kFolder, spec().name));
  data_directory_ = storage_->real_path(kData);
  TIDEMILL_TRY(storage_->create_directories(kData));
  TIDEMILL_ASSIGN(lock_, storage_->lock(kLock));
  return remove_gone();
}

Result<void> HostedStore::remove_gone() {
  TIDEMILL_ASSIGN(const bool there, storage_->exists(kGone));
  return there ? storage_->remove_all(kGone) : Result<void>();
}

Result<bool> HostedStore::directory_is_empty() const {
  if (storage_ == nullptr) return true;
  TIDEMILL_ASSIGN(const std::vector<std::string> names, storage_->list(kData));
  return names.empty();
}

Result<void> HostedStore::make() {
  durable_.reset();
  position_.clear();
  std::unique_ptr<CustomStore> made;
  TIDEMILL_TRY(run("its factory", [&] { made = spec().custom.make(); }));
  if (made == nullptr) return with_name({ErrorKind::kInvalidArgument, "its factory gives null"});
  attach(*made, spec().name, *this);
  TIDEMILL_TRY(run("init()", [&] { made->init(*this); }));
  store_ = std::move(made);
  set_open(*store_, true);
  untouched_ = true;
  std::optional<Bytes> checkpoint;
  TIDEMILL_TRY(run("committed()", [&] { checkpoint = store_->committed(); }));
  if (!checkpoint) return {};
  const std::optional<StoreCheckpoint> decoded = decode_checkpoint(*checkpoint);
  if (!decoded) {
    logger()->warn("store \"{}\" ({}) of task {}: the {} bytes that committed() gives are no checkpoint: it is rebuilt",
                   spec().name, spec().custom.type(), to_string(task_id()), checkpoint->size());
    untouched_ = false;
    return {};
  }
  durable_ = decoded->changelog;
  position_ = decoded->position;
  untouched_ = false;
  return {};
}

Result<void> HostedStore::begin() {
  if (storage_ != nullptr) TIDEMILL_TRY(storage_->create_directories(kData));  // emptying it may have failed half-way
  TIDEMILL_ASSIGN(const bool empty, directory_is_empty());
  TIDEMILL_TRY(make());
  if (!empty && !durable_) untouched_ = false;  // something lies there, and nobody knows what
  return durable_ ? Result<void>() : clear();
}

Result<void> HostedStore::begin_empty() {
  close();
  if (storage_ != nullptr) {
    // In one step: who is killed in between must not find a part of the files, a checkpoint among them.
    TIDEMILL_TRY(remove_gone());
    TIDEMILL_TRY(storage_->rename(kData, kGone));
    TIDEMILL_TRY(storage_->sync_directory(""));
    TIDEMILL_TRY(storage_->create_directories(kData));
    TIDEMILL_TRY(remove_gone());
  }
  TIDEMILL_TRY(make());
  if (untouched_) return {};
  return with_name(
      {ErrorKind::kInvalidArgument,
       "committed() still gives something, though it is a new object and its directory is empty: what it keeps has "
       "to lie in its state_dir()"});
}

Result<void> HostedStore::reopen() {
  if (store_) return {};
  TIDEMILL_TRY(begin());
  if (!durable_ && !is_logged() && spec().source_topic_as_changelog.empty()) {
    logger()->warn("store \"{}\" ({}) of task {} has no changelog and proves no commit: after an abort it begins empty",
                   spec().name, spec().custom.type(), to_string(task_id()));
  }
  return {};
}
Result<void> HostedStore::clear() { return store_ && untouched_ ? Result<void>() : begin_empty(); }

void HostedStore::close() {
  if (store_ == nullptr) return;
  if (const Result<void> closed = run("close()", [this] { store_->close(); }); !closed) {
    // It goes away whatever it throws, but somebody may want to know.
    logger()->warn("task {}: {}", to_string(task_id()), closed.error().message);
  }
  set_open(*store_, false);
  store_.reset();
  logged_bytes_ = 0;
  restored_bytes_ = 0;
}

// Commit and restore

void HostedStore::flush_cache() {
  try {
    store_->flush();
  } catch (const StateStoreException& error) {
    throw StateStoreException(with_name(error.error().with_context("flush()")));
  } catch (const FailedProcessingException&) {
    throw;
  } catch (...) {
    const ThrownError thrown = describe_exception(std::current_exception());
    throw StateStoreException(
        with_name({ErrorKind::kInternal, fmt::format("flush() threw {}: {}", thrown.type, thrown.message)}));
  }
}

Result<void> HostedStore::commit(const ChangelogPosition& changelog, const Position& position) {
  const Bytes checkpoint = encode_checkpoint({changelog, position});
  TIDEMILL_TRY(run("commit()", [&] { store_->commit(checkpoint); }));
  position_ = position;
  logged_bytes_ = 0;
  restored_bytes_ = 0;
  untouched_ = false;
  return {};
}

Result<void> HostedStore::restore(std::span<const ChangelogRecord> records, const ChangelogPosition& position) {
  untouched_ = false;
  TIDEMILL_TRY(run("restore()", [&] { store_->restore(records); }));
  for (const ChangelogRecord& record : records)
    restored_bytes_ += record.key.size() + (record.value ? record.value->size() : 0);
  return restored_bytes_ >= kRestoreCommitBytes ? restored(position) : Result<void>();
}

Result<void> HostedStore::restored(const ChangelogPosition& position) {
  if (!persistent() || restored_bytes_ == 0) return {};
  return commit(position, Position(position_));
}

// What the store may do

const std::string& HostedStore::state_dir() const {
  if (storage_ != nullptr) return data_directory_;
  throw StateStoreException(Error{ErrorKind::kInvalidArgument,
                                  "it asks for its state_dir(), and is not declared persistent: Stores::custom(name, factory, "
                                  "{.persistent = true})"});
}

bool HostedStore::is_logged() const { return spec().logging && spec().source_topic_as_changelog.empty(); }

void HostedStore::log_change(BytesView key, OptionalBytesView value, Timestamp timestamp) {
  if (inside_ != nullptr) {
    throw StateStoreException(
        with_name({ErrorKind::kInvalidArgument,
                   fmt::format("log_change() within {}: only what processors do, and flush(), changes a store", inside_)}));
  }
  untouched_ = false;
  count(options_.counters->puts);
  logged_bytes_ += key.size() + (value ? value->size() : 0);
  if (!spec().source_topic_as_changelog.empty()) return;
  if (!spec().logging) {
    throw StateStoreException(with_name(
        {ErrorKind::kInvalidArgument,
         "log_change(), and its logging is off: declare it with .logging = true, or ask context().is_logged() before"}));
  }
  if (options_.changelog != nullptr) options_.changelog->append(spec().name, key, value, timestamp);
}

CustomStore* HostedStore::custom() {
  untouched_ = false;
  return store_.get();
}

bool HostedStore::read_custom(const std::function<void(const CustomStore&)>& job) {
  if (store_ == nullptr) return false;
  const char* const outer = std::exchange(inside_, "a question");
  struct Restore {
    ~Restore() { inside = outer; }
    const char*& inside;
    const char* outer;
  } restore{inside_, outer};
  job(*store_);
  return true;
}

// It is no store of keys and values for others.

void HostedStore::throw_not_rows() const {
  throw StateStoreException(
      with_name({ErrorKind::kUnsupported, "a store of its own kind has no rows in bytes: ask for its type"}));
}
bool HostedStore::get(BytesView, Bytes&) { throw_not_rows(); }
void HostedStore::put(BytesView, OptionalBytesView, Timestamp) { throw_not_rows(); }
std::unique_ptr<BytesIterator> HostedStore::range(const BytesRange&) { throw_not_rows(); }

}  // namespace tidemill::runtime
