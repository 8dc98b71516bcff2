// Stores in memory: a hash map; an order over the keys, built when first asked for and kept from then on; an undo list that
// takes an abort back to the last commit. Nothing is durable: a restart reads the changelog.
#include <absl/container/btree_set.h>
#include <absl/container/flat_hash_map.h>

#include <tidemill/state/state_engine.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "state/bytes_hash.hpp"
#include "state/heap_bytes.hpp"
#include "state/key_walk.hpp"

namespace tidemill {
namespace {

using Rows = absl::flat_hash_map<std::string, std::string, BytesHash, BytesEqual>;
using Order = absl::btree_set<std::string, std::less<>>;

class InMemoryIterator final : public BytesIterator {
 public:
  InMemoryIterator(const Rows& rows, KeyWalks& walks, const Order& order, const BytesRange& range)
      : rows_(rows), walk_(walks, order, range) {
    read();
  }
  bool valid() const override { return walk_.valid(); }
  BytesView key() const override { return walk_.key(); }
  BytesView value() const override { return value_; }
  void next() override {
    walk_.next();
    read();
  }
  Result<void> status() const override { return {}; }

 private:
  void read() {
    if (walk_.valid()) value_ = rows_.find(walk_.key())->second;
  }
  const Rows& rows_;
  KeyWalk<Order> walk_;
  std::string value_;
};

/// What the rows of all stores of an engine take, as last told by their owners.
using Tally = std::shared_ptr<std::atomic<std::size_t>>;
/// A slot of the hash map at its usual load, and the allocator's part of what a text has on the heap.
constexpr std::size_t kSlotBytes = 100;
std::size_t row_bytes(std::size_t key, std::size_t value) { return kSlotBytes + heap_bytes(key) + heap_bytes(value); }

// What each key was before it was changed, in the order of the changes; the bytes of all lie one behind the other.
class UndoList {
 public:
  void remember(BytesView key, OptionalBytesView old_value) {
    changes_.push_back({.begin = bytes_.size(), .key_size = key.size(), .had_value = old_value.has_value()});
    bytes_ += key;
    if (old_value) bytes_ += *old_value;
  }
  /// The newest change first.
  template <class F>
  void walk_back(F&& undo) const {
    std::size_t end = bytes_.size();
    for (auto change = changes_.rbegin(); change != changes_.rend(); end = change->begin, ++change) {
      const BytesView both = BytesView(bytes_).substr(change->begin, end - change->begin);
      undo(both.substr(0, change->key_size),
           change->had_value ? OptionalBytesView(both.substr(change->key_size)) : std::nullopt);
    }
  }
  void forget() {
    changes_.clear();
    bytes_.clear();
    if (changes_.capacity() > kChangesKept) changes_.shrink_to_fit();
    if (bytes_.capacity() > kBytesKept) bytes_.shrink_to_fit();
  }
  static constexpr std::size_t bytes_of(std::size_t key, std::size_t value) { return sizeof(Change) + key + value; }

 private:
  struct Change {
    std::size_t begin;
    std::size_t key_size;
    bool had_value;
  };
  // As much memory stays as is usual between two commits.
  static constexpr std::size_t kChangesKept = 65536;
  static constexpr std::size_t kBytesKept = std::size_t{2} << 20;
  std::vector<Change> changes_;
  std::string bytes_;
};

class InMemoryStore final : public BytesStore {
 public:
  InMemoryStore(std::string name, Tally tally) : name_(std::move(name)), tally_(std::move(tally)) {}
  ~InMemoryStore() override {
    row_bytes_ = 0;
    tell();
  }
  const std::string& name() const override { return name_; }

  Result<bool> get(BytesView key, Bytes& value) override {
    const Rows::value_type* const row = find(key);
    if (row == nullptr) return false;
    value.assign(row->second);
    return true;
  }
  Result<void> put(BytesView key, OptionalBytesView value) override {
    uncommitted_bytes_ += UndoList::bytes_of(key.size(), value ? value->size() : 0);
    Rows::value_type* const row = find(key);
    if (row == nullptr) {
      if (!value) return {};
      undo_.remember(key, std::nullopt);
      insert(key, *value);
    } else {
      undo_.remember(key, row->second);
      if (value) {
        assign(*row, *value);
      } else {
        erase(*row);
      }
    }
    return {};
  }
  Result<std::unique_ptr<BytesIterator>> range(const BytesRange& range) override {
    if (!ordered_) {
      for (const auto& [key, value] : rows_) order_.insert(key);
      ordered_ = true;
    }
    return std::unique_ptr<BytesIterator>(new InMemoryIterator(rows_, walks_, order_, range));
  }
  std::uint64_t approximate_num_entries() const override { return rows_.size(); }
  std::size_t uncommitted_bytes() const override { return uncommitted_bytes_; }

  Result<void> commit(const ChangelogPosition&, const Position& position) override {
    forget_undo();
    position_ = position;
    tell();
    return {};
  }
  void abort() override {
    undo_.walk_back([this](BytesView key, OptionalBytesView old_value) { set(key, old_value); });
    forget_undo();
  }
  Result<void> flush() override { return {}; }
  std::optional<ChangelogPosition> durable_position() const override { return std::nullopt; }
  const Position& position() const override { return position_; }
  Result<void> restore(std::span<const std::pair<BytesView, OptionalBytesView>> batch, const ChangelogPosition&) override {
    for (const auto& [key, value] : batch) set(key, value);
    tell();
    return {};
  }
  Result<void> clear() override {
    rows_.clear();
    last_ = nullptr;
    order_.clear();
    forget_undo();
    position_.clear();
    row_bytes_ = 0;
    tell();
    return {};
  }
  Result<std::unique_ptr<BytesSnapshot>> snapshot() override {
    return Error{ErrorKind::kUnsupported, "store \"" + name_ + "\" is in memory and has no snapshots"};
  }

 private:
  /// A read is often followed by a write of the same key: the last row found needs no look-up.
  Rows::value_type* find(BytesView key) {
    if (last_ != nullptr && last_->first == key) return last_;
    const auto found = rows_.find(key);
    if (found == rows_.end()) return nullptr;
    last_ = &*found;
    return last_;
  }
  void insert(BytesView key, BytesView value) {
    row_bytes_ += row_bytes(key.size(), value.size());
    if (ordered_) order_.emplace(key);
    walks_.changed(key, KeyState::kAbsent);
    last_ = &*rows_.emplace(std::string(key), std::string(value)).first;  // the others may have moved
  }
  void assign(Rows::value_type& row, BytesView value) {
    row_bytes_ += row_bytes(row.first.size(), value.size()) - row_bytes(row.first.size(), row.second.size());
    row.second.assign(value);
  }
  void erase(Rows::value_type& row) {
    row_bytes_ -= row_bytes(row.first.size(), row.second.size());
    if (ordered_) order_.erase(row.first);
    walks_.changed(row.first, KeyState::kThere);
    last_ = nullptr;
    rows_.erase(rows_.find(row.first));
  }
  void set(BytesView key, OptionalBytesView value) {
    Rows::value_type* const row = find(key);
    if (row == nullptr) {
      if (value) insert(key, *value);
    } else if (value) {
      assign(*row, *value);
    } else {
      erase(*row);
    }
  }
  /// At commits only: a shared number must not be touched by every put.
  void tell() {
    const std::size_t now = row_bytes_ + (ordered_ ? rows_.size() * sizeof(std::string) : 0);
    tally_->fetch_add(now - told_bytes_, std::memory_order_relaxed);
    told_bytes_ = now;
  }
  void forget_undo() {
    undo_.forget();
    uncommitted_bytes_ = 0;
  }
  std::string name_;
  Rows rows_;
  Rows::value_type* last_ = nullptr;
  Order order_;
  bool ordered_ = false;
  KeyWalks walks_;
  UndoList undo_;
  std::size_t uncommitted_bytes_ = 0;
  std::size_t row_bytes_ = 0;
  std::size_t told_bytes_ = 0;
  Tally tally_;
  Position position_;
};

class InMemoryEngine final : public StateEngine {
 public:
  Result<std::vector<std::unique_ptr<BytesStore>>> open(const std::string&, std::span<const StoreSpec> specs) override {
    std::vector<std::unique_ptr<BytesStore>> stores;
    for (const StoreSpec& spec : specs) stores.emplace_back(new InMemoryStore(spec.name, tally_));
    return stores;
  }
  bool persistent() const override { return false; }
  std::size_t memory_bytes() const override { return tally_->load(std::memory_order_relaxed); }

 private:
  Tally tally_ = std::make_shared<std::atomic<std::size_t>>(0);
};

}  // namespace

std::shared_ptr<StateEngine> in_memory_stores() { return std::make_shared<InMemoryEngine>(); }

}  // namespace tidemill
