// A table's store as the nodes of the DSL use it: values with their timestamps, or with all their versions.
#pragma once

#include <optional>

#include <tidemill/processor/operator_node.hpp>
#include <tidemill/state/key_value_store.hpp>
#include <tidemill/state/versioned_bytes.hpp>

namespace tidemill::detail {

inline Timestamp later(Timestamp a, Timestamp b) { return a < b ? b : a; }

/// What one sees of a table whose changes wait in a cache.
enum class TableView : std::uint8_t {
  kLatest,     // the newest values, also of changes that nobody has been told of yet
  kForwarded,  // what has been passed on
};
/// That of the joins of tables. What they make of both sides stays right only when they see of the other one what it has told
/// them: else a row that is deleted before it was passed on would leave its joined rows behind, and two rows that are deleted
/// together would each find the other gone and say nothing. Java's is kLatest.
[[nodiscard]] TableView view_of_table_joins(const TaskContext& task);

/// A timestamped key-value store as the DSL's nodes use it: typed, with its cache's forwarding.
template <class K, class V>
class TimestampedTable {
 public:
  using Old = std::optional<ValueAndTimestamp<V>>;
  TimestampedTable(Serde<K> key_serde, Serde<V> value_serde)
      : key_serde_(std::move(key_serde)), value_serde_(std::move(value_serde)) {}

  void open(StateStore& store) {
    store_ = &store;
    versions_ = store.versioned();
  }
  /// `forward(key, Change, context)` for entries that the cache writes. True: there is a cache.
  template <class Forward>
  bool forward_through_cache(bool send_old_values, Forward forward) {
    cached_ = store_->set_flush_listener(
        [this, forward](const CacheFlush& flush) {
          const K key = key_serde_.deserialize(store_->topic(), flush.key);
          const Old now = decode(flush.new_value);
          const Old old = decode(flush.old_value);
          const Change change{now ? &now->value : nullptr, old ? &old->value : nullptr, true};
          RecordContext context = *flush.context;
          if (now) context.timestamp = now->timestamp;
          forward(key, change, context);
        },
        send_old_values);
    return cached_;
  }
  [[nodiscard]] bool cached() const { return cached_; }
  [[nodiscard]] Old get(const K& key, TableView view = TableView::kLatest) {
    key_bytes_.clear();
    key_serde_.serialize(store_->topic(), key, key_bytes_);
    if (versions_ != nullptr) return found(versions_->latest(key_bytes_));
    const bool there =
        view == TableView::kLatest ? store_->get(key_bytes_, value_bytes_) : store_->get_forwarded(key_bytes_, value_bytes_);
    if (!there) return std::nullopt;
    return decode(BytesView(value_bytes_));
  }
  /// What was valid at that time, of a versioned store; else what is.
  [[nodiscard]] Old get_as_of(const K& key, Timestamp time) {
    if (versions_ == nullptr) return get(key);
    key_bytes_.clear();
    key_serde_.serialize(store_->topic(), key, key_bytes_);
    return found(versions_->as_of(key_bytes_, time));
  }
  enum class Put : std::uint8_t { kLatest, kOlder, kRefused };
  /// `record_time`: that of the record at work, under which a deletion is written to the changelog, as Java does.
  Put put(const K& key, const V* value, Timestamp timestamp, Timestamp record_time) {
    key_bytes_.clear();
    key_serde_.serialize(store_->topic(), key, key_bytes_);
    value_bytes_.clear();
    if (value != nullptr && versions_ == nullptr) append_timestamp(timestamp, value_bytes_);
    if (value != nullptr) value_serde_.serialize(store_->topic(), *value, value_bytes_);
    const OptionalBytesView bytes = value != nullptr ? OptionalBytesView(value_bytes_) : std::nullopt;
    if (versions_ == nullptr) {
      store_->put(key_bytes_, bytes, value != nullptr ? timestamp : record_time);
      return Put::kLatest;
    }
    const std::int64_t answer = versions_->put_version(key_bytes_, bytes, timestamp);
    return answer == VersionedBytesStore::kNotPut   ? Put::kRefused
           : answer == VersionedBytesStore::kLatest ? Put::kLatest
                                                    : Put::kOlder;
  }

 private:
  [[nodiscard]] Old decode(OptionalBytesView stored) const {
    if (!stored) return std::nullopt;
    const auto [timestamp, plain] = split_timestamp(*stored);
    return ValueAndTimestamp<V>{value_serde_.deserialize(store_->topic(), plain), timestamp};
  }
  [[nodiscard]] Old found(std::optional<VersionedBytesStore::Found> version) const {
    if (!version) return std::nullopt;
    return ValueAndTimestamp<V>{value_serde_.deserialize(store_->topic(), version->value), version->valid_from};
  }
  StateStore* store_ = nullptr;
  VersionedBytesStore* versions_ = nullptr;
  Serde<K> key_serde_;
  Serde<V> value_serde_;
  Bytes key_bytes_;
  Bytes value_bytes_;
  bool cached_ = false;
};

}  // namespace tidemill::detail
