// Metric: one measured number by Kafka Streams' names.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace tidemill {

struct Metric {
  std::string group;  // stream-task-metrics, ...
  std::string name;   // dropped-records-total, ...
  std::vector<std::pair<std::string, std::string>> tags;
  double value = 0;
};

}  // namespace tidemill
