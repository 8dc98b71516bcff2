// WindowStore<K, V> and SessionStore<K, V>: the typed faces of window and session stores.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <tidemill/serde/windowed.hpp>
#include <tidemill/state/key_value_store.hpp>
#include <tidemill/state/window_bytes.hpp>

namespace tidemill {

/// Walks windows or sessions, while the task or the driver has them. Decodes as it goes.
template <class K, class V>
class WindowedIterator {
 public:
  using Split = Windowed<BytesView> (*)(BytesView row, std::chrono::milliseconds size);
  WindowedIterator(std::unique_ptr<BytesIterator> rows, const StateStore& store, Serde<K> key_serde, Serde<V> value_serde,
                   Split split, std::chrono::milliseconds size)
      : rows_(std::move(rows)),
        topic_(store.topic()),
        key_serde_(std::move(key_serde)),
        value_serde_(std::move(value_serde)),
        split_(split),
        size_(size) {}
  [[nodiscard]] bool valid() const { return rows_ && rows_->valid(); }
  /// std::out_of_range, here and below: there is none any more, which valid() says.
  [[nodiscard]] Windowed<K> key() const {
    const Windowed<BytesView> split = split_(detail::row_at(rows_).key(), size_);
    return {key_serde_.deserialize(topic_, split.key), split.window};
  }
  [[nodiscard]] V value() const { return value_serde_.deserialize(topic_, detail::row_at(rows_).value()); }
  void next() { detail::row_at(rows_).next(); }

 private:
  std::unique_ptr<BytesIterator> rows_;
  std::string_view topic_;  // the store's
  Serde<K> key_serde_;
  Serde<V> value_serde_;
  Split split_;
  std::chrono::milliseconds size_;
};

namespace detail {
[[nodiscard]] Windowed<BytesView> window_of_row(BytesView row, std::chrono::milliseconds size);
[[nodiscard]] Windowed<BytesView> session_of_row(BytesView row, std::chrono::milliseconds);
/// StateStoreException when the store is of another kind.
[[nodiscard]] WindowBytesStore& windows_of(StateStore& store);
[[nodiscard]] SessionBytesStore& sessions_of(StateStore& store);
/// Encodes the bounds of a range, where it has them.
template <class K>
class KeyBounds {
 public:
  KeyBounds(const Serde<K>& serde, std::string_view topic, const K* from, const K* to) {
    if (from != nullptr) serde.serialize(topic, *from, from_.emplace());
    if (to != nullptr) serde.serialize(topic, *to, to_.emplace());
  }
  [[nodiscard]] OptionalBytesView from() const { return to_view(from_); }
  [[nodiscard]] OptionalBytesView to() const { return to_view(to_); }
  /// A range that ends before it begins has nothing in it.
  [[nodiscard]] bool empty() const { return from_ && to_ && *from_ > *to_; }

 private:
  OptionalBytes from_;
  OptionalBytes to_;
};
}  // namespace detail

/// Reads of a window store; also what interactive queries give. Times are those of the windows' starts, bounds are inclusive.
template <class K, class V>
class ReadOnlyWindowStore {
 public:
  using Iterator = WindowedIterator<K, V>;
  virtual ~ReadOnlyWindowStore() = default;
  [[nodiscard]] virtual std::optional<V> fetch(const K& key, Timestamp start) = 0;
  /// Null keys are open.
  [[nodiscard]] virtual Iterator walk(const K* from_key, const K* to_key, Timestamp from, Timestamp to,
                                      Direction direction) = 0;
  [[nodiscard]] Iterator fetch(const K& key, Timestamp from, Timestamp to) {
    return walk(&key, &key, from, to, Direction::kForward);
  }
  [[nodiscard]] Iterator backward_fetch(const K& key, Timestamp from, Timestamp to) {
    return walk(&key, &key, from, to, Direction::kReverse);
  }
  [[nodiscard]] Iterator fetch(const K& from_key, const K& to_key, Timestamp from, Timestamp to) {
    return walk(&from_key, &to_key, from, to, Direction::kForward);
  }
  [[nodiscard]] Iterator backward_fetch(const K& from_key, const K& to_key, Timestamp from, Timestamp to) {
    return walk(&from_key, &to_key, from, to, Direction::kReverse);
  }
  /// All keys; not the same as open bounds: see WindowRange.
  [[nodiscard]] virtual Iterator walk_all(Timestamp from, Timestamp to, Direction direction) {
    return walk(nullptr, nullptr, from, to, direction);
  }
  [[nodiscard]] Iterator fetch_all(Timestamp from, Timestamp to) { return walk_all(from, to, Direction::kForward); }
  [[nodiscard]] Iterator backward_fetch_all(Timestamp from, Timestamp to) { return walk_all(from, to, Direction::kReverse); }
  [[nodiscard]] Iterator all() { return fetch_all(Timestamp(0), kMaxTimestamp); }
  [[nodiscard]] Iterator backward_all() { return backward_fetch_all(Timestamp(0), kMaxTimestamp); }
};

template <class K, class V>
class WindowStore final : public ReadOnlyWindowStore<K, V> {
 public:
  using Iterator = WindowedIterator<K, V>;
  /// `context` gives the timestamp of puts: that of the record being processed.
  WindowStore(StateStore& store, Serde<K> key_serde, Serde<V> value_serde, const RecordContext* const& context)
      : store_(store),
        windows_(detail::windows_of(store)),
        key_serde_(std::move(key_serde)),
        value_serde_(std::move(value_serde)),
        context_(context) {}

  /// Null deletes.
  void put(const K& key, const V* value, Timestamp start) {
    encode_key(key);
    value_.clear();
    if (value != nullptr) value_serde_.serialize(store_.topic(), *value, value_);
    windows_.put(key_, value != nullptr ? OptionalBytesView(value_) : std::nullopt, start,
                 context_ != nullptr ? context_->timestamp : kNoTimestamp);
  }
  void put(const K& key, const V& value, Timestamp start) { put(key, &value, start); }
  /// A literal 0 is a number, not null.
  template <std::integral Number>
    requires std::is_arithmetic_v<V>
  void put(const K& key, Number value, Timestamp start) { put(key, static_cast<const V&>(static_cast<V>(value)), start); }

  using ReadOnlyWindowStore<K, V>::fetch;
  [[nodiscard]] std::optional<V> fetch(const K& key, Timestamp start) override {
    encode_key(key);
    if (!windows_.fetch(key_, start, value_)) return std::nullopt;
    return value_serde_.deserialize(store_.topic(), value_);
  }
  [[nodiscard]] Iterator walk(const K* from_key, const K* to_key, Timestamp from, Timestamp to, Direction direction) override {
    const detail::KeyBounds<K> keys(key_serde_, store_.topic(), from_key, to_key);
    std::unique_ptr<BytesIterator> rows;
    if (!keys.empty()) rows = windows_.fetch(WindowRange{keys.from(), keys.to(), from, to, direction});
    return iterator(std::move(rows));
  }
  [[nodiscard]] Iterator walk_all(Timestamp from, Timestamp to, Direction direction) override {
    return iterator(windows_.fetch({.from = from, .to = to, .direction = direction, .every_key = true}));
  }
  [[nodiscard]] const std::string& name() const { return store_.name(); }

 private:
  void encode_key(const K& key) {
    key_.clear();
    key_serde_.serialize(store_.topic(), key, key_);
  }
  [[nodiscard]] Iterator iterator(std::unique_ptr<BytesIterator> rows) const {
    return Iterator(std::move(rows), store_, key_serde_, value_serde_, detail::window_of_row, store_.spec().window_size);
  }
  StateStore& store_;
  WindowBytesStore& windows_;
  Serde<K> key_serde_;
  Serde<V> value_serde_;
  const RecordContext* const& context_;
  Bytes key_;
  Bytes value_;
};

/// Reads of a session store; also what interactive queries give.
template <class K, class V>
class ReadOnlySessionStore {
 public:
  using Iterator = WindowedIterator<K, V>;
  virtual ~ReadOnlySessionStore() = default;
  [[nodiscard]] virtual std::optional<V> fetch_session(const K& key, Timestamp start, Timestamp end) = 0;
  /// Sessions that end at `earliest_end` or later and start at `latest_start` or earlier. Null keys are open.
  [[nodiscard]] virtual Iterator walk(const K* from_key, const K* to_key, Timestamp earliest_end, Timestamp latest_start,
                                      Direction direction) = 0;
  [[nodiscard]] Iterator find_sessions(const K& key, Timestamp earliest_end, Timestamp latest_start) {
    return walk(&key, &key, earliest_end, latest_start, Direction::kForward);
  }
  [[nodiscard]] Iterator backward_find_sessions(const K& key, Timestamp earliest_end, Timestamp latest_start) {
    return walk(&key, &key, earliest_end, latest_start, Direction::kReverse);
  }
  [[nodiscard]] Iterator find_sessions(const K& from_key, const K& to_key, Timestamp earliest_end, Timestamp latest_start) {
    return walk(&from_key, &to_key, earliest_end, latest_start, Direction::kForward);
  }
  [[nodiscard]] Iterator backward_find_sessions(const K& from_key, const K& to_key, Timestamp earliest_end,
                                                Timestamp latest_start) {
    return walk(&from_key, &to_key, earliest_end, latest_start, Direction::kReverse);
  }
  [[nodiscard]] Iterator fetch(const K& key) { return find_sessions(key, Timestamp(0), kMaxTimestamp); }
  [[nodiscard]] Iterator backward_fetch(const K& key) { return backward_find_sessions(key, Timestamp(0), kMaxTimestamp); }
  /// Null keys are open.
  [[nodiscard]] Iterator fetch(const K* from_key, const K* to_key) {
    return walk(from_key, to_key, Timestamp(0), kMaxTimestamp, Direction::kForward);
  }
  [[nodiscard]] Iterator backward_fetch(const K* from_key, const K* to_key) {
    return walk(from_key, to_key, Timestamp(0), kMaxTimestamp, Direction::kReverse);
  }
};

template <class K, class V>
class SessionStore final : public ReadOnlySessionStore<K, V> {
 public:
  using Iterator = WindowedIterator<K, V>;
  SessionStore(StateStore& store, Serde<K> key_serde, Serde<V> value_serde, const RecordContext* const& context)
      : store_(store),
        sessions_(detail::sessions_of(store)),
        key_serde_(std::move(key_serde)),
        value_serde_(std::move(value_serde)),
        context_(context) {}

  /// Null deletes.
  void put(const Windowed<K>& session, const V* value) {
    encode_key(session.key);
    value_.clear();
    if (value != nullptr) value_serde_.serialize(store_.topic(), *value, value_);
    sessions_.put_session(key_, value != nullptr ? OptionalBytesView(value_) : std::nullopt, session.window, timestamp());
  }
  void put(const Windowed<K>& session, const V& value) { put(session, &value); }
  /// A literal 0 is a number, not null.
  template <std::integral Number>
    requires std::is_arithmetic_v<V>
  void put(const Windowed<K>& session, Number value) { put(session, static_cast<const V&>(static_cast<V>(value))); }
  void remove(const Windowed<K>& session) {
    encode_key(session.key);
    sessions_.remove_session(key_, session.window, timestamp());
  }
  [[nodiscard]] std::optional<V> fetch_session(const K& key, Timestamp start, Timestamp end) override {
    encode_key(key);
    if (!sessions_.fetch_session(key_, {start, end}, value_)) return std::nullopt;
    return value_serde_.deserialize(store_.topic(), value_);
  }
  [[nodiscard]] Iterator walk(const K* from_key, const K* to_key, Timestamp earliest_end, Timestamp latest_start,
                              Direction direction) override {
    const detail::KeyBounds<K> keys(key_serde_, store_.topic(), from_key, to_key);
    std::unique_ptr<BytesIterator> rows;
    if (!keys.empty()) {
      rows =
          sessions_.find_sessions(SessionRange{keys.from(), keys.to(), earliest_end, latest_start, kMaxTimestamp, direction});
    }
    return Iterator(std::move(rows), store_, key_serde_, value_serde_, detail::session_of_row, {});
  }
  [[nodiscard]] const std::string& name() const { return store_.name(); }

 private:
  void encode_key(const K& key) {
    key_.clear();
    key_serde_.serialize(store_.topic(), key, key_);
  }
  [[nodiscard]] Timestamp timestamp() const { return context_ != nullptr ? context_->timestamp : kNoTimestamp; }
  StateStore& store_;
  SessionBytesStore& sessions_;
  Serde<K> key_serde_;
  Serde<V> value_serde_;
  const RecordContext* const& context_;
  Bytes key_;
  Bytes value_;
};

}  // namespace tidemill
