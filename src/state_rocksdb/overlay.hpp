// Overlay: rows that the database does not have yet, laid over those that it has. Committed rows and those of the open
// transaction are in one map; beside it stands what the latter were before, so that a commit forgets a list and moves no row,
// and an abort puts back what it says.
//
// A store writes one overlay at a time. When it hands one over the overlay is frozen: nobody changes it any more, and the
// writer, snapshots and iterators read it from their threads. An order over the rows is built when first asked for.
#pragma once

#include <absl/container/btree_set.h>
#include <absl/container/node_hash_map.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <tidemill/state/bytes_store.hpp>

#include "state/bytes_hash.hpp"
#include "state/key_walk.hpp"

namespace tidemill::rocksdb_state {

class Overlay {
 public:
  struct Row {
    std::string value;
    std::uint64_t deleted : 1 = 0;
    std::uint64_t walked : 1 = 1;        // in the order; not so what was deleted, and hides nothing
    std::uint64_t transaction : 62 = 0;  // the last one that changed it
    [[nodiscard]] OptionalBytesView view() const { return deleted != 0 ? std::nullopt : OptionalBytesView(value); }
  };
  using Rows = absl::node_hash_map<std::string, Row, BytesHash, BytesEqual>;  // rows stay where they are
  using Entry = Rows::value_type;

  /// Null: the overlay says nothing of the key. Any thread once it is frozen.
  [[nodiscard]] const Row* find(BytesView key) const;
  /// The same for the owner: what it finds, the next put of that key finds at once.
  [[nodiscard]] const Row* look(BytesView key);
  /// `hides`: a row of that key may lie below. A deleted one that hides nothing is forgotten by the commit, and no walk meets it
  /// until then: a session that ever moves its end would leave a trail for each of its next looks otherwise.
  void put(BytesView key, OptionalBytesView value, bool hides = true);
  /// Deletes all keys from `from` on before `to`: those known here row by row, those below by removed().
  void remove_range(BytesView from, BytesView to);
  void commit();
  void abort();
  /// Leaves only what is committed, and returns the open transaction as an overlay of its own.
  [[nodiscard]] std::shared_ptr<Overlay> split();

  [[nodiscard]] const Rows& rows() const { return rows_; }
  /// What lies below and within one of these ranges [from, to) is deleted.
  struct Range {
    Bytes from;
    Bytes to;
    [[nodiscard]] bool has(BytesView key) const { return key >= from && key < to; }
  };
  using Ranges = std::vector<Range>;
  [[nodiscard]] const Ranges& removed() const { return removed_; }
  [[nodiscard]] bool hides(BytesView key) const;
  /// Nothing was put since the last commit.
  [[nodiscard]] bool clean() const { return undo_.empty() && removed_.size() == committed_removed_; }
  /// Memory of the rows; of the part that came with the open transaction, and of what takes it back.
  [[nodiscard]] std::size_t bytes() const { return bytes_ + (ordered_ ? rows_.size() * kOrderBytes : 0); }
  [[nodiscard]] std::size_t uncommitted_bytes() const;

  /// All rows in key order. Only once it is frozen; then any thread.
  [[nodiscard]] const std::vector<const Entry*>& sorted() const;

  /// The owner's walk over an overlay that may change under it. It meets what the overlay said when it began.
  class Cursor {
   public:
    Cursor(std::shared_ptr<Overlay> overlay, const BytesRange& range);
    [[nodiscard]] bool valid() const { return walk_.valid(); }
    [[nodiscard]] BytesView key() const { return walk_.key(); }
    [[nodiscard]] OptionalBytesView value() const { return deleted_ ? std::nullopt : OptionalBytesView(value_); }
    void next();

   private:
    using Order = absl::btree_set<BytesView, std::less<>>;
    void read();
    std::shared_ptr<Overlay> overlay_;
    KeyWalk<Order> walk_;
    bool deleted_ = false;
    std::string value_;
  };

 private:
  using Order = absl::btree_set<BytesView, std::less<>>;  // of the keys in the rows
  struct Undo {
    Entry* row;
    std::size_t begin;  // of the old value in old_values_
    KeyState was;
  };
  /// Node, allocator's part and slot at the usual load.
  static constexpr std::size_t kRowBytes = sizeof(Entry) + 8 + 14;
  static constexpr std::size_t kOrderBytes = 24;
  static std::size_t bytes_of(BytesView key, std::size_t value);
  static KeyState state_of(const Row& row);
  const Order& build_order();
  void set_walked(Entry& row, bool walked);
  void erase(Entry& row);
  void forget_undo();

  Rows rows_;
  Entry* last_ = nullptr;
  Order order_;
  bool ordered_ = false;
  KeyWalks walks_;
  std::vector<Undo> undo_;
  std::string old_values_;
  Ranges removed_;
  std::size_t committed_removed_ = 0;  // the first ones
  std::uint64_t transaction_ = 1;
  std::size_t bytes_ = 0;
  std::size_t committed_bytes_ = 0;
  mutable std::once_flag once_sorted_;
  mutable std::vector<const Entry*> sorted_;
};

/// The rows of an overlay over those of `below`. The first is the owner's, over the one it writes.
std::unique_ptr<BytesIterator> lay_over(std::unique_ptr<BytesIterator> below, std::shared_ptr<Overlay> live,
                                        const BytesRange& range);
std::unique_ptr<BytesIterator> lay_frozen_over(std::unique_ptr<BytesIterator> below, std::shared_ptr<const Overlay> frozen,
                                               const BytesRange& range);

}  // namespace tidemill::rocksdb_state
