// The topology that Kafka's EOS verifier expects: an exact copy of `data`, and one running result per input record.
#pragma once

#include <tidemill/topology/topology.hpp>

namespace tidemill {

/// data -> echo; the smallest value per key -> min; the sum per key -> sum.
[[nodiscard]] Topology eos_topology();
/// The same and data -> repartition; of this the largest value per key -> max, the number per key -> cnt.
[[nodiscard]] Topology eos_topology_with_repartitioning();

}  // namespace tidemill
