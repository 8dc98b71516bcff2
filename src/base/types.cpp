#include <tidemill/base/types.hpp>

#include <charconv>

namespace tidemill {

std::string to_string(const TopicPartition& partition) {
  return partition.topic + "-" + std::to_string(partition.partition.value);
}
std::string to_string(const TaskId& task) { return std::to_string(task.subtopology) + "_" + std::to_string(task.partition); }

TaskId TaskId::parse(std::string_view text) {
  TaskId task;
  const char* const end = text.data() + text.size();
  const auto number = [end](const char* from, std::int32_t& value) {
    const auto [behind, error] = std::from_chars(from, end, value);
    return error == std::errc() && value >= 0 ? behind : nullptr;
  };
  const char* at = number(text.data(), task.subtopology);
  if (at != nullptr && at != end && *at == '_') at = number(at + 1, task.partition);
  else at = nullptr;
  if (at != end || at == nullptr) {
    throw TaskIdFormatException("\"" + std::string(text) +
                                "\" is no task's id: it has the form <sub-topology>_<partition>, as 0_3");
  }
  return task;
}

}  // namespace tidemill
