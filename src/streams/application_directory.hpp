// The directory of an application's state: `<state dir>/<application id>/`, owned by one process, with the id that this
// process keeps over restarts (Kafka Streams' kafka-streams-process-metadata).
#pragma once

#include <memory>
#include <string>

#include <tidemill/base/random.hpp>
#include <tidemill/base/storage.hpp>

namespace tidemill {

class ApplicationDirectory {
 public:
  /// kLocked names the owner. With `persistent` false nothing is written and the id is a new one.
  [[nodiscard]] static Result<ApplicationDirectory> open(const std::string& state_dir, const std::string& application_id,
                                                         bool persistent, Random& random);
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::string& process_id() const { return process_id_; }

 private:
  std::string path_;
  std::string process_id_;
  std::unique_ptr<Storage> storage_;
  std::unique_ptr<DirectoryLock> lock_;
};

}  // namespace tidemill
