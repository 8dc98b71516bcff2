// Repartition topics seen as a whole, after all operators have been written: which records they take, and which of them are one.
//
// A topic takes records without a key only where a join behind it has results for them. With `merge.repartition.topics` all
// repartitionings that lead back to one change of the key, with no change of the value between, share the first one's topic, which
// moves up to that change:
//
//   select_key -> filter -> [a] -> count            select_key -> [a] -> filter -> count
//              -> [b] -> reduce            becomes                    -> reduce
//
// The same topics get the same names as in Java, so that an application can be continued.
#pragma once

#include <tidemill/dsl/draft.hpp>

namespace tidemill::detail {

/// The sources that were merged with others: what has such a name now is where the topic of several is read.
std::set<std::string> finish_repartitions(TopologyBuilder& builder, const std::map<std::string, Draft::Traits>& traits,
                                          const std::vector<Draft::RepartitionNodes>& repartitions);

}  // namespace tidemill::detail
