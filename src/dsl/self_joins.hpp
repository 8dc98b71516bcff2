// Joins of a stream with itself, with `single.store.self.join`: one store and one node do what otherwise two stores and two
// nodes would.
//
// Whether both sides are one stream is known only when all operators have been written and repartition topics are merged:
// sources of the same topics are one then, and so are two repartitionings behind one change of the key. As in Java a join of
// any kind is rewritten; a record that meets itself is never without a match.
#pragma once

#include <tidemill/dsl/draft.hpp>

namespace tidemill::detail {

void finish_self_joins(TopologyBuilder& builder, const std::vector<Draft::StreamJoinNodes>& joins);

}  // namespace tidemill::detail
