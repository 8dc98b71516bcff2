// The directory of an application's state: `<state dir>/<application id>/`, owned by one process, with the id that this
// process keeps over restarts (Kafka Streams' kafka-streams-process-metadata) and a folder per task.
//
// A folder whose task has not been here for state.cleanup.delay.ms is deleted; one in use never is. The file `offsets` in it says how
// far its stores have followed their changelogs, for the assignor; it is a hint, and nothing depends on it.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <tidemill/base/random.hpp>
#include <tidemill/base/storage.hpp>

#include "runtime/task_directories.hpp"

namespace tidemill {

class ApplicationDirectory final : public runtime::TaskDirectories {
 public:
  static constexpr const char* kGlobalFolder = "global";

  /// kLocked names the owner. With `persistent` false nothing is written and the id is a new one.
  [[nodiscard]] static Result<std::unique_ptr<ApplicationDirectory>> open(const std::string& state_dir,
                                                                          const std::string& application_id, bool persistent,
                                                                          Random& random);
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::string& process_id() const { return process_id_; }

  void claim(const TaskId& task) override;
  void release(const TaskId& task, std::int64_t changelog_offsets) override;
  /// Tasks whose state lies here, with their changelog offsets.
  [[nodiscard]] std::vector<std::pair<TaskId, std::int64_t>> task_offset_sums() const;
  /// Deletes the folders of tasks that have not been claimed since `delay`; returns how many. The first call only looks.
  std::size_t remove_unused(MonotonicTime now, std::chrono::milliseconds delay);
  /// Deletes the state of all tasks, none of which is claimed, and that of the global stores.
  [[nodiscard]] Result<void> remove_state();

 private:
  ApplicationDirectory() = default;
  [[nodiscard]] std::vector<TaskId> task_folders() const;

  std::string path_;
  std::string process_id_;
  std::unique_ptr<Storage> storage_;  // null: nothing is persistent
  std::unique_ptr<DirectoryLock> lock_;
  mutable std::mutex mutex_;  // guards what follows
  /// By how many: who tries a task that another thread still has claims it as well.
  std::map<TaskId, int> claimed_;
  std::map<TaskId, MonotonicTime> unused_since_;
};

}  // namespace tidemill
