// LogAdmin: topics, groups and offsets, for the runtime's internal topics and for tools. Thread-safe.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include <tidemill/base/result.hpp>
#include <tidemill/log/commit_group.hpp>

namespace tidemill {

/// Topic configuration by Kafka's names: cleanup.policy, retention.ms, retention.bytes, segment.bytes, segment.ms,
/// compression.type, max.message.bytes, min.compaction.lag.ms, delete.retention.ms, message.timestamp.type,
/// min.cleanable.dirty.ratio.
using TopicConfig = std::map<std::string, std::string>;

struct TopicSpec {
  std::string name;
  /// <= 0: the log's default.
  std::int32_t partitions = -1;
  std::int16_t replication_factor = -1;
  TopicConfig config;
};
struct TopicDescription {
  std::string name;
  std::int32_t partitions = 0;
  TopicConfig config;  // what was set; defaults are left out
};
struct PartitionOffsets {
  TopicPartition partition;
  Offset start;                  // log start offset
  Offset last_stable;            // where read committed ends
  Offset high_watermark;         // where read uncommitted ends
  std::uint64_t size_bytes = 0;  // on disk; 0: not known
};
struct GroupMemberDescription {
  std::string member_id;
  std::string client_id;
  std::string host;
  std::string assignment;  // for people
};
struct GroupDescription {
  std::string group;
  std::string state;  // Empty, PreparingRebalance, CompletingRebalance, Stable, Dead
  std::int32_t generation = -1;
  std::vector<GroupMemberDescription> members;
  std::vector<CommitPosition> offsets;
};

class LogAdmin {
 public:
  virtual ~LogAdmin() = default;
  [[nodiscard]] virtual Result<std::vector<TopicDescription>> list_topics(MonotonicTime deadline) = 0;
  /// kNotFound names the topic.
  [[nodiscard]] virtual Result<TopicDescription> describe_topic(std::string_view topic, MonotonicTime deadline) = 0;
  /// For whoever may read the topic or write to it; how it is configured they need not be allowed to see.
  [[nodiscard]] virtual Result<std::int32_t> partition_count(std::string_view topic, MonotonicTime deadline) {
    TIDEMILL_ASSIGN(const TopicDescription description, describe_topic(topic, deadline));
    return description.partitions;
  }
  /// kAlreadyExists; kInvalidArgument for a bad name (letters, digits, '.', '_', '-', at most 249) or config.
  [[nodiscard]] virtual Result<void> create_topic(const TopicSpec& topic, MonotonicTime deadline) = 0;
  [[nodiscard]] virtual Result<void> delete_topic(std::string_view topic, MonotonicTime deadline) = 0;
  [[nodiscard]] virtual Result<void> alter_topic(std::string_view topic, const TopicConfig& config, MonotonicTime deadline) = 0;
  [[nodiscard]] virtual Result<std::vector<PartitionOffsets>> offsets(std::span<const TopicPartition> partitions,
                                                                      MonotonicTime deadline) = 0;
  /// First offset whose timestamp is at least `timestamp`; the end if none is.
  [[nodiscard]] virtual Result<Offset> offset_for_time(const TopicPartition& partition, Timestamp timestamp,
                                                       MonotonicTime deadline) = 0;
  /// Records below the offset are gone; never above the last stable offset.
  [[nodiscard]] virtual Result<void> delete_records(const TopicPartition& partition, Offset before, MonotonicTime deadline) = 0;
  [[nodiscard]] virtual Result<std::vector<std::string>> list_groups(MonotonicTime deadline) = 0;
  [[nodiscard]] virtual Result<GroupDescription> describe_group(std::string_view group, MonotonicTime deadline) = 0;
};

}  // namespace tidemill
