#include "end_to_end/topologies.hpp"

#include "end_to_end/input_log.hpp"

namespace tidemill_bench {

using namespace tidemill;
using std::chrono::milliseconds;

namespace {

KStream<std::string, std::string> filtered(StreamsBuilder& builder, WarmUp& warm_up) {
  return builder.stream<std::string, std::string>(kInputTopic).filter([&warm_up](const std::string& value) {
    warm_up.see();
    return value.front() != 'z';
  });
}
KStream<std::string, std::string> seen(StreamsBuilder& builder, WarmUp& warm_up) {
  return builder.stream<std::string, std::string>(kInputTopic).peek([&warm_up](const std::string&) { warm_up.see(); });
}
std::string same(const std::string& value) { return value; }

}  // namespace

Topology stateless(WarmUp& warm_up) {
  StreamsBuilder builder;
  filtered(builder, warm_up).map_values(same).to(kOutputTopic);
  return builder.build();
}

Topology chain_of_four(WarmUp& warm_up) {
  StreamsBuilder builder;
  filtered(builder, warm_up)
      .repartition({.name = "first"})
      .map_values(same)
      .repartition({.name = "second"})
      .map_values(same)
      .repartition({.name = "third"})
      .map_values(same)
      .to(kOutputTopic);
  return builder.build();
}

Topology keyed_count(WarmUp& warm_up, StoreEngineKind engine, bool caching) {
  StreamsBuilder builder;
  seen(builder, warm_up)
      .group_by_key()
      .count({.store_name = "counts", .caching = caching, .engine = engine})
      .to_stream()
      .to(kOutputTopic);
  return builder.build();
}

Topology windowed_count(WarmUp& warm_up, StoreEngineKind engine) {
  StreamsBuilder builder;
  seen(builder, warm_up)
      .group_by_key()
      .windowed_by(TimeWindows::of_size_with_no_grace(milliseconds(kWindowSize)))
      .count({.store_name = "counts", .caching = false, .engine = engine})
      .to_stream()
      .to(kOutputTopic);
  return builder.build();
}

Topology session_count(WarmUp& warm_up, StoreEngineKind engine) {
  StreamsBuilder builder;
  seen(builder, warm_up)
      .group_by_key()
      .windowed_by(SessionWindows::of_inactivity_gap_with_no_grace(milliseconds(kSessionGap)))
      .count({.store_name = "counts", .caching = false, .engine = engine})
      .to_stream()
      .to(kOutputTopic);
  return builder.build();
}

Topology join_of_streams(WarmUp& warm_up, StoreEngineKind engine) {
  StreamsBuilder builder;
  const auto records = seen(builder, warm_up);
  const auto left = records.filter([](const std::string& value) { return on_the_left(value); });
  const auto right = records.filter([](const std::string& value) { return !on_the_left(value); });
  left.join(right, [](const std::string& value, const std::string&) { return value; },
            JoinWindows::of_time_difference_with_no_grace(milliseconds(kJoinWindow)), {.engine = engine})
      .to(kOutputTopic);
  return builder.build();
}

}  // namespace tidemill_bench
