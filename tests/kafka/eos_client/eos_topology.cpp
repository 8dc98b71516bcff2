#include "eos_topology.hpp"

#include <algorithm>
#include <limits>

#include <tidemill/dsl/streams_builder.hpp>

#include "counting_processor.hpp"

namespace tidemill {
namespace {

using Text = std::string;
using Int = std::int32_t;
using Long = std::int64_t;

// The order of building decides every name, and with them the changelog topics.
void build_simple(StreamsBuilder& builder, bool with_repartitioning) {
  const auto data = builder.stream<Text, Int>("data");
  data.to("echo");
  data.process([] { return std::make_unique<CountingProcessor<Text, Int>>("data"); });
  const auto by_key = data.group_by_key();
  by_key
      .aggregate(std::numeric_limits<Int>::max(),
                 [](const Text&, Int value, Int smallest) { return std::min(value, smallest); })
      .to_stream()
      .to("min");
  by_key.aggregate(Long{0}, [](const Text&, Int value, Long sum) { return sum + value; }).to_stream().to("sum");
  if (with_repartitioning) data.to("repartition");
}

void build_behind_repartition(StreamsBuilder& builder) {
  const auto repartition = builder.stream<Text, Int>("repartition");
  repartition.process([] { return std::make_unique<CountingProcessor<Text, Int>>("repartition"); });
  const auto by_key = repartition.group_by_key();
  by_key
      .aggregate(std::numeric_limits<Int>::min(), [](const Text&, Int value, Int largest) { return std::max(value, largest); })
      .to_stream()
      .to("max");
  by_key.count().to_stream().to("cnt");
}

}  // namespace

Topology eos_topology() {
  StreamsBuilder builder;
  build_simple(builder, false);
  return builder.build();
}

Topology eos_topology_with_repartitioning() {
  StreamsBuilder builder;
  build_simple(builder, true);
  build_behind_repartition(builder);
  return builder.build();
}

}  // namespace tidemill
