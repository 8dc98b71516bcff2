// SegmentedRows: the layers under window and session stores. Rows in an engine's ordered bytes, in front of each row's key the
// number of its segment; a cache and a changelog that see the same puts as those of other stores do.
//
// A segment is `segment_interval` of time. Time is that of the rows put: when it has moved on by the retention, whole segments
// are dropped from the front, and rows older than it to the millisecond are not found any more. In memory a put is refused as
// late to the millisecond, on disk by segment, as in Java. Owned by one store; its task's thread.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "state/store_stack.hpp"
#include "state/thread_cache.hpp"

namespace tidemill {

/// What a store of segments is told when it is opened.
struct SegmentedOptions {
  StoreSpec spec;  // its engine is decided
  std::unique_ptr<BytesStore> engine;
  ChangelogWriter* changelog = nullptr;
  ThreadCache* cache = nullptr;
  /// A put came too late.
  UniqueFunction<void()> on_expired;
  std::shared_ptr<StoreCounters> counters;
  /// For so long behind the retention rows are still there, for scans that ask for `expired_too`.
  std::chrono::milliseconds kept_longer{0};
  /// The time that decides a row's segment.
  Timestamp (*time_of)(BytesView row) = nullptr;
};

/// How long a segment of such a store is, in ms. On disk another length makes another format of it: rows would not be found.
[[nodiscard]] std::int64_t segment_interval_of(const StoreSpec& spec);

class SegmentedRows {
 public:
  SegmentedRows(SegmentedOptions options, const RecordContext* const& current);

  bool get(BytesView row, Bytes& value);
  bool get_forwarded(BytesView row, Bytes& value);
  void put(BytesView row, OptionalBytesView value, Timestamp timestamp);
  /// A deletion that is never too late.
  void remove(BytesView row, Timestamp timestamp);
  /// To the changelog alone.
  void log(BytesView row, OptionalBytesView value, Timestamp timestamp);
  /// The same, but the changelog's row has another key.
  void put(BytesView row, BytesView changelog_row, OptionalBytesView value, Timestamp timestamp);

  /// Rows of which `accept` says yes, between `lower` and `upper` within each segment, in the order of segment and row; or,
  /// where `before` is given, in its order.
  struct Scan {
    OptionalBytes lower = {};
    OptionalBytes upper = {};
    Timestamp from{0};
    Timestamp to = Timestamp(INT64_MAX);
    Direction direction = Direction::kForward;
    /// Also rows that are too old to be found, as long as their segment is there.
    bool expired_too = false;
    /// Cached rows are given again with each segment of the range: those of the segments behind it, of those before it, or of both.
    struct Repeats {
      bool behind = false;
      bool before = false;
    } repeats = {};
    std::function<bool(BytesView row)> accept;
    std::function<bool(BytesView a, BytesView b)> before = nullptr;
  };
  std::unique_ptr<BytesIterator> scan(Scan scan);
  /// Rows of the cache, under the keys that they have in the engine, and the order in which they are met: each once or more often.
  struct Cached {
    std::vector<std::pair<Bytes, OptionalBytes>> rows;
    std::vector<std::uint32_t> order;
    [[nodiscard]] std::size_t size() const { return order.size(); }
    [[nodiscard]] const std::pair<Bytes, OptionalBytes>& operator[](std::size_t at) const { return rows[order[at]]; }
  };

  Result<void> restore(std::span<const ChangelogRecord> records, const ChangelogPosition& position);
  bool set_flush_listener(CacheFlushListener listener, bool send_old_values);
  void flush_cache();
  [[nodiscard]] bool cache_dirty() const { return cache_ && cache_->dirty(); }
  void drop_cache();
  void committed() { committed_ = now_; }
  void cleared() { now_ = committed_ = {}; }

  [[nodiscard]] const StoreSpec& spec() const { return spec_; }
  [[nodiscard]] BytesStore& engine() { return *engine_; }
  /// Older rows are not found.
  [[nodiscard]] Timestamp oldest_live() const { return oldest_of(now_); }
  [[nodiscard]] Timestamp oldest_committed() const { return oldest_of(committed_); }

 private:
  [[nodiscard]] std::int64_t segment_of(Timestamp time) const;
  [[nodiscard]] Bytes physical(BytesView row) const;
  /// Takes the time of a row, and says whether there is still a place for it.
  bool advance(Timestamp time);
  void drop_segments_before(std::int64_t segment);
  void find_last_segment();
  bool get_stored(BytesView row, Bytes& value);
  /// Also what the retention hides, where it is kept.
  bool get_kept(BytesView row, Bytes& value);
  void write(BytesView row, BytesView changelog_row, OptionalBytesView value, Timestamp timestamp);
  void flushed(const NamedCache::Write& entry);
  /// What the cache has of a scan.
  [[nodiscard]] Cached cached_rows(const Scan& scan);
  void repeat(const Scan& scan, Cached& cached) const;

  StoreSpec spec_;
  std::unique_ptr<BytesStore> engine_;
  ChangelogWriter* changelog_;
  UniqueFunction<void()> on_expired_;
  Timestamp (*time_of_)(BytesView row);
  const RecordContext* const& current_;
  std::shared_ptr<StoreCounters> counters_;
  std::unique_ptr<NamedCache> cache_;
  CacheFlushListener listener_;
  bool send_old_values_ = false;
  bool exact_expiry_;
  std::int64_t kept_longer_;
  std::int64_t segment_interval_;
  /// A window that closes now, of a store on disk that emits closed ones, is found once more, as in Java.
  bool keeps_the_closing_;
  /// Time as far as it has come, and the segments that there are. An abort takes it back with the rows: records that come again
  /// must not be late for what they have done before.
  struct Reach {
    Timestamp observed = kNoTimestamp;
    std::int64_t first_segment = 0;  // none before it has rows
    std::int64_t last_segment = -1;  // none behind it has rows
  };
  /// No older row is kept.
  [[nodiscard]] std::int64_t oldest_kept(Timestamp observed) const;
  [[nodiscard]] Timestamp oldest_of(const Reach& reach) const {
    return Timestamp(reach.observed.value - spec_.retention.count() + (keeps_the_closing_ ? 0 : 1));
  }
  Reach now_;
  Reach committed_;
  Timestamp newest_cached_ = kNoTimestamp;  // of all that was ever put in the cache
};

}  // namespace tidemill
