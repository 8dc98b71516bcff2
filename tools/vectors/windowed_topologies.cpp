// The vectors' topologies that aggregate over windows.
#include <tidemill/dsl/streams_builder.hpp>

#include "registry.hpp"

namespace tidemill::vectors {
namespace {

using Long = std::int64_t;
using namespace std::chrono_literals;

KGroupedStream<Text, Long> numbers(StreamsBuilder& builder) { return builder.stream<Text, Long>("in").group_by_key(); }
/// Texts grouped by the first letter of their value.
KGroupedStream<Text, Text> by_first(StreamsBuilder& builder) {
  return builder.stream<Text, Text>("in").group_by([](const Text*, const Text* v) { return first(n(v)); });
}
template <class V>
void to_out(const KTable<Windowed<Text>, V>& table) {
  table.to_stream().to("out");
}
template <class V>
void to_out_as_text(const KTable<Windowed<Text>, V>& table) {
  table.to_stream([](const Windowed<Text>& key, const V*) { return to_string(key); }).to("out");
}
Long plus(const Long& a, const Long& b) { return a + b; }
Text joined(const Text& a, const Text* v) { return tail(a + "," + n(v)); }
auto add_or(Long otherwise) {
  return [otherwise](const Text&, const Long* v, const Long& sum) { return sum + (v == nullptr ? otherwise : *v); };
}

template <class Windows>
Topology counted(const Windows& windows, const Materialized<Text, Long>& materialized,
                 EmitStrategy strategy = EmitStrategy::kOnWindowUpdate) {
  StreamsBuilder builder;
  to_out(numbers(builder).windowed_by(windows).emit_strategy(strategy).count(materialized));
  return builder.build();
}

Topology tumbling_count(const StreamsConfig&) { return counted(TimeWindows::of_size_with_no_grace(10s), {}); }
Topology tumbling_count_grace(const StreamsConfig&) {
  return counted(TimeWindows::of_size_and_grace(10s, 5s), {.store_name = "c"});
}
Topology hopping_sum(const StreamsConfig&) {
  StreamsBuilder builder;
  to_out_as_text(numbers(builder)
                     .windowed_by(TimeWindows::of_size_and_grace(10s, 3s).advance_by(4s))
                     .aggregate(Long{0}, add_or(1000), {.store_name = "sum"}));
  return builder.build();
}
Topology hopping_reduce(const StreamsConfig&) {
  StreamsBuilder builder;
  to_out(by_first(builder).windowed_by(TimeWindows::of_size_and_grace(10s, 10s).advance_by(5s)).reduce(joined));
  return builder.build();
}
Topology tumbling_in_memory(const StreamsConfig&) {
  return counted(TimeWindows::of_size_and_grace(10s, 5s),
                 {.store_name = "c", .engine = StoreEngineKind::kInMemory, .retention = 15s});
}
Topology tumbling_retention(const StreamsConfig&) {
  return counted(TimeWindows::of_size_with_no_grace(10s), {.store_name = "c", .retention = 120s});
}
Topology unlimited_count(const StreamsConfig&) {
  StreamsBuilder builder;
  to_out_as_text(numbers(builder).windowed_by(UnlimitedWindows::of().start_on(Timestamp(5000))).count());
  return builder.build();
}
Topology tumbling_close(const StreamsConfig&) {
  return counted(TimeWindows::of_size_and_grace(10s, 2s), {.store_name = "c", .retention = 600s}, EmitStrategy::kOnWindowClose);
}
Topology tumbling_close_throttled(const StreamsConfig&) {
  return counted(TimeWindows::of_size_with_no_grace(10s), {.store_name = "c", .retention = 600s}, EmitStrategy::kOnWindowClose);
}
Topology hopping_close(const StreamsConfig&) {
  StreamsBuilder builder;
  to_out(numbers(builder)
             .windowed_by(TimeWindows::of_size_and_grace(10s, 1s).advance_by(5s))
             .emit_strategy(EmitStrategy::kOnWindowClose)
             .aggregate(Long{0}, add_or(0), {.store_name = "sum", .retention = 600s}));
  return builder.build();
}
Topology tumbling_close_expiry(const StreamsConfig&) {
  return counted(TimeWindows::of_size_and_grace(10s, 2s), {.store_name = "c"}, EmitStrategy::kOnWindowClose);
}

Topology sliding_count(const StreamsConfig&) { return counted(SlidingWindows::of_time_difference_with_no_grace(10s), {}); }
Topology sliding_aggregate(const StreamsConfig&) {
  StreamsBuilder builder;
  to_out_as_text(numbers(builder)
                     .windowed_by(SlidingWindows::of_time_difference_and_grace(5s, 20s))
                     .aggregate(Text(),
                                [](const Text&, const Long& v, const Text& so_far) { return tail(so_far + std::to_string(v)); },
                                {.store_name = "agg"}));
  return builder.build();
}
Topology sliding_in_memory(const StreamsConfig&) {
  StreamsBuilder builder;
  to_out(numbers(builder)
             .windowed_by(SlidingWindows::of_time_difference_and_grace(10s, 5s))
             .reduce(plus, {.store_name = "s", .engine = StoreEngineKind::kInMemory, .retention = 25s}));
  return builder.build();
}
Topology sliding_cached(const StreamsConfig&) {
  return counted(SlidingWindows::of_time_difference_and_grace(10s, 5s), {.store_name = "c"});
}
Topology sliding_close(const StreamsConfig&) {
  return counted(SlidingWindows::of_time_difference_and_grace(10s, 2s), {.store_name = "c", .retention = 600s},
                 EmitStrategy::kOnWindowClose);
}

Topology session_count(const StreamsConfig&) { return counted(SessionWindows::of_inactivity_gap_with_no_grace(10s), {}); }
Topology session_aggregate(const StreamsConfig&) {
  StreamsBuilder builder;
  to_out_as_text(numbers(builder)
                     .windowed_by(SessionWindows::of_inactivity_gap_and_grace(10s, 15s))
                     .aggregate(Long{0}, add_or(0), [](const Text&, const Long& a, const Long& b) { return a + b; },
                                {.store_name = "sum"}));
  return builder.build();
}
Topology session_reduce(const StreamsConfig&) {
  StreamsBuilder builder;
  to_out(by_first(builder).windowed_by(SessionWindows::of_inactivity_gap_and_grace(10s, 60s)).reduce(joined));
  return builder.build();
}
Topology session_in_memory(const StreamsConfig&) {
  return counted(SessionWindows::of_inactivity_gap_and_grace(10s, 5s),
                 {.store_name = "c", .engine = StoreEngineKind::kInMemory, .retention = 15s});
}
Topology session_cached(const StreamsConfig&) {
  return counted(SessionWindows::of_inactivity_gap_and_grace(10s, 5s), {.store_name = "c"});
}
Topology session_close(const StreamsConfig&) {
  return counted(SessionWindows::of_inactivity_gap_and_grace(10s, 5s), {.store_name = "c", .retention = 600s},
                 EmitStrategy::kOnWindowClose);
}
Topology session_close_expiry(const StreamsConfig&) {
  return counted(SessionWindows::of_inactivity_gap_and_grace(10s, 5s), {.store_name = "c"}, EmitStrategy::kOnWindowClose);
}

Topology count_dsl_in_memory(const StreamsConfig&) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in").group_by_key().count().to_stream().to("out");
  builder.stream<Text, Text>("in")
      .group_by_key()
      .windowed_by(TimeWindows::of_size_with_no_grace(10s))
      .count()
      .to_stream()
      .to("out-w");
  return builder.build();
}

StreamsConfig in_memory() {
  StreamsConfig config = plain();
  config.default_dsl_store = StoreEngineKind::kInMemory;
  return config;
}
StreamsConfig throttled() {
  StreamsConfig config = plain();
  config.application["__emit.interval.ms.kstreams.windowed.aggregation__"] = "1000";
  return config;
}

}  // namespace

void add_windowed_topologies(Registry& registry) {
  registry["tumbling-count"] = {tumbling_count, plain()};
  registry["tumbling-count-grace"] = {tumbling_count_grace, plain()};
  registry["hopping-sum"] = {hopping_sum, plain()};
  registry["hopping-reduce"] = {hopping_reduce, plain()};
  registry["tumbling-in-memory"] = {tumbling_in_memory, plain()};
  registry["tumbling-cached"] = {tumbling_count_grace, cached(), false};
  registry["tumbling-retention"] = {tumbling_retention, plain()};
  registry["unlimited-count"] = {unlimited_count, plain()};
  registry["tumbling-close"] = {tumbling_close, plain()};
  registry["tumbling-close-throttled"] = {tumbling_close_throttled, throttled()};
  registry["hopping-close"] = {hopping_close, in_memory()};
  registry["tumbling-close-expiry"] = {tumbling_close_expiry, plain()};
  registry["sliding-count"] = {sliding_count, plain()};
  registry["sliding-aggregate"] = {sliding_aggregate, plain()};
  registry["sliding-in-memory"] = {sliding_in_memory, plain()};
  registry["sliding-cached"] = {sliding_cached, cached()};
  registry["sliding-close"] = {sliding_close, plain()};
  registry["session-count"] = {session_count, plain()};
  registry["session-aggregate"] = {session_aggregate, plain()};
  registry["session-reduce"] = {session_reduce, plain()};
  registry["session-in-memory"] = {session_in_memory, plain()};
  registry["session-cached"] = {session_cached, cached(), false};
  registry["session-close"] = {session_close, plain()};
  registry["session-close-expiry"] = {session_close_expiry, plain()};
  registry["count-dsl-in-memory"] = {count_dsl_in_memory, in_memory()};
}

}  // namespace tidemill::vectors
