// The vectors' topologies that join tables by foreign key.
#include <tidemill/dsl/streams_builder.hpp>

#include "registry.hpp"

namespace tidemill::vectors {
namespace {

using namespace std::chrono_literals;

/// What stands before the first `|`; null when that is nothing.
std::optional<Text> before(const Text& text) {
  const auto at = text.find('|');
  return at == Text::npos || at == 0 ? std::nullopt : std::optional(text.substr(0, at));
}
Text both(const Text& a, const Text& b) { return cat(&a, &b); }
Text left(const Text& a, const Text* b) { return cat(&a, b); }
Text last(const Text& v) { return v.substr(v.size() - 1); }

Topology inner(const StreamsConfig&) {
  StreamsBuilder builder;
  auto l = builder.table<Text, Text>("l");
  auto r = builder.table<Text, Text>("r");
  l.join(r, before, both).to_stream().to("out");
  return builder.build();
}
Topology left_joined(const StreamsConfig&) {
  StreamsBuilder builder;
  auto l = builder.table<Text, Text>("l");
  auto r = builder.table<Text, Text>("r");
  l.left_join(r, before, left).to_stream().to("out");
  return builder.build();
}
Topology named(const StreamsConfig&) {
  StreamsBuilder builder;
  auto l = builder.table<Text, Text>("l", {}, {.store_name = "lt"});
  auto r = builder.table<Text, Text>("r", {}, {.store_name = "rt"});
  l.left_join(r, [](const Text& k, const Text& v) { return k == "a" ? std::optional<Text>("q") : before(v); }, left,
              {.name = "fkj"}, {.store_name = "res"})
      .to_stream()
      .to("out");
  return builder.build();
}
Topology stored(const StreamsConfig&) {
  StreamsBuilder builder;
  auto l = builder.table<Text, Text>("l", {}, {.store_name = "lt"});
  auto r = builder.table<Text, Text>("r", {}, {.store_name = "rt"});
  l.join(r, before, both, {}, {.store_name = "res"}).to_stream().to("out");
  return builder.build();
}
Topology chain(const StreamsConfig&) {
  StreamsBuilder builder;
  auto l = builder.table<Text, Text>("l");
  auto r = builder.table<Text, Text>("r");
  auto x = builder.table<Text, Text>("x");
  auto j = l.join(r, before, both).left_join(x, last, left, {.name = "second"});
  j.to_stream().to("out");
  j.group_by([](const Text&, const Text& v) { return std::pair(last(v), v); })
      .count({.store_name = "ends"})
      .to_stream()
      .to("out-count");
  return builder.build();
}
Topology versioned(const StreamsConfig&) {
  StreamsBuilder builder;
  auto l = builder.table<Text, Text>("l", {}, {.store_name = "l", .history = 60s});
  auto r = builder.table<Text, Text>("r", {}, {.store_name = "r", .history = 60s});
  l.left_join(r, before, left).to_stream().to("out");
  return builder.build();
}

StreamsConfig in_memory_cached() {
  StreamsConfig config = cached();
  config.default_dsl_store = StoreEngineKind::kInMemory;
  return config;
}
StreamsConfig from_3_3() {
  StreamsConfig config = plain();
  config.application["upgrade.from"] = "3.3";
  return config;
}

}  // namespace

void add_foreign_key_topologies(Registry& registry) {
  registry["fk-inner"] = {inner, plain()};
  registry["fk-left"] = {left_joined, plain()};
  registry["fk-named"] = {named, plain()};
  registry["fk-in-memory-cached"] = {stored, in_memory_cached()};
  registry["fk-upgrade-from"] = {inner, from_3_3()};
  registry["fk-chain"] = {chain, plain()};
  registry["fk-versioned"] = {versioned, plain()};
}

}  // namespace tidemill::vectors
