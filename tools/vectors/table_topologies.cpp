#include <tidemill/dsl/streams_builder.hpp>

#include "registry.hpp"

namespace tidemill::vectors {
namespace {

using Long = std::int64_t;

KStream<Text, Text> in(StreamsBuilder& builder, const char* topic = "in") { return builder.stream<Text, Text>(topic); }

Topology count(const StreamsConfig&) {
  StreamsBuilder builder;
  in(builder).group_by_key().count().to_stream().to("out");
  return builder.build();
}
Topology count_group_by(const StreamsConfig&) {
  StreamsBuilder builder;
  in(builder)
      .group_by([](const Text*, const Text* v) { return v == nullptr ? std::optional<Text>() : std::optional(first(*v)); })
      .count({.store_name = "counts"})
      .to_stream()
      .to("out");
  return builder.build();
}
Topology count_named(const StreamsConfig&) {
  StreamsBuilder builder;
  in(builder)
      .group_by([](const Text*, const Text* v) { return v == nullptr ? std::optional<Text>() : std::optional(*v); },
                {.name = "g"})
      .count({.store_name = "c", .log_config = {{"retention.ms", "1234"}}, .name = "cnt"})
      .to_stream({.name = "ts"})
      .to("out");
  return builder.build();
}
Topology to_table(const StreamsConfig&) {
  StreamsBuilder builder;
  auto s = in(builder);
  s.to_table({.store_name = "t1"}).to_stream().to("out1");
  s.select_key([](const Text*, const Text* v) { return first(n(v)); })
      .to_table({.store_name = "t2", .name = "tt"})
      .to_stream()
      .to("out2");
  return builder.build();
}
Topology count_in_memory(const StreamsConfig&) {
  StreamsBuilder builder;
  in(builder).group_by_key().count({.store_name = "mem", .engine = StoreEngineKind::kInMemory}).to_stream().to("out");
  return builder.build();
}
Topology count_no_logging(const StreamsConfig&) {
  StreamsBuilder builder;
  in(builder).group_by_key().count({.store_name = "c", .caching = false, .logging = false}).to_stream().to("out");
  return builder.build();
}
Topology reduce(const StreamsConfig&) {
  StreamsBuilder builder;
  in(builder).group_by_key().reduce([](const Text& a, const Text& v) { return tail(a + "," + v); }).to_stream().to("out");
  return builder.build();
}
Topology aggregate(const StreamsConfig&) {
  StreamsBuilder builder;
  builder.stream<Text, Long>("in")
      .group_by_key()
      .aggregate(Long{0}, [](const Text&, const Long& v, const Long& sum) { return sum + v; }, {.store_name = "sum"})
      .to_stream()
      .to("out");
  return builder.build();
}
Topology aggregate_delete(const StreamsConfig&) {
  StreamsBuilder builder;
  builder.stream<Text, Long>("in")
      .group_by_key()
      .aggregate(
          Long{100},
          [](const Text&, const Long& v, const Long& sum) { return v <= 0 ? std::optional<Long>() : std::optional(sum + v); },
          {.store_name = "sum"})
      .to_stream()
      .to("out");
  return builder.build();
}
Topology table_filter(const StreamsConfig&) {
  StreamsBuilder builder;
  auto t = builder.table<Text, Text>("in", {}, {.store_name = "t"});
  t.filter([](const Text&, const Text& v) { return v.starts_with("a"); }).to_stream().to("out1");
  t.filter_not([](const Text&, const Text& v) { return v.starts_with("a"); }, {.store_name = "f"}).to_stream().to("out2");
  return builder.build();
}
Topology stream_table_inner(const StreamsConfig&) {
  StreamsBuilder builder;
  auto s = in(builder, "s");
  s.join(builder.table<Text, Text>("t"), [](const Text& a, const Text& b) { return cat(&a, &b); }).to("out");
  return builder.build();
}

Topology table(const StreamsConfig&) {
  StreamsBuilder builder;
  builder.table<Text, Text>("in", {}, {.store_name = "t"}).to_stream().to("out");
  return builder.build();
}
Topology table_map_values(const StreamsConfig&) {
  StreamsBuilder builder;
  auto t = builder.table<Text, Text>("in");
  t.map_values([](const Text& v) { return v + "!"; }).to_stream().to("out1");
  t.map_values([](const Text& k, const Text& v) { return cat(&k, &v); },
               {.store_name = "m", .engine = StoreEngineKind::kInMemory})
      .to_stream()
      .to("out2");
  return builder.build();
}
Topology table_no_store(const StreamsConfig&) {
  StreamsBuilder builder;
  builder.table<Text, Text>("in").map_values([](const Text& v) { return v + "!"; }).to_stream().to("out");
  return builder.build();
}
Topology table_to_stream_key(const StreamsConfig&) {
  StreamsBuilder builder;
  builder.table<Text, Text>("in")
      .to_stream([](const Text* k, const Text* v) { return cat(k, v); })
      .group_by_key()
      .count()
      .to_stream()
      .to("out");
  return builder.build();
}
Topology reduce_cached(const StreamsConfig&) {
  StreamsBuilder builder;
  builder.stream<Text, Long>("in")
      .group_by_key()
      .reduce([](const Long& a, const Long& b) { return std::max(a, b); }, {.store_name = "max"})
      .to_stream()
      .to("out");
  return builder.build();
}
Topology count_cached(const StreamsConfig&) {
  StreamsBuilder builder;
  in(builder)
      .flat_map([](const Text* k, const Text* v) {
        // As Java's String.split: empty parts at the end are left out; an empty text is one empty part.
        std::vector<Text> words;
        for (std::size_t begin = 0; v != nullptr && begin <= v->size();) {
          const std::size_t end = std::min(v->find(' ', begin), v->size());
          words.push_back(v->substr(begin, end - begin));
          begin = end + 1;
        }
        while (v != nullptr && !v->empty() && !words.empty() && words.back().empty()) words.pop_back();
        std::vector<std::pair<Text, std::optional<Text>>> pairs;
        for (Text& word : words) pairs.emplace_back(std::move(word), k == nullptr ? std::optional<Text>() : std::optional(*k));
        return pairs;
      })
      .group_by_key()
      .count({.store_name = "c"})
      .to_stream()
      .to("out");
  return builder.build();
}
Topology table_cached_commit(const StreamsConfig&) {
  StreamsBuilder builder;
  builder.table<Text, Text>("in", {}, {.store_name = "t"})
      .filter([](const Text& v) { return v.starts_with("a"); }, {.store_name = "f"})
      .to_stream()
      .to("out");
  return builder.build();
}
Topology count_to_c(const StreamsConfig&) {
  StreamsBuilder builder;
  in(builder).group_by_key().count({.store_name = "c"}).to_stream().to("out");
  return builder.build();
}

/// Counts how often it was asked for a key.
class Numbering final : public ValueTransformerWithKey<Text, Text, Text> {
  void init(ProcessingContext& context) override { seen_ = context.key_value_store<Text, std::int64_t>("seen"); }
  std::optional<Text> transform(const Text& key, const Text* value) override {
    const std::int64_t count = seen_->get(key).value_or(0) + 1;
    seen_->put(key, count);
    return n(value) + "#" + std::to_string(count);
  }
  std::unique_ptr<KeyValueStore<Text, std::int64_t>> seen_;
};
Topology table_transform_values(const StreamsConfig&) {
  StreamsBuilder builder;
  builder.add_state_store(Stores::in_memory_key_value_store("seen"));
  builder.table<Text, Text>("in")
      .transform_values([] { return std::make_unique<Numbering>(); }, {.store_name = "tv"}, {"seen"})
      .to_stream()
      .to("out");
  return builder.build();
}

}  // namespace

void add_table_topologies(Registry& registry) {
  registry["count"] = {count, plain()};
  registry["count-eos"] = {count, plain()};
  registry["count-group-by"] = {count_group_by, plain()};
  registry["count-named"] = {count_named, plain()};
  registry["to-table"] = {to_table, plain()};
  registry["count-in-memory"] = {count_in_memory, plain()};
  registry["count-no-logging"] = {count_no_logging, plain()};
  registry["reduce"] = {reduce, plain()};
  registry["aggregate"] = {aggregate, plain()};
  registry["aggregate-delete"] = {aggregate_delete, plain()};
  registry["count-cached"] = {count_cached, cached()};
  registry["count-cached-commit"] = {count_to_c, cached(), false};
  registry["count-cached-evict"] = {count_to_c, cached(400), false};
  registry["table-cached-commit"] = {table_cached_commit, cached(), false};
  registry["reduce-cached"] = {reduce_cached, cached()};
  registry["table"] = {table, plain()};
  registry["table-map-values"] = {table_map_values, plain()};
  registry["table-no-store"] = {table_no_store, plain()};
  registry["table-to-stream-key"] = {table_to_stream_key, plain()};
  registry["table-filter"] = {table_filter, plain()};
  registry["table-transform-values"] = {table_transform_values, plain()};
  registry["stream-table-inner"] = {stream_table_inner, plain()};
}

}  // namespace tidemill::vectors
