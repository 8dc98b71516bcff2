// TaskPart: which nodes and stores of a topology one task runs. Usually a sub-topology; a test may run them all in one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <tidemill/topology/topology.hpp>

namespace tidemill::runtime {

struct TaskPart {
  std::vector<std::int32_t> nodes;  // ids, in the order added: parents before children
  std::vector<std::string> stores;  // in the order of flushing
};

TaskPart subtopology_part(const Topology& topology, std::int32_t subtopology);
/// All sub-topologies in one task, without the global nodes.
TaskPart whole_part(const Topology& topology);
/// The nodes and stores of the global thread.
TaskPart global_part(const Topology& topology);

/// Topics that the part's sources read, sorted, as on the log.
std::vector<std::string> source_topics(const Topology& topology, const TaskPart& part, std::string_view application_id);

}  // namespace tidemill::runtime
