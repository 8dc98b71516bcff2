// The order in which nodes are written, where it is not that in which operators were made.
//
// Aggregated once more, a group with a name goes on with the topic that it has; as Java does, its repartitioning is written where
// it was asked for last, and all that is behind it directly behind it. Numbers of sub-topologies and the order in which caches
// are written follow from it.
//
//   group [a] -> count, other -> table, group -> reduce   is written as   other -> table, [a] -> count, reduce
#pragma once

#include <tidemill/dsl/draft.hpp>

namespace tidemill::detail {

/// `moved`: nodes in the order in which they are written, and in front of which other one. `together`: neither of two nodes is
/// written before both have their parents.
void finish_build_order(TopologyBuilder& builder, const std::vector<Draft::WrittenAgain>& moved,
                        const std::vector<std::pair<std::string, std::string>>& together);

}  // namespace tidemill::detail
