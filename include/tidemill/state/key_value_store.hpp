// KeyValueStore<K, V>: the typed face of a key-value store. Two serdes over StateStore; nothing else is typed.
#pragma once

#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <tidemill/serde/serde.hpp>
#include <tidemill/state/state_store.hpp>

namespace tidemill {

template <class V>
struct ValueAndTimestamp {
  V value;
  Timestamp timestamp;
  bool operator==(const ValueAndTimestamp&) const = default;
};

/// i64 big-endian timestamp in front of the plain value: the form of timestamped stores.
void append_timestamp(Timestamp timestamp, Bytes& out);
/// Splits; StateStoreException when shorter than eight bytes.
std::pair<Timestamp, BytesView> split_timestamp(BytesView stored);

/// The stored form of timestamped stores, so that processors can read a table's store with its timestamps.
template <class V>
  requires HasSerde<V>
struct SerdeOf<ValueAndTimestamp<V>> {
  static Serde<ValueAndTimestamp<V>> serde() {
    return {[](const void*, std::string_view topic, const ValueAndTimestamp<V>& value, Bytes& out) {
              append_timestamp(value.timestamp, out);
              SerdeOf<V>::serde().serialize(topic, value.value, out);
            },
            [](const void*, std::string_view topic, BytesView bytes) {
              const auto [timestamp, plain] = split_timestamp(bytes);
              return ValueAndTimestamp<V>{SerdeOf<V>::serde().deserialize(topic, plain), timestamp};
            }};
  }
};

/// Rows whose keys begin with `prefix`, in key order.
[[nodiscard]] std::unique_ptr<BytesIterator> prefix_scan(StateStore& store, BytesView prefix);

namespace detail {
/// std::out_of_range: the walk is at its end.
[[noreturn]] void throw_no_row();
/// The row where the walk is. Null rows: there are none.
[[nodiscard]] inline BytesIterator& row_at(const std::unique_ptr<BytesIterator>& rows) {
  if (rows == nullptr || !rows->valid()) [[unlikely]]
    throw_no_row();
  return *rows;
}
}  // namespace detail

/// Walks the rows of its beginning by their key bytes, with values of then or later: none put in since, removed ones perhaps. Good
/// while the task or the driver has the store; the object that it was asked of may go.
template <class K, class V>
class KeyValueIterator {
 public:
  KeyValueIterator(std::unique_ptr<BytesIterator> rows, const StateStore& store, Serde<K> key_serde, Serde<V> value_serde)
      : rows_(std::move(rows)), topic_(store.topic()), key_serde_(std::move(key_serde)), value_serde_(std::move(value_serde)) {}
  [[nodiscard]] bool valid() const { return rows_ && rows_->valid(); }
  /// std::out_of_range, here and below: there is none any more, which valid() says.
  [[nodiscard]] K key() const { return key_serde_.deserialize(topic_, detail::row_at(rows_).key()); }
  [[nodiscard]] V value() const { return value_serde_.deserialize(topic_, detail::row_at(rows_).value()); }
  void next() { detail::row_at(rows_).next(); }

 private:
  std::unique_ptr<BytesIterator> rows_;
  std::string_view topic_;  // the store's
  Serde<K> key_serde_;
  Serde<V> value_serde_;
};

/// Reads of a key-value store; also what interactive queries give.
template <class K, class V>
class ReadOnlyKeyValueStore {
 public:
  virtual ~ReadOnlyKeyValueStore() = default;
  [[nodiscard]] virtual std::optional<V> get(const K& key) = 0;
  /// Both bounds inclusive, null: open; order of key bytes.
  [[nodiscard]] virtual KeyValueIterator<K, V> range(const K* from, const K* to) = 0;
  [[nodiscard]] virtual KeyValueIterator<K, V> reverse_range(const K* from, const K* to) = 0;
  /// Keys whose bytes begin with the prefix's, as its serde makes them.
  template <class P>
  [[nodiscard]] KeyValueIterator<K, V> prefix_scan(const P& prefix, const Serde<P>& serde) {
    Bytes bytes;
    serde.serialize({}, prefix, bytes);
    return prefix_scan(BytesView(bytes));
  }
  template <class P>
    requires HasSerde<P>
  [[nodiscard]] KeyValueIterator<K, V> prefix_scan(const P& prefix) { return prefix_scan(prefix, SerdeOf<P>::serde()); }
  /// The bytes themselves, or text.
  [[nodiscard]] virtual KeyValueIterator<K, V> prefix_scan(BytesView prefix) = 0;
  [[nodiscard]] KeyValueIterator<K, V> all() { return range(nullptr, nullptr); }
  [[nodiscard]] KeyValueIterator<K, V> reverse_all() { return reverse_range(nullptr, nullptr); }
  [[nodiscard]] virtual std::uint64_t approximate_num_entries() = 0;
};

template <class K, class V>
class KeyValueStore final : public ReadOnlyKeyValueStore<K, V> {
 public:
  /// `timestamp` gives the timestamp of plain puts: that of the record being processed.
  KeyValueStore(StateStore& store, Serde<K> key_serde, Serde<V> value_serde, const RecordContext* const& context)
      : store_(store), key_serde_(std::move(key_serde)), value_serde_(std::move(value_serde)), context_(context) {}

  [[nodiscard]] std::optional<V> get(const K& key) override {
    if (!store_.get(encode_key(key), value_)) return std::nullopt;
    return value_serde_.deserialize(store_.topic(), value_);
  }
  void put(const K& key, const V& value) {
    value_.clear();
    value_serde_.serialize(store_.topic(), value, value_);
    store_.put(encode_key(key), BytesView(value_), timestamp());
  }
  /// Null deletes.
  void put(const K& key, const V* value) {
    if (value != nullptr) return put(key, *value);
    store_.put(encode_key(key), std::nullopt, timestamp());
  }
  /// A literal 0 is a number, not null.
  template <std::integral Number>
    requires std::is_arithmetic_v<V>
  void put(const K& key, Number value) { put(key, static_cast<const V&>(static_cast<V>(value))); }
  /// `entries`: a container of pairs of key and value.
  template <class Entries>
  void put_all(const Entries& entries) {
    std::vector<std::pair<Bytes, Bytes>> rows;
    for (const auto& [key, value] : entries) {
      auto& [key_bytes, value_bytes] = rows.emplace_back();
      key_serde_.serialize(store_.topic(), key, key_bytes);
      value_serde_.serialize(store_.topic(), value, value_bytes);
    }
    store_.put_all(rows, timestamp());
  }
  /// Puts only where there is nothing; returns what was there.
  std::optional<V> put_if_absent(const K& key, const V& value) {
    std::optional<V> old = get(key);
    if (!old) put(key, value);
    return old;
  }
  std::optional<V> remove(const K& key) {
    std::optional<V> old = get(key);
    store_.put(encode_key(key), std::nullopt, timestamp());
    return old;
  }
  /// `fn(std::optional<V>&)`: what it leaves is stored; nullopt deletes.
  template <class F>
  void update(const K& key, F&& fn) {
    std::optional<V> value = get(key);
    fn(value);
    if (value) {
      put(key, *value);
    } else {
      store_.put(encode_key(key), std::nullopt, timestamp());
    }
  }
  [[nodiscard]] KeyValueIterator<K, V> range(const K* from, const K* to) override {
    return iterate(from, to, Direction::kForward);
  }
  [[nodiscard]] KeyValueIterator<K, V> reverse_range(const K* from, const K* to) override {
    return iterate(from, to, Direction::kReverse);
  }
  using ReadOnlyKeyValueStore<K, V>::prefix_scan;
  [[nodiscard]] KeyValueIterator<K, V> prefix_scan(BytesView prefix) override {
    return KeyValueIterator<K, V>(tidemill::prefix_scan(store_, prefix), store_, key_serde_, value_serde_);
  }
  [[nodiscard]] std::uint64_t approximate_num_entries() override { return store_.approximate_num_entries(); }
  [[nodiscard]] const std::string& name() const { return store_.name(); }
  [[nodiscard]] StateStore& bytes() { return store_; }

 private:
  [[nodiscard]] BytesView encode_key(const K& key) {
    key_.clear();
    key_serde_.serialize(store_.topic(), key, key_);
    return key_;
  }
  [[nodiscard]] Timestamp timestamp() const { return context_ != nullptr ? context_->timestamp : kNoTimestamp; }
  KeyValueIterator<K, V> iterate(const K* from, const K* to, Direction direction) {
    Bytes from_bytes;
    Bytes to_bytes;
    if (from != nullptr) key_serde_.serialize(store_.topic(), *from, from_bytes);
    if (to != nullptr) key_serde_.serialize(store_.topic(), *to, to_bytes);
    BytesRange range{.from = from ? OptionalBytesView(from_bytes) : std::nullopt,
                     .to = to ? OptionalBytesView(to_bytes) : std::nullopt,
                     .direction = direction};
    return KeyValueIterator<K, V>(store_.range(range), store_, key_serde_, value_serde_);
  }

  StateStore& store_;
  Serde<K> key_serde_;
  Serde<V> value_serde_;
  const RecordContext* const& context_;
  Bytes key_;
  Bytes value_;
};

}  // namespace tidemill
