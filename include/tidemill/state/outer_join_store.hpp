// OuterJoinStore: the records of a left or outer stream-stream join that have met no other yet, in the order of their time, and
// what both sides of the join know of time.
//
// A row's key is Java's: i64 time, a byte for the side (1: left), the record's key. Its value is a list (records of one key
// and time), each a byte for the side and the record's value; the changelog has the whole list. Walks give element by element.
#pragma once

#include <memory>

#include <tidemill/serde/windowed.hpp>
#include <tidemill/state/bytes_store.hpp>

namespace tidemill {

class OuterJoinStore {
 public:
  virtual ~OuterJoinStore() = default;
  /// Adds to the list of the row.
  virtual void add(BytesView row, BytesView element, Timestamp timestamp) = 0;
  virtual void remove(BytesView row, Timestamp timestamp) = 0;
  /// Changes nothing, and writes nothing, when there is no such row.
  virtual void remove_if_there(BytesView row, Timestamp timestamp) = 0;
  virtual std::unique_ptr<BytesIterator> all() = 0;

  /// Of this task's both sides; begins anew when the task does.
  struct Times {
    Timestamp stream_time = kNoTimestamp;
    /// No earlier record waits.
    Timestamp min_time = kMaxTimestamp;
    Timestamp next_emit{0};
  };
  Times times;
};

struct OuterJoinRow {
  Timestamp time;
  bool left = false;
  BytesView key;
};
void append_outer_join_row(const OuterJoinRow& row, Bytes& out);
/// StateStoreException: too short.
[[nodiscard]] OuterJoinRow split_outer_join_row(BytesView row);

}  // namespace tidemill
