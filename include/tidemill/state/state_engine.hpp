// StateEngine: opens the bytes stores of a task.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include <tidemill/state/bytes_store.hpp>

namespace tidemill {

class StateEngine {
 public:
  virtual ~StateEngine() = default;
  /// Opens (makes) the stores of one task in its directory, in the order of `specs`. A store whose format is unknown is
  /// emptied, with a warning. Any thread. kLocked: the directory is in use.
  [[nodiscard]] virtual Result<std::vector<std::unique_ptr<BytesStore>>> open(const std::string& task_directory,
                                                                              std::span<const StoreSpec> specs) = 0;
  /// Contents survive the process.
  [[nodiscard]] virtual bool persistent() const = 0;
  /// Memory in use by all instances, without what is uncommitted; for metrics. Any thread.
  [[nodiscard]] virtual std::size_t memory_bytes() const = 0;
  /// How much that may become; 0: as much as there are contents.
  [[nodiscard]] virtual std::size_t memory_bytes_max() const { return 0; }
};

/// Hash map with an order built on demand, an undo list, nothing on disk.
[[nodiscard]] std::shared_ptr<StateEngine> in_memory_stores();

}  // namespace tidemill
