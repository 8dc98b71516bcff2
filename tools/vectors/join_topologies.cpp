#include <tidemill/dsl/streams_builder.hpp>

#include "registry.hpp"

namespace tidemill::vectors {
namespace {

KStream<Text, Text> in(StreamsBuilder& builder, const char* topic) { return builder.stream<Text, Text>(topic); }
KTable<Text, Text> table(StreamsBuilder& builder, const char* name) {
  return builder.table<Text, Text>(name, {}, {.store_name = name});
}
/// What stands before the first `|`; null when that is nothing.
std::optional<Text> before(const Text& text) {
  const auto at = text.find('|');
  return at == Text::npos || at == 0 ? std::nullopt : std::optional(text.substr(0, at));
}
Text both(const Text& a, const Text& b) { return cat(&a, &b); }
Text left(const Text& a, const Text* b) { return cat(&a, b); }

Topology stream_global_inner(const StreamsConfig&) {
  StreamsBuilder builder;
  auto g = builder.global_table<Text, Text>("g", {}, {.store_name = "gs"});
  in(builder, "s")
      .join(
          g, [](const Text&, const Text& v) { return before(v); }, both)
      .to("out");
  return builder.build();
}
Topology stream_global_left(const StreamsConfig&) {
  StreamsBuilder builder;
  auto g = builder.global_table<Text, Text>("g");
  in(builder, "s").left_join(g, [](const Text&, const Text& v) { return before(v); }, left, {.name = "gj"}).to("out");
  return builder.build();
}
Topology table_table_inner(const StreamsConfig&) {
  StreamsBuilder builder;
  auto l = table(builder, "l");
  auto r = table(builder, "r");
  l.join(r, both).to_stream().to("out");
  return builder.build();
}
Topology table_table_left(const StreamsConfig&) {
  StreamsBuilder builder;
  auto l = table(builder, "l");
  auto r = table(builder, "r");
  l.left_join(r, left).to_stream().to("out");
  return builder.build();
}
Topology table_table_outer(const StreamsConfig&) {
  StreamsBuilder builder;
  auto l = table(builder, "l");
  auto r = table(builder, "r");
  l.outer_join(r, cat).to_stream().to("out");
  return builder.build();
}
Topology table_table_outer_store(const StreamsConfig&) {
  StreamsBuilder builder;
  auto l = builder.table<Text, Text>("l");
  auto r = builder.table<Text, Text>("r");
  const auto joiner = [](const Text* a, const Text* b) {
    return a != nullptr && (*a == "a" || *a == "L2") ? std::optional<Text>() : std::optional(cat(a, b));
  };
  l.outer_join(r, joiner, {.store_name = "o", .engine = StoreEngineKind::kInMemory, .name = "oj"}).to_stream().to("out");
  return builder.build();
}
Topology table_table_three(const StreamsConfig&) {
  StreamsBuilder builder;
  auto l = builder.table<Text, Text>("l");
  auto r = builder.table<Text, Text>("r");
  auto x = builder.table<Text, Text>("x");
  auto marked = l.map_values([](const Text& v) { return v + "'"; });
  auto joined = marked.join(r, both);
  joined.left_join(x.filter([](const Text& v) { return !v.starts_with("f"); }), left).to_stream().to("out");
  return builder.build();
}
Topology table_table_self(const StreamsConfig&) {
  StreamsBuilder builder;
  auto t = builder.table<Text, Text>("in");
  t.left_join(t.filter([](const Text& v) { return v.starts_with("a"); }), left).to_stream().to("out");
  return builder.build();
}
Topology table_table_cached_commit(const StreamsConfig&) {
  StreamsBuilder builder;
  auto l = table(builder, "l");
  auto r = table(builder, "r");
  l.left_join(r, left, {.store_name = "j"}).to_stream().to("out");
  return builder.build();
}
Topology stream_table_left(const StreamsConfig&) {
  StreamsBuilder builder;
  auto s = in(builder, "s");
  s.left_join(table(builder, "t"), [](const Text* k, const Text& a, const Text* b) {
     return n(k) + "=" + cat(&a, b);
   }).to("out");
  return builder.build();
}
Topology stream_table_repartition(const StreamsConfig&) {
  StreamsBuilder builder;
  auto t = builder.table<Text, Text>("t");
  auto s = in(builder, "s").select_key([](const Text*, const Text* v) {
    return v == nullptr ? std::optional<Text>() : std::optional(first(*v));
  });
  s.join(t, both, {.name = "jn"}).to("out1");
  s.left_join(t, left).to("out2");
  return builder.build();
}

}  // namespace

void add_join_topologies(Registry& registry) {
  registry["stream-table-repartition"] = {stream_table_repartition, plain()};
  registry["stream-global-inner"] = {stream_global_inner, plain()};
  registry["stream-global-left"] = {stream_global_left, plain()};
  registry["table-table-inner"] = {table_table_inner, plain()};
  registry["table-table-left"] = {table_table_left, plain()};
  registry["table-table-outer"] = {table_table_outer, plain()};
  registry["table-table-outer-store"] = {table_table_outer_store, plain()};
  registry["table-table-three"] = {table_table_three, plain()};
  registry["table-table-self"] = {table_table_self, plain()};
  registry["table-table-cached-commit"] = {table_table_cached_commit, cached(), false};
  registry["stream-table-left"] = {stream_table_left, plain()};
}

}  // namespace tidemill::vectors
