// The rows of a join's buffer, in a store of keys and values whose changelog records have no timestamp.
#include <tidemill/state/join_buffer.hpp>

#include <limits>
#include <utility>

#include "base/endian.hpp"
#include "state/buffered_change.hpp"
#include "state/other_stores.hpp"

namespace tidemill {
namespace {

constexpr char kByTime = 0;
constexpr std::size_t kKeyAt = 1 + 8;
constexpr std::size_t kNumberBytes = 4;
/// What other buffers have behind a value: the time. Here it is in the key.
constexpr std::int64_t kNoTime = 0;

Timestamp time_of(BytesView row) { return Timestamp(load_big_endian<std::int64_t>(row.data() + 1)); }
std::int32_t number_of(BytesView row) { return load_big_endian<std::int32_t>(row.data() + row.size() - kNumberBytes); }

class JoinBufferStore final : public LayeredStore, public JoinBuffer {
 public:
  explicit JoinBufferStore(std::unique_ptr<LayeredStore> rows) : rows_(std::move(rows)) {}
  const StoreSpec& spec() const override { return rows_->spec(); }
  BytesStore& engine_store() override { return rows_->engine_store(); }
  JoinBuffer* join_buffer() override { return this; }

  bool put(BytesView key, BytesView value, const RecordContext& context) override {
    count();
    if (due_time() > context.timestamp) return false;
    newest_ = std::max(newest_, context.timestamp);
    number_ = number_ == std::numeric_limits<std::int32_t>::max() ? 0 : number_ + 1;
    ++records_;
    Bytes row(1, kByTime);
    append_big_endian(row, context.timestamp.value);
    row.append(key);
    append_big_endian(row, number_);
    if (row < none_before_) none_before_ = row;
    BufferedChange change;
    change.set_context(context);
    change.new_value = Bytes(value);
    Bytes bytes;
    append_buffered_change(change, bytes);
    append_big_endian(bytes, kNoTime);
    rows_->put(row, BytesView(bytes), kNoTimestamp);
    return true;
  }
  void evict_due(const std::function<void(const Waiting&)>& give) override {
    count();
    if (newest_ == kNoTimestamp) return;
    // Not from the first key: what has been given lies there, deleted, and would be stepped over for every record.
    const Bytes from = none_before_;
    for (const auto next = rows_->range({.from = from, .to = std::nullopt}); next->valid(); next->next()) {
      const Bytes row(next->key());
      check(row);
      none_before_ = row;
      if (time_of(row) > due_time()) return;
      BytesView bytes = next->value();
      const BufferedChange change = take_buffered_change(bytes);
      const Bytes value = change.new_value.value_or(Bytes());
      const RecordContext context = change.context();
      give({BytesView(row).substr(kKeyAt, row.size() - kKeyAt - kNumberBytes), value, &context});
      rows_->put(row, std::nullopt, kNoTimestamp);
      --records_;
    }
  }
  std::int64_t records() override { return count(), records_; }

  bool get(BytesView key, Bytes& value) override { return rows_->get(key, value); }
  void put(BytesView, OptionalBytesView, Timestamp) override {
    throw StateStoreException(Error{ErrorKind::kUnsupported, "store \"" + name() +
                                                                 "\" keeps records that wait for a join: nothing "
                                                                 "else is put there"});
  }
  std::unique_ptr<BytesIterator> range(const BytesRange& range) override { return rows_->range(range); }
  std::uint64_t approximate_num_entries() override { return rows_->approximate_num_entries(); }
  bool set_flush_listener(CacheFlushListener, bool) override { return false; }
  void flush_cache() override { rows_->flush_cache(); }
  void drop_cache() override {
    rows_->drop_cache();
    counted_ = false;
  }
  Result<void> restore(std::span<const ChangelogRecord> records, const ChangelogPosition& position) override {
    counted_ = false;
    return rows_->restore(records, position);
  }

 private:
  void cleared() override { counted_ = false; }
  /// What is not newer is no longer waited for.
  [[nodiscard]] Timestamp due_time() const { return newest_ - spec().retention.count(); }
  void check(BytesView row) const {
    if (row.size() >= kKeyAt + kNumberBytes) return;
    throw StateStoreException(Error{ErrorKind::kCorruption, "store \"" + name() + "\" has a row with a key of " +
                                                                std::to_string(row.size()) +
                                                                " bytes; thirteen are time and number"});
  }
  /// After a restart and after an abort: what is known of the rows is what the rows say.
  void count() {
    if (std::exchange(counted_, true)) return;
    newest_ = kNoTimestamp;
    number_ = 0;
    records_ = 0;
    none_before_.clear();
    for (const auto row = rows_->range({}); row->valid(); row->next(), ++records_) {
      check(row->key());
      newest_ = time_of(row->key());
      number_ = std::max(number_, number_of(row->key()));
    }
  }
  std::unique_ptr<LayeredStore> rows_;
  bool counted_ = false;
  Timestamp newest_ = kNoTimestamp;
  std::int32_t number_ = 0;
  std::int64_t records_ = 0;
  Bytes none_before_;  // no row has a smaller key
};

}  // namespace

std::unique_ptr<LayeredStore> make_join_buffer(std::unique_ptr<LayeredStore> rows) {
  return std::unique_ptr<LayeredStore>(new JoinBufferStore(std::move(rows)));
}

}  // namespace tidemill
