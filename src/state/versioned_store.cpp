// Versions of values: a row `v` key holds the versions of a key that the history may still ask for, newest first. A row
// `x` segment key remembers that a key ended with a deletion, so that it goes, too, when the history has passed it.
#include <algorithm>
#include <vector>

#include <tidemill/state/versioned_bytes.hpp>

#include "base/endian.hpp"
#include "state/other_stores.hpp"
#include "state/whole_walk.hpp"

namespace tidemill {
namespace {

constexpr char kVersions = 'v';
constexpr char kDeleted = 'x';
constexpr char kEnded = 'e';
constexpr std::int32_t kNull = -1;
constexpr std::int64_t kDeletedIntervalMin = 1000;

struct Version {
  Timestamp valid_from;
  OptionalBytes value;
};

/// Of a key, newest first.
struct Versions {
  std::vector<Version> list;
  /// A deletion may take the place of the newest version: something is known to end there. As in Java, of whose segments each
  /// has the end of its last version; a deletion that has nothing before it, or another deletion, leaves no trace in them when
  /// it takes a version away at that version's own time.
  bool ended = false;
};

Bytes encode(const Versions& versions) {
  Bytes out;
  for (const Version& version : versions.list) {
    append_big_endian(out, version.valid_from.value);
    append_big_endian(out, version.value ? static_cast<std::int32_t>(version.value->size()) : kNull);
    if (version.value) out.append(*version.value);
  }
  // Behind a value it goes without saying.
  const bool said = versions.list.size() > 1 && versions.list[1].value;
  if (versions.ended && !said) out.push_back(kEnded);
  return out;
}
Versions decode(BytesView row) {
  Versions made;
  std::vector<Version>& versions = made.list;
  while (!row.empty()) {
    if (row.size() == 1 && row.front() == kEnded) {
      made.ended = true;
      break;
    }
    const auto damaged = [] { return StateStoreException(Error{ErrorKind::kCorruption, "a row of versions ends early"}); };
    if (row.size() < 12) throw damaged();
    Version& version = versions.emplace_back();
    version.valid_from = Timestamp(load_big_endian<std::int64_t>(row.data()));
    const auto size = load_big_endian<std::int32_t>(row.data() + 8);
    row.remove_prefix(12);
    if (size == kNull) continue;
    if (row.size() < static_cast<std::size_t>(size)) throw damaged();
    version.value = Bytes(row.substr(0, static_cast<std::size_t>(size)));
    row.remove_prefix(static_cast<std::size_t>(size));
  }
  made.ended |= versions.size() > 1 && versions[1].value;
  return made;
}

class VersionedStore final : public LayeredStore, public VersionedBytesStore {
 public:
  explicit VersionedStore(OpenStore options)
      : spec_(std::move(options.spec)),
        engine_(std::move(options.engine)),
        changelog_(options.changelog),
        on_expired_(std::move(options.on_expired)),
        deleted_interval_(std::max(spec_.retention.count() / 4, kDeletedIntervalMin)),
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
    const std::vector<Version> versions = versions_of(key).list;
    if (versions.empty() || !versions.front().value) return std::nullopt;
    return Found{*versions.front().value, versions.front().valid_from};
  }
  std::optional<Found> as_of(BytesView key, Timestamp time) override {
    count(counters_->gets);
    const std::vector<Version> versions = versions_of(key).list;
    Timestamp next = kNoTimestamp;
    for (std::size_t i = 0; i < versions.size(); ++i) {
      if (i > 0 && time < oldest()) return std::nullopt;
      if (versions[i].valid_from <= time) {
        if (!versions[i].value) return std::nullopt;
        return Found{*versions[i].value, versions[i].valid_from, next};
      }
      next = versions[i].valid_from;
    }
    return std::nullopt;
  }

  Timestamp oldest_committed() const override { return committed_.observed - spec_.retention.count(); }
  std::vector<Found> versions(BytesView key, Timestamp from, Timestamp to) override {
    count(counters_->gets);
    std::vector<Found> found;
    Timestamp next = kNoTimestamp;
    for (Version& version : versions_of(key).list) {
      if (next != kNoTimestamp && to < oldest()) break;
      const bool valid = version.valid_from <= to && (next == kNoTimestamp || next > from);
      if (valid && version.value) found.push_back({*std::move(version.value), version.valid_from, next});
      next = version.valid_from;
    }
    return found;
  }

  Result<void> restore(std::span<const ChangelogRecord> records, const ChangelogPosition& position) override {
    for (const ChangelogRecord& record : records) {
      if (record.timestamp < oldest()) continue;  // it was refused when it came, too
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
  void drop_cache() override { now_ = committed_; }
  void committed() override { committed_ = now_; }

 private:
  void cleared() override { now_ = committed_ = {}; }
  template <class T>
  T checked(Result<T> result) const {
    if (!result) throw StateStoreException(result.error().with_context("store \"" + spec_.name + "\""));
    if constexpr (!std::is_void_v<T>) return *std::move(result);
  }
  [[nodiscard]] Timestamp oldest() const { return now_.observed - spec_.retention.count(); }
  [[nodiscard]] static Bytes versions_key(BytesView key) { return Bytes(1, kVersions).append(key); }
  [[nodiscard]] Bytes deleted_key(Timestamp time, BytesView key) const {
    Bytes row(1, kDeleted);
    append_big_endian(row, std::max<std::int64_t>(time.value, 0) / deleted_interval_);
    return row.append(key);
  }
  [[nodiscard]] Versions versions_of(BytesView key) {
    Bytes row;
    if (!checked(engine_->get(versions_key(key), row))) return {};
    return decode(row);
  }

  void put_row(const Bytes& row, OptionalBytesView bytes) { checked(engine_->put(row, bytes)); }
  std::int64_t insert(BytesView key, OptionalBytesView value, Timestamp valid_from) {
    Versions versions = versions_of(key);
    std::vector<Version>& list = versions.list;
    const auto at = std::find_if(list.begin(), list.end(), [&](const Version& v) { return v.valid_from <= valid_from; });
    const std::int64_t answer = at == list.begin() ? kLatest : std::prev(at)->valid_from.value;
    place(versions, static_cast<std::size_t>(at - list.begin()), {valid_from, to_owned(value)});
    // Those whose successors began before the history.
    for (std::size_t i = 1; i < list.size(); ++i) {
      if (list[i - 1].valid_from < oldest()) list.resize(i);
    }
    if (list.empty()) {
      put_row(versions_key(key), std::nullopt);
    } else {
      put_row(versions_key(key), BytesView(encode(versions)));
      if (!list.front().value) put_row(deleted_key(list.front().valid_from, key), BytesView());
    }
    forget_deleted();
    return answer;
  }
  /// `at`: of the first one that is not newer.
  static void place(Versions& versions, std::size_t at, Version version) {
    std::vector<Version>& list = versions.list;
    const bool replaces = at < list.size() && list[at].valid_from == version.valid_from;
    if (at == 0 && replaces) {
      const bool deletes = list.front().value && !version.value;
      if (deletes && !versions.ended) {
        list.erase(list.begin());
        return;
      }
      versions.ended |= !list.front().value;
    } else if (at == 0) {
      versions.ended = !list.empty() && list.front().value;
    } else if (at == 1) {
      versions.ended = true;
    }
    if (replaces) {
      list[at].value = std::move(version.value);
    } else {
      list.insert(list.begin() + static_cast<std::ptrdiff_t>(at), std::move(version));
    }
  }
  void forget_deleted() {
    const std::int64_t live = std::max<std::int64_t>(oldest().value, 0) / deleted_interval_;
    if (live <= now_.first_live) return;
    const Bytes from(1, kDeleted);
    const Bytes to = deleted_key(Timestamp(live * deleted_interval_), {});
    std::vector<Bytes> rows;
    for (auto row = whole_walk(spec_.name, engine_->range({.from = from, .to = to})); row->valid(); row->next()) {
      if (row->key() < to) rows.emplace_back(row->key());
    }
    for (const Bytes& row : rows) {
      const BytesView key = BytesView(row).substr(9);
      const std::vector<Version> versions = versions_of(key).list;
      if (!versions.empty() && !versions.front().value && versions.front().valid_from < oldest()) {
        put_row(versions_key(key), std::nullopt);
      }
      put_row(row, std::nullopt);
    }
    now_.first_live = live;
  }

  StoreSpec spec_;
  std::unique_ptr<BytesStore> engine_;
  ChangelogWriter* changelog_;
  UniqueFunction<void()> on_expired_;
  std::int64_t deleted_interval_;
  /// An abort takes time back with the rows: what comes again must not be late for what it has done before.
  struct Reach {
    Timestamp observed = kNoTimestamp;
    std::int64_t first_live = 0;
  };
  Reach now_;
  Reach committed_;
  std::shared_ptr<StoreCounters> counters_;
};

}  // namespace

std::unique_ptr<LayeredStore> make_versioned_store(OpenStore options) {
  return std::unique_ptr<LayeredStore>(new VersionedStore(std::move(options)));
}

}  // namespace tidemill
