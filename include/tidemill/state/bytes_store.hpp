// BytesStore: ordered bytes with a commit. What an engine implements; every layer above is written once over it.
//
// What is put is visible at once to the owner (get, range), becomes part of the store at commit(), and is dropped by
// abort(): the uncommitted map or undo list belongs to the store. commit() need not be durable; flush() makes what was
// committed durable, and durable_position() says from where the changelog is to be read again after a crash.
// Contents, changelog position and input position change together, atomically, in what survives a crash.
// Owned by one task and used on its thread only, but for snapshot objects, which any thread may read.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include <tidemill/base/bytes.hpp>
#include <tidemill/base/result.hpp>
#include <tidemill/base/types.hpp>
#include <tidemill/state/store_spec.hpp>

namespace tidemill {

/// How far a store has followed its changelog: the next offset to read, and the leader epoch of the record before it
/// (an offset whose epoch the log no longer has comes from a lost future: the store is rebuilt).
struct ChangelogPosition {
  Offset offset{0};
  LeaderEpoch epoch = kNoLeaderEpoch;
  bool operator==(const ChangelogPosition&) const = default;
};

/// Which input a store has seen: topic -> partition -> offset of the last record. Grows only.
using Position = std::map<std::string, std::map<std::int32_t, std::int64_t>, std::less<>>;
/// `into` has then seen what either has.
void merge(Position& into, const Position& other);

enum class Direction : std::uint8_t { kForward, kReverse };

/// Walks a range in key order. The views live until next() or destruction.
class BytesIterator {
 public:
  virtual ~BytesIterator() = default;
  [[nodiscard]] virtual bool valid() const = 0;
  [[nodiscard]] virtual BytesView key() const = 0;
  [[nodiscard]] virtual BytesView value() const = 0;
  virtual void next() = 0;
  /// An I/O error ends the walk early: valid() is false and this says why.
  [[nodiscard]] virtual Result<void> status() const = 0;
};

/// Both bounds are inclusive; nullopt is open.
struct BytesRange {
  OptionalBytesView from;
  OptionalBytesView to;
  Direction direction = Direction::kForward;
};

/// The committed contents at one moment. Any thread.
class BytesSnapshot {
 public:
  virtual ~BytesSnapshot() = default;
  [[nodiscard]] virtual Result<bool> get(BytesView key, Bytes& value) const = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<BytesIterator>> range(const BytesRange& range) const = 0;
  [[nodiscard]] virtual const Position& position() const = 0;
};

class BytesStore {
 public:
  virtual ~BytesStore() = default;
  [[nodiscard]] virtual const std::string& name() const = 0;
  /// Replaces `value` and returns true, or leaves it and returns false when there is no such key.
  [[nodiscard]] virtual Result<bool> get(BytesView key, Bytes& value) = 0;
  /// A null value deletes.
  [[nodiscard]] virtual Result<void> put(BytesView key, OptionalBytesView value) = 0;
  /// Deletes the rows from `from` on, up to `to` and without it: as puts of null would, for less where the engine can.
  [[nodiscard]] virtual Result<void> remove_range(BytesView from, BytesView to);
  /// What was there and was not touched is seen exactly once; what came after the call is not; other changes may be seen or not.
  [[nodiscard]] virtual Result<std::unique_ptr<BytesIterator>> range(const BytesRange& range) = 0;
  [[nodiscard]] virtual std::uint64_t approximate_num_entries() const = 0;
  /// Bytes put since the last commit; the runtime commits early when they are too many.
  [[nodiscard]] virtual std::size_t uncommitted_bytes() const = 0;

  [[nodiscard]] virtual Result<void> commit(const ChangelogPosition& changelog, const Position& position) = 0;
  virtual void abort() = 0;
  [[nodiscard]] virtual Result<void> flush() = 0;
  /// nullopt: nothing is durable, or it cannot be trusted; restore from the changelog's beginning.
  [[nodiscard]] virtual std::optional<ChangelogPosition> durable_position() const = 0;
  /// The position of the last commit (or what was found at open).
  [[nodiscard]] virtual const Position& position() const = 0;
  /// Bulk load: outside of any uncommitted change; a null value deletes. Committed with the position given.
  [[nodiscard]] virtual Result<void> restore(std::span<const std::pair<BytesView, OptionalBytesView>> batch,
                                             const ChangelogPosition& changelog) = 0;
  /// Drops everything, also what is durable.
  [[nodiscard]] virtual Result<void> clear() = 0;
  /// kUnsupported for engines without (in memory): then committed reads go through the owner.
  [[nodiscard]] virtual Result<std::unique_ptr<BytesSnapshot>> snapshot() = 0;
};

}  // namespace tidemill
