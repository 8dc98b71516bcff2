// The vectors' topologies that cogroup.
#include <tidemill/dsl/streams_builder.hpp>

#include "registry.hpp"

namespace tidemill::vectors {
namespace {

using Long = std::int64_t;
using namespace std::chrono_literals;

KGroupedStream<Text, Long> grouped(StreamsBuilder& builder, const char* topic) {
  return builder.stream<Text, Long>(topic).group_by_key();
}
Long one(const Text&, const Long& v, const Long& sum) { return sum + v; }
Long ten(const Text&, const Long& v, const Long& sum) { return sum + 10 * v; }
Long one_or_none(const Text&, const Long* v, const Long& sum) { return sum + (v == nullptr ? 0 : *v); }
Long ten_or_none(const Text&, const Long* v, const Long& sum) { return sum + (v == nullptr ? 0 : 10 * *v); }

Topology cogroup(const StreamsConfig&) {
  StreamsBuilder builder;
  auto first_group = grouped(builder, "in1").cogroup<Long>(one);
  first_group.cogroup(grouped(builder, "in2"), ten).aggregate(Long{0}, {.store_name = "co"}).to_stream().to("out");
  return builder.build();
}
Topology cogroup_repartition(const StreamsConfig&) {
  StreamsBuilder builder;
  auto first_group =
      builder.stream<Text, Long>("in1").group_by([](const Text* k, const Long*) { return n(k) + "x"; }).cogroup<Long>(one);
  first_group.cogroup(grouped(builder, "in2"), ten).aggregate(Long{0}).to_stream().to("out");
  return builder.build();
}
Topology cogroup_tumbling(const StreamsConfig&) {
  StreamsBuilder builder;
  auto first_group = grouped(builder, "in1").cogroup<Long>(one_or_none);
  first_group.cogroup(grouped(builder, "in2"), ten_or_none)
      .windowed_by(TimeWindows::of_size_and_grace(10s, 5s))
      .aggregate(Long{0}, {.store_name = "co"})
      .to_stream()
      .to("out");
  return builder.build();
}
Topology cogroup_sliding(const StreamsConfig&) {
  StreamsBuilder builder;
  auto first_group = grouped(builder, "in1").cogroup<Long>(one);
  first_group.cogroup(grouped(builder, "in2"), ten)
      .windowed_by(SlidingWindows::of_time_difference_and_grace(10s, 5s))
      .aggregate(Long{0}, {.store_name = "co"})
      .to_stream()
      .to("out");
  return builder.build();
}
Topology cogroup_session(const StreamsConfig&) {
  StreamsBuilder builder;
  auto first_group = grouped(builder, "in1").cogroup<Long>(one_or_none);
  first_group.cogroup(grouped(builder, "in2"), ten_or_none)
      .windowed_by(SessionWindows::of_inactivity_gap_and_grace(10s, 5s))
      .aggregate(Long{0}, [](const Text&, const Long& a, const Long& b) { return a + b; }, {.store_name = "co"})
      .to_stream()
      .to("out");
  return builder.build();
}

}  // namespace

void add_cogroup_topologies(Registry& registry) {
  registry["cogroup"] = {cogroup, plain()};
  registry["cogroup-repartition"] = {cogroup_repartition, plain()};
  registry["cogroup-tumbling"] = {cogroup_tumbling, plain()};
  registry["cogroup-sliding"] = {cogroup_sliding, plain()};
  registry["cogroup-session"] = {cogroup_session, plain()};
}

}  // namespace tidemill::vectors
