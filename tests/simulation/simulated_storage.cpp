#include "simulated_storage.hpp"

#include <algorithm>

namespace tidemill::simulation {
namespace {

std::string parent_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string() : std::string(path.substr(0, slash));
}
bool inside(std::string_view path, std::string_view directory) {
  if (directory.empty()) return !path.empty();
  return path.size() > directory.size() && path.starts_with(directory) && path[directory.size()] == '/';
}
Error missing(std::string_view action, std::string_view path) {
  return Error{ErrorKind::kNotFound, std::string(action) + " " + std::string(path) + ": no such file or directory"};
}

}  // namespace

std::string_view to_string(Operation operation) {
  constexpr std::string_view kNames[] = {"open", "read",           "write",        "truncate", "preallocate",
                                         "sync", "sync directory", "change names", "look"};
  return kNames[static_cast<std::size_t>(operation)];
}

FaultCounts& FaultCounts::operator+=(const FaultCounts& other) {
  failed_writes += other.failed_writes;
  failed_syncs += other.failed_syncs;
  failed_others += other.failed_others;
  disk_full += other.disk_full;
  power_failures += other.power_failures;
  process_deaths += other.process_deaths;
  lost_sectors += other.lost_sectors;
  lost_names += other.lost_names;
  return *this;
}

class SimulatedStorage::SimulatedFile final : public File {
 public:
  SimulatedFile(SimulatedStorage& storage, std::shared_ptr<Inode> inode, std::string path)
      : storage_(storage), inode_(std::move(inode)), path_(std::move(path)), life_(storage.life_) {}

  Result<std::uint64_t> append(BytesView bytes) override {
    std::lock_guard guard(storage_.mutex_);
    const std::uint64_t begin = inode_->cached.size();
    TIDEMILL_TRY(write(begin, bytes));
    return begin;
  }
  Result<void> write_at(std::uint64_t position, BytesView bytes) override {
    std::lock_guard guard(storage_.mutex_);
    return write(position, bytes);
  }
  Result<void> read_at(std::uint64_t position, std::size_t size, Bytes& out) const override {
    std::lock_guard guard(storage_.mutex_);
    TIDEMILL_TRY(begin(Operation::kRead));
    if (position >= inode_->cached.size()) {
      out.clear();
    } else {
      out.assign(inode_->cached, position, size);
    }
    return {};
  }
  Result<std::uint64_t> size() const override {
    std::lock_guard guard(storage_.mutex_);
    return static_cast<std::uint64_t>(inode_->cached.size());
  }
  Result<void> preallocate(std::uint64_t size) override {
    std::lock_guard guard(storage_.mutex_);
    TIDEMILL_TRY(begin(Operation::kPreallocate));
    const std::uint64_t now = inode_->cached.size();
    if (size <= now) return {};
    if (storage_.room(size - now) < size - now) return full();
    inode_->cached.resize(size);
    touch(now, size);
    return {};
  }
  Result<void> truncate(std::uint64_t size) override {
    std::lock_guard guard(storage_.mutex_);
    TIDEMILL_TRY(begin(Operation::kTruncate));
    const std::uint64_t now = inode_->cached.size();
    inode_->cached.resize(size);
    touch(std::min(now, size), std::max(now, size));
    return {};
  }
  Result<void> sync() override {
    if (storage_.sync_hook_) storage_.sync_hook_();
    std::lock_guard guard(storage_.mutex_);
    const Result<void> begun = begin(Operation::kSync);
    if (!begun && (storage_.off_ || life_ != storage_.life_)) return begun;
    inode_->disk.resize(inode_->cached.size());
    for (const std::uint64_t sector : inode_->dirty) {
      if (!begun && storage_.random_.below(2) == 0) continue;  // dropped, and no later sync will bring it back
      write_sector(*inode_, sector);
    }
    inode_->dirty.clear();
    return begun;
  }

  static void write_sector(Inode& inode, std::uint64_t sector) {
    const std::uint64_t at = sector * kSectorBytes;
    if (at >= inode.cached.size()) return;
    const std::uint64_t size = std::min<std::uint64_t>(kSectorBytes, inode.cached.size() - at);
    if (inode.disk.size() < at + size) inode.disk.resize(at + size);
    inode.disk.replace(at, size, inode.cached, at, size);
  }

 private:
  Result<void> begin(Operation kind) const {
    if (life_ != storage_.life_) return Error{ErrorKind::kIo, path_ + ": opened before the machine went down"};
    return storage_.begin(kind, path_);
  }
  Error full() const {
    ++storage_.faults_.disk_full;
    return Error{ErrorKind::kDiskFull, "write " + path_ + ": No space left on device"};
  }
  void touch(std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t sector = from / kSectorBytes; sector * kSectorBytes < to; ++sector) inode_->dirty.insert(sector);
  }
  void put(std::uint64_t position, BytesView bytes) {
    if (bytes.empty()) return;
    const std::uint64_t old_end = inode_->cached.size();
    if (old_end < position + bytes.size()) inode_->cached.resize(position + bytes.size());
    inode_->cached.replace(position, bytes.size(), bytes);
    touch(std::min(old_end, position), position + bytes.size());
  }
  Result<void> write(std::uint64_t position, BytesView bytes) {
    const Result<void> begun = begin(Operation::kWrite);
    if (!begun) {
      if (storage_.off_ || life_ != storage_.life_) return begun;
      put(position, bytes.substr(0, storage_.random_.below(bytes.size() + 1)));
      return begun;
    }
    const std::uint64_t end = position + bytes.size();
    const std::uint64_t more = end > inode_->cached.size() ? end - inode_->cached.size() : 0;
    const std::uint64_t room = storage_.room(more);
    if (room < more) {
      const std::uint64_t lacking = std::min<std::uint64_t>(more - room, bytes.size());
      put(position, bytes.substr(0, bytes.size() - lacking));
      return full();
    }
    put(position, bytes);
    return {};
  }

  SimulatedStorage& storage_;
  std::shared_ptr<Inode> inode_;
  std::string path_;
  std::uint64_t life_;
};

class SimulatedStorage::SimulatedLock final : public DirectoryLock {
 public:
  SimulatedLock(SimulatedStorage& storage, std::string path)
      : storage_(storage), path_(std::move(path)), life_(storage.life_) {}
  ~SimulatedLock() override {
    std::lock_guard guard(storage_.mutex_);
    if (life_ == storage_.life_) storage_.locks_.erase(path_);
  }

 private:
  SimulatedStorage& storage_;
  std::string path_;
  std::uint64_t life_;
};

SimulatedStorage::SimulatedStorage(std::uint64_t seed) : random_(seed) {}
SimulatedStorage::~SimulatedStorage() = default;

void SimulatedStorage::fail(std::uint64_t nth, Operations kinds, bool for_good, ErrorKind error) {
  std::lock_guard guard(mutex_);
  countdown_ = nth;
  failing_ = std::move(kinds);
  for_good_ = for_good;
  error_ = error;
  failed_ = false;
}
void SimulatedStorage::clear_failure() { fail(0, {}); }
bool SimulatedStorage::failed() const {
  std::lock_guard guard(mutex_);
  return failed_;
}
void SimulatedStorage::set_capacity(std::optional<std::uint64_t> bytes) {
  std::lock_guard guard(mutex_);
  capacity_ = bytes;
}
std::uint64_t SimulatedStorage::used() const {
  std::lock_guard guard(mutex_);
  return used_locked();
}
std::uint64_t SimulatedStorage::operations(Operation kind) const {
  std::lock_guard guard(mutex_);
  return operations_[static_cast<std::size_t>(kind)];
}

std::uint64_t SimulatedStorage::renamed_to(std::string_view suffix) const {
  std::lock_guard guard(mutex_);
  return static_cast<std::uint64_t>(
      std::count_if(renamed_to_.begin(), renamed_to_.end(), [&](const std::string& name) { return name.ends_with(suffix); }));
}

Result<void> SimulatedStorage::begin(Operation kind, std::string_view what) const {
  if (off_) return Error{ErrorKind::kIo, std::string(what) + ": the machine is off"};
  ++operations_[static_cast<std::size_t>(kind)];
  if (!failing_.contains(kind) || countdown_ == 0) return {};
  if (--countdown_ > 0) return {};
  if (for_good_) countdown_ = 1;
  failed_ = true;
  if (error_ == ErrorKind::kDiskFull) {
    ++faults_.disk_full;
    return Error{error_, std::string(to_string(kind)) + " " + std::string(what) + ": No space left on device"};
  }
  if (kind == Operation::kWrite) {
    ++faults_.failed_writes;
  } else if (kind == Operation::kSync || kind == Operation::kSyncDirectory) {
    ++faults_.failed_syncs;
  } else {
    ++faults_.failed_others;
  }
  return Error{error_, std::string(to_string(kind)) + " " + std::string(what) + ": Input/output error"};
}

std::uint64_t SimulatedStorage::used_locked() const {
  std::uint64_t bytes = 0;
  for (const auto& [path, inode] : cached_names_) bytes += inode ? inode->cached.size() : 0;
  return bytes;
}
std::uint64_t SimulatedStorage::room(std::uint64_t more) const {
  if (!capacity_ || more == 0) return more;
  const std::uint64_t used = used_locked();
  return used >= *capacity_ ? 0 : std::min(more, *capacity_ - used);
}

void SimulatedStorage::apply(Names& names, const NameChange& change) {
  switch (change.kind) {
    case NameChange::Kind::kAdd: names[change.path] = change.inode; break;
    case NameChange::Kind::kRemove: names.erase(change.path); break;
    case NameChange::Kind::kRename: {
      Names moved;
      for (auto entry = names.begin(); entry != names.end();) {
        if (entry->first == change.path || inside(entry->first, change.path)) {
          moved[change.to + entry->first.substr(change.path.size())] = std::move(entry->second);
          entry = names.erase(entry);
        } else {
          ++entry;
        }
      }
      for (auto& [path, inode] : moved) names[path] = std::move(inode);
      break;
    }
  }
}
void SimulatedStorage::change_names(NameChange change) {
  apply(cached_names_, change);
  pending_.push_back(std::move(change));
}

void SimulatedStorage::power_off() {
  std::lock_guard guard(mutex_);
  off_ = true;
}
void SimulatedStorage::restart() {
  std::lock_guard guard(mutex_);
  off_ = false;
  ++life_;
  locks_.clear();
  ++faults_.process_deaths;
}
void SimulatedStorage::power_on() {
  std::lock_guard guard(mutex_);
  off_ = false;
  ++life_;
  locks_.clear();
  ++faults_.power_failures;
  lose_names();
  std::set<Inode*> seen;
  for (const auto& [path, inode] : disk_names_) {
    if (inode && seen.insert(inode.get()).second) lose(*inode);
  }
  cached_names_ = disk_names_;
}

// Some files lose all that was not synced, some nothing, some a tail, and some sectors here and there.
void SimulatedStorage::lose(Inode& inode) {
  const std::uint64_t way = random_.below(4);
  const std::uint64_t kept = random_.below(inode.dirty.size() + 1);
  std::uint64_t index = 0;
  const bool size_kept = way == 1 || (way != 0 && random_.below(2) == 0);
  if (size_kept) inode.disk.resize(inode.cached.size());
  for (const std::uint64_t sector : inode.dirty) {
    const bool keep = way == 1 || (way == 2 && index < kept) || (way == 3 && random_.below(2) == 0);
    ++index;
    if (keep) {
      SimulatedFile::write_sector(inode, sector);
    } else {
      ++faults_.lost_sectors;
    }
  }
  inode.dirty.clear();
  inode.cached = inode.disk;
}

void SimulatedStorage::lose_names() {
  std::map<std::string, std::uint64_t> pending_in;
  for (const NameChange& change : pending_) ++pending_in[parent_of(change.path)];
  for (auto& [directory, count] : pending_in) count = random_.below(count + 1);
  for (const NameChange& change : pending_) {
    std::uint64_t& left = pending_in[parent_of(change.path)];
    if (left == 0) {
      ++faults_.lost_names;
      continue;
    }
    --left;
    apply(disk_names_, change);
  }
  pending_.clear();
  // What lies in a directory that is gone is gone, too.
  for (auto entry = disk_names_.begin(); entry != disk_names_.end();) {
    const std::string parent = parent_of(entry->first);
    const auto found = disk_names_.find(parent);
    const bool there = parent.empty() || (found != disk_names_.end() && !found->second);
    entry = there ? std::next(entry) : disk_names_.erase(entry);
  }
}

Result<std::unique_ptr<File>> SimulatedStorage::open(std::string_view path, OpenMode mode) {
  std::lock_guard guard(mutex_);
  TIDEMILL_TRY(begin(Operation::kOpen, path));
  auto found = cached_names_.find(path);
  if (found != cached_names_.end() && !found->second) {
    return Error{ErrorKind::kIo, "open " + std::string(path) + ": is a directory"};
  }
  if (found == cached_names_.end()) {
    if (mode == OpenMode::kRead || mode == OpenMode::kReadWrite || !directory_locked(parent_of(path))) {
      return missing("open", path);
    }
    change_names({NameChange::Kind::kAdd, std::string(path), {}, std::make_shared<Inode>()});
    found = cached_names_.find(path);
  } else if (mode == OpenMode::kTruncate) {
    Inode& inode = *found->second;
    for (std::uint64_t at = 0; at < inode.cached.size(); at += kSectorBytes) inode.dirty.insert(at / kSectorBytes);
    inode.cached.clear();
  }
  return std::unique_ptr<File>(new SimulatedFile(*this, found->second, std::string(path)));
}
Result<void> SimulatedStorage::create_directories(std::string_view path) {
  std::lock_guard guard(mutex_);
  if (path.empty() || directory_locked(path)) return {};
  TIDEMILL_TRY(begin(Operation::kName, path));
  for (std::size_t at = 1; at <= path.size(); ++at) {
    if (at != path.size() && path[at] != '/') continue;
    const std::string_view part = path.substr(0, at);
    if (!directory_locked(part)) change_names({NameChange::Kind::kAdd, std::string(part), {}, nullptr});
  }
  return {};
}
bool SimulatedStorage::directory_locked(std::string_view path) const {
  if (path.empty()) return true;
  const auto found = cached_names_.find(path);
  return found != cached_names_.end() && !found->second;
}
Result<std::vector<std::string>> SimulatedStorage::list(std::string_view path) const {
  std::lock_guard guard(mutex_);
  TIDEMILL_TRY(begin(Operation::kLook, path));
  if (!directory_locked(path)) return missing("list", path);
  std::vector<std::string> names;
  for (const auto& [name, inode] : cached_names_) {
    if (parent_of(name) == path) names.push_back(name.substr(path.empty() ? 0 : path.size() + 1));
  }
  std::sort(names.begin(), names.end());
  return names;
}
Result<bool> SimulatedStorage::exists(std::string_view path) const {
  std::lock_guard guard(mutex_);
  TIDEMILL_TRY(begin(Operation::kLook, path));
  return path.empty() || cached_names_.contains(path);
}
Result<bool> SimulatedStorage::is_directory(std::string_view path) const {
  std::lock_guard guard(mutex_);
  TIDEMILL_TRY(begin(Operation::kLook, path));
  return directory_locked(path);
}
Result<void> SimulatedStorage::rename(std::string_view from, std::string_view to) {
  std::lock_guard guard(mutex_);
  TIDEMILL_TRY(begin(Operation::kName, from));
  if (!cached_names_.contains(from)) return missing("rename", from);
  renamed_to_.emplace_back(to);
  change_names({NameChange::Kind::kRename, std::string(from), std::string(to), nullptr});
  return {};
}
bool SimulatedStorage::names_inside(std::string_view path) const {
  return std::any_of(cached_names_.begin(), cached_names_.end(), [&](const auto& entry) { return inside(entry.first, path); });
}
Result<void> SimulatedStorage::remove(std::string_view path) {
  std::lock_guard guard(mutex_);
  TIDEMILL_TRY(begin(Operation::kName, path));
  if (!cached_names_.contains(path)) return missing("remove", path);
  if (names_inside(path)) return Error{ErrorKind::kIo, "remove " + std::string(path) + ": Directory not empty"};
  change_names({NameChange::Kind::kRemove, std::string(path), {}, nullptr});
  return {};
}
Result<void> SimulatedStorage::remove_all(std::string_view path) {
  std::lock_guard guard(mutex_);
  TIDEMILL_TRY(begin(Operation::kName, path));
  std::vector<std::string> gone;
  for (const auto& [name, inode] : cached_names_) {
    if (name == path || inside(name, path)) gone.push_back(name);
  }
  for (auto name = gone.rbegin(); name != gone.rend(); ++name) {
    change_names({NameChange::Kind::kRemove, *name, {}, nullptr});
  }
  return {};
}
Result<void> SimulatedStorage::sync_directory(std::string_view path) {
  std::lock_guard guard(mutex_);
  TIDEMILL_TRY(begin(Operation::kSyncDirectory, path));
  if (!directory_locked(path)) return missing("sync directory", path);
  std::vector<NameChange> left;
  for (NameChange& change : pending_) {
    if (parent_of(change.path) == path || (!change.to.empty() && parent_of(change.to) == path)) {
      apply(disk_names_, change);
    } else {
      left.push_back(std::move(change));
    }
  }
  pending_ = std::move(left);
  return {};
}
Result<std::unique_ptr<DirectoryLock>> SimulatedStorage::lock(std::string_view path) {
  std::lock_guard guard(mutex_);
  TIDEMILL_TRY(begin(Operation::kOpen, path));
  if (!locks_.emplace(path).second) {
    return Error{ErrorKind::kLocked, std::string(path) + " is held by this process already"};
  }
  return std::unique_ptr<DirectoryLock>(new SimulatedLock(*this, std::string(path)));
}
Result<std::uint64_t> SimulatedStorage::free_space() const {
  std::lock_guard guard(mutex_);
  return room(std::uint64_t{1} << 40);
}

}  // namespace tidemill::simulation
