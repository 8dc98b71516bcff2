// AbortedTransactions: which transactions of a partition were aborted, as long as there may be records of them.
#pragma once

#include <algorithm>
#include <map>
#include <vector>

#include "log/record_batch_codec.hpp"

namespace tidemill::embedded {

class AbortedTransactions {
 public:
  /// From the transaction's first record to its marker. The transactions of one producer come in order.
  void add(std::int64_t producer_id, Offset first, Offset marker) { ranges_[producer_id].push_back({first, marker}); }
  /// The batch is of an aborted transaction.
  [[nodiscard]] bool contains(const BatchHeader& header) const {
    const auto found = ranges_.find(header.producer_id);
    if (found == ranges_.end()) return false;
    const auto& ranges = found->second;
    const auto range =
        std::partition_point(ranges.begin(), ranges.end(), [&](const Range& each) { return each.marker < header.base_offset; });
    return range != ranges.end() && range->first <= header.base_offset;
  }
  /// Those whose markers lie before the offset have no records any more.
  void forget_before(Offset offset) {
    for (auto& [producer, ranges] : ranges_) {
      std::erase_if(ranges, [&](const Range& range) { return range.marker < offset; });
    }
    std::erase_if(ranges_, [](const auto& entry) { return entry.second.empty(); });
  }
  void clear() { ranges_.clear(); }

 private:
  struct Range {
    Offset first;
    Offset marker;
  };
  std::map<std::int64_t, std::vector<Range>> ranges_;
};

}  // namespace tidemill::embedded
