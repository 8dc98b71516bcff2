// The topologies that scenarios name, by id. Nothing outside the registry knows an id.
#pragma once

#include <map>
#include <string>

#include <tidemill/config/streams_config.hpp>
#include <tidemill/topology/topology.hpp>

namespace tidemill::vectors {

/// What Kafka Streams itself does not know any more after a restart.
enum class Forgets {
  kNothing,
  kTime,     // how far it had come for an operator; with the next record that goes on it is known again
  kNumbers,  // time, and the numbers of what is kept twice under one key and time
  kMoments,  // when punctuations are due, or results that waited
};

struct RegisteredTopology {
  Topology (*build)(const StreamsConfig& config);
  StreamsConfig config;
  /// Caches are flushed after each record; otherwise by commit steps only.
  bool commit_after_each_record = true;
  /// Topics whose records within a step have no fixed order.
  std::vector<std::string> unordered_topics = {};
  Forgets forgets = Forgets::kNothing;
  /// Why Kafka Streams, too, has other results with other caches; empty: it has not.
  std::string shows_caches = {};
};

using Registry = std::map<std::string, RegisteredTopology>;
const Registry& registry();

/// Application id `app` and no cache, as most scenarios have it.
StreamsConfig plain();
StreamsConfig cached(std::size_t bytes = 1000000);

void add_stateless_topologies(Registry& registry);
void add_table_topologies(Registry& registry);
void add_join_topologies(Registry& registry);
void add_processor_topologies(Registry& registry);
void add_store_topologies(Registry& registry);
void add_window_store_topologies(Registry& registry);
void add_windowed_topologies(Registry& registry);
void add_foreign_key_topologies(Registry& registry);
void add_whole_topologies(Registry& registry);
void add_versioned_topologies(Registry& registry);
void add_table_group_topologies(Registry& registry);
void add_stream_join_topologies(Registry& registry);
void add_suppress_topologies(Registry& registry);
void add_cogroup_topologies(Registry& registry);

// The words in which the topologies are specified.
using Text = std::string;
/// "null" for null, else the text.
Text n(const Text* text);
Text cat(const Text* a, const Text* b);
/// The last 16 characters.
Text tail(const Text& text);
/// The first letter, "_" for an empty text.
Text first(const Text& text);
/// The parts of a command.
std::vector<Text> split(const Text& text);

}  // namespace tidemill::vectors
