#include "registry.hpp"

namespace tidemill::vectors {
namespace {

void tell_what_is_not_promised(Registry& made) {
  const auto forget = [&made](Forgets what, std::initializer_list<const char*> ids) {
    for (const char* id : ids) made.at(id).forgets = what;
  };
  forget(
      Forgets::kTime,
      {"tumbling-count",         "tumbling-count-grace",   "hopping-sum",           "hopping-reduce",  "tumbling-in-memory",
       "tumbling-cached",        "tumbling-retention",     "tumbling-close",        "hopping-close",   "tumbling-close-expiry",
       "sliding-count",          "sliding-in-memory",      "sliding-cached",        "sliding-close",   "session-count",
       "session-aggregate",      "session-reduce",         "session-in-memory",     "session-cached",  "session-close",
       "session-close-expiry",   "count-dsl-in-memory",    "cogroup-tumbling",      "cogroup-session", "suppress-window-close",
       "suppress-hopping-close", "suppress-sliding-close", "suppress-session-close"});
  forget(Forgets::kTime, {"suppress-time-limit", "suppress-then-group", "suppress-shutdown"});
  forget(Forgets::kNumbers, {"stream-stream-inner", "stream-stream-legacy", "stream-stream-self",
                             "stream-stream-self-optimized", "stream-stream-table-chain"});
  // The first result after a restart is not held back; a processor's commands look at rows by key and time.
  forget(Forgets::kMoments,
         {"tumbling-close-throttled", "stream-stream-left", "stream-stream-outer", "stream-stream-outer-throttled",
          "stream-stream-asymmetric", "stream-stream-after-only", "stream-stream-named", "stream-stream-in-memory",
          "window-duplicates", "punctuate-stream", "punctuate-wall", "punctuate-start", "punctuate-store", "context"});
  const auto show = [&made](const char* why, std::initializer_list<const char*> ids) {
    for (const char* id : ids) made.at(id).shows_caches = why;
  };
  show("updates are counted, and a cache makes one of many", {"two-caches-commit"});
  show("a range with an open key gives again what is only in the cache", {"window-cached", "window-cached-backward"});
}

}  // namespace

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
    add_foreign_key_topologies(made);
    add_whole_topologies(made);
    add_versioned_topologies(made);
    add_table_group_topologies(made);
    add_stream_join_topologies(made);
    add_suppress_topologies(made);
    add_cogroup_topologies(made);
    tell_what_is_not_promised(made);
    return made;
  }();
  return all;
}

StreamsConfig plain() { return cached(0); }

// Closed windows are looked for with each record, not once in a second.
StreamsConfig cached(std::size_t bytes) {
  StreamsConfig config{.application_id = "app", .statestore_cache_max_bytes = bytes};
  config.exactly_as_kafka_streams = true;
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
