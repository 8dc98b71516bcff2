// The session store's keys (key, end, start: Java's SessionKeySchema) and its questions, over SegmentedRows.
#include <tuple>

#include <tidemill/state/window_bytes.hpp>

#include "base/endian.hpp"
#include "state/windowed_stores.hpp"

namespace tidemill {
namespace {

constexpr std::size_t kSuffix = 16;  // i64 end, i64 start

Timestamp end_of(BytesView row) { return split_session_key(row).session.end; }

class SessionStoreStack final : public SegmentedStore, public SessionBytesStore {
 public:
  using SegmentedStore::SegmentedStore;
  SessionBytesStore* sessions() override { return this; }

  bool fetch_session(BytesView key, const Window& session, Bytes& value) override {
    return rows_.get(row_of(key, session), value);
  }
  void put_session(BytesView key, OptionalBytesView value, const Window& session, Timestamp timestamp) override {
    rows_.put(row_of(key, session), value, timestamp);
  }
  void remove_session(BytesView key, const Window& session, Timestamp timestamp) override {
    rows_.remove(row_of(key, session), timestamp);
  }

  std::unique_ptr<BytesIterator> find_sessions(const SessionRange& range) override {
    SegmentedRows::Scan scan;
    scan.from = range.earliest_end;
    scan.to = range.latest_end;
    scan.direction = range.direction;
    const bool one_key = range.from_key && range.to_key && *range.from_key == *range.to_key;
    if (range.from_key) {
      scan.lower = one_key ? row_of(*range.from_key, {Timestamp(0), std::max(range.earliest_end, Timestamp(0))})
                           : Bytes(*range.from_key);
    }
    if (range.to_key) {
      scan.upper = one_key ? row_of(*range.to_key, {kMaxTimestamp, range.latest_end}) : last_row_up_to(*range.to_key);
    }
    scan.accept = [from_key = to_owned(range.from_key), to_key = to_owned(range.to_key), earliest_end = range.earliest_end,
                   latest_start = range.latest_start, latest_end = range.latest_end](BytesView row) {
      const auto [key, session] = split_session_key(row);
      return session.end >= earliest_end && session.end <= latest_end && session.start <= latest_start &&
             (!from_key || key >= *from_key) && (!to_key || key <= *to_key);
    };
    // Closed ones are asked for by the time of their end; Java then looks at whole segments, and walks by that time.
    const bool closed = rows_.spec().time_ordered && range.latest_end != kMaxTimestamp;
    scan.expired_too = range.expired_too || (closed && rows_.spec().engine != StoreEngineKind::kInMemory);
    if (closed || rows_.spec().engine == StoreEngineKind::kInMemory) scan.before = order(range);
    return rows_.scan(std::move(scan));
  }
  std::unique_ptr<BytesIterator> range(const BytesRange& range) override {
    return find_sessions({.from_key = {}, .to_key = {}, .direction = range.direction});
  }

 private:
  /// By end, then key, then start; on disk, where closed ones are asked for, by end, then start, then key. As in Java.
  [[nodiscard]] std::function<bool(BytesView, BytesView)> order(const SessionRange& range) const {
    const bool forward = range.direction == Direction::kForward;
    const bool key_first = rows_.spec().engine == StoreEngineKind::kInMemory;
    return [forward, key_first](BytesView a, BytesView b) {
      const auto [a_key, a_session] = split_session_key(a);
      const auto [b_key, b_session] = split_session_key(b);
      const BytesView none;
      const auto x = std::tuple(a_session.end, key_first ? a_key : none, a_session.start, a_key);
      const auto y = std::tuple(b_session.end, key_first ? b_key : none, b_session.start, b_key);
      return forward ? x < y : y < x;
    };
  }
  BytesView row_of(BytesView key, const Window& session) {
    row_.clear();
    append_session_key(key, session, row_);
    return row_;
  }
  Bytes row_;
};

}  // namespace

void append_session_key(BytesView key, const Window& session, Bytes& out) {
  out.append(key);
  append_big_endian(out, session.end.value);
  append_big_endian(out, session.start.value);
}

SessionRowKey split_session_key(BytesView row) {
  if (row.size() < kSuffix) {
    throw StateStoreException(Error{ErrorKind::kCorruption, "a session's row has a key of " + std::to_string(row.size()) +
                                                                " bytes; its last sixteen are end and start"});
  }
  const char* const times = row.data() + row.size() - kSuffix;
  return {row.substr(0, row.size() - kSuffix),
          {Timestamp(load_big_endian<std::int64_t>(times + 8)), Timestamp(load_big_endian<std::int64_t>(times))}};
}

std::unique_ptr<LayeredStore> make_session_store(SegmentedOptions options, const RecordContext* const& current) {
  options.time_of = end_of;
  return std::unique_ptr<LayeredStore>(new SessionStoreStack(std::move(options), current));
}

}  // namespace tidemill
