// VersionedKeyValueStore<K, V>: the typed face of a versioned store.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <tidemill/serde/serde.hpp>
#include <tidemill/state/versioned_bytes.hpp>

namespace tidemill {

template <class V>
struct VersionedRecord {
  V value;
  Timestamp timestamp;
  /// Where the next version begins; nullopt: it is valid still.
  std::optional<Timestamp> valid_to = {};
  bool operator==(const VersionedRecord&) const = default;
};

namespace detail {
/// StateStoreException when the store is of another kind.
[[nodiscard]] VersionedBytesStore& versions_of(StateStore& store);
}  // namespace detail

template <class K, class V>
class VersionedKeyValueStore {
 public:
  static constexpr std::int64_t kLatest = VersionedBytesStore::kLatest;
  static constexpr std::int64_t kNotPut = VersionedBytesStore::kNotPut;
  VersionedKeyValueStore(StateStore& store, Serde<K> key_serde, Serde<V> value_serde)
      : store_(store),
        versions_(detail::versions_of(store)),
        key_serde_(std::move(key_serde)),
        value_serde_(std::move(value_serde)) {}

  /// Where the next version begins, kLatest when there is none, kNotPut when it came too late. Null: deleted from then on.
  std::int64_t put(const K& key, const V* value, Timestamp valid_from) {
    encode_key(key);
    value_.clear();
    if (value != nullptr) value_serde_.serialize(store_.topic(), *value, value_);
    return versions_.put_version(key_, value != nullptr ? OptionalBytesView(value_) : std::nullopt, valid_from);
  }
  std::int64_t put(const K& key, const V& value, Timestamp valid_from) { return put(key, &value, valid_from); }
  /// A literal 0 is a number, not null.
  template <std::integral Number>
    requires std::is_arithmetic_v<V> std::int64_t put(const K& key, Number value, Timestamp valid_from) {
      return put(key, static_cast<const V&>(static_cast<V>(value)), valid_from);
    }
  /// What was valid at that time, and is deleted from then on.
  std::optional<VersionedRecord<V>> remove(const K& key, Timestamp valid_from) {
    encode_key(key);
    auto old = decode(versions_.as_of(key_, valid_from));
    if (versions_.put_version(key_, std::nullopt, valid_from) == kNotPut) return std::nullopt;
    return old;
  }
  [[nodiscard]] std::optional<VersionedRecord<V>> get(const K& key) {
    encode_key(key);
    return decode(versions_.latest(key_));
  }
  [[nodiscard]] std::optional<VersionedRecord<V>> get(const K& key, Timestamp as_of) {
    encode_key(key);
    return decode(versions_.as_of(key_, as_of));
  }
  [[nodiscard]] const std::string& name() const { return store_.name(); }

 private:
  void encode_key(const K& key) {
    key_.clear();
    key_serde_.serialize(store_.topic(), key, key_);
  }
  [[nodiscard]] std::optional<VersionedRecord<V>> decode(std::optional<VersionedBytesStore::Found> found) const {
    if (!found) return std::nullopt;
    VersionedRecord<V> record{value_serde_.deserialize(store_.topic(), found->value), found->valid_from};
    if (found->valid_to != kNoTimestamp) record.valid_to = found->valid_to;
    return record;
  }
  StateStore& store_;
  VersionedBytesStore& versions_;
  Serde<K> key_serde_;
  Serde<V> value_serde_;
  Bytes key_;
  Bytes value_;
};

}  // namespace tidemill
