#include <tidemill/base/types.hpp>

namespace tidemill {

std::string to_string(const TopicPartition& partition) {
  return partition.topic + "-" + std::to_string(partition.partition.value);
}
std::string to_string(const TaskId& task) { return std::to_string(task.subtopology) + "_" + std::to_string(task.partition); }

}  // namespace tidemill
