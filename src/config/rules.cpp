#include "config/rules.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "topology/optimizations.hpp"

namespace tidemill {
namespace {

constexpr std::int64_t kInt16Max = std::numeric_limits<std::int16_t>::max();
constexpr std::int64_t kInt32Max = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kInt64Min = std::numeric_limits<std::int64_t>::min();
/// Of one application in one process. Each thread is a member of its group, so more of them only make it slow.
constexpr std::int64_t kThreadsMax = 1000;
constexpr std::size_t kNameMax = 200;  // leaves room to the names of topics that begin with it

constexpr auto kNumberRules = std::to_array<NumberRule>({
    {.key = "num.stream.threads", .member = &StreamsConfig::num_stream_threads, .min = 1, .max = kThreadsMax},
    {.key = "num.standby.replicas", .member = &StreamsConfig::num_standby_replicas, .max = kInt32Max},
    {.key = "commit.interval.ms", .member = &StreamsConfig::commit_interval},
    {.key = "poll.ms", .member = &StreamsConfig::poll},
    {.key = "max.task.idle.ms", .member = &StreamsConfig::max_task_idle, .min = -1},
    {.key = "task.timeout.ms", .member = &StreamsConfig::task_timeout},
    {.key = "buffered.records.per.partition",
     .member = &StreamsConfig::buffered_records_per_partition,
     .min = 1,
     .max = kInt32Max},
    {.key = "memory.max.bytes", .member = &StreamsConfig::memory_max_bytes},
    {.key = "input.buffer.max.bytes", .member = &StreamsConfig::input_buffer_max_bytes, .min = 1},
    {.key = "cache.max.bytes.buffering", .member = &StreamsConfig::statestore_cache_max_bytes},
    {.key = "statestore.cache.max.bytes", .member = &StreamsConfig::statestore_cache_max_bytes},
    {.key = "statestore.uncommitted.max.bytes", .member = &StreamsConfig::statestore_uncommitted_max_bytes, .min = -1},
    {.key = "replication.factor", .member = &StreamsConfig::replication_factor, .min = -1, .max = kInt16Max, .zero = false},
    {.key = "repartition.purge.interval.ms", .member = &StreamsConfig::repartition_purge_interval},
    {.key = "windowstore.changelog.additional.retention.ms",
     .member = &StreamsConfig::windowstore_changelog_additional_retention},
    {.key = "transaction.timeout.ms", .member = &StreamsConfig::transaction_timeout, .min = 1},
    {.key = "session.timeout.ms", .member = &StreamsConfig::session_timeout, .min = 1},
    {.key = "heartbeat.interval.ms", .member = &StreamsConfig::heartbeat_interval, .min = 1},
    {.key = "max.poll.interval.ms", .member = &StreamsConfig::max_poll_interval, .min = 1},
    {.key = "state.cleanup.delay.ms", .member = &StreamsConfig::state_cleanup_delay, .min = -1},
    {.key = "metadata.max.age.ms", .member = &StreamsConfig::metadata_max_age, .min = 1},
    {.key = "log.summary.interval.ms", .member = &StreamsConfig::log_summary_interval, .min = kInt64Min},
    {.key = "timestamp.after.max.ms", .member = &StreamsConfig::timestamp_after_max, .min = -1},
});

bool is_name(std::string_view name) {
  return name.size() <= kNameMax && name != "." && name != ".." && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
                  c == '-';
         });
}

void check_one_line(const char* key, std::string_view value) {
  if (std::none_of(value.begin(), value.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; })) return;
  throw ConfigException(fmt::format("{}: has a character that cannot be printed, such as a line end", key));
}

void check_optimization(const std::string& value) {
  if (!read_optimizations(value))
    throw ConfigException(fmt::format("topology.optimization={}: must be {}", value, kOptimizations));
}

}  // namespace

void NumberRule::check(std::int64_t value) const {
  if (value >= min && value <= max && (zero || value != 0)) return;
  std::string text = fmt::format("{}={}: must be at least {}", key, value, min);
  if (max != std::numeric_limits<std::int64_t>::max()) text += fmt::format(" and at most {}", max);
  if (!zero) text += ", and not 0";
  throw ConfigException(text);
}

void NumberRule::set(StreamsConfig& config, std::int64_t value) const {
  check(value);
  std::visit(
      [&]<class T>(T StreamsConfig::*place) {
        if constexpr (std::is_same_v<T, std::size_t>) {
          config.*place = value < 0 ? std::numeric_limits<std::size_t>::max() : static_cast<std::size_t>(value);
        } else {
          config.*place = static_cast<T>(value);
        }
      },
      member);
}

std::int64_t NumberRule::get(const StreamsConfig& config) const {
  return std::visit(
      [&]<class T>(T StreamsConfig::*place) -> std::int64_t {
        if constexpr (std::is_same_v<T, std::chrono::milliseconds>) {
          return (config.*place).count();
        } else if constexpr (std::is_same_v<T, std::size_t>) {
          constexpr std::size_t kMost = std::numeric_limits<std::int64_t>::max();
          return static_cast<std::int64_t>(std::min(config.*place, kMost));
        } else {
          return config.*place;
        }
      },
      member);
}

std::span<const NumberRule> number_rules() { return kNumberRules; }

void check_values(const StreamsConfig& config) {
  const StreamsConfig untouched;
  for (const NumberRule& rule : kNumberRules) {
    const std::int64_t value = rule.get(config);
    if (value != rule.get(untouched)) rule.check(value);
  }
  if (!is_name(config.application_id)) {
    throw ConfigException(fmt::format("application.id={}: give the application a name of letters, digits, '.', '_' and '-', at "
                                      "most {} of them; it names its group, its internal topics and its state",
                                      config.application_id, kNameMax));
  }
  if (config.state_dir.empty()) {
    throw ConfigException("state.dir is empty: name a directory, or leave it as it is for " + untouched.state_dir);
  }
  check_one_line("client.id", config.client_id);
  check_one_line("application.server", config.application_server);
  check_one_line("group.instance.id", config.group_instance_id);
  check_optimization(config.topology_optimization);
  switch (config.auto_offset_reset) {
    case OffsetReset::kEarliest:
    case OffsetReset::kLatest:
    case OffsetReset::kNone: break;
    default:
      throw ConfigException("auto.offset.reset: must be one of earliest, latest, none; a duration is a source's, in Consumed");
  }
}

void check_config(const StreamsConfig& config) {
  if (config.application_id.empty()) {
    throw ConfigException("application.id is empty: it names the application's group, its internal topics and its state");
  }
  check_values(config);
}

}  // namespace tidemill
