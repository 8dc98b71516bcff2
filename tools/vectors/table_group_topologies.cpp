// The vectors' topologies that group tables anew.
#include <tidemill/dsl/streams_builder.hpp>

#include "registry.hpp"

namespace tidemill::vectors {
namespace {

using Long = std::int64_t;
using namespace std::chrono_literals;

KTable<Text, Text> table(StreamsBuilder& builder) { return builder.table<Text, Text>("in"); }
auto by_first() {
  return [](const Text&, const Text& v) { return std::pair(first(v), v); };
}
auto by_parity() {
  return [](const Text&, const Long& v) { return std::pair(Text(v % 2 == 0 ? "even" : "odd"), v); };
}
auto by_count() {
  return [](const Text&, const Long& v) { return std::pair(std::to_string(v), v); };
}
Long plus(const Long& a, const Long& b) { return a + b; }
Long minus(const Long& a, const Long& b) { return a - b; }

Topology count(const StreamsConfig&) {
  StreamsBuilder builder;
  table(builder)
      .group_by([](const Text& k, const Text& v) {
        return std::pair(v.empty() ? std::optional<Text>() : std::optional(first(v)), k);
      })
      .count()
      .to_stream()
      .to("out");
  return builder.build();
}
Topology reduce(const StreamsConfig&) {
  StreamsBuilder builder;
  builder.table<Text, Long>("in").group_by(by_parity()).reduce(plus, minus, {.store_name = "r"}).to_stream().to("out");
  return builder.build();
}
Topology upgrade_from(const StreamsConfig&) {
  StreamsBuilder builder;
  table(builder)
      .group_by([](const Text& k, const Text& v) { return std::pair(first(v), k); })
      .count({.store_name = "c"})
      .to_stream()
      .to("out");
  return builder.build();
}
Topology aggregate(const StreamsConfig&) {
  StreamsBuilder builder;
  builder.table<Text, Text>("in", {}, {.store_name = "t"})
      .group_by(by_first(), {.name = "grp"})
      .aggregate(
          Text(), [](const Text&, const Text& v, const Text& agg) { return tail(agg + "+" + v); },
          [](const Text&, const Text& v, const Text& agg) { return tail(agg + "-" + v); }, {.store_name = "agg"})
      .to_stream()
      .to("out");
  return builder.build();
}
Topology filter_old(const StreamsConfig&) {
  StreamsBuilder builder;
  table(builder)
      .filter([](const Text& v) { return v.starts_with("a"); })
      .group_by(by_first())
      .count({.store_name = "c"})
      .to_stream()
      .to("out");
  return builder.build();
}
Topology count_of_counts(const StreamsConfig&) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in")
      .group_by_key()
      .count({.store_name = "cnt"})
      .group_by(by_count())
      .count({.store_name = "byCnt"})
      .to_stream()
      .to("out");
  return builder.build();
}
Topology two_caches(const StreamsConfig&) {
  StreamsBuilder builder;
  auto sums = builder.stream<Text, Long>("in").group_by_key().reduce(plus, {.store_name = "sums"});
  sums.to_stream().to("out1");
  sums.group_by(by_parity()).count({.store_name = "parity"}).to_stream().to("out2");
  return builder.build();
}
Topology inner_store(const StreamsConfig&) {
  StreamsBuilder builder;
  auto l = builder.table<Text, Text>("l");
  auto j =
      l.join(builder.table<Text, Text>("r"), [](const Text& a, const Text& b) { return cat(&a, &b); }, {.store_name = "j"});
  j.to_stream().to("out1");
  j.group_by([](const Text&, const Text& v) { return std::pair(v.substr(v.size() - 1), v); })
      .count({.store_name = "c"})
      .to_stream()
      .to("out2");
  return builder.build();
}
Topology suppress_then_group(const StreamsConfig&) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in")
      .group_by_key()
      .count({.store_name = "c"})
      .suppress(Suppressed::until_time_limit(3s, BufferConfig::unbounded()))
      .group_by(by_count())
      .reduce(plus, minus, {.store_name = "r"})
      .to_stream()
      .to("out");
  return builder.build();
}

StreamsConfig from_3_4() {
  StreamsConfig config = plain();
  config.application["upgrade.from"] = "3.4";
  return config;
}

}  // namespace

void add_table_group_topologies(Registry& registry) {
  registry["table-group-count"] = {count, plain()};
  registry["table-group-reduce"] = {reduce, plain()};
  registry["table-group-upgrade-from"] = {upgrade_from, from_3_4()};
  registry["table-group-aggregate"] = {aggregate, cached()};
  registry["table-filter-old"] = {filter_old, plain()};
  registry["count-of-counts"] = {count_of_counts, plain()};
  registry["two-caches-commit"] = {two_caches, cached(), false};
  registry["table-table-inner-store"] = {inner_store, plain()};
  registry["suppress-then-group"] = {
      suppress_then_group, plain(), true, {"app-KTABLE-SUPPRESS-STATE-STORE-0000000003-changelog"}};
}

}  // namespace tidemill::vectors
