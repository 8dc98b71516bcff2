// The vectors' topologies that join two streams.
#include <tidemill/dsl/streams_builder.hpp>

#include "registry.hpp"

namespace tidemill::vectors {
namespace {

using namespace std::chrono_literals;

struct Sides {
  explicit Sides(StreamsBuilder& builder) : l(builder.stream<Text, Text>("l")), r(builder.stream<Text, Text>("r")) {}
  KStream<Text, Text> l;
  KStream<Text, Text> r;
};
Text both(const Text& a, const Text& b) { return cat(&a, &b); }
Text left(const Text& a, const Text* b) { return cat(&a, b); }

Topology inner(const StreamsConfig&) {
  StreamsBuilder builder;
  const Sides sides(builder);
  sides.l.join(sides.r, both, JoinWindows::of_time_difference_with_no_grace(10s)).to("out");
  return builder.build();
}
Topology left_joined(const JoinWindows& windows) {
  StreamsBuilder builder;
  const Sides sides(builder);
  sides.l.left_join(sides.r, left, windows).to("out");
  return builder.build();
}
Topology left_with_grace(const StreamsConfig&) { return left_joined(JoinWindows::of_time_difference_and_grace(10s, 5s)); }
Topology after_only(const StreamsConfig&) { return left_joined(JoinWindows::of_time_difference_with_no_grace(8s).before(-2s)); }
Topology eager(const StreamsConfig&) { return left_joined(JoinWindows::of_eager(10s).grace(5s)); }

Topology outer_joined(const JoinWindows& windows, const StreamJoined<Text, Text, Text>& joined = {}) {
  StreamsBuilder builder;
  const Sides sides(builder);
  sides.l.outer_join(sides.r, cat, windows, joined).to("out");
  return builder.build();
}
Topology outer(const StreamsConfig&) { return outer_joined(JoinWindows::of_time_difference_and_grace(10s, 5s)); }
Topology outer_short(const StreamsConfig&) { return outer_joined(JoinWindows::of_time_difference_with_no_grace(2s)); }
Topology in_memory(const StreamsConfig&) {
  return outer_joined(JoinWindows::of_time_difference_and_grace(10s, 5s),
                      {.this_store = Stores::in_memory_window_store("this", 25s, 20s, true),
                       .other_store = Stores::in_memory_window_store("other", 25s, 20s, true)});
}
Topology asymmetric(const StreamsConfig&) {
  StreamsBuilder builder;
  const Sides sides(builder);
  sides.l
      .outer_join(
          sides.r, [](const Text* k, const Text* a, const Text* b) { return n(k) + "=" + cat(a, b); },
          JoinWindows::of_time_difference_and_grace(1s, 2s).before(5s))
      .to("out");
  return builder.build();
}
Topology named(const StreamsConfig&) {
  StreamsBuilder builder;
  const auto by_first = [](const Text*, const Text* v) {
    return v == nullptr ? std::optional<Text>() : std::optional(first(*v));
  };
  auto l = builder.stream<Text, Text>("l").select_key(by_first);
  auto r = builder.stream<Text, Text>("r").select_key(by_first);
  l.left_join(r, left, JoinWindows::of_time_difference_and_grace(10s, 1s), {.name = "jn", .store_name = "js"}).to("out");
  return builder.build();
}
Topology self(const StreamsConfig& config) {
  StreamsBuilder builder;
  auto s = builder.stream<Text, Text>("in");
  s.join(s, both, JoinWindows::of_time_difference_with_no_grace(10s)).to("out");
  return builder.build(config.topology_optimization);
}
Topology self_optimized(const StreamsConfig& config) {
  StreamsBuilder builder;
  auto s = builder.stream<Text, Text>("in");
  s.join(s, both, JoinWindows::of_time_difference_and_grace(10s, 2s).before(3s)).to("out");
  return builder.build(config.topology_optimization);
}
Topology table_chain(const StreamsConfig&) {
  StreamsBuilder builder;
  const Sides sides(builder);
  auto joined = sides.l.join(sides.r, both, JoinWindows::of_time_difference_with_no_grace(10s));
  joined.left_join(builder.table<Text, Text>("t"), [](const Text&, const Text* b) { return n(b); })
      .group_by([](const Text*, const Text* v) { return first(*v); })
      .windowed_by(TimeWindows::of_size_and_grace(30s, 10s))
      .count()
      .to_stream()
      .to("out");
  return builder.build();
}

StreamsConfig throttled() {
  StreamsConfig config = plain();
  config.application["__emit.interval.ms.kstreams.outer.join.spurious.results.fix__"] = "1000";
  return config;
}
StreamsConfig optimized() {
  StreamsConfig config = plain();
  config.topology_optimization = "single.store.self.join";
  return config;
}

}  // namespace

void add_stream_join_topologies(Registry& registry) {
  registry["stream-stream-inner"] = {inner, plain()};
  registry["stream-stream-left"] = {left_with_grace, plain()};
  registry["stream-stream-outer"] = {outer, plain()};
  registry["stream-stream-outer-throttled"] = {outer_short, throttled()};
  registry["stream-stream-asymmetric"] = {asymmetric, plain()};
  registry["stream-stream-after-only"] = {after_only, plain()};
  registry["stream-stream-named"] = {named, plain()};
  registry["stream-stream-in-memory"] = {in_memory, plain()};
  registry["stream-stream-legacy"] = {eager, plain()};
  registry["stream-stream-self"] = {self, plain()};
  registry["stream-stream-self-optimized"] = {self_optimized, optimized()};
  registry["stream-stream-table-chain"] = {table_chain, plain()};
}

}  // namespace tidemill::vectors
