// The ids and times that every layer speaks of, each a type of its own so that they cannot be confused.
#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace tidemill {

/// A number with a meaning. Compares, adds a difference, and never converts by itself.
template <class Tag, class Rep>
struct StrongNumber {
  using rep = Rep;
  Rep value = 0;

  constexpr StrongNumber() = default;
  constexpr explicit StrongNumber(Rep number) : value(number) {}
  constexpr auto operator<=>(const StrongNumber&) const = default;
  constexpr StrongNumber operator+(Rep difference) const { return StrongNumber(value + difference); }
  constexpr StrongNumber operator-(Rep difference) const { return StrongNumber(value - difference); }
  constexpr Rep operator-(StrongNumber other) const { return value - other.value; }
  constexpr StrongNumber& operator+=(Rep difference) { return value += difference, *this; }
  constexpr StrongNumber& operator++() { return ++value, *this; }
};

/// Position of a record in its partition; the first is 0. kNoOffset: none.
using Offset = StrongNumber<struct OffsetTag, std::int64_t>;
inline constexpr Offset kNoOffset{-1};
using PartitionId = StrongNumber<struct PartitionIdTag, std::int32_t>;
/// Grows when a recovery truncated a partition; kNoLeaderEpoch: unknown.
using LeaderEpoch = StrongNumber<struct LeaderEpochTag, std::int32_t>;
inline constexpr LeaderEpoch kNoLeaderEpoch{-1};

/// Milliseconds since 1970-01-01 UTC, as Kafka's record timestamps. kNoTimestamp: none.
using Timestamp = StrongNumber<struct TimestampTag, std::int64_t>;
inline constexpr Timestamp kNoTimestamp{-1};

/// Time that never goes back; for deadlines and intervals.
using MonotonicTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;

struct TopicPartition {
  std::string topic;
  PartitionId partition;
  auto operator<=>(const TopicPartition&) const = default;
};

/// `orders-3`, as Kafka prints it.
std::string to_string(const TopicPartition& partition);

/// A task: one partition of one sub-topology. Prints as `0_3`.
struct TaskId {
  std::int32_t subtopology = 0;
  std::int32_t partition = 0;
  auto operator<=>(const TaskId&) const = default;
  /// `0_3`. TaskIdFormatException quotes what is none.
  static TaskId parse(std::string_view text);
};
std::string to_string(const TaskId& task);
/// A text that is no task's id.
class TaskIdFormatException : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace tidemill

template <>
struct std::hash<tidemill::TopicPartition> {
  std::size_t operator()(const tidemill::TopicPartition& tp) const noexcept {
    return std::hash<std::string>()(tp.topic) * 31 + static_cast<std::size_t>(tp.partition.value);
  }
};
template <>
struct std::hash<tidemill::TaskId> {
  std::size_t operator()(const tidemill::TaskId& task) const noexcept {
    return static_cast<std::size_t>(task.subtopology) * 1000003U + static_cast<std::size_t>(task.partition);
  }
};
