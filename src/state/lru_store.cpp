#include "state/lru_store.hpp"

#include <absl/container/btree_map.h>
#include <absl/container/flat_hash_map.h>

#include <string>
#include <utility>
#include <vector>

#include "state/bytes_hash.hpp"

namespace tidemill {
namespace {

/// When a key was used last, as a number that only grows.
using Use = std::uint64_t;

class LruStore final : public BytesStore {
 public:
  LruStore(std::unique_ptr<BytesStore> rows, std::size_t entries_max, Evicted evicted)
      : rows_(std::move(rows)), entries_max_(entries_max), evicted_(std::move(evicted)) {}
  const std::string& name() const override { return rows_->name(); }

  Result<bool> get(BytesView key, Bytes& value) override {
    if (last_use_.contains(key)) use(key);
    return rows_->get(key, value);
  }
  Result<void> put(BytesView key, OptionalBytesView value) override {
    if (!value) {
      forget(key);
      return rows_->put(key, std::nullopt);
    }
    use(key);
    TIDEMILL_TRY(rows_->put(key, value));
    if (last_use_.size() <= entries_max_) return {};
    const Bytes eldest = by_use_.begin()->second;
    forget(eldest);
    TIDEMILL_TRY(rows_->put(eldest, std::nullopt));
    if (evicted_) evicted_(eldest);
    return {};
  }
  // To be walked over is no use.
  Result<std::unique_ptr<BytesIterator>> range(const BytesRange& range) override { return rows_->range(range); }
  std::uint64_t approximate_num_entries() const override { return rows_->approximate_num_entries(); }
  std::size_t uncommitted_bytes() const override { return rows_->uncommitted_bytes(); }

  Result<void> commit(const ChangelogPosition& changelog, const Position& position) override {
    before_.clear();
    return rows_->commit(changelog, position);
  }
  void abort() override {
    for (const auto& [key, use] : std::exchange(before_, {})) set(key, use);
    rows_->abort();
  }
  Result<void> flush() override { return rows_->flush(); }
  std::optional<ChangelogPosition> durable_position() const override { return rows_->durable_position(); }
  const Position& position() const override { return rows_->position(); }
  // The changelog tells of puts and evictions, so the order is that of the puts: uses by reading are not in it.
  Result<void> restore(std::span<const std::pair<BytesView, OptionalBytesView>> batch,
                       const ChangelogPosition& changelog) override {
    std::vector<Bytes> evicted;  // the store has been made smaller
    for (const auto& [key, value] : batch) {
      set(key, value ? ++clock_ : kNever);
      if (last_use_.size() <= entries_max_) continue;
      set(evicted.emplace_back(by_use_.begin()->second), kNever);
    }
    if (evicted.empty()) return rows_->restore(batch, changelog);
    std::vector<std::pair<BytesView, OptionalBytesView>> rows(batch.begin(), batch.end());
    for (const Bytes& key : evicted) {
      if (!last_use_.contains(key)) rows.emplace_back(key, std::nullopt);  // else it came again
    }
    return rows_->restore(rows, changelog);
  }
  Result<void> clear() override {
    last_use_.clear();
    by_use_.clear();
    before_.clear();
    return rows_->clear();
  }
  Result<std::unique_ptr<BytesSnapshot>> snapshot() override { return rows_->snapshot(); }

 private:
  static constexpr Use kNever = 0;

  void use(BytesView key) {
    remember(key);
    set(key, ++clock_);
  }
  void forget(BytesView key) {
    if (!last_use_.contains(key)) return;
    remember(key);
    set(key, kNever);
  }
  void set(BytesView key, Use use) {
    if (const auto found = last_use_.find(key); found != last_use_.end()) {
      by_use_.erase(found->second);
      if (use == kNever) {
        last_use_.erase(found);
        return;
      }
      found->second = use;
    } else if (use == kNever) {
      return;
    } else {
      last_use_.emplace(std::string(key), use);
    }
    by_use_.emplace(use, key);
  }
  /// What an abort goes back to.
  void remember(BytesView key) {
    if (before_.contains(key)) return;
    const auto found = last_use_.find(key);
    before_.emplace(std::string(key), found == last_use_.end() ? kNever : found->second);
  }

  using UseByKey = absl::flat_hash_map<std::string, Use, BytesHash, BytesEqual>;
  std::unique_ptr<BytesStore> rows_;
  std::size_t entries_max_;
  Evicted evicted_;
  Use clock_ = kNever;
  UseByKey last_use_;
  absl::btree_map<Use, std::string> by_use_;
  UseByKey before_;  // of keys used since the last commit
};

}  // namespace

std::unique_ptr<BytesStore> make_lru_store(std::unique_ptr<BytesStore> rows, std::size_t entries_max, Evicted evicted) {
  return std::unique_ptr<BytesStore>(new LruStore(std::move(rows), entries_max, std::move(evicted)));
}

}  // namespace tidemill
