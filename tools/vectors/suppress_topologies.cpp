// The vectors' topologies that suppress.
#include <tidemill/dsl/streams_builder.hpp>

#include "registry.hpp"

namespace tidemill::vectors {
namespace {

using Long = std::int64_t;
using namespace std::chrono_literals;

KGroupedStream<Text, Long> numbers(StreamsBuilder& builder) { return builder.stream<Text, Long>("in").group_by_key(); }
KTable<Text, Text> table(StreamsBuilder& builder) { return builder.table<Text, Text>("in", {}, {.store_name = "t"}); }
KTable<Text, Long> counts(StreamsBuilder& builder) {
  return builder.stream<Text, Text>("in").group_by_key().count({.store_name = "c"});
}
Suppressed until_close() { return Suppressed::until_window_closes(BufferConfig::unbounded()); }

Topology window_close(const StreamsConfig&) {
  StreamsBuilder builder;
  numbers(builder).windowed_by(TimeWindows::of_size_and_grace(10s, 2s)).count().suppress(until_close()).to_stream().to("out");
  return builder.build();
}
Topology hopping_close(const StreamsConfig&) {
  StreamsBuilder builder;
  numbers(builder)
      .windowed_by(TimeWindows::of_size_and_grace(10s, 1s).advance_by(5s))
      .aggregate(Long{0}, [](const Text&, const Long* v, const Long& sum) { return sum + (v == nullptr ? 0 : *v); },
                 {.store_name = "sum"})
      .suppress(until_close().with_name("sup"))
      .filter([](const Long& v) { return v % 2 != 0; })
      .to_stream()
      .to("out");
  return builder.build();
}
template <class Windows>
Topology counted_close(const Windows& windows, const Suppressed& suppressed) {
  StreamsBuilder builder;
  numbers(builder).windowed_by(windows).count({.store_name = "c"}).suppress(suppressed).to_stream().to("out");
  return builder.build();
}
Topology session_close(const StreamsConfig&) {
  return counted_close(SessionWindows::of_inactivity_gap_and_grace(10s, 5s), until_close());
}
Topology sliding_close(const StreamsConfig&) {
  return counted_close(SlidingWindows::of_time_difference_and_grace(10s, 5s), until_close());
}
Topology shutdown(const StreamsConfig&) {
  return counted_close(TimeWindows::of_size_with_no_grace(10s),
                       Suppressed::until_window_closes(BufferConfig::max_records(2).shut_down_when_full()));
}
Topology time_limit(const StreamsConfig&) {
  StreamsBuilder builder;
  table(builder).suppress(Suppressed::until_time_limit(5s, BufferConfig::unbounded())).to_stream().to("out");
  return builder.build();
}
Topology max_records(const StreamsConfig&) {
  StreamsBuilder builder;
  table(builder)
      .suppress(Suppressed::until_time_limit(60s, BufferConfig::max_records(3).emit_early_when_full()))
      .to_stream()
      .to("out");
  return builder.build();
}
Topology max_bytes(const StreamsConfig&) {
  StreamsBuilder builder;
  const BufferConfig buffer = BufferConfig::max_bytes(100).emit_early_when_full().with_logging_disabled();
  counts(builder).suppress(Suppressed::until_time_limit(60s, buffer).with_name("s")).to_stream().to("out");
  return builder.build();
}

}  // namespace

void add_suppress_topologies(Registry& registry) {
  const auto add = [&registry](const char* id, Topology (*build)(const StreamsConfig&), const std::string& unordered) {
    registry[id] = {build, plain(), true, {"app-" + unordered + "-changelog"}};
  };
  add("suppress-window-close", window_close, "KTABLE-SUPPRESS-STATE-STORE-0000000004");
  add("suppress-hopping-close", hopping_close, "sup-store");
  add("suppress-session-close", session_close, "KTABLE-SUPPRESS-STATE-STORE-0000000003");
  add("suppress-sliding-close", sliding_close, "KTABLE-SUPPRESS-STATE-STORE-0000000003");
  add("suppress-time-limit", time_limit, "KTABLE-SUPPRESS-STATE-STORE-0000000003");
  add("suppress-max-records", max_records, "KTABLE-SUPPRESS-STATE-STORE-0000000003");
  add("suppress-max-bytes", max_bytes, "s-store");
  add("suppress-shutdown", shutdown, "KTABLE-SUPPRESS-STATE-STORE-0000000003");
}

}  // namespace tidemill::vectors
