// The buffer of suppress(): rows `i` key -> time, and `s` time key -> change, in an engine's bytes, so that commit and abort are
// the engine's. What is only counted is counted anew after an abort.
#include <set>

#include <tidemill/state/change_buffer.hpp>
#include <tidemill/state/window_bytes.hpp>

#include "base/endian.hpp"
#include "state/buffered_change.hpp"
#include "state/other_stores.hpp"
#include "state/whole_walk.hpp"

namespace tidemill {
namespace {

constexpr char kIndex = 'i';
constexpr char kSorted = 's';
constexpr std::size_t kTimeBytes = 8;

class ChangeBufferStore final : public LayeredStore, public ChangeBuffer {
 public:
  explicit ChangeBufferStore(OpenStore options)
      : spec_(std::move(options.spec)),
        engine_(std::move(options.engine)),
        changelog_(options.changelog),
        counters_(std::move(options.counters)) {}
  const StoreSpec& spec() const override { return spec_; }
  BytesStore& engine_store() override { return *engine_; }
  ChangeBuffer* change_buffer() override { return this; }

  void put(Timestamp time, BytesView key, OptionalBytesView new_value, OptionalBytesView old_value,
           const RecordContext& context) override {
    tidemill::count(counters_->puts);
    count();
    BufferedChange change;
    change.set_context(context);
    change.new_value = to_owned(new_value);
    change.old_value = to_owned(old_value);
    change.prior = change.old_value;
    if (const auto held = time_of(key)) {
      const BufferedChange before = change_at(sorted_key(*held, key));
      change.prior = before.prior;
      bytes_ -= size_of(key, before);
      time = *held;
    } else {
      ++records_;
      store(index_key(key), time_bytes(time));
    }
    bytes_ += size_of(key, change);
    min_time_ = std::min(min_time_, time);
    Bytes row;
    append_buffered_change(change, row);
    store(sorted_key(time, key), row);
    dirty_.emplace(key);
  }

  void evict_while(const std::function<bool()>& more, const std::function<void(const Held&)>& give) override {
    count();
    while (records_ > 0 && more()) {
      const Bytes row(first()->key());
      const BufferedChange change = change_at(row);
      const Bytes key = row.substr(1 + kTimeBytes);
      const RecordContext context = change.context();
      give({key, to_view(change.new_value), to_view(change.old_value), &context});
      store(row, std::nullopt);
      store(index_key(key), std::nullopt);
      dirty_.insert(key);
      bytes_ -= size_of(key, change);
      --records_;
      find_min();
    }
  }
  Timestamp min_time() override { return count(), min_time_; }
  std::int64_t records() override { return count(), records_; }
  std::int64_t bytes() override { return count(), bytes_; }
  bool prior_value(BytesView key, OptionalBytes& value) override {
    const auto held = time_of(key);
    if (held) value = change_at(sorted_key(*held, key)).prior;
    return held.has_value();
  }

  // Java writes a record for each key that changed, whatever became of it in between.
  void flush_cache() override {
    if (changelog_ != nullptr) {
      for (const Bytes& key : dirty_) {
        const auto held = time_of(key);
        if (!held) {
          changelog_->append(spec_.name, key, std::nullopt, kNoTimestamp, Headers::none());
          continue;
        }
        Bytes value = get_row(sorted_key(*held, key));
        append_big_endian(value, held->value);
        changelog_->append(spec_.name, key, BytesView(value), kNoTimestamp, logged_change_headers());
      }
    }
    dirty_.clear();
  }
  bool cache_dirty() const override { return !dirty_.empty(); }
  void drop_cache() override {
    dirty_.clear();
    counted_ = false;
  }
  Result<void> restore(std::span<const ChangelogRecord> records, const ChangelogPosition& position) override {
    counted_ = false;
    for (const ChangelogRecord& record : records) {
      try {
        if (Result<void> taken = take_back(record); !taken) return taken.error().with_context(place_of(record));
      } catch (const StateStoreException& error) {  // what it holds is damaged
        return Error(error.error()).with_context(place_of(record));
      }
    }
    return engine_->commit(position, Position(engine_->position()));
  }

  // It is no store of keys and values for others.
  bool get(BytesView, Bytes&) override { return false; }
  void put(BytesView, OptionalBytesView, Timestamp) override {
    throw StateStoreException(
        Error{ErrorKind::kUnsupported, "store \"" + spec_.name + "\" holds back changes: nothing else is put there"});
  }
  std::unique_ptr<BytesIterator> range(const BytesRange& range) override {
    return whole_walk(spec_.name, engine_->range(range));
  }
  std::uint64_t approximate_num_entries() override { return static_cast<std::uint64_t>(records()); }
  bool set_flush_listener(CacheFlushListener, bool) override { return false; }

 private:
  void cleared() override { drop_cache(); }
  template <class T>
  T checked(Result<T> result) const {
    if (!result) throw StateStoreException(result.error().with_context("store \"" + spec_.name + "\""));
    if constexpr (!std::is_void_v<T>) return *std::move(result);
  }
  Result<void> take_back(const ChangelogRecord& record) {
    const auto held = time_of(record.key);
    Bytes row;
    Timestamp time;
    if (record.value) {
      const OptionalBytes held_prior = held ? change_at(sorted_key(*held, record.key)).prior : std::nullopt;
      TIDEMILL_ASSIGN(const LoggedChange logged, read_logged_change(record, held_prior));
      append_buffered_change(logged.change, row);
      time = logged.time;
    }
    if (held) {
      TIDEMILL_TRY(engine_->put(sorted_key(*held, record.key), std::nullopt));
      TIDEMILL_TRY(engine_->put(index_key(record.key), std::nullopt));
    }
    if (record.value) {
      TIDEMILL_TRY(engine_->put(sorted_key(time, record.key), BytesView(row)));
      TIDEMILL_TRY(engine_->put(index_key(record.key), BytesView(time_bytes(time))));
    }
    return {};
  }
  std::string place_of(const ChangelogRecord& record) const {
    const std::string changelog = record.changelog != nullptr ? to_string(*record.changelog) : "its changelog";
    return "store \"" + spec_.name + "\", offset " + std::to_string(record.offset.value) + " of " + changelog;
  }
  static Bytes time_bytes(Timestamp time) {
    Bytes bytes;
    append_big_endian(bytes, time.value);
    return bytes;
  }
  static Bytes index_key(BytesView key) { return Bytes(1, kIndex).append(key); }
  static Bytes sorted_key(Timestamp time, BytesView key) { return kSorted + time_bytes(time).append(key); }
  static std::int64_t size_of(BytesView key, const BufferedChange& change) {
    return static_cast<std::int64_t>(kTimeBytes + key.size()) + change.memory_estimate();
  }
  void store(const Bytes& row, OptionalBytesView value) { checked(engine_->put(row, value)); }
  [[nodiscard]] Bytes get_row(const Bytes& row) {
    Bytes value;
    checked(engine_->get(row, value));
    return value;
  }
  [[nodiscard]] std::optional<Timestamp> time_of(BytesView key) {
    Bytes time;
    if (!checked(engine_->get(index_key(key), time))) return std::nullopt;
    return Timestamp(load_big_endian<std::int64_t>(time.data()));
  }
  [[nodiscard]] BufferedChange change_at(const Bytes& row) {
    const Bytes value = get_row(row);
    BytesView rest = value;
    return take_buffered_change(rest);
  }
  [[nodiscard]] std::unique_ptr<BytesIterator> first() {
    const Bytes from(1, kSorted);
    return whole_walk(spec_.name, engine_->range({.from = from, .to = {}}));
  }
  void find_min() {
    const auto row = first();
    min_time_ = row->valid() ? Timestamp(load_big_endian<std::int64_t>(row->key().data() + 1)) : kMaxTimestamp;
  }
  void count() {
    if (counted_) return;
    records_ = 0;
    bytes_ = 0;
    for (const auto row = first(); row->valid(); row->next()) {
      BytesView value = row->value();
      bytes_ += size_of(row->key().substr(1 + kTimeBytes), take_buffered_change(value));
      ++records_;
    }
    find_min();
    counted_ = true;
  }

  StoreSpec spec_;
  std::unique_ptr<BytesStore> engine_;
  ChangelogWriter* changelog_;
  std::shared_ptr<StoreCounters> counters_;
  std::set<Bytes, std::less<>> dirty_;
  bool counted_ = false;
  std::int64_t records_ = 0;
  std::int64_t bytes_ = 0;
  Timestamp min_time_ = kMaxTimestamp;
};

}  // namespace

std::unique_ptr<LayeredStore> make_change_buffer(OpenStore options) {
  return std::unique_ptr<LayeredStore>(new ChangeBufferStore(std::move(options)));
}

}  // namespace tidemill
