// What the chain counts of what leaves no trace in its topics, since this process began. After a transaction of the log that
// was aborted its records are judged, and counted, again.
#pragma once

#include <atomic>
#include <cstdint>

namespace liquidity {

struct Counts {
  std::atomic<std::int64_t> bad_reference_rows{0};
  /// Records with the id of a transaction that was judged before: the same again, without effect and without a dead letter.
  std::atomic<std::int64_t> repeated{0};
  /// Records with the id of a transaction that was taken with another content; each has its dead letter.
  std::atomic<std::int64_t> contradicting{0};
};

}  // namespace liquidity
