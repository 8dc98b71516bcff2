#include "registry.hpp"

namespace tidemill::vectors {

const Registry& registry() {
  static const Registry all = [] {
    Registry made;
    add_stateless_topologies(made);
    add_table_topologies(made);
    add_join_topologies(made);
    add_processor_topologies(made);
    add_store_topologies(made);
    add_window_store_topologies(made);
    add_windowed_topologies(made);
    add_whole_topologies(made);
    add_versioned_topologies(made);
    add_table_group_topologies(made);
    add_stream_join_topologies(made);
    add_suppress_topologies(made);
    add_cogroup_topologies(made);
    return made;
  }();
  return all;
}

StreamsConfig plain() { return cached(0); }

// Closed windows are looked for with each record, not once in a second.
StreamsConfig cached(std::size_t bytes) {
  StreamsConfig config{.application_id = "app", .statestore_cache_max_bytes = bytes};
  config.application["__emit.interval.ms.kstreams.windowed.aggregation__"] = "0";
  config.application["__emit.interval.ms.kstreams.outer.join.spurious.results.fix__"] = "0";
  return config;
}

Text n(const Text* text) { return text == nullptr ? "null" : *text; }
Text cat(const Text* a, const Text* b) { return n(a) + "+" + n(b); }
Text tail(const Text& text) { return text.size() <= 16 ? text : text.substr(text.size() - 16); }
Text first(const Text& text) { return text.empty() ? "_" : text.substr(0, 1); }

std::vector<Text> split(const Text& text) {
  std::vector<Text> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(':', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

}  // namespace tidemill::vectors
