// The questions, typed: what a store is asked (with query()) and what it answers. Bounds are inclusive, std::nullopt is open.
//
// V is the type of the values; ValueAndTimestamp<V> asks for the timestamps, too, which a store must then have.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include <tidemill/query/store_queries.hpp>
#include <tidemill/state/key_value_store.hpp>
#include <tidemill/state/versioned_store.hpp>

namespace tidemill {

namespace detail {
template <class V>
inline constexpr bool kWithTimestamp = false;
template <class V>
inline constexpr bool kWithTimestamp<ValueAndTimestamp<V>> = true;

template <class V>
V read_value(const Serde<V>& serde, const StoreRows& found, BytesView stored) {
  return serde.deserialize(found.topic, found.timestamped && !kWithTimestamp<V> ? split_timestamp(stored).second : stored);
}
template <class K>
Bytes key_bytes(const Serde<K>& serde, std::string_view topic, const K& key) {
  Bytes bytes;
  serde.serialize(topic, key, bytes);
  return bytes;
}
template <class K>
OptionalBytes key_bytes(const Serde<K>& serde, std::string_view topic, const std::optional<K>& key) {
  return key ? OptionalBytes(key_bytes(serde, topic, *key)) : std::nullopt;
}
/// A pair of each row: what `first` makes of it, and its value.
template <class V, class First>
auto read_pairs(const Serde<V>& serde, const StoreRows& found, const First& first) {
  std::vector<std::pair<decltype(first(found.rows.front())), V>> pairs;
  for (const StoreRow& row : found.rows) pairs.emplace_back(first(row), read_value(serde, found, row.value));
  return pairs;
}
template <class V>
VersionedRecord<V> read_version(const Serde<V>& serde, const StoreRows& found, const StoreRow& row) {
  return {serde.deserialize(found.topic, row.value), row.window.start,
          row.window.end == kNoTimestamp ? std::nullopt : std::optional(row.window.end)};
}
}  // namespace detail

/// The value of a key.
template <class K, class V>
struct KeyQuery {
  using Answer = std::optional<V>;
  K key;
  /// What the store's cache holds is not seen.
  bool skip_cache = false;
  Serde<K> key_serde = SerdeOf<K>::serde();
  Serde<V> value_serde = SerdeOf<V>::serde();

  [[nodiscard]] StoreQuery in_bytes(std::string_view topic) const {
    return {.kind = StoreQuery::Kind::kKey,
            .name = detail::kWithTimestamp<V> ? "TimestampedKeyQuery" : "KeyQuery",
            .with_timestamp = detail::kWithTimestamp<V>,
            .skip_cache = skip_cache,
            .from = detail::key_bytes(key_serde, topic, key)};
  }
  [[nodiscard]] Answer read(const StoreRows& found) const {
    if (found.rows.empty()) return std::nullopt;
    return detail::read_value(value_serde, found, found.rows.front().value);
  }
};
template <class K, class V>
using TimestampedKeyQuery = KeyQuery<K, ValueAndTimestamp<V>>;

/// Keys and values, in the order of the keys' bytes.
template <class K, class V>
struct RangeQuery {
  using Answer = std::vector<std::pair<K, V>>;
  std::optional<K> lower = std::nullopt;
  std::optional<K> upper = std::nullopt;
  Direction order = Direction::kForward;
  /// At most so many rows of each partition; 0: no limit.
  std::size_t limit = 0;
  Serde<K> key_serde = SerdeOf<K>::serde();
  Serde<V> value_serde = SerdeOf<V>::serde();

  [[nodiscard]] StoreQuery in_bytes(std::string_view topic) const {
    return {.kind = StoreQuery::Kind::kRange,
            .name = detail::kWithTimestamp<V> ? "TimestampedRangeQuery" : "RangeQuery",
            .with_timestamp = detail::kWithTimestamp<V>,
            .from = detail::key_bytes(key_serde, topic, lower),
            .to = detail::key_bytes(key_serde, topic, upper),
            .direction = order,
            .limit = limit};
  }
  [[nodiscard]] Answer read(const StoreRows& found) const {
    return detail::read_pairs(value_serde, found,
                              [&](const StoreRow& row) { return key_serde.deserialize(found.topic, row.key); });
  }
};
template <class K, class V>
using TimestampedRangeQuery = RangeQuery<K, ValueAndTimestamp<V>>;

/// A key's windows that start in the times: each window's start and its value.
template <class K, class V>
struct WindowKeyQuery {
  using Answer = std::vector<std::pair<Timestamp, V>>;
  K key;
  Timestamp time_from{0};
  Timestamp time_to = kMaxTimestamp;
  Serde<K> key_serde = SerdeOf<K>::serde();
  Serde<V> value_serde = SerdeOf<V>::serde();

  [[nodiscard]] StoreQuery in_bytes(std::string_view topic) const {
    Bytes bytes = detail::key_bytes(key_serde, topic, key);
    return {.kind = StoreQuery::Kind::kWindows,
            .name = "WindowKeyQuery",
            .with_timestamp = detail::kWithTimestamp<V>,
            .from = bytes,
            .to = bytes,
            .time_from = time_from,
            .time_to = time_to};
  }
  [[nodiscard]] Answer read(const StoreRows& found) const {
    return detail::read_pairs(value_serde, found, [](const StoreRow& row) { return row.window.start; });
  }
};

/// With a key: its sessions, all of them. Without: all keys' windows that start in the times.
template <class K, class V>
struct WindowRangeQuery {
  using Answer = std::vector<std::pair<Windowed<K>, V>>;
  std::optional<K> key = std::nullopt;
  Timestamp time_from{0};
  Timestamp time_to = kMaxTimestamp;
  Serde<K> key_serde = SerdeOf<K>::serde();
  Serde<V> value_serde = SerdeOf<V>::serde();

  [[nodiscard]] StoreQuery in_bytes(std::string_view topic) const {
    OptionalBytes bytes = detail::key_bytes(key_serde, topic, key);
    return {.kind = key ? StoreQuery::Kind::kSessions : StoreQuery::Kind::kWindows,
            .name = key ? "WindowRangeQuery with a key" : "WindowRangeQuery without a key",
            .with_timestamp = detail::kWithTimestamp<V>,
            .from = bytes,
            .to = bytes,
            .time_from = time_from,
            .time_to = time_to};
  }
  [[nodiscard]] Answer read(const StoreRows& found) const {
    return detail::read_pairs(value_serde, found, [&](const StoreRow& row) {
      return Windowed<K>{key_serde.deserialize(found.topic, row.key), row.window};
    });
  }
};

/// A key's latest value, or the one that was valid at a time.
template <class K, class V>
struct VersionedKeyQuery {
  using Answer = std::optional<VersionedRecord<V>>;
  K key;
  std::optional<Timestamp> as_of = std::nullopt;
  Serde<K> key_serde = SerdeOf<K>::serde();
  Serde<V> value_serde = SerdeOf<V>::serde();

  [[nodiscard]] StoreQuery in_bytes(std::string_view topic) const {
    return {.kind = StoreQuery::Kind::kVersion,
            .name = "VersionedKeyQuery",
            .from = detail::key_bytes(key_serde, topic, key),
            .time_to = as_of.value_or(kMaxTimestamp)};
  }
  [[nodiscard]] Answer read(const StoreRows& found) const {
    if (found.rows.empty()) return std::nullopt;
    return detail::read_version(value_serde, found, found.rows.front());
  }
};

/// A key's values that were valid at some moment of the times; the newest first, unless asked otherwise.
template <class K, class V>
struct MultiVersionedKeyQuery {
  using Answer = std::vector<VersionedRecord<V>>;
  K key;
  std::optional<Timestamp> from_time = std::nullopt;
  std::optional<Timestamp> to_time = std::nullopt;
  /// kForward: the oldest first.
  Direction order = Direction::kReverse;
  Serde<K> key_serde = SerdeOf<K>::serde();
  Serde<V> value_serde = SerdeOf<V>::serde();

  [[nodiscard]] StoreQuery in_bytes(std::string_view topic) const {
    return {.kind = StoreQuery::Kind::kVersions,
            .name = "MultiVersionedKeyQuery",
            .from = detail::key_bytes(key_serde, topic, key),
            .time_from = from_time.value_or(Timestamp(INT64_MIN)),
            .time_to = to_time.value_or(kMaxTimestamp),
            .direction = order};
  }
  [[nodiscard]] Answer read(const StoreRows& found) const {
    Answer answer;
    for (const StoreRow& row : found.rows) answer.push_back(detail::read_version(value_serde, found, row));
    return answer;
  }
};

}  // namespace tidemill
