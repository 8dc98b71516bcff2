// StateStore: a store as a processor meets it, still in bytes: the top of the layers metering, cache, change-logging,
// engine. Typed faces (KeyValueStore<K, V>) add two serdes. Used on the task's thread only.
//
// Members of this file throw StateStoreException when the layers below fail; user code does not catch it.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include <tidemill/base/record_context.hpp>
#include <tidemill/base/unique_function.hpp>
#include <tidemill/state/bytes_store.hpp>

namespace tidemill {

class StateStoreException : public std::runtime_error {
 public:
  explicit StateStoreException(Error error);
  [[nodiscard]] const Error& error() const { return error_; }

 private:
  Error error_;
};

/// Where changes leave to; the runtime implements it. Throws StateStoreException when the log refuses.
class ChangelogWriter {
 public:
  virtual ~ChangelogWriter() = default;
  /// A null value is a tombstone. Without a timestamp (kNoTimestamp) the record takes the producer's clock.
  virtual void append(const std::string& store, BytesView key, OptionalBytesView value, Timestamp timestamp,
                      const Headers& headers) = 0;
  void append(const std::string& store, BytesView key, OptionalBytesView value, Timestamp timestamp) {
    append(store, key, value, timestamp, Headers::none());
  }
};

/// What a dirty cache entry says when it is written: both values in store form (with timestamp where the store has
/// one), null: none. `old_value` is read only where asked for. The context is that of the entry's last update.
struct CacheFlush {
  BytesView key;
  OptionalBytesView new_value;
  OptionalBytesView old_value;
  const RecordContext* context = nullptr;
};
using CacheFlushListener = UniqueFunction<void(const CacheFlush&)>;

class WindowBytesStore;
class SessionBytesStore;
class ChangeBuffer;
class JoinBuffer;
class OuterJoinStore;
class VersionedBytesStore;
class CustomStore;

class StateStore {
 public:
  virtual ~StateStore() = default;
  [[nodiscard]] virtual const StoreSpec& spec() const = 0;
  [[nodiscard]] const std::string& name() const { return spec().name; }
  /// What serdes are told that the bytes belong to, as in Java: the changelog, also where there is none; the source topic that takes
  /// its place, or that a global store is read from.
  [[nodiscard]] const std::string& topic() const { return topic_; }
  /// Of who opens it.
  void set_topic(std::string topic) { topic_ = std::move(topic); }

  /// Reads through the cache. True and `value` replaced, or false.
  virtual bool get(BytesView key, Bytes& value) = 0;
  /// The same as of what has been passed on: where a change waits in the cache to be written, what was there before it.
  virtual bool get_forwarded(BytesView key, Bytes& value) { return get(key, value); }
  /// A null value deletes. `timestamp` is the changelog record's.
  virtual void put(BytesView key, OptionalBytesView value, Timestamp timestamp) = 0;
  /// The same for many rows: all are in the store before the first is written to the changelog.
  virtual void put_all(std::span<const std::pair<Bytes, Bytes>> rows, Timestamp timestamp);
  virtual std::unique_ptr<BytesIterator> range(const BytesRange& range) = 0;
  [[nodiscard]] virtual std::uint64_t approximate_num_entries() = 0;

  /// With caching: dirty entries are given to the listener when they are written; without: never called.
  /// True: there is a cache, so who puts must not forward by itself.
  virtual bool set_flush_listener(CacheFlushListener listener, bool send_old_values) = 0;
  /// Writes dirty entries in the order of their last update, each to the store and its changelog, then to the listener.
  virtual void flush_cache() = 0;

  /// What stores of other kinds do; null: this one is not of that kind.
  [[nodiscard]] virtual WindowBytesStore* windows() { return nullptr; }
  [[nodiscard]] virtual SessionBytesStore* sessions() { return nullptr; }
  [[nodiscard]] virtual ChangeBuffer* change_buffer() { return nullptr; }
  [[nodiscard]] virtual JoinBuffer* join_buffer() { return nullptr; }
  [[nodiscard]] virtual OuterJoinStore* outer_join() { return nullptr; }
  [[nodiscard]] virtual VersionedBytesStore* versioned() { return nullptr; }
  /// Also null while it is not open.
  [[nodiscard]] virtual CustomStore* custom() { return nullptr; }
  /// Runs `job` on a store of one's own kind, which nobody writes meanwhile. False: it is none, or not open.
  virtual bool read_custom(const std::function<void(const CustomStore&)>& job);

 private:
  std::string topic_;
};

}  // namespace tidemill
