#include "streams/application_directory.hpp"

#include <charconv>
#include <optional>

#include <fmt/format.h>
#include <tidemill/base/assert.hpp>

#include "base/logging.hpp"

namespace tidemill {
namespace {

constexpr std::string_view kMetadataFile = "kafka-streams-process-metadata";
constexpr std::string_view kOffsetsFile = "/offsets";

/// `0_3`.
std::optional<TaskId> task_of(std::string_view folder) {
  TaskId task;
  const char* const end = folder.data() + folder.size();
  const auto [bar, first] = std::from_chars(folder.data(), end, task.subtopology);
  if (first != std::errc() || bar == end || *bar != '_') return std::nullopt;
  const auto [last, second] = std::from_chars(bar + 1, end, task.partition);
  return second == std::errc() && last == end ? std::optional(task) : std::nullopt;
}

/// {"processId":"<uuid>"}, with any blanks and further fields.
std::string read_process_id(const std::string& json) {
  const auto key = json.find("\"processId\"");
  if (key == std::string::npos) return {};
  const auto begin = json.find('"', json.find(':', key) + 1);
  if (begin == std::string::npos) return {};
  const auto end = json.find('"', begin + 1);
  return end == std::string::npos ? std::string() : json.substr(begin + 1, end - begin - 1);
}

}  // namespace

Result<std::unique_ptr<ApplicationDirectory>> ApplicationDirectory::open(const std::string& state_dir,
                                                                         const std::string& application_id, bool persistent,
                                                                         Random& random) {
  std::unique_ptr<ApplicationDirectory> made(new ApplicationDirectory);
  ApplicationDirectory& directory = *made;
  directory.path_ = state_dir + "/" + application_id;
  if (!persistent) {
    directory.process_id_ = random_uuid(random);
    return made;
  }
  directory.storage_ = real_storage(directory.path_);
  if (Result<void> there = directory.storage_->create_directories(""); !there) {
    return there.error().with_context(
        fmt::format("the state directory {} cannot be made: give the application another state.dir", directory.path_));
  }
  Result<std::unique_ptr<DirectoryLock>> lock = directory.storage_->lock(".lock");
  if (!lock) {
    const char* const what = lock.error().kind == ErrorKind::kLocked
                                 ? "belongs to another running instance: give each instance its own state.dir"
                                 : "cannot be used: give the application another state.dir";
    return lock.error().with_context(fmt::format("the state directory {} {}", directory.path_, what));
  }
  directory.lock_ = *std::move(lock);
  Bytes json;
  TIDEMILL_ASSIGN(const bool there, directory.storage_->exists(kMetadataFile));
  if (there) {
    TIDEMILL_ASSIGN(const std::unique_ptr<File> file, directory.storage_->open(kMetadataFile, OpenMode::kRead));
    TIDEMILL_ASSIGN(const std::uint64_t size, file->size());
    TIDEMILL_TRY(file->read_at(0, size, json));
    directory.process_id_ = read_process_id(json);
  }
  if (directory.process_id_.empty()) {
    directory.process_id_ = random_uuid(random);
    const std::string temporary = std::string(kMetadataFile) + ".tmp";
    {
      TIDEMILL_ASSIGN(const std::unique_ptr<File> file, directory.storage_->open(temporary, OpenMode::kTruncate));
      TIDEMILL_ASSIGN(const std::uint64_t at, file->append(fmt::format("{{\"processId\":\"{}\"}}", directory.process_id_)));
      static_cast<void>(at);
      TIDEMILL_TRY(file->sync());
    }
    TIDEMILL_TRY(directory.storage_->rename(temporary, kMetadataFile));
    TIDEMILL_TRY(directory.storage_->sync_directory(""));
  }
  return made;
}

void ApplicationDirectory::claim(const TaskId& task) {
  const std::lock_guard lock(mutex_);
  ++claimed_[task];
  unused_since_.erase(task);
}

void ApplicationDirectory::release(const TaskId& task, std::int64_t changelog_offsets) {
  if (storage_) {
    const std::string folder = to_string(task);
    const Result<bool> there = storage_->exists(folder);
    if (there && *there) {
      const auto file = storage_->open(folder + std::string(kOffsetsFile), OpenMode::kTruncate);
      if (file) static_cast<void>((*file)->append(fmt::to_string(changelog_offsets)).has_value());
    }
  }
  const std::lock_guard lock(mutex_);
  const auto claim = claimed_.find(task);
  TIDEMILL_ASSERT(claim != claimed_.end(), "what is released has been claimed");
  if (--claim->second == 0) claimed_.erase(claim);
}

std::vector<TaskId> ApplicationDirectory::task_folders() const {
  std::vector<TaskId> tasks;
  if (!storage_) return tasks;
  const Result<std::vector<std::string>> names = storage_->list("");
  if (!names) return tasks;
  for (const std::string& name : *names) {
    if (const std::optional<TaskId> task = task_of(name)) tasks.push_back(*task);
  }
  return tasks;
}

std::vector<std::pair<TaskId, std::int64_t>> ApplicationDirectory::task_offset_sums() const {
  std::vector<std::pair<TaskId, std::int64_t>> sums;
  for (const TaskId& task : task_folders()) {
    // Without the file the last end was not in order: there is some state, nobody knows how much.
    std::int64_t sum = 0;
    Bytes text;
    const auto file = storage_->open(to_string(task) + std::string(kOffsetsFile), OpenMode::kRead);
    if (file && (*file)->read_at(0, 32, text)) std::from_chars(text.data(), text.data() + text.size(), sum);
    sums.emplace_back(task, sum);
  }
  return sums;
}

std::size_t ApplicationDirectory::remove_unused(MonotonicTime now, std::chrono::milliseconds delay) {
  std::size_t removed = 0;
  for (const TaskId& task : task_folders()) {
    const std::lock_guard lock(mutex_);  // held while deleting: who claims the folder waits for it
    if (claimed_.contains(task)) continue;
    const MonotonicTime since = unused_since_.try_emplace(task, now).first->second;
    if (now - since < delay) continue;
    if (const Result<void> gone = storage_->remove_all(to_string(task)); !gone) {
      logger()->warn("the unused state of task {} in {} cannot be deleted: {}", to_string(task), path_, gone.error().message);
      continue;
    }
    logger()->info("the state of task {} in {} has not been used for {} ms: deleted", to_string(task), path_,
                   std::chrono::duration_cast<std::chrono::milliseconds>(now - since).count());
    unused_since_.erase(task);
    ++removed;
  }
  return removed;
}

Result<void> ApplicationDirectory::remove_state() {
  const std::lock_guard lock(mutex_);
  TIDEMILL_ASSERT(claimed_.empty());
  for (const TaskId& task : task_folders()) TIDEMILL_TRY(storage_->remove_all(to_string(task)));
  if (storage_) TIDEMILL_TRY(storage_->remove_all(kGlobalFolder));
  return {};
}

}  // namespace tidemill
