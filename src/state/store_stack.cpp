#include "state/store_stack.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include <tidemill/base/assert.hpp>
#include <tidemill/state/key_value_store.hpp>

#include "base/endian.hpp"
#include "state/lru_store.hpp"
#include "state/whole_walk.hpp"

namespace tidemill {

StateStoreException::StateStoreException(Error error) : std::runtime_error(to_string(error)), error_(std::move(error)) {}

void StateStore::put_all(std::span<const std::pair<Bytes, Bytes>> rows, Timestamp timestamp) {
  for (const auto& [key, value] : rows) put(key, BytesView(value), timestamp);
}

void append_timestamp(Timestamp timestamp, Bytes& out) { append_big_endian(out, timestamp.value); }

std::pair<Timestamp, BytesView> split_timestamp(BytesView stored) {
  if (stored.size() < 8) {
    throw StateStoreException(Error{
        ErrorKind::kCorruption, "a timestamped value of " + std::to_string(stored.size()) + " bytes; eight are its timestamp"});
  }
  return {Timestamp(load_big_endian<std::int64_t>(stored.data())), stored.substr(8)};
}

namespace {

/// Ends a walk where the keys no longer begin with the prefix.
class PrefixIterator final : public BytesIterator {
 public:
  PrefixIterator(std::unique_ptr<BytesIterator> rows, BytesView prefix) : rows_(std::move(rows)), prefix_(prefix) {}
  bool valid() const override { return rows_->valid() && rows_->key().starts_with(prefix_); }
  BytesView key() const override { return rows_->key(); }
  BytesView value() const override { return rows_->value(); }
  void next() override { rows_->next(); }
  Result<void> status() const override { return rows_->status(); }

 private:
  std::unique_ptr<BytesIterator> rows_;
  Bytes prefix_;
};

/// The smallest key behind all that begin with the prefix; nullopt: there is none.
OptionalBytes behind_prefix(BytesView prefix) {
  const std::size_t last = prefix.find_last_not_of('\xff');
  if (last == BytesView::npos) return std::nullopt;
  Bytes behind(prefix.substr(0, last + 1));
  ++behind.back();
  return behind;
}

}  // namespace

void detail::throw_no_row() {
  // A mistake of who walks, not of the store: a processing exception handler hears of it.
  throw std::out_of_range("the iterator is at its end: ask valid() before key(), value() and next()");
}

std::unique_ptr<BytesIterator> prefix_scan(StateStore& store, BytesView prefix) {
  // Without an upper bound a store would gather everything unwritten that lies behind.
  const OptionalBytes behind = behind_prefix(prefix);
  return std::make_unique<PrefixIterator>(store.range({.from = prefix, .to = to_view(behind)}), prefix);
}

namespace {

template <class T>
T checked(const StoreSpec& spec, Result<T> result) {
  if (!result) throw StateStoreException(result.error().with_context("store \"" + spec.name + "\""));
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

// Merges dirty and cached rows over those of the store: the cache wins, a cached null hides the row.
class MergedIterator final : public BytesIterator {
 public:
  MergedIterator(std::unique_ptr<BytesIterator> below, std::map<std::string, OptionalBytes> above, Direction direction)
      : below_(std::move(below)), above_(std::move(above)), direction_(direction) {
    for (auto& [key, value] : above_) order_.push_back(key);
    if (direction_ == Direction::kReverse) std::reverse(order_.begin(), order_.end());
    settle();
  }
  bool valid() const override { return from_above_ || below_->valid(); }
  BytesView key() const override { return from_above_ ? BytesView(order_[next_]) : below_->key(); }
  BytesView value() const override { return from_above_ ? BytesView(*above_.at(order_[next_])) : below_->value(); }
  void next() override {
    if (from_above_) {
      ++next_;
    } else {
      below_->next();
    }
    settle();
  }
  Result<void> status() const override { return below_->status(); }

 private:
  [[nodiscard]] bool before(BytesView a, BytesView b) const { return direction_ == Direction::kForward ? a < b : a > b; }
  void settle() {
    from_above_ = false;
    while (next_ < order_.size()) {
      const std::string& key = order_[next_];
      if (below_->valid() && before(below_->key(), key)) return;
      if (below_->valid() && below_->key() == key) below_->next();
      if (above_.at(key)) {
        from_above_ = true;
        return;
      }
      ++next_;
    }
  }
  std::unique_ptr<BytesIterator> below_;
  std::map<std::string, OptionalBytes> above_;
  Direction direction_;
  std::vector<std::string> order_;
  std::size_t next_ = 0;
  bool from_above_ = false;
};

class StoreStack final : public LayeredStore {
 public:
  StoreStack(StoreSpec spec, std::unique_ptr<BytesStore> store, ChangelogWriter* changelog, ThreadCache* cache,
             const RecordContext* const& current, std::shared_ptr<StoreCounters> counters)
      : spec_(std::move(spec)),
        store_(std::move(store)),
        changelog_(changelog),
        current_(current),
        counters_(std::move(counters)) {
    if (spec_.max_entries > 0) {
      store_ = make_lru_store(std::move(store_), spec_.max_entries, [this](BytesView key) {
        if (changelog_ != nullptr) changelog_->append(spec_.name, key, std::nullopt, timestamp_);
      });
    }
    if (cache != nullptr && spec_.caching) {
      cache_ = std::unique_ptr<NamedCache>(new NamedCache(*cache, [this](const NamedCache::Write& entry) { write(entry); }));
    }
  }

  const StoreSpec& spec() const override { return spec_; }
  BytesStore& engine_store() override { return *store_; }

  bool get(BytesView key, Bytes& value) override {
    bool in_cache = false;
    const bool found = read(key, value, in_cache);
    if (found && cache_ && !in_cache) cache_->put_clean(key, value);
    return found;
  }
  bool get_forwarded(BytesView key, Bytes& value) override {
    if (!cache_) return get(key, value);
    count(counters_->gets);
    const OptionalBytes* const known = cache_->find_written(key);
    if (known == nullptr) return checked(spec_, store_->get(key, value));
    if (*known) value.assign(**known);
    return known->has_value();
  }
  bool look(BytesView key, Bytes& value) override {
    bool in_cache = false;
    return read(key, value, in_cache);
  }
  bool cache_dirty() const override { return cache_ && cache_->dirty(); }

  void put(BytesView key, OptionalBytesView value, Timestamp timestamp) override {
    count(counters_->puts);
    if (!cache_) return write_through(key, value, timestamp);
    RecordContext context = current_ != nullptr ? *current_ : RecordContext{};
    context.timestamp = timestamp;
    cache_->put(key, value, context);
  }

  void put_all(std::span<const std::pair<Bytes, Bytes>> rows, Timestamp timestamp) override {
    if (cache_) return StateStore::put_all(rows, timestamp);
    for (const auto& [key, value] : rows) {
      count(counters_->puts);
      store(key, BytesView(value), timestamp);
    }
    for (const auto& [key, value] : rows) log(key, BytesView(value), timestamp);
  }

  std::unique_ptr<BytesIterator> range(const BytesRange& range) override {
    count(counters_->ranges);
    auto below = whole_walk(spec_.name, store_->range(range));
    if (!cache_) return below;
    std::map<std::string, OptionalBytes> above;
    cache_->range(range.from, range.to,
                  [&above](BytesView key, OptionalBytesView value) { above.emplace(key, to_owned(value)); });
    return std::unique_ptr<BytesIterator>(new MergedIterator(std::move(below), std::move(above), range.direction));
  }
  std::uint64_t approximate_num_entries() override { return store_->approximate_num_entries(); }

  bool set_flush_listener(CacheFlushListener listener, bool send_old_values) override {
    if (!cache_) return false;
    listener_ = std::move(listener);
    send_old_values_ = send_old_values;
    return true;
  }
  void flush_cache() override {
    if (cache_) cache_->flush();
  }
  void drop_cache() override {
    if (cache_) cache_->clear();
  }

 private:
  bool read(BytesView key, Bytes& value, bool& in_cache) {
    count(counters_->gets);
    const OptionalBytes* const known = cache_ ? cache_->find(key) : nullptr;
    in_cache = known != nullptr;
    if (!in_cache) return checked(spec_, store_->get(key, value));
    if (*known) value.assign(**known);
    return known->has_value();
  }
  // Kafka Streams' CachingKeyValueStore.putAndMaybeForward: where somebody listens, the old value is read when asked for, or to
  // see that a deletion deletes nothing.
  void write(const NamedCache::Write& entry) {
    if (!listener_) return write_through(entry.key, entry.value, entry.timestamp);
    bool had_old = false;
    old_value_.clear();
    if (send_old_values_ || !entry.value) had_old = checked(spec_, store_->get(entry.key, old_value_));
    if (!entry.value && !had_old) return;
    // What is downstream may write here again: the old value is this call's own.
    Bytes old_value = std::move(old_value_);
    write_through(entry.key, entry.value, entry.timestamp);
    const RecordContext context{entry.source, entry.offset, entry.timestamp, entry.headers};
    listener_(CacheFlush{entry.key, entry.value, send_old_values_ && had_old ? OptionalBytesView(old_value) : std::nullopt,
                         &context});
    old_value_ = std::move(old_value);
  }

  void write_through(BytesView key, OptionalBytesView value, Timestamp timestamp) {
    store(key, value, timestamp);
    log(key, value, timestamp);
  }
  void store(BytesView key, OptionalBytesView value, Timestamp timestamp) {
    timestamp_ = timestamp;
    checked(spec_, store_->put(key, value));
  }
  void log(BytesView key, OptionalBytesView value, Timestamp timestamp) {
    if (changelog_ == nullptr) return;
    if (spec_.timestamped() && value) {
      const auto [stored, plain] = split_timestamp(*value);
      changelog_->append(spec_.name, key, plain, stored);
    } else {
      changelog_->append(spec_.name, key, value, timestamp);
    }
  }

  StoreSpec spec_;
  std::unique_ptr<BytesStore> store_;
  ChangelogWriter* changelog_;
  const RecordContext* const& current_;
  std::unique_ptr<NamedCache> cache_;
  CacheFlushListener listener_;
  bool send_old_values_ = false;
  Timestamp timestamp_ = kNoTimestamp;  // of the put at work
  Bytes old_value_;                     // its memory, for the next one
  std::shared_ptr<StoreCounters> counters_;
};

}  // namespace

std::unique_ptr<LayeredStore> make_state_store(StoreSpec spec, std::unique_ptr<BytesStore> store, ChangelogWriter* changelog,
                                               ThreadCache* cache, const RecordContext* const& current,
                                               std::shared_ptr<StoreCounters> counters) {
  if (!counters) counters = std::make_shared<StoreCounters>();
  return std::unique_ptr<LayeredStore>(
      new StoreStack(std::move(spec), std::move(store), changelog, cache, current, std::move(counters)));
}

}  // namespace tidemill
