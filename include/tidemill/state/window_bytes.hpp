// What window and session stores do, in bytes: below the typed faces, above segments, cache and changelog.
//
// A row's key is Java's: key, i64 start, i32 sequence number (0 unless the store keeps duplicates) for windows; key, i64 end,
// i64 start for sessions. Rows live in segments by the window's start (the session's end); what is older than the retention
// is not found any more, and its segment is dropped as a whole. A put that comes too late for that is counted as dropped,
// but is written to the changelog, as Java does.
#pragma once

#include <tidemill/serde/windowed.hpp>
#include <tidemill/state/state_store.hpp>

namespace tidemill {

/// Bounds are inclusive; a key of nullopt is open. Of the rows of a range with an open key, those that wait in a cache above a
/// persistent store come once for each segment of the range, as in Java; where `every_key` is asked for, they come once.
struct WindowRange {
  OptionalBytesView from_key = {};
  OptionalBytesView to_key = {};
  Timestamp from{0};
  Timestamp to = kMaxTimestamp;
  Direction direction = Direction::kForward;
  bool every_key = false;
  /// Also what the retention hides, as long as it is there.
  bool expired_too = false;
};

class WindowBytesStore {
 public:
  virtual ~WindowBytesStore() = default;
  /// True and `value` replaced, or false.
  virtual bool fetch(BytesView key, Timestamp start, Bytes& value) = 0;
  /// A null value deletes; where duplicates are kept it changes nothing. `timestamp` is the changelog record's.
  virtual void put(BytesView key, OptionalBytesView value, Timestamp start, Timestamp timestamp) = 0;
  /// Windows that start in the range. Keys as above.
  virtual std::unique_ptr<BytesIterator> fetch(const WindowRange& range) = 0;
};

/// Sessions that end at `earliest_end` or later (at the latest at `latest_end`), and start at `latest_start` or earlier.
struct SessionRange {
  OptionalBytesView from_key = {};
  OptionalBytesView to_key = {};
  Timestamp earliest_end{0};
  Timestamp latest_start = kMaxTimestamp;
  Timestamp latest_end = kMaxTimestamp;
  Direction direction = Direction::kForward;
  /// Also what the retention hides, as long as it is there.
  bool expired_too = false;
};
/// How long behind its retention a store keeps the windows that an aggregation emits when they close: it may look for them late.
[[nodiscard]] std::chrono::milliseconds kept_until_closed(const StoreSpec& spec);

class SessionBytesStore {
 public:
  virtual ~SessionBytesStore() = default;
  virtual bool fetch_session(BytesView key, const Window& session, Bytes& value) = 0;
  virtual void put_session(BytesView key, OptionalBytesView value, const Window& session, Timestamp timestamp) = 0;
  virtual void remove_session(BytesView key, const Window& session, Timestamp timestamp) = 0;
  virtual std::unique_ptr<BytesIterator> find_sessions(const SessionRange& range) = 0;
};

/// A window row's key without its suffix, its start; a session row's key, its times. StateStoreException: too short.
struct WindowRowKey {
  BytesView key;
  Timestamp start;
};
[[nodiscard]] WindowRowKey split_window_key(BytesView row);
struct SessionRowKey {
  BytesView key;
  Window session;
};
[[nodiscard]] SessionRowKey split_session_key(BytesView row);
void append_window_key(BytesView key, Timestamp start, std::int32_t sequence, Bytes& out);
void append_session_key(BytesView key, const Window& session, Bytes& out);

}  // namespace tidemill
