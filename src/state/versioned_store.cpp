// Versions of values. A key's latest one has a row of its own, and each older one too, so that a put and a look cost the same
// however many versions a key has:
//
//   h key                            -> valid from, flags, value: the latest version, which never grows too old
//   o segment, size, key, valid to   -> valid from, flags, value: a version until the next one; `segment` is that of `valid to`
//   x segment, key                   -> nothing: the latest version is a deletion of that time
//   i                                -> how long a segment is
//
// Where a version ends the next one begins. When the history has passed a segment, its `o` rows go in one stroke, and of its `x`
// rows the deletions that are still the latest versions. Segments are as long as they were when the first row was put, also when
// the history is another one now: rows are found where they were put.
#include <algorithm>
#include <utility>
#include <vector>

#include <tidemill/state/versioned_bytes.hpp>
#include <tidemill/state/window_bytes.hpp>

#include "base/endian.hpp"
#include "state/other_stores.hpp"
#include "state/whole_walk.hpp"

namespace tidemill {
namespace {

constexpr char kLatestRow = 'h';
constexpr char kOlderRow = 'o';
constexpr char kDeletedRow = 'x';
constexpr char kIntervalRow = 'i';
constexpr char kHasValue = 1;
constexpr char kEnded = 2;
constexpr std::size_t kHeadBytes = 9;     // of a version: valid from, flags
constexpr std::size_t kSegmentBytes = 9;  // of a row's key: what it is, segment
constexpr std::size_t kTimeBytes = 8;

/// Java's: a look may go through all segments of the history, and one is kept for longer than it.
std::int64_t segment_interval_of(const StoreSpec& spec) {
  constexpr std::int64_t kMinute = 60'000;
  constexpr std::int64_t kHour = 60 * kMinute;
  if (spec.segment_interval.count() > 0) return spec.segment_interval.count();
  const std::int64_t history = spec.retention.count();
  if (history <= kMinute) return std::max<std::int64_t>(history / 3, 2'000);
  if (history <= 5 * kMinute) return std::max<std::int64_t>(history / 5, 20'000);
  if (history <= kHour) return std::max(history / 12, kMinute);
  return std::max(history / 24, 5 * kMinute);
}

struct Version {
  Timestamp valid_from;
  OptionalBytes value;
  /// Of the latest version: a deletion may take its place, as something is known to end there. As in Java, of whose segments each
  /// has the end of its last version; a deletion that has nothing before it, or another deletion, leaves no trace in them when it
  /// takes a version away at that version's own time.
  bool ended = false;
};
struct Older {
  Version version;
  Timestamp valid_to;
};

/// So that times before 1970 lie before the others.
std::uint64_t ordered(Timestamp time) { return static_cast<std::uint64_t>(time.value) ^ (std::uint64_t{1} << 63); }

Bytes encode(const Version& version) {
  Bytes out;
  out.reserve(kHeadBytes + (version.value ? version.value->size() : 0));
  append_big_endian(out, version.valid_from.value);
  out.push_back(static_cast<char>((version.value ? kHasValue : 0) | (version.ended ? kEnded : 0)));
  if (version.value) out.append(*version.value);
  return out;
}
StateStoreException damaged(const char* row) {
  return StateStoreException(Error{ErrorKind::kCorruption, std::string("a row of ") + row + " ends early"});
}
Version decode(BytesView row) {
  if (row.size() < kHeadBytes) throw damaged("a version");
  Version version{Timestamp(load_big_endian<std::int64_t>(row.data())), std::nullopt, (row[8] & kEnded) != 0};
  if ((row[8] & kHasValue) != 0) version.value = Bytes(row.substr(kHeadBytes));
  return version;
}

// Keys of rows, and what they say.
Bytes latest_key(BytesView key) { return Bytes(1, kLatestRow).append(key); }
Bytes segment_key(char kind, std::int64_t segment) {
  Bytes row(1, kind);
  append_big_endian(row, segment);
  return row;
}
Bytes older_prefix(std::int64_t segment, BytesView key) {
  Bytes row = segment_key(kOlderRow, segment);
  append_big_endian(row, static_cast<std::uint32_t>(key.size()));
  return row.append(key);
}
Bytes older_key(std::int64_t segment, BytesView key, Timestamp valid_to) {
  Bytes row = older_prefix(segment, key);
  append_big_endian(row, ordered(valid_to));
  return row;
}
std::int64_t segment_in(BytesView older_row) { return load_big_endian<std::int64_t>(older_row.data() + 1); }
Timestamp valid_to_in(BytesView older_row) {
  const auto bits = load_big_endian<std::uint64_t>(older_row.data() + older_row.size() - kTimeBytes);
  return Timestamp(static_cast<std::int64_t>(bits ^ (std::uint64_t{1} << 63)));
}
bool is_of(BytesView older_row, BytesView prefix) {
  return older_row.size() == prefix.size() + kTimeBytes && older_row.substr(0, prefix.size()) == prefix;
}

class VersionedStore final : public LayeredStore, public VersionedBytesStore {
 public:
  explicit VersionedStore(OpenStore options)
      : spec_(std::move(options.spec)),
        engine_(std::move(options.engine)),
        changelog_(options.changelog),
        on_expired_(std::move(options.on_expired)),
        counters_(std::move(options.counters)) {}
  const StoreSpec& spec() const override { return spec_; }
  BytesStore& engine_store() override { return *engine_; }
  VersionedBytesStore* versioned() override { return this; }

  std::int64_t put_version(BytesView key, OptionalBytesView value, Timestamp valid_from) override {
    count(counters_->puts);
    std::int64_t answer = kNotPut;
    if (valid_from < oldest()) {
      if (on_expired_) on_expired_();
    } else {
      now_.observed = std::max(now_.observed, valid_from);
      answer = insert(key, value, valid_from);
    }
    if (changelog_ != nullptr) changelog_->append(spec_.name, key, value, valid_from);
    return answer;
  }
  std::optional<Found> latest(BytesView key) override {
    count(counters_->gets);
    return as_found(latest_of(key), kNoTimestamp);
  }
  std::optional<Found> as_of(BytesView key, Timestamp time) override {
    count(counters_->gets);
    std::optional<Version> latest = latest_of(key);
    if (!latest || latest->valid_from <= time) return as_found(std::move(latest), kNoTimestamp);
    if (time < oldest()) return std::nullopt;
    std::optional<Older> older = ends_behind(key, time, latest->valid_from);
    if (!older || older->version.valid_from > time) return std::nullopt;
    return as_found(std::move(older->version), older->valid_to);
  }

  Timestamp oldest_committed() const override { return committed_.observed - spec_.retention.count(); }
  std::vector<Found> versions(BytesView key, Timestamp from, Timestamp to) override {
    count(counters_->gets);
    std::vector<Found> found;
    const auto add = [&](Version version, Timestamp valid_to) {
      if (version.valid_from > to || !version.value) return;
      found.push_back({*std::move(version.value), version.valid_from, valid_to});
    };
    std::optional<Version> latest = latest_of(key);
    if (!latest) return found;
    std::int64_t segment = segment_of(latest->valid_from);
    add(*std::move(latest), kNoTimestamp);
    if (to < oldest()) return found;
    const std::int64_t first = std::max(segment_of(from), now_.first_live);
    const Bytes bottom = segment_key(kOlderRow, first);
    while (segment >= first) {
      const Bytes prefix = older_prefix(segment, key);
      const Bytes top = older_key(segment, key, kMaxTimestamp);
      const auto row = walk({.from = bottom, .to = top, .direction = Direction::kReverse});
      for (; row->valid() && is_of(row->key(), prefix); row->next()) {
        const Timestamp valid_to = valid_to_in(row->key());
        if (valid_to <= from) return found;
        add(decode(row->value()), valid_to);
      }
      if (!row->valid()) return found;
      segment = std::min(segment - 1, segment_in(row->key()));  // there is nothing in between
    }
    return found;
  }

  Result<void> restore(std::span<const ChangelogRecord> records, const ChangelogPosition& position) override {
    for (const ChangelogRecord& record : records) {
      if (record.timestamp < oldest()) continue;
      now_.observed = std::max(now_.observed, record.timestamp);
      insert(record.key, record.value, record.timestamp);
    }
    TIDEMILL_TRY(engine_->commit(position, Position(engine_->position())));
    committed();
    return {};
  }

  // As a store of keys and values it has the latest ones.
  bool get(BytesView key, Bytes& value) override {
    auto found = latest(key);
    if (found) value = std::move(found->value);
    return found.has_value();
  }
  void put(BytesView key, OptionalBytesView value, Timestamp timestamp) override {
    static_cast<void>(put_version(key, value, timestamp));
  }
  std::unique_ptr<BytesIterator> range(const BytesRange&) override {
    throw StateStoreException(Error{ErrorKind::kUnsupported, "store \"" + spec_.name + "\" is versioned and has no ranges"});
  }
  std::uint64_t approximate_num_entries() override { return engine_->approximate_num_entries(); }
  bool set_flush_listener(CacheFlushListener, bool) override { return false; }
  void flush_cache() override {}
  void drop_cache() override {
    now_ = committed_;
    interval_ = {};
  }
  void committed() override { committed_ = now_; }

 private:
  void cleared() override {
    now_ = committed_ = {};
    interval_ = {};
  }
  template <class T>
  T checked(Result<T> result) const {
    if (!result) throw StateStoreException(result.error().with_context("store \"" + spec_.name + "\""));
    if constexpr (!std::is_void_v<T>) return *std::move(result);
  }
  [[nodiscard]] Timestamp oldest() const { return now_.observed - spec_.retention.count(); }

  /// How long a segment is: what the row says, or will say when something is put.
  struct Interval {
    std::int64_t length = 0;  // zero: the row has not been looked at since the store was opened, emptied or taken back
    bool written = false;
  };
  const Interval& interval() {
    if (interval_.length > 0) return interval_;
    const bool written = checked(engine_->get(BytesView(&kIntervalRow, 1), read_));
    if (!written) return interval_ = {segment_interval_of(spec_), false};
    if (read_.size() != kTimeBytes) throw damaged("the segments' length");
    const auto length = load_big_endian<std::int64_t>(read_.data());
    if (length <= 0) throw damaged("the segments' length");
    return interval_ = {length, true};
  }
  void write_interval() {
    if (interval().written) return;
    Bytes length;
    append_big_endian(length, interval_.length);
    put_row(Bytes(1, kIntervalRow), BytesView(length));
    interval_.written = true;
    // An engine in memory orders its rows when it is first asked to, and keeps them so: now it has none.
    static_cast<void>(walk({.from = length, .to = length}));
  }
  [[nodiscard]] std::int64_t segment_of(Timestamp time) { return std::max<std::int64_t>(time.value, 0) / interval().length; }

  [[nodiscard]] std::unique_ptr<BytesIterator> walk(const BytesRange& range) {
    return whole_walk(spec_.name, engine_->range(range));
  }
  void put_row(const Bytes& row, OptionalBytesView bytes) { checked(engine_->put(row, bytes)); }
  [[nodiscard]] std::optional<Version> version_at(const Bytes& row) {
    if (!checked(engine_->get(row, read_))) return std::nullopt;
    return decode(read_);
  }
  [[nodiscard]] std::optional<Version> latest_of(BytesView key) { return version_at(latest_key(key)); }
  void put_latest(BytesView key, const Version& version) {
    put_row(latest_key(key), BytesView(encode(version)));
    if (version.value) return;
    // One that is the latest again may be of a segment that has been passed: it goes with the next.
    const std::int64_t segment = std::max(segment_of(version.valid_from), now_.first_live);
    put_row(segment_key(kDeletedRow, segment).append(key), BytesView());
  }
  [[nodiscard]] Bytes older_row(BytesView key, Timestamp valid_to) { return older_key(segment_of(valid_to), key, valid_to); }
  void put_older(BytesView key, Version version, Timestamp valid_to) {
    version.ended = false;
    put_row(older_row(key, valid_to), BytesView(encode(version)));
  }
  [[nodiscard]] static std::optional<Found> as_found(std::optional<Version> version, Timestamp valid_to) {
    if (!version || !version->value) return std::nullopt;
    return Found{*std::move(version->value), version->valid_from, valid_to};
  }

  /// Of the versions before the latest one, the first that ends behind `time`.
  [[nodiscard]] std::optional<Older> ends_behind(BytesView key, Timestamp time, Timestamp latest) {
    const std::int64_t last = segment_of(latest);
    const Bytes top = segment_key(kOlderRow, last + 1);
    for (std::int64_t segment = segment_of(time); segment <= last;) {
      const Bytes from = older_key(segment, key, time + 1);
      const auto row = walk({.from = from, .to = top});
      if (!row->valid()) return std::nullopt;
      if (is_of(row->key(), older_prefix(segment, key))) return Older{decode(row->value()), valid_to_in(row->key())};
      segment = std::max(segment + 1, segment_in(row->key()));  // there is nothing in between
    }
    return std::nullopt;
  }

  std::int64_t insert(BytesView key, OptionalBytesView value, Timestamp valid_from) {
    write_interval();
    std::int64_t answer = kLatest;
    std::optional<Version> latest = latest_of(key);
    Version version{valid_from, to_owned(value)};
    if (!latest || latest->valid_from < valid_from) {
      version.ended = latest && latest->value;
      if (latest) put_older(key, *std::move(latest), valid_from);
      put_latest(key, version);
    } else if (latest->valid_from == valid_from) {
      replace_latest(key, *latest, std::move(version));
    } else {
      answer = insert_older(key, *std::move(latest), std::move(version)).value;
    }
    forget_old();
    return answer;
  }
  void replace_latest(BytesView key, const Version& latest, Version version) {
    if (version.value || !latest.value || latest.ended) {
      version.ended = latest.ended || !latest.value;
      return put_latest(key, version);
    }
    // The deletion leaves no trace: what was there before the latest version, if anything, was deleted, too.
    const Bytes before = older_row(key, latest.valid_from);
    std::optional<Version> now = version_at(before);
    if (!now) return put_row(latest_key(key), std::nullopt);
    put_row(before, std::nullopt);
    const std::optional<Version> earlier = version_at(older_row(key, now->valid_from));
    now->ended = earlier && earlier->value;
    put_latest(key, *now);
  }
  /// When the version ends.
  Timestamp insert_older(BytesView key, Version latest, Version version) {
    const Timestamp valid_from = version.valid_from;
    std::optional<Older> around = ends_behind(key, valid_from, latest.valid_from);
    Timestamp valid_to = latest.valid_from;
    if (around && around->version.valid_from > valid_from) {  // it is the first of all
      valid_to = around->version.valid_from;
    } else if (around) {
      valid_to = around->valid_to;
      if (around->version.valid_from < valid_from) put_older(key, std::move(around->version), valid_from);
    }
    put_older(key, std::move(version), valid_to);
    if (valid_to == latest.valid_from && !std::exchange(latest.ended, true)) put_latest(key, latest);
    return valid_to;
  }

  void forget_old() {
    const std::int64_t live = segment_of(oldest());
    if (live <= now_.first_live) return;
    checked(engine_->remove_range(segment_key(kOlderRow, now_.first_live), segment_key(kOlderRow, live)));
    const Bytes from = segment_key(kDeletedRow, now_.first_live);
    const Bytes to = segment_key(kDeletedRow, live);
    std::vector<Bytes> rows;
    for (auto row = walk({.from = from, .to = to}); row->valid(); row->next()) {
      if (row->key() < to) rows.emplace_back(row->key());
    }
    for (const Bytes& row : rows) {
      const BytesView key = BytesView(row).substr(kSegmentBytes);
      const std::optional<Version> latest = latest_of(key);
      if (latest && !latest->value && latest->valid_from < oldest()) put_row(latest_key(key), std::nullopt);
      put_row(row, std::nullopt);
    }
    now_.first_live = live;
  }

  StoreSpec spec_;
  std::unique_ptr<BytesStore> engine_;
  ChangelogWriter* changelog_;
  UniqueFunction<void()> on_expired_;
  /// An abort takes time back with the rows: what comes again must not be late for what it has done before.
  struct Reach {
    Timestamp observed = kNoTimestamp;
    std::int64_t first_live = 0;
  };
  Reach now_;
  Reach committed_;
  Interval interval_;
  Bytes read_;
  std::shared_ptr<StoreCounters> counters_;
};

}  // namespace

std::unique_ptr<LayeredStore> make_versioned_store(OpenStore options) {
  return std::unique_ptr<LayeredStore>(new VersionedStore(std::move(options)));
}

}  // namespace tidemill
