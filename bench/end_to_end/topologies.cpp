#include "end_to_end/topologies.hpp"

#include "end_to_end/input_log.hpp"

namespace tidemill_bench {

using namespace tidemill;

namespace {

KStream<std::string, std::string> filtered(StreamsBuilder& builder, WarmUp& warm_up) {
  return builder.stream<std::string, std::string>(kInputTopic).filter([&warm_up](const std::string& value) {
    warm_up.see();
    return value.front() != 'z';
  });
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
  builder.stream<std::string, std::string>(kInputTopic)
      .peek([&warm_up](const std::string&) { warm_up.see(); })
      .group_by_key()
      .count({.store_name = "counts", .caching = caching, .engine = engine})
      .to_stream()
      .to(kOutputTopic);
  return builder.build();
}

}  // namespace tidemill_bench
