#include "state_rocksdb/overlay.hpp"

#include <algorithm>

#include "state/heap_bytes.hpp"

namespace tidemill::rocksdb_state {
namespace {

/// As much memory of a transaction's undo list stays as is usual between two commits.
constexpr std::size_t kUndoKept = 65536;
constexpr std::size_t kOldValuesKept = std::size_t{2} << 20;

}  // namespace

std::size_t Overlay::bytes_of(BytesView key, std::size_t value) {
  return kRowBytes + heap_bytes(key.size()) + heap_bytes(value);
}

const Overlay::Row* Overlay::find(BytesView key) const {
  const auto found = rows_.find(key);
  return found == rows_.end() ? nullptr : &found->second;
}

const Overlay::Row* Overlay::look(BytesView key) {
  if (last_ == nullptr || last_->first != key) {
    const auto found = rows_.find(key);
    if (found == rows_.end()) return nullptr;
    last_ = &*found;
  }
  return &last_->second;
}

void Overlay::put(BytesView key, OptionalBytesView value, bool hides) {
  const std::size_t size = value ? value->size() : 0;
  const Row* const found = look(key);
  const KeyState before = found == nullptr ? KeyState::kAbsent : state_of(*found);
  if (found == nullptr) {
    last_ = &*rows_.try_emplace(std::string(key)).first;
    if (ordered_) order_.insert(last_->first);
    undo_.push_back({.row = last_, .begin = old_values_.size(), .was = KeyState::kAbsent});
    bytes_ += bytes_of(key, size);
  } else {
    const Row& row = last_->second;
    if (row.transaction != transaction_) {
      undo_.push_back(
          {.row = last_, .begin = old_values_.size(), .was = row.deleted != 0 ? KeyState::kDeleted : KeyState::kThere});
      old_values_ += row.value;
    }
    bytes_ += heap_bytes(size);
    bytes_ -= heap_bytes(row.value.size());
  }
  set_walked(*last_, value || hides);
  Row& row = last_->second;
  row.transaction = transaction_;
  row.deleted = value ? 0 : 1;
  row.value.assign(value.value_or(BytesView()));
  if (state_of(row) != before) walks_.changed(key, before);
}

void Overlay::remove_range(BytesView from, BytesView to) {
  build_order();
  std::vector<Bytes> keys;
  for (auto key = order_.lower_bound(from); key != order_.end() && *key < to; ++key) keys.emplace_back(*key);
  for (const Bytes& key : keys) put(key, std::nullopt);
  removed_.push_back({Bytes(from), Bytes(to)});
}

bool Overlay::hides(BytesView key) const {
  return std::any_of(removed_.begin(), removed_.end(), [key](const Range& range) { return range.has(key); });
}

void Overlay::commit() {
  // Ranges that follow each other, as those of old segments do, become one.
  Ranges all;
  for (Range& range : removed_) {
    if (!all.empty() && all.back().to == range.from) {
      all.back().to = std::move(range.to);
    } else {
      all.push_back(std::move(range));
    }
  }
  removed_ = std::move(all);
  committed_removed_ = removed_.size();
  for (const Undo& undo : undo_) {
    if (undo.row->second.walked != 0) continue;
    bytes_ -= bytes_of(undo.row->first, 0);
    erase(*undo.row);
  }
  forget_undo();
  committed_bytes_ = bytes_;
}

void Overlay::abort() {
  std::size_t end = old_values_.size();
  for (auto undo = undo_.rbegin(); undo != undo_.rend(); end = undo->begin, ++undo) {
    Row& row = undo->row->second;
    walks_.changed(undo->row->first, state_of(row));
    if (undo->was == KeyState::kAbsent) {
      erase(*undo->row);
      continue;
    }
    set_walked(*undo->row, true);
    row.deleted = undo->was == KeyState::kDeleted ? 1 : 0;
    row.value.assign(old_values_, undo->begin, end - undo->begin);
  }
  removed_.resize(committed_removed_);
  bytes_ = committed_bytes_;
  forget_undo();
}

std::shared_ptr<Overlay> Overlay::split() {
  auto open = std::make_shared<Overlay>();
  for (const Undo& undo : undo_) {
    const Row& row = undo.row->second;
    open->put(undo.row->first, row.view(), row.walked != 0 || undo.was == KeyState::kThere);
  }
  open->removed_.assign(removed_.begin() + static_cast<std::ptrdiff_t>(committed_removed_), removed_.end());
  abort();
  return open;
}

KeyState Overlay::state_of(const Row& row) {
  if (row.walked == 0) return KeyState::kAbsent;
  return row.deleted != 0 ? KeyState::kDeleted : KeyState::kThere;
}

void Overlay::set_walked(Entry& row, bool walked) {
  if ((row.second.walked != 0) == walked) return;
  row.second.walked = walked ? 1 : 0;
  if (!ordered_) return;
  if (walked) {
    order_.insert(row.first);
  } else {
    order_.erase(BytesView(row.first));
  }
}

void Overlay::erase(Entry& row) {
  if (ordered_) order_.erase(BytesView(row.first));
  last_ = nullptr;
  rows_.erase(rows_.find(row.first));
}

void Overlay::forget_undo() {
  undo_.clear();
  old_values_.clear();
  if (undo_.capacity() > kUndoKept) undo_.shrink_to_fit();
  if (old_values_.capacity() > kOldValuesKept) old_values_.shrink_to_fit();
  ++transaction_;
}

std::size_t Overlay::uncommitted_bytes() const {
  return undo_.size() * sizeof(Undo) + (removed_.size() - committed_removed_) * sizeof(Range) + old_values_.size() +
         (bytes_ > committed_bytes_ ? bytes_ - committed_bytes_ : 0);
}

const std::vector<const Overlay::Entry*>& Overlay::sorted() const {
  std::call_once(once_sorted_, [this] {
    sorted_.reserve(rows_.size());
    for (const Entry& row : rows_) sorted_.push_back(&row);
    std::sort(sorted_.begin(), sorted_.end(), [](const Entry* a, const Entry* b) { return a->first < b->first; });
  });
  return sorted_;
}

const Overlay::Order& Overlay::build_order() {
  if (ordered_) return order_;
  for (const Entry& row : rows_) {
    if (row.second.walked != 0) order_.insert(row.first);
  }
  ordered_ = true;
  return order_;
}

Overlay::Cursor::Cursor(std::shared_ptr<Overlay> overlay, const BytesRange& range)
    : overlay_(std::move(overlay)), walk_(overlay_->walks_, overlay_->build_order(), range) {
  read();
}

void Overlay::Cursor::next() {
  walk_.next();
  read();
}

void Overlay::Cursor::read() {
  if (!walk_.valid()) return;
  const Row& row = overlay_->rows_.find(walk_.key())->second;
  deleted_ = row.deleted != 0 || walk_.was_deleted();
  value_ = row.value;
}

namespace {

/// A walk over a frozen overlay.
class FrozenCursor {
 public:
  FrozenCursor(std::shared_ptr<const Overlay> overlay, const BytesRange& range)
      : overlay_(std::move(overlay)), rows_(overlay_->sorted()), forward_(range.direction == Direction::kForward) {
    const auto less = [](const Overlay::Entry* row, BytesView key) { return row->first < key; };
    const auto more = [](BytesView key, const Overlay::Entry* row) { return key < row->first; };
    auto begin = rows_.begin();
    auto end = rows_.end();
    if (range.from) begin = std::lower_bound(begin, end, *range.from, less);
    if (range.to) end = std::upper_bound(begin, end, *range.to, more);
    begin_ = static_cast<std::size_t>(begin - rows_.begin());
    end_ = static_cast<std::size_t>(end - rows_.begin());
  }
  [[nodiscard]] bool valid() const { return begin_ < end_; }
  [[nodiscard]] BytesView key() const { return at().first; }
  [[nodiscard]] OptionalBytesView value() const { return at().second.view(); }
  void next() { forward_ ? ++begin_ : --end_; }

 private:
  [[nodiscard]] const Overlay::Entry& at() const { return *rows_[forward_ ? begin_ : end_ - 1]; }
  std::shared_ptr<const Overlay> overlay_;
  const std::vector<const Overlay::Entry*>& rows_;
  bool forward_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

/// Rows without those in ranges that were removed above them.
class UnhiddenIterator final : public BytesIterator {
 public:
  UnhiddenIterator(std::unique_ptr<BytesIterator> rows, Overlay::Ranges removed)
      : rows_(std::move(rows)), removed_(std::move(removed)) {
    skip();
  }
  bool valid() const override { return rows_->valid(); }
  BytesView key() const override { return rows_->key(); }
  BytesView value() const override { return rows_->value(); }
  void next() override {
    rows_->next();
    skip();
  }
  Result<void> status() const override { return rows_->status(); }

 private:
  void skip() {
    const auto hidden = [this](const Overlay::Range& range) { return range.has(rows_->key()); };
    while (rows_->valid() && std::any_of(removed_.begin(), removed_.end(), hidden)) rows_->next();
  }
  std::unique_ptr<BytesIterator> rows_;
  Overlay::Ranges removed_;
};
std::unique_ptr<BytesIterator> unhidden(std::unique_ptr<BytesIterator> rows, const Overlay& above) {
  if (above.removed().empty()) return rows;
  return std::unique_ptr<BytesIterator>(new UnhiddenIterator(std::move(rows), above.removed()));
}

template <class Cursor>
class OverlayIterator final : public BytesIterator {
 public:
  template <class Above>
  OverlayIterator(std::unique_ptr<BytesIterator> below, std::shared_ptr<Above> above, const BytesRange& range)
      : below_(std::move(below)), above_(std::move(above), range), forward_(range.direction == Direction::kForward) {
    settle();
  }
  bool valid() const override { return from_above_ || below_->valid(); }
  BytesView key() const override { return from_above_ ? above_.key() : below_->key(); }
  BytesView value() const override { return from_above_ ? *above_.value() : below_->value(); }
  void next() override {
    if (from_above_) {
      above_.next();
    } else {
      below_->next();
    }
    settle();
  }
  Result<void> status() const override { return below_->status(); }

 private:
  [[nodiscard]] bool before(BytesView a, BytesView b) const { return forward_ ? a < b : a > b; }
  void settle() {
    from_above_ = false;
    for (; above_.valid(); above_.next()) {
      if (below_->valid() && before(below_->key(), above_.key())) return;
      if (below_->valid() && below_->key() == above_.key()) below_->next();
      if (above_.value()) {
        from_above_ = true;
        return;
      }
    }
  }
  std::unique_ptr<BytesIterator> below_;
  Cursor above_;
  bool forward_;
  bool from_above_ = false;
};

}  // namespace

std::unique_ptr<BytesIterator> lay_over(std::unique_ptr<BytesIterator> below, std::shared_ptr<Overlay> live,
                                        const BytesRange& range) {
  below = unhidden(std::move(below), *live);
  if (live->rows().empty()) return below;
  using Iterator = OverlayIterator<Overlay::Cursor>;
  return std::unique_ptr<BytesIterator>(new Iterator(std::move(below), std::move(live), range));
}
std::unique_ptr<BytesIterator> lay_frozen_over(std::unique_ptr<BytesIterator> below, std::shared_ptr<const Overlay> frozen,
                                               const BytesRange& range) {
  below = unhidden(std::move(below), *frozen);
  using Iterator = OverlayIterator<FrozenCursor>;
  return std::unique_ptr<BytesIterator>(new Iterator(std::move(below), std::move(frozen), range));
}

}  // namespace tidemill::rocksdb_state
