// What the journal holds: one entry per commit or change of topics, and a checkpoint that stands for all entries before it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <tidemill/base/result.hpp>
#include <tidemill/log/log_admin.hpp>

namespace tidemill::embedded {

/// A partition's end after the entry; in `power` durability with the batches that lie between its last journaled end and
/// this one, whoever wrote them.
struct PartitionEnd {
  TopicPartition partition;
  Offset end;
  Offset log_start;
  Offset cleaned{0};  // compaction has been so far
  LeaderEpoch leader_epoch{0};
  std::vector<std::shared_ptr<const Bytes>> batches;
};
struct GroupOffset {
  std::string group;
  CommitPosition position;
};
struct JournalEntry {
  enum class Type : std::uint8_t { kCheckpoint = 1, kCommit = 2, kTopicCreated = 3, kTopicDeleted = 4, kTopicAltered = 5 };
  Type type = Type::kCommit;
  std::int64_t next_producer_id = 0;
  std::vector<PartitionEnd> partitions;
  std::vector<GroupOffset> offsets;
  std::vector<TopicSpec> topics;
};

[[nodiscard]] Bytes encode(const JournalEntry& entry);
/// kCorruption: not an entry (the checksum, verified before, says it is ours: then it is of another version).
[[nodiscard]] Result<JournalEntry> decode_journal_entry(BytesView bytes);

}  // namespace tidemill::embedded
