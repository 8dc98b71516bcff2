// KafkaAdmin: topics, offsets and groups through librdkafka's admin requests, and a group's positions through a request of our
// own. Thread-safe: each call has a queue of its own for its answer.
#pragma once

#include <tidemill/log/log_admin.hpp>

#include "log_kafka/kafka_commit_group.hpp"

namespace tidemill::kafka {

class KafkaAdmin final : public LogAdmin {
 public:
  /// How often a new topic is looked for until every broker knows it.
  static constexpr std::chrono::milliseconds kAppearPause{20};

  explicit KafkaAdmin(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  /// Names and partition counts; describe_topic() has the configuration.
  Result<std::vector<TopicDescription>> list_topics(MonotonicTime deadline) override;
  Result<TopicDescription> describe_topic(std::string_view topic, MonotonicTime deadline) override;
  Result<std::int32_t> partition_count(std::string_view topic, MonotonicTime deadline) override;
  Result<void> create_topic(const TopicSpec& topic, MonotonicTime deadline) override;
  Result<void> delete_topic(std::string_view topic, MonotonicTime deadline) override;
  Result<void> alter_topic(std::string_view topic, const TopicConfig& config, MonotonicTime deadline) override;
  Result<std::vector<PartitionOffsets>> offsets(std::span<const TopicPartition> partitions, MonotonicTime deadline) override;
  Result<Offset> offset_for_time(const TopicPartition& partition, Timestamp timestamp, MonotonicTime deadline) override;
  Result<void> delete_records(const TopicPartition& partition, Offset before, MonotonicTime deadline) override;
  Result<std::vector<std::string>> list_groups(MonotonicTime deadline) override;
  Result<GroupDescription> describe_group(std::string_view group, MonotonicTime deadline) override;

 private:
  [[nodiscard]] Result<TopicConfig> config_of(const std::string& topic, MonotonicTime deadline);
  [[nodiscard]] Result<std::vector<Offset>> offsets_at(const Client& client, std::span<const TopicPartition> partitions,
                                                       std::int64_t time, MonotonicTime deadline);
  [[nodiscard]] const Client& client() const { return *shared_->reader; }

  std::shared_ptr<Shared> shared_;
};

}  // namespace tidemill::kafka
