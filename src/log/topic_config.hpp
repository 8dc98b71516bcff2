// Topic names and configuration, checked before anything is made of them.
#pragma once

#include <chrono>
#include <optional>

#include <tidemill/log/log_admin.hpp>

namespace tidemill {

/// kInvalidArgument says which name, key or value, and what would do.
[[nodiscard]] Result<void> check_topic(const TopicSpec& spec);

struct Retention {
  std::optional<std::chrono::milliseconds> time;  // nullopt: for ever
  std::optional<std::int64_t> bytes;              // nullopt: any size
};
/// Nothing is ever removed from a topic that is not cleanup.policy=delete. Kafka's default of seven days applies only where
/// the topic says retention.ms: an embedded log keeps what nobody asked it to drop.
[[nodiscard]] Retention read_retention(const TopicSpec& spec);

}  // namespace tidemill
