// The client states by Kafka Streams' names.
#include <tidemill/streams.hpp>

namespace tidemill {

std::string_view to_string(StreamsState state) {
  switch (state) {
    case StreamsState::kCreated: return "CREATED";
    case StreamsState::kRebalancing: return "REBALANCING";
    case StreamsState::kRunning: return "RUNNING";
    case StreamsState::kPendingShutdown: return "PENDING_SHUTDOWN";
    case StreamsState::kNotRunning: return "NOT_RUNNING";
    case StreamsState::kPendingError: return "PENDING_ERROR";
    case StreamsState::kError: return "ERROR";
  }
  return "UNKNOWN";
}

}  // namespace tidemill
