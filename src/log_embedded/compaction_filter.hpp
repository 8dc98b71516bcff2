// CompactionFilter: what compaction keeps of a batch. Kafka's rules, as a state machine without I/O; it is given all batches
// of the partition from its start on, in order.
//
// Of each key the last record stays, and what lies behind the keys that were looked at. A tombstone stays until its batch's
// delete horizon, which the first compaction that meets it sets. Records of aborted transactions go at once; a transaction's
// marker stays as long as there were records of it, and then until a delete horizon of its own.
#pragma once

#include <chrono>
#include <set>

#include "log_embedded/aborted_transactions.hpp"
#include "log_embedded/key_offsets.hpp"

namespace tidemill::embedded {

class CompactionFilter {
 public:
  struct Rules {
    Timestamp now;
    std::chrono::milliseconds delete_retention{0};
  };
  CompactionFilter(const KeyOffsets& keys, const AbortedTransactions& aborted, Rules rules)
      : keys_(keys), aborted_(aborted), rules_(rules) {}

  struct Verdict {
    enum class Fate : std::uint8_t { kKept, kDropped, kRewritten };
    Fate fate = Fate::kKept;
    Bytes rewritten;
  };
  /// `batch` is whole and its checksum verified. `last`: its segment must keep its end, so the batch stays, if empty.
  [[nodiscard]] Result<Verdict> judge(const BatchHeader& header, const std::shared_ptr<const Bytes>& batch, bool last);

 private:
  [[nodiscard]] Verdict judge_marker(const BatchHeader& header, const RecordBatch& records, bool last);
  [[nodiscard]] bool retains(const BatchHeader& header, const LogRecord& record) const;
  [[nodiscard]] bool past_horizon(const BatchHeader& header) const {
    return header.delete_horizon() && *header.delete_horizon() <= rules_.now;
  }
  [[nodiscard]] std::optional<Timestamp> horizon(const BatchHeader& header, bool wanted) const;

  const KeyOffsets& keys_;
  const AbortedTransactions& aborted_;
  Rules rules_;
  std::set<std::int64_t> seen_;  // producers with records of a transaction whose marker has not come yet
};

}  // namespace tidemill::embedded
