#include "log/topic_config.hpp"

#include <algorithm>
#include <charconv>

#include "log/compression.hpp"

namespace tidemill {
namespace {

constexpr std::size_t kNameBytesMax = 249;
constexpr std::int32_t kPartitionsMax = 10000;
constexpr std::string_view kNumbers[] = {"retention.ms",       "retention.bytes",       "segment.bytes",
                                         "segment.ms",         "max.message.bytes",     "min.compaction.lag.ms",
                                         "delete.retention.ms", "max.compaction.lag.ms", "min.insync.replicas"};

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Error invalid(const TopicSpec& spec, const std::string& what) {
  return Error{ErrorKind::kInvalidArgument, "topic \"" + spec.name + "\": " + what};
}

}  // namespace

Result<void> check_topic(const TopicSpec& spec) {
  const auto legal = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  };
  if (spec.name.empty() || spec.name.size() > kNameBytesMax || spec.name == "." || spec.name == ".." ||
      !std::all_of(spec.name.begin(), spec.name.end(), legal)) {
    return invalid(spec, "a name has 1 to 249 of the characters a-z A-Z 0-9 . _ - and is not . or ..");
  }
  if (spec.partitions > kPartitionsMax) {
    return invalid(spec, std::to_string(spec.partitions) + " partitions; at most " + std::to_string(kPartitionsMax));
  }
  for (const auto& [key, value] : spec.config) {
    if (std::find(std::begin(kNumbers), std::end(kNumbers), key) != std::end(kNumbers)) {
      if (!number(value)) return invalid(spec, key + " must be a whole number, not \"" + value + "\"");
      if (key == "segment.bytes" && *number(value) < 14) return invalid(spec, "segment.bytes must be at least 14");
    } else if (key == "cleanup.policy") {
      if (value != "delete" && value != "compact" && value != "compact,delete" && value != "delete,compact") {
        return invalid(spec, "cleanup.policy must be delete, compact or compact,delete, not \"" + value + "\"");
      }
    } else if (key == "compression.type") {
      if (!compression_by_name(value)) {
        return invalid(spec, "compression.type must be none, gzip, snappy, lz4, zstd or producer, not \"" + value + "\"");
      }
    } else if (key == "message.timestamp.type") {
      if (value != "CreateTime") return invalid(spec, "message.timestamp.type must be CreateTime, not \"" + value + "\"");
    } else if (key != "min.cleanable.dirty.ratio") {
      return invalid(spec, "there is no configuration \"" + key + "\"");
    }
  }
  return {};
}

Retention read_retention(const TopicSpec& spec) {
  const auto get = [&](const char* key) -> std::optional<std::int64_t> {
    const auto found = spec.config.find(key);
    if (found == spec.config.end()) return std::nullopt;
    return number(found->second);
  };
  const auto policy = spec.config.find("cleanup.policy");
  if (policy != spec.config.end() && policy->second.find("delete") == std::string::npos) return {};
  Retention retention;
  if (const auto ms = get("retention.ms"); ms && *ms >= 0) retention.time = std::chrono::milliseconds(*ms);
  if (const auto bytes = get("retention.bytes"); bytes && *bytes >= 0) retention.bytes = *bytes;
  return retention;
}

}  // namespace tidemill
