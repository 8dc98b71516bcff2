// Topic names and configuration: checked before anything is made of them, and read once into what a log works with.
#pragma once

#include <chrono>
#include <optional>

#include <tidemill/log/log_admin.hpp>

#include "log/record_batch_codec.hpp"

namespace tidemill {

/// What a topic's configuration asks for; Kafka's defaults, but for retention.ms: Kafka's seven days apply only where the
/// topic says so, an embedded log keeps what nobody asked it to drop.
struct TopicSettings {
  bool deletes = true;  // cleanup.policy
  bool compacts = false;
  std::optional<std::chrono::milliseconds> retention_time;  // nullopt: for ever
  std::optional<std::int64_t> retention_bytes;              // nullopt: any size
  std::optional<std::int64_t> segment_bytes;                // nullopt: the log's default
  std::chrono::milliseconds segment_time = std::chrono::hours(24 * 7);
  std::optional<Compression> compression;  // nullopt: the producer's
  std::size_t batch_bytes_max = 1048588;
  bool log_append_time = false;
  double dirty_ratio_min = 0.5;
  std::chrono::milliseconds compaction_lag_min{0};
  std::optional<std::chrono::milliseconds> compaction_lag_max;  // nullopt: any
  std::chrono::milliseconds delete_retention = std::chrono::hours(24);
};

/// kInvalidArgument says which name, key or value, and what would do.
[[nodiscard]] Result<TopicSettings> read_topic(const TopicSpec& spec);

}  // namespace tidemill
