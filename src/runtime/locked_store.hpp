// A global store as the tasks see it: read under the lock of all global stores, written by nobody but the global thread. What a
// walk gives is copied, so that nobody holds the lock while somebody else's code runs.
#pragma once

#include <mutex>

#include <tidemill/state/versioned_bytes.hpp>
#include <tidemill/state/window_bytes.hpp>

namespace tidemill::runtime {

class LockedStore final : public StateStore, public WindowBytesStore, public SessionBytesStore, public VersionedBytesStore {
 public:
  LockedStore(StateStore& store, std::recursive_mutex& mutex) : store_(store), mutex_(mutex) { set_topic(store.topic()); }
  [[nodiscard]] const StoreSpec& spec() const override { return store_.spec(); }

  bool get(BytesView key, Bytes& value) override;
  std::unique_ptr<BytesIterator> range(const BytesRange& range) override;
  [[nodiscard]] std::uint64_t approximate_num_entries() override;
  bool read_custom(const std::function<void(const CustomStore&)>& job) override;
  bool set_flush_listener(CacheFlushListener, bool) override { return false; }
  void flush_cache() override {}

  [[nodiscard]] WindowBytesStore* windows() override { return store_.windows() != nullptr ? this : nullptr; }
  bool fetch(BytesView key, Timestamp start, Bytes& value) override;
  std::unique_ptr<BytesIterator> fetch(const WindowRange& range) override;
  [[nodiscard]] SessionBytesStore* sessions() override { return store_.sessions() != nullptr ? this : nullptr; }
  bool fetch_session(BytesView key, const Window& session, Bytes& value) override;
  std::unique_ptr<BytesIterator> find_sessions(const SessionRange& range) override;
  [[nodiscard]] VersionedBytesStore* versioned() override { return store_.versioned() != nullptr ? this : nullptr; }
  std::optional<Found> latest(BytesView key) override;
  std::optional<Found> as_of(BytesView key, Timestamp time) override;

  // StreamsException.
  void put(BytesView, OptionalBytesView, Timestamp) override { refuse(); }
  void put(BytesView, OptionalBytesView, Timestamp, Timestamp) override { refuse(); }
  void put_session(BytesView, OptionalBytesView, const Window&, Timestamp) override { refuse(); }
  void remove_session(BytesView, const Window&, Timestamp) override { refuse(); }
  std::int64_t put_version(BytesView, OptionalBytesView, Timestamp) override { refuse(); }

 private:
  [[noreturn]] void refuse() const;
  StateStore& store_;
  std::recursive_mutex& mutex_;
};

}  // namespace tidemill::runtime
