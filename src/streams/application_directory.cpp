#include "streams/application_directory.hpp"

#include <fmt/format.h>

namespace tidemill {
namespace {

constexpr std::string_view kMetadataFile = "kafka-streams-process-metadata";

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

Result<ApplicationDirectory> ApplicationDirectory::open(const std::string& state_dir, const std::string& application_id,
                                                        bool persistent, Random& random) {
  ApplicationDirectory directory;
  directory.path_ = state_dir + "/" + application_id;
  if (!persistent) {
    directory.process_id_ = random_uuid(random);
    return directory;
  }
  directory.storage_ = real_storage(directory.path_);
  TIDEMILL_TRY(directory.storage_->create_directories(""));
  Result<std::unique_ptr<DirectoryLock>> lock = directory.storage_->lock(".lock");
  if (!lock) {
    return lock.error().with_context(fmt::format(
        "the state directory {} belongs to another running instance: give each instance its own state.dir", directory.path_));
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
  return directory;
}

}  // namespace tidemill
