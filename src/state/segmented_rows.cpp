#include "state/segmented_rows.hpp"

#include <algorithm>
#include <numeric>

#include <tidemill/base/assert.hpp>
#include <tidemill/state/key_value_store.hpp>
#include <tidemill/state/window_bytes.hpp>

#include "base/endian.hpp"
#include "state/copied_rows.hpp"
#include "state/whole_walk.hpp"

namespace tidemill {
namespace {

constexpr std::int64_t kSegmentIntervalMin = 60000;
/// In memory rows go by the retention, however short it is, as in Java.
constexpr std::int64_t kInMemorySegmentIntervalMin = 1;
constexpr std::size_t kSegmentBytes = 8;
/// Of a scan over more segments the cache is asked once, for all keys.
constexpr std::int64_t kCachedSegmentsMax = 8;
constexpr std::int64_t kSegmentsRepeatedMax = 100;
/// Of a scan over more segments the first one that has rows is looked for.
constexpr std::int64_t kSegmentsWalkedMax = 8;

Bytes segment_prefix(std::int64_t segment) {
  Bytes prefix;
  append_big_endian(prefix, segment);
  return prefix;
}
/// Behind all rows of the segment; null: none can be there.
OptionalBytes behind_segment(std::int64_t segment) {
  return segment == INT64_MAX ? std::nullopt : OptionalBytes(segment_prefix(segment + 1));
}

}  // namespace

/// Walks segment by segment over the engine's rows, those of the cache above them.
class SegmentIterator final : public BytesIterator {
 public:
  /// `cached`: in the direction of the walk.
  SegmentIterator(BytesStore& engine, SegmentedRows::Scan scan, std::int64_t first, std::int64_t last, Timestamp oldest,
                  Timestamp (*time_of)(BytesView), SegmentedRows::Cached cached)
      : engine_(engine),
        scan_(std::move(scan)),
        next_segment_(forward() ? first : last),
        end_segment_(forward() ? last : first),
        oldest_(oldest),
        time_of_(time_of),
        cached_(std::move(cached)) {
    exhausted_ = first > last;
    settle();
  }
  bool valid() const override { return from_cache_ || has_stored(); }
  BytesView key() const override { return physical_key().substr(kSegmentBytes); }
  BytesView value() const override { return from_cache_ ? BytesView(*cached_[at_].second) : rows_->value(); }
  void next() override {
    if (from_cache_) {
      ++at_;
    } else {
      rows_->next();
    }
    settle();
  }
  Result<void> status() const override { return {}; }

 private:
  [[nodiscard]] bool forward() const { return scan_.direction == Direction::kForward; }
  [[nodiscard]] bool has_stored() const { return rows_ && rows_->valid(); }
  [[nodiscard]] BytesView physical_key() const { return from_cache_ ? BytesView(cached_[at_].first) : rows_->key(); }
  [[nodiscard]] bool accepts(BytesView row) const {
    const Timestamp time = time_of_(row);
    return time >= oldest_ && (!scan_.accept || scan_.accept(row));
  }
  /// To the next stored row that is wanted; opens segments as it goes.
  void skip_stored() {
    for (;;) {
      while (has_stored() && !accepts(rows_->key().substr(kSegmentBytes))) rows_->next();
      if (has_stored()) {
        segments_in_vain_ = 0;
        return;
      }
      if (rows_) {
        if (Result<void> status = rows_->status(); !status) throw StateStoreException(status.error());
      }
      if (exhausted_) return;
      if (++segments_in_vain_ > kSegmentsWalkedMax && !jump()) return;
      open(next_segment_);
      exhausted_ = next_segment_ == end_segment_;
      if (!exhausted_) next_segment_ += forward() ? 1 : -1;
    }
  }
  /// Over segments that are not there, to the next one that is: time may have made a leap. False: there is none.
  bool jump() {
    const std::int64_t low = forward() ? next_segment_ : end_segment_;
    const std::int64_t high = forward() ? end_segment_ : next_segment_;
    const Bytes from = segment_prefix(low);
    const OptionalBytes to = behind_segment(high);
    rows_.reset();
    auto rows = engine_.range({.from = from, .to = to_view(to), .direction = scan_.direction});
    if (!rows) throw StateStoreException(rows.error());
    const bool there = (*rows)->valid();
    if (!there) {
      if (Result<void> status = (*rows)->status(); !status) throw StateStoreException(status.error());
      exhausted_ = true;
      return false;
    }
    next_segment_ = load_big_endian<std::int64_t>((*rows)->key().data());
    return true;
  }
  void open(std::int64_t segment) {
    const Bytes prefix = segment_prefix(segment);
    const Bytes from = prefix + scan_.lower.value_or(Bytes());
    const OptionalBytes to = scan_.upper ? OptionalBytes(prefix + *scan_.upper) : behind_segment(segment);
    rows_.reset();  // an engine may have one iterator to spare, and this one is over
    auto rows = engine_.range({.from = from, .to = to_view(to), .direction = scan_.direction});
    if (!rows) throw StateStoreException(rows.error());
    rows_ = *std::move(rows);
  }
  void settle() {
    from_cache_ = false;
    for (;;) {
      skip_stored();
      if (at_ == cached_.size()) return;
      const auto& [key, value] = cached_[at_];
      if (has_stored()) {
        const BytesView stored = rows_->key();
        if (forward() ? stored < key : stored > key) return;
        if (stored == key) {  // hidden by the cache's
          rows_->next();
          if (!value) ++at_;
          if (!value) continue;
        }
      }
      if (value) {
        from_cache_ = true;
        return;
      }
      ++at_;
    }
  }

  BytesStore& engine_;
  SegmentedRows::Scan scan_;
  std::int64_t next_segment_;
  std::int64_t end_segment_;
  Timestamp oldest_;
  Timestamp (*time_of_)(BytesView);
  SegmentedRows::Cached cached_;
  std::size_t at_ = 0;
  bool from_cache_ = false;
  bool exhausted_ = false;
  std::int64_t segments_in_vain_ = 0;  // one behind the other
  std::unique_ptr<BytesIterator> rows_;
};

namespace {

template <class T>
T checked(const StoreSpec& spec, Result<T> result) {
  if (!result) throw StateStoreException(result.error().with_context("store \"" + spec.name + "\""));
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

}  // namespace

std::int64_t segment_interval_of(const StoreSpec& spec) {
  if (spec.segment_interval.count() > 0) return spec.segment_interval.count();
  const bool in_memory = spec.engine == StoreEngineKind::kInMemory;
  return std::max(spec.retention.count() / 2, in_memory ? kInMemorySegmentIntervalMin : kSegmentIntervalMin);
}

SegmentedRows::SegmentedRows(SegmentedOptions options, const RecordContext* const& current)
    : spec_(std::move(options.spec)),
      engine_(std::move(options.engine)),
      changelog_(options.changelog),
      on_expired_(std::move(options.on_expired)),
      time_of_(options.time_of),
      current_(current),
      counters_(std::move(options.counters)),
      exact_expiry_(spec_.engine == StoreEngineKind::kInMemory),
      kept_longer_(options.kept_longer.count()),
      segment_interval_(segment_interval_of(spec_)),
      keeps_the_closing_(spec_.time_ordered && !exact_expiry_ && spec_.kind != StoreKind::kSession) {
  if (options.cache != nullptr && spec_.caching) {
    cache_ =
        std::unique_ptr<NamedCache>(new NamedCache(*options.cache, [this](const NamedCache::Write& entry) { flushed(entry); }));
  }
  find_last_segment();
  committed_ = now_;
}

std::int64_t SegmentedRows::segment_of(Timestamp time) const {
  return std::max<std::int64_t>(time.value, 0) / segment_interval_;
}
Bytes SegmentedRows::physical(BytesView row) const { return segment_prefix(segment_of(time_of_(row))).append(row); }

void SegmentedRows::find_last_segment() {
  const auto last = whole_walk(spec_.name, engine_->range({.from = {}, .to = {}, .direction = Direction::kReverse}));
  now_.last_segment = last->valid() ? load_big_endian<std::int64_t>(last->key().data()) : -1;
  // So late it was at least: what is kept for longer stays hidden.
  if (kept_longer_ > 0 && now_.last_segment > 0) now_.observed = Timestamp(now_.last_segment * segment_interval_);
}

std::int64_t SegmentedRows::oldest_kept(Timestamp observed) const {
  const std::int64_t live = observed.value - spec_.retention.count();
  return live < INT64_MIN + kept_longer_ ? INT64_MIN : live - kept_longer_;
}

bool SegmentedRows::advance(Timestamp time) {
  const Timestamp before = now_.observed;
  now_.observed = std::max(now_.observed, time);
  const std::int64_t first = segment_of(Timestamp(oldest_kept(now_.observed)));
  if (before != now_.observed && first > now_.first_segment) drop_segments_before(first);
  if (exact_expiry_) return time.value > oldest_kept(now_.observed);
  return segment_of(time) >= first;
}

void SegmentedRows::drop_segments_before(std::int64_t segment) {
  checked(spec_, engine_->remove_range(segment_prefix(now_.first_segment), segment_prefix(segment)));
  now_.first_segment = segment;
}

bool SegmentedRows::get_stored(BytesView row, Bytes& value) {
  if (time_of_(row) < oldest_live()) return false;
  return checked(spec_, engine_->get(physical(row), value));
}

bool SegmentedRows::get(BytesView row, Bytes& value) {
  count(counters_->gets);
  if (cache_) {
    if (const OptionalBytes* known = cache_->find(physical(row))) {
      if (*known) value.assign(**known);
      return known->has_value();
    }
  }
  return get_stored(row, value);
}

bool SegmentedRows::get_kept(BytesView row, Bytes& value) {
  return kept_longer_ > 0 ? checked(spec_, engine_->get(physical(row), value)) : get_stored(row, value);
}

bool SegmentedRows::get_forwarded(BytesView row, Bytes& value) {
  count(counters_->gets);
  if (!cache_) return get_kept(row, value);
  // Without a listener nothing is passed on by the cache: who puts passes on, what there is now.
  const OptionalBytes* const known = listener_ ? cache_->find_written(physical(row)) : cache_->find(physical(row));
  if (known == nullptr) return get_kept(row, value);
  if (*known) value.assign(**known);
  return known->has_value();
}

void SegmentedRows::put(BytesView row, OptionalBytesView value, Timestamp timestamp) { put(row, row, value, timestamp); }

void SegmentedRows::put(BytesView row, BytesView changelog_row, OptionalBytesView value, Timestamp timestamp) {
  count(counters_->puts);
  if (!cache_) return write(row, changelog_row, value, timestamp);
  RecordContext context = current_ != nullptr ? *current_ : RecordContext{};
  newest_cached_ = std::max(newest_cached_, time_of_(row));
  cache_->put(physical(row), value, context);
}

void SegmentedRows::write(BytesView row, BytesView changelog_row, OptionalBytesView value, Timestamp timestamp) {
  const Timestamp time = time_of_(row);
  if (advance(time)) {
    // What duplicates keep is only added to.
    if (value || !spec_.retain_duplicates) {
      checked(spec_, engine_->put(physical(row), value));
      now_.last_segment = std::max(now_.last_segment, segment_of(time));
    }
  } else if (on_expired_) {
    on_expired_();
  }
  log(changelog_row, value, timestamp);
}

void SegmentedRows::log(BytesView row, OptionalBytesView value, Timestamp timestamp) {
  if (changelog_ == nullptr) return;
  if (spec_.timestamped() && value) {
    const auto [stored, plain] = split_timestamp(*value);
    changelog_->append(spec_.name, row, plain, stored);
  } else {
    changelog_->append(spec_.name, row, value, timestamp);
  }
}

void SegmentedRows::remove(BytesView row, Timestamp timestamp) {
  if (cache_) return put(row, std::nullopt, timestamp);
  count(counters_->puts);
  now_.observed = std::max(now_.observed, time_of_(row));
  checked(spec_, engine_->put(physical(row), std::nullopt));
  log(row, std::nullopt, timestamp);
}

// As Java's caching window and session stores: the old value is read where it is asked for, or to see that a deletion deletes
// nothing.
void SegmentedRows::flushed(const NamedCache::Write& entry) {
  const BytesView row = entry.key.substr(kSegmentBytes);
  if (!listener_) return write(row, row, entry.value, entry.timestamp);
  bool had_old = false;
  Bytes old_value;
  if (send_old_values_ || !entry.value) had_old = get_stored(row, old_value);
  if (!entry.value && !had_old) return;
  write(row, row, entry.value, entry.timestamp);
  const RecordContext context{entry.source, entry.offset, entry.timestamp, entry.headers};
  listener_(CacheFlush{row, entry.value, send_old_values_ && had_old ? OptionalBytesView(old_value) : std::nullopt, &context});
}

SegmentedRows::Cached SegmentedRows::cached_rows(const Scan& scan) {
  Cached cached;
  if (scan.to < scan.from && !scan.repeats.behind && !scan.repeats.before) return cached;
  const auto see = [&](BytesView key, OptionalBytesView value) {
    if (!scan.accept || scan.accept(key.substr(kSegmentBytes))) cached.rows.emplace_back(key, to_owned(value));
  };
  if (scan.repeats.behind || scan.repeats.before) {
    cache_->range(std::nullopt, std::nullopt, see);
    repeat(scan, cached);
    return cached;
  }
  const std::int64_t first = segment_of(scan.from);
  const std::int64_t last = segment_of(std::min(scan.to, newest_cached_));
  if (last - first < kCachedSegmentsMax) {
    for (std::int64_t i = 0; i <= last - first; ++i) {
      const std::int64_t segment = first + i;
      const Bytes prefix = segment_prefix(segment);
      const OptionalBytes to = scan.upper ? OptionalBytes(prefix + *scan.upper) : behind_segment(segment);
      cache_->range(prefix + scan.lower.value_or(Bytes()), to_view(to), see);
    }
  } else {
    cache_->range(segment_prefix(first), to_view(behind_segment(last)), see);
  }
  cached.order.resize(cached.rows.size());
  std::iota(cached.order.begin(), cached.order.end(), 0U);
  return cached;
}

// Java looks its cache through segment by segment, and there an open bound of the key is open to all segments behind or before: a
// row comes again with each. It does so for every segment since `from`, were it 1970; we for the last ones only, but no row is
// left out: what lies before them comes once, or, behind an open first key, with each of them.
void SegmentedRows::repeat(const Scan& scan, Cached& cached) const {
  const std::int64_t last = segment_of(std::min(scan.to, newest_cached_));
  const std::int64_t first = std::max(segment_of(scan.from), last - kSegmentsRepeatedMax);
  if (!scan.repeats.before) {
    for (std::uint32_t row = 0; row < cached.rows.size(); ++row) {
      if (load_big_endian<std::int64_t>(cached.rows[row].first.data()) < first) cached.order.push_back(row);
    }
  }
  for (std::int64_t segment = std::min(first, last); segment <= last; ++segment) {
    for (std::uint32_t row = 0; row < cached.rows.size(); ++row) {
      const auto own = load_big_endian<std::int64_t>(cached.rows[row].first.data());
      if (own == segment || (own > segment && scan.repeats.behind) || (own < segment && scan.repeats.before)) {
        cached.order.push_back(row);
      }
    }
  }
}

std::unique_ptr<BytesIterator> SegmentedRows::scan(Scan scan) {
  count(counters_->ranges);
  const Timestamp oldest = scan.expired_too ? Timestamp(INT64_MIN) : oldest_live();
  std::int64_t first = std::max(now_.first_segment, segment_of(std::max(scan.from, oldest)));
  const std::int64_t last = std::min(now_.last_segment, segment_of(scan.to));
  Cached cached;
  if (cache_) {
    cached = cached_rows(scan);
    if (scan.direction == Direction::kReverse) std::reverse(cached.order.begin(), cached.order.end());
  }
  if (scan.to < scan.from) first = last + 1;
  if (last - first > kSegmentsWalkedMax) {
    // A store that was opened and has not been written yet knows of no first segment: one look, not one for each since 1970.
    const Bytes from = segment_prefix(first);
    const auto row = whole_walk(spec_.name, engine_->range({.from = from, .to = std::nullopt}));
    first = row->valid() ? std::max(first, load_big_endian<std::int64_t>(row->key().data())) : last + 1;
  }
  const auto before = std::move(scan.before);
  auto rows = std::unique_ptr<BytesIterator>(
      new SegmentIterator(*engine_, std::move(scan), first, last, oldest, time_of_, std::move(cached)));
  if (!before) return rows;
  CopiedRows::Rows sorted = CopiedRows::copied(*rows);
  std::stable_sort(sorted.begin(), sorted.end(), [&](const auto& a, const auto& b) { return before(a.first, b.first); });
  return std::unique_ptr<BytesIterator>(new CopiedRows(std::move(sorted)));
}

Result<void> SegmentedRows::restore(std::span<const ChangelogRecord> records, const ChangelogPosition& position) {
  const Timestamp before = now_.observed;
  for (const ChangelogRecord& record : records) now_.observed = std::max(now_.observed, time_of_(record.key));
  const std::int64_t kept = segment_of(Timestamp(oldest_kept(now_.observed)));
  if (before != now_.observed && kept > now_.first_segment) {
    TIDEMILL_TRY(engine_->remove_range(segment_prefix(now_.first_segment), segment_prefix(kept)));
    now_.first_segment = kept;
  }
  Timestamp newest = before;
  Bytes value;
  for (const ChangelogRecord& record : records) {
    const Timestamp time = time_of_(record.key);
    newest = std::max(newest, time);
    if (exact_expiry_ && time.value <= oldest_kept(newest)) {
      if (on_expired_) on_expired_();  // as Java counts it, again at each restore
      continue;
    }
    if (segment_of(time) < kept) continue;
    if (!record.value) {
      TIDEMILL_TRY(engine_->put(physical(record.key), std::nullopt));
      continue;
    }
    value.clear();
    if (spec_.timestamped()) append_timestamp(record.timestamp, value);
    value.append(*record.value);
    TIDEMILL_TRY(engine_->put(physical(record.key), BytesView(value)));
    now_.last_segment = std::max(now_.last_segment, segment_of(time));
  }
  TIDEMILL_TRY(engine_->commit(position, Position(engine_->position())));
  committed();
  return {};
}

bool SegmentedRows::set_flush_listener(CacheFlushListener listener, bool send_old_values) {
  if (!cache_) return false;
  listener_ = std::move(listener);
  send_old_values_ = send_old_values;
  return true;
}
void SegmentedRows::flush_cache() {
  if (cache_) cache_->flush();
}
void SegmentedRows::drop_cache() {
  if (cache_) cache_->clear();
  now_ = committed_;
}

}  // namespace tidemill
