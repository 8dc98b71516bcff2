// Lists under a key: Java's list serde (a byte for entries of any size, their number, each with its length) in a store of keys
// and values, which a walk takes apart.
#include <vector>

#include <tidemill/state/outer_join_store.hpp>

#include "base/endian.hpp"
#include "state/other_stores.hpp"

namespace tidemill {
namespace {

constexpr char kVariableSize = 1;
constexpr std::size_t kCountAt = 1;
constexpr std::size_t kHeader = 1 + 4;

class ListIterator final : public BytesIterator {
 public:
  explicit ListIterator(std::unique_ptr<BytesIterator> rows) : rows_(std::move(rows)) { take_list(); }
  bool valid() const override { return rows_->valid() && at_ < elements_.size(); }
  BytesView key() const override { return rows_->key(); }
  BytesView value() const override { return elements_[at_]; }
  void next() override {
    if (++at_ < elements_.size()) return;
    rows_->next();
    take_list();
  }
  Result<void> status() const override { return rows_->status(); }

 private:
  void take_list() {
    at_ = 0;
    elements_.clear();
    if (!rows_->valid()) return;
    BytesView list = rows_->value();
    const auto damaged = [] { return StateStoreException(Error{ErrorKind::kCorruption, "a list ends before its entries do"}); };
    if (list.size() < kHeader) throw damaged();
    auto count = load_big_endian<std::int32_t>(list.data() + kCountAt);
    for (list.remove_prefix(kHeader); count > 0; --count) {
      if (list.size() < 4) throw damaged();
      const auto size = static_cast<std::size_t>(load_big_endian<std::int32_t>(list.data()));
      if (list.size() - 4 < size) throw damaged();
      elements_.push_back(list.substr(4, size));
      list.remove_prefix(4 + size);
    }
  }
  std::unique_ptr<BytesIterator> rows_;
  std::vector<BytesView> elements_;
  std::size_t at_ = 0;
};

class ListStore final : public LayeredStore, public OuterJoinStore {
 public:
  explicit ListStore(std::unique_ptr<LayeredStore> lists) : lists_(std::move(lists)) {}
  const StoreSpec& spec() const override { return lists_->spec(); }
  BytesStore& engine_store() override { return lists_->engine_store(); }
  OuterJoinStore* outer_join() override { return this; }

  void add(BytesView row, BytesView element, Timestamp timestamp) override {
    if (!lists_->get(row, list_)) {
      list_.assign(1, kVariableSize);
      append_big_endian(list_, std::int32_t{0});
    }
    const auto count = load_big_endian<std::int32_t>(list_.data() + kCountAt);
    Bytes counted;
    append_big_endian(counted, count + 1);
    list_.replace(kCountAt, counted.size(), counted);
    append_big_endian(list_, static_cast<std::int32_t>(element.size()));
    list_.append(element);
    lists_->put(row, BytesView(list_), timestamp);
  }
  void remove(BytesView row, Timestamp timestamp) override { lists_->put(row, std::nullopt, timestamp); }
  void remove_if_there(BytesView row, Timestamp timestamp) override {
    if (lists_->get(row, list_)) remove(row, timestamp);
  }
  std::unique_ptr<BytesIterator> all() override { return range({}); }

  bool get(BytesView key, Bytes& value) override { return lists_->get(key, value); }
  void put(BytesView key, OptionalBytesView value, Timestamp timestamp) override {
    if (value) return add(key, *value, timestamp);
    remove(key, timestamp);
  }
  std::unique_ptr<BytesIterator> range(const BytesRange& range) override {
    return std::unique_ptr<BytesIterator>(new ListIterator(lists_->range(range)));
  }
  std::uint64_t approximate_num_entries() override { return lists_->approximate_num_entries(); }
  bool set_flush_listener(CacheFlushListener, bool) override { return false; }
  void flush_cache() override { lists_->flush_cache(); }
  void drop_cache() override { lists_->drop_cache(); }
  Result<void> restore(std::span<const ChangelogRecord> records, const ChangelogPosition& position) override {
    return lists_->restore(records, position);
  }

 private:
  std::unique_ptr<LayeredStore> lists_;
  Bytes list_;
};

}  // namespace

void append_outer_join_row(const OuterJoinRow& row, Bytes& out) {
  append_big_endian(out, row.time.value);
  out += static_cast<char>(row.left ? 1 : 0);
  out.append(row.key);
}
OuterJoinRow split_outer_join_row(BytesView row) {
  if (row.size() < 9) {
    throw StateStoreException(
        Error{ErrorKind::kCorruption,
              "a waiting record's row has a key of " + std::to_string(row.size()) + " bytes; nine are its time and side"});
  }
  return {Timestamp(load_big_endian<std::int64_t>(row.data())), row[8] != 0, row.substr(9)};
}

std::unique_ptr<LayeredStore> make_list_store(std::unique_ptr<LayeredStore> lists) {
  return std::unique_ptr<LayeredStore>(new ListStore(std::move(lists)));
}

}  // namespace tidemill
