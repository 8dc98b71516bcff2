// Topologies of many parts, and what optimization makes of them.
#include <tidemill/dsl/streams_builder.hpp>

#include "registry.hpp"

namespace tidemill::vectors {
namespace {

using Long = std::int64_t;

Topology table_optimized(const StreamsConfig& config) {
  StreamsBuilder builder;
  builder.table<Text, Text>("in", {}, {.store_name = "t"})
      .filter([](const Text& v) { return !v.empty(); }, {.store_name = "f"})
      .to_stream()
      .to("out");
  return builder.build(config.topology_optimization);
}

Topology merge_repartition(const StreamsConfig& config) {
  StreamsBuilder builder;
  auto s = builder.stream<Text, Text>("in").select_key(
      [](const Text*, const Text* v) { return v == nullptr ? std::optional<Text>() : std::optional(first(*v)); });
  s.map_values([](const Text* v) { return n(v) + "!"; }).group_by_key().count({.store_name = "c"}).to_stream().to("out1");
  s.group_by_key()
      .reduce([](const Text& a, const Text& v) { return tail(a + "," + v); }, {.store_name = "r"})
      .to_stream()
      .to("out2");
  s.filter([](const Text* k, const Text* v) { return k != nullptr && v->size() > 1; }).to("out3");
  s.left_join(builder.table<Text, Text>("t"), [](const Text& a, const Text* b) { return cat(&a, b); }).to("out4");
  return builder.build(config.topology_optimization);
}

/// As Java's String.split: empty parts at the end are left out; an empty text is one empty part.
std::vector<Text> words(const Text* value) {
  const Text text = n(value);
  std::vector<Text> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  while (!text.empty() && !parts.empty() && parts.back().empty()) parts.pop_back();
  return parts;
}

Topology many(const StreamsConfig&) {
  StreamsBuilder builder;
  auto counts =
      builder.stream<Text, Text>("in").flat_map_values(words).group_by([](const Text*, const Text* w) { return *w; }).count();
  auto joined =
      counts.join(builder.table<Text, Text>("t"), [](const Long& c, const Text& v) { return std::to_string(c) + "+" + v; });
  joined.to_stream().to("out1");
  joined.group_by([](const Text&, const Text& v) { return std::pair(v.substr(v.size() - 1), Long{1}); })
      .reduce([](const Long& a, const Long& b) { return a + b; }, [](const Long& a, const Long& b) { return a - b; })
      .to_stream()
      .to("out2");
  counts.to_stream().map_values([](const Long* v) { return v == nullptr ? Text("null") : std::to_string(*v); }).to("mid");
  auto mid = builder.stream<Text, Text>("mid");
  auto g = builder.global_table<Text, Text>("g");
  mid.left_join(
         g, [](const Text& k, const Text&) { return k; }, [](const Text& a, const Text* b) { return cat(&a, b); })
      .to("out3");
  return builder.build();
}

StreamsConfig optimized(const char* rules) {
  StreamsConfig config = plain();
  config.topology_optimization = rules;
  return config;
}

}  // namespace

void add_whole_topologies(Registry& registry) {
  registry["table-optimized"] = {table_optimized, optimized("reuse.ktable.source.topics")};
  registry["merge-repartition-off"] = {merge_repartition, plain()};
  registry["merge-repartition-on"] = {merge_repartition, optimized("all")};
  registry["many-subtopologies"] = {many, plain()};
}

}  // namespace tidemill::vectors
