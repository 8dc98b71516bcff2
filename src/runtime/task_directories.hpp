// TaskDirectories: who uses which task's directory of this process, so that nobody deletes one in use, and how much state lies
// in those that nobody uses. Any thread.
#pragma once

#include <cstdint>

#include <tidemill/base/types.hpp>

namespace tidemill::runtime {

class TaskDirectories {
 public:
  virtual ~TaskDirectories() = default;
  /// Before the task's stores are opened.
  virtual void claim(const TaskId& task) = 0;
  /// After they have been closed. `changelog_offsets`: how far they followed their changelogs, summed up.
  virtual void release(const TaskId& task, std::int64_t changelog_offsets) = 0;
};

}  // namespace tidemill::runtime
