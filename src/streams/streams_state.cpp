// The client states by Kafka Streams' names.
#include <tidemill/streams.hpp>

#include <charconv>

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

HostInfo HostInfo::build_from_endpoint(std::string_view endpoint) {
  const std::size_t colon = endpoint.rfind(':');
  HostInfo info;
  if (colon != std::string_view::npos && colon > 0) {
    std::string_view host = endpoint.substr(0, colon);
    const bool is_ipv6 = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (is_ipv6) host = host.substr(1, host.size() - 2);
    info.host = std::string(host);
    const char* const end = endpoint.data() + endpoint.size();
    const auto [behind, error] = std::from_chars(endpoint.data() + colon + 1, end, info.port);
    if (error == std::errc() && behind == end && info.port >= 0 && info.port <= 65535) return info;
  }
  throw ConfigException("\"" + std::string(endpoint) +
                        "\" is no address of an instance (application.server): it has the form "
                        "host:port");
}

bool is_running_or_rebalancing(StreamsState state) {
  return state == StreamsState::kRunning || state == StreamsState::kRebalancing;
}
bool has_not_started(StreamsState state) { return state == StreamsState::kCreated; }
bool is_shutting_down(StreamsState state) {
  return state == StreamsState::kPendingShutdown || state == StreamsState::kPendingError;
}
bool has_completed_shutdown(StreamsState state) { return state == StreamsState::kNotRunning || state == StreamsState::kError; }
bool has_started_or_finished_shutting_down(StreamsState state) {
  return is_shutting_down(state) || has_completed_shutdown(state);
}

}  // namespace tidemill
