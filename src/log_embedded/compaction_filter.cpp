#include "log_embedded/compaction_filter.hpp"

namespace tidemill::embedded {

using Fate = CompactionFilter::Verdict::Fate;

Result<CompactionFilter::Verdict> CompactionFilter::judge(const BatchHeader& header, const std::shared_ptr<const Bytes>& batch,
                                                          bool last) {
  TIDEMILL_ASSIGN(const RecordBatchPtr records, decode_batch(batch, 0, nullptr));
  if (header.control()) return judge_marker(header, *records, last);
  bool drops_all = false;
  if (header.transactional()) {
    seen_.insert(header.producer_id);
    drops_all = aborted_.contains(header);
  }
  std::vector<LogRecord> retained;
  bool tombstones = false;
  for (const LogRecord& record : records->records) {
    if (drops_all || !retains(header, record)) continue;
    retained.push_back(record);
    tombstones |= !record.value.has_value();
  }
  const bool sets_horizon = tombstones && !header.delete_horizon();
  if (retained.size() == records->records.size() && !sets_horizon && (last || !retained.empty())) return Verdict{};
  if (retained.empty() && !last) return Verdict{Fate::kDropped, {}};
  return Verdict{Fate::kRewritten, rewrite_batch(header, retained, horizon(header, sets_horizon))};
}

CompactionFilter::Verdict CompactionFilter::judge_marker(const BatchHeader& header, const RecordBatch& records, bool last) {
  const bool had_records = seen_.erase(header.producer_id) > 0;
  if (had_records) return {};
  if (!header.delete_horizon()) return {Fate::kRewritten, rewrite_batch(header, records.records, horizon(header, true))};
  if (past_horizon(header) && !last) return {Fate::kDropped, {}};
  return {};
}

bool CompactionFilter::retains(const BatchHeader& header, const LogRecord& record) const {
  if (record.offset >= keys_.end()) return true;
  if (!record.key) return false;
  if (record.offset < keys_.find(*record.key)) return false;
  return record.value.has_value() || !past_horizon(header);
}

std::optional<Timestamp> CompactionFilter::horizon(const BatchHeader& header, bool wanted) const {
  return wanted ? std::optional(rules_.now + rules_.delete_retention.count()) : header.delete_horizon();
}

}  // namespace tidemill::embedded
