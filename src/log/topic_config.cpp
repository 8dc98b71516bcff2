#include "log/topic_config.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "log/compression.hpp"

namespace tidemill {
namespace {

constexpr std::size_t kNameBytesMax = 249;
constexpr std::int32_t kPartitionsMax = 10000;
constexpr std::int64_t kAny = std::numeric_limits<std::int64_t>::max();

/// Keys that speak of replicas or of a broker's files: kept and described, so that one configuration serves here and on Kafka.
constexpr std::string_view kOfReplicas[] = {"min.insync.replicas", "unclean.leader.election.enable",
                                            "leader.replication.throttled.replicas", "follower.replication.throttled.replicas"};

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

class Reader {
 public:
  explicit Reader(const TopicSpec& spec) : spec_(spec) {}

  Result<void> name() const {
    const auto legal = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    };
    if (spec_.name.empty() || spec_.name.size() > kNameBytesMax || spec_.name == "." || spec_.name == ".." ||
        !std::all_of(spec_.name.begin(), spec_.name.end(), legal)) {
      return invalid("a name has 1 to 249 of the characters a-z A-Z 0-9 . _ - and is not . or ..");
    }
    if (spec_.partitions > kPartitionsMax) {
      return invalid(std::to_string(spec_.partitions) + " partitions; at most " + std::to_string(kPartitionsMax));
    }
    return {};
  }

  Result<TopicSettings> settings() const {
    TopicSettings settings;
    for (const auto& [key, value] : spec_.config) TIDEMILL_TRY(apply(settings, key, value));
    if (settings.compaction_lag_max && *settings.compaction_lag_max < settings.compaction_lag_min) {
      return invalid("max.compaction.lag.ms must not be less than min.compaction.lag.ms");
    }
    return settings;
  }

 private:
  Result<void> apply(TopicSettings& settings, const std::string& key, const std::string& value) const {
    if (key == "cleanup.policy") return cleanup_policy(settings, value);
    if (key == "compression.type") return compression(settings, value);
    if (key == "message.timestamp.type") {
      if (value != "CreateTime" && value != "LogAppendTime") return wrong(key, "CreateTime or LogAppendTime", value);
      settings.log_append_time = value == "LogAppendTime";
      return {};
    }
    if (key == "min.cleanable.dirty.ratio") {
      const auto ratio = number<double>(value);
      if (!ratio || !(*ratio >= 0) || *ratio > 1) return wrong(key, "a number from 0 to 1", value);
      settings.dirty_ratio_min = *ratio;
      return {};
    }
    if (std::find(std::begin(kOfReplicas), std::end(kOfReplicas), key) != std::end(kOfReplicas)) return {};
    return whole_number(settings, key, value);
  }

  Result<void> whole_number(TopicSettings& settings, const std::string& key, const std::string& value) const {
    const auto in_range = [&](std::int64_t from, std::int64_t to, auto&& take) -> Result<void> {
      const auto read = number<std::int64_t>(value);
      if (!read || *read < from || *read > to) {
        return wrong(key, "a whole number, " + std::to_string(from) + " or more", value);
      }
      take(*read);
      return {};
    };
    const auto time = [&](std::int64_t from, auto& into) {
      return in_range(from, kAny, [&](std::int64_t ms) { into = std::chrono::milliseconds(ms); });
    };
    if (key == "retention.ms") {
      return in_range(-1, kAny, [&](std::int64_t ms) {
        if (ms >= 0) settings.retention_time = std::chrono::milliseconds(ms);
      });
    }
    if (key == "retention.bytes") {
      return in_range(-1, kAny, [&](std::int64_t bytes) {
        if (bytes >= 0) settings.retention_bytes = bytes;
      });
    }
    if (key == "segment.bytes") return in_range(14, kAny, [&](std::int64_t bytes) { settings.segment_bytes = bytes; });
    if (key == "segment.ms") return time(1, settings.segment_time);
    if (key == "max.message.bytes") {
      return in_range(0, std::numeric_limits<std::int32_t>::max(),
                      [&](std::int64_t bytes) { settings.batch_bytes_max = static_cast<std::size_t>(bytes); });
    }
    if (key == "min.compaction.lag.ms") return time(0, settings.compaction_lag_min);
    if (key == "max.compaction.lag.ms") return time(1, settings.compaction_lag_max);
    if (key == "delete.retention.ms") return time(0, settings.delete_retention);
    return invalid("there is no configuration \"" + key + "\" in an embedded log");
  }

  Result<void> cleanup_policy(TopicSettings& settings, std::string_view value) const {
    settings.deletes = settings.compacts = false;
    for (std::string_view rest = value; !rest.empty();) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      std::string_view policy = rest.substr(0, comma);
      while (policy.starts_with(' ')) policy.remove_prefix(1);
      while (policy.ends_with(' ')) policy.remove_suffix(1);
      if (policy != "delete" && policy != "compact") return wrong("cleanup.policy", "delete, compact or compact,delete", value);
      (policy == "delete" ? settings.deletes : settings.compacts) = true;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    if (!settings.deletes && !settings.compacts) return wrong("cleanup.policy", "delete, compact or compact,delete", value);
    return {};
  }

  Result<void> compression(TopicSettings& settings, const std::string& value) const {
    if (value == "producer") {
      settings.compression.reset();
      return {};
    }
    settings.compression = compression_by_name(value);
    if (!settings.compression) {
      return wrong("compression.type", "producer, uncompressed, gzip, snappy, lz4 or zstd", value);
    }
    return {};
  }

  Error wrong(std::string_view key, std::string_view must_be, std::string_view value) const {
    return invalid(std::string(key) + " must be " + std::string(must_be) + ", not \"" + std::string(value) + "\"");
  }
  Error invalid(const std::string& what) const {
    return Error{ErrorKind::kInvalidArgument, "topic \"" + spec_.name + "\": " + what};
  }

  const TopicSpec& spec_;
};

}  // namespace

Result<TopicSettings> read_topic(const TopicSpec& spec) {
  const Reader reader(spec);
  TIDEMILL_TRY(reader.name());
  return reader.settings();
}

}  // namespace tidemill
