// Stores in memory: a hash map; an order over the keys, built when first asked for and kept from then on; an undo list that
// takes an abort back to the last commit. Nothing is durable: a restart reads the changelog.
#include <absl/container/btree_set.h>
#include <absl/container/flat_hash_map.h>

#include <tidemill/state/state_engine.hpp>

#include <string_view>

namespace tidemill {
namespace {

// Debian's Abseil has a string_view of its own; look-ups by ours need a transparent hash and equality.
struct BytesHash {
  using is_transparent = void;
  std::size_t operator()(BytesView bytes) const { return std::hash<std::string_view>()(bytes); }
};
struct BytesEqual {
  using is_transparent = void;
  bool operator()(BytesView a, BytesView b) const { return a == b; }
};
using Rows = absl::flat_hash_map<std::string, std::string, BytesHash, BytesEqual>;
using Order = absl::btree_set<std::string, std::less<>>;

// Walks by asking for the next key each time, so that puts in between do no harm.
class InMemoryIterator final : public BytesIterator {
 public:
  InMemoryIterator(const Rows& rows, const Order& order, const BytesRange& range)
      : rows_(rows), order_(order), direction_(range.direction), from_(to_owned(range.from)), to_(to_owned(range.to)) {
    const bool forward = direction_ == Direction::kForward;
    if (forward) {
      find(from_ ? order_.lower_bound(*from_) : order_.begin());
    } else {
      const auto behind = to_ ? order_.upper_bound(*to_) : order_.end();
      if (behind != order_.begin()) find(std::prev(behind));
    }
  }
  bool valid() const override { return valid_; }
  BytesView key() const override { return key_; }
  BytesView value() const override { return value_; }
  void next() override {
    valid_ = false;
    if (direction_ == Direction::kForward) {
      find(order_.upper_bound(key_));
    } else {
      const auto at = order_.lower_bound(key_);
      if (at != order_.begin()) find(std::prev(at));
    }
  }
  Result<void> status() const override { return {}; }

 private:
  void find(Order::const_iterator at) {
    if (at == order_.end()) return;
    if (direction_ == Direction::kForward ? (to_ && *at > *to_) : (from_ && *at < *from_)) return;
    key_ = *at;
    value_ = rows_.find(*at)->second;
    valid_ = true;
  }
  const Rows& rows_;
  const Order& order_;
  Direction direction_;
  OptionalBytes from_;
  OptionalBytes to_;
  bool valid_ = false;
  std::string key_;
  std::string value_;
};

class InMemoryStore final : public BytesStore {
 public:
  explicit InMemoryStore(std::string name) : name_(std::move(name)) {}
  const std::string& name() const override { return name_; }

  Result<bool> get(BytesView key, Bytes& value) override {
    const auto found = rows_.find(key);
    if (found == rows_.end()) return false;
    value.assign(found->second);
    return true;
  }
  Result<void> put(BytesView key, OptionalBytesView value) override {
    uncommitted_bytes_ += key.size() + (value ? value->size() : 0);
    const auto found = rows_.find(key);
    if (found != rows_.end()) {
      undo_.push_back({found->first, value ? OptionalBytes(found->second) : OptionalBytes(std::move(found->second))});
      if (value) {
        found->second.assign(*value);
      } else {
        if (ordered_) order_.erase(found->first);
        rows_.erase(found);
      }
      return {};
    }
    if (!value) return {};
    undo_.push_back({std::string(key), std::nullopt});
    if (ordered_) order_.emplace(key);
    rows_.emplace(std::string(key), std::string(*value));
    return {};
  }
  Result<std::unique_ptr<BytesIterator>> range(const BytesRange& range) override {
    if (!ordered_) {
      for (const auto& [key, value] : rows_) order_.insert(key);
      ordered_ = true;
    }
    return std::unique_ptr<BytesIterator>(new InMemoryIterator(rows_, order_, range));
  }
  std::uint64_t approximate_num_entries() const override { return rows_.size(); }
  std::size_t uncommitted_bytes() const override { return uncommitted_bytes_; }

  Result<void> commit(const ChangelogPosition&, const Position& position) override {
    forget_undo();
    position_ = position;
    return {};
  }
  void abort() override {
    for (auto change = undo_.rbegin(); change != undo_.rend(); ++change) {
      if (change->old_value) {
        rows_.insert_or_assign(change->key, std::move(*change->old_value));
        if (ordered_) order_.insert(change->key);
      } else {
        rows_.erase(change->key);
        if (ordered_) order_.erase(change->key);
      }
    }
    forget_undo();
  }
  Result<void> flush() override { return {}; }
  std::optional<ChangelogPosition> durable_position() const override { return std::nullopt; }
  const Position& position() const override { return position_; }
  Result<void> restore(std::span<const std::pair<BytesView, OptionalBytesView>> batch,
                       const ChangelogPosition&) override {
    for (const auto& [key, value] : batch) {
      if (value) {
        rows_.insert_or_assign(std::string(key), std::string(*value));
        if (ordered_) order_.emplace(key);
      } else {
        if (const auto found = rows_.find(key); found != rows_.end()) rows_.erase(found);
        if (ordered_) order_.erase(std::string(key));
      }
    }
    return {};
  }
  Result<void> clear() override {
    rows_.clear();
    order_.clear();
    forget_undo();
    position_.clear();
    return {};
  }
  Result<std::unique_ptr<BytesSnapshot>> snapshot() override {
    return Error{ErrorKind::kUnsupported, "store \"" + name_ + "\" is in memory and has no snapshots"};
  }

 private:
  struct Undo {
    std::string key;
    OptionalBytes old_value;
  };
  static constexpr std::size_t kUndoKept = 4096;
  void forget_undo() {
    undo_.clear();
    if (undo_.capacity() > kUndoKept) undo_.shrink_to_fit();
    uncommitted_bytes_ = 0;
  }
  std::string name_;
  Rows rows_;
  Order order_;
  bool ordered_ = false;
  std::vector<Undo> undo_;
  std::size_t uncommitted_bytes_ = 0;
  Position position_;
};

class InMemoryEngine final : public StateEngine {
 public:
  Result<std::vector<std::unique_ptr<BytesStore>>> open(const std::string&, std::span<const StoreSpec> specs) override {
    std::vector<std::unique_ptr<BytesStore>> stores;
    for (const StoreSpec& spec : specs) stores.emplace_back(new InMemoryStore(spec.name));
    return stores;
  }
  bool persistent() const override { return false; }
  std::size_t memory_bytes() const override { return 0; }
};

}  // namespace

std::shared_ptr<StateEngine> in_memory_stores() { return std::make_shared<InMemoryEngine>(); }

}  // namespace tidemill
