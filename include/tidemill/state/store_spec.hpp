// StoreSpec: a state store as data, before anything is open.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace tidemill {

enum class StoreKind : std::uint8_t {
  kKeyValue,             // value
  kTimestampedKeyValue,  // i64 timestamp, value; its changelog has the plain value with the record's timestamp
  kWindow,
  kTimestampedWindow,
  kSession,
  kVersionedKeyValue,
  kChangeBuffer,  // what suppress() holds back; in memory
  kJoinBuffer,    // what a stream-table join with a grace period holds back
  kCustom,
};
enum class StoreEngineKind : std::uint8_t { kDefault, kPersistent, kInMemory };

struct StoreSpec {
  std::string name;
  StoreKind kind = StoreKind::kTimestampedKeyValue;
  StoreEngineKind engine = StoreEngineKind::kDefault;
  bool caching = false;
  bool logging = true;
  /// On top of the defaults of its changelog topic.
  std::map<std::string, std::string> log_config;
  /// Windows, sessions, versions: those older than the newest by that go. Of a join's buffer: the grace period.
  std::chrono::milliseconds retention{0};
  std::chrono::milliseconds window_size{0};
  std::chrono::milliseconds segment_interval{0};
  bool retain_duplicates = false;
  /// Keys and values: a put adds to a list.
  bool list_values = false;
  /// Keys and values in memory: the key used longest ago is evicted when there are more; zero: no bound.
  std::size_t max_entries = 0;
  /// Windows and sessions are walked by time, then key, also where the engine would walk them by key: for who emits closed ones.
  bool time_ordered = false;
  /// A source topic that serves as changelog (tables read directly, read-only stores); empty: a topic of its own.
  std::string source_topic_as_changelog;

  [[nodiscard]] bool timestamped() const {
    return kind == StoreKind::kTimestampedKeyValue || kind == StoreKind::kTimestampedWindow;
  }
  bool operator==(const StoreSpec&) const = default;
};

}  // namespace tidemill
