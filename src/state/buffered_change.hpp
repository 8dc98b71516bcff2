// A held-back change in the bytes of Java's buffers: context, prior, old and new value.
#pragma once

#include <tidemill/base/bytes.hpp>
#include <tidemill/base/record_context.hpp>
#include <tidemill/state/custom_store.hpp>

namespace tidemill {

struct BufferedChange {
  // The context, owned.
  Timestamp timestamp = kNoTimestamp;
  Offset offset = kNoOffset;
  std::optional<TopicPartition> source;
  Headers headers;

  OptionalBytes prior;
  OptionalBytes old_value;
  OptionalBytes new_value;
  bool operator==(const BufferedChange&) const = default;

  void set_context(const RecordContext& context);
  [[nodiscard]] RecordContext context() const;
  /// Java's estimate of what it takes in memory, without key and time.
  [[nodiscard]] std::int64_t memory_estimate() const;
};

void append_buffered_change(const BufferedChange& change, Bytes& out);
/// Reads one from the front of `bytes` and removes it there. StateStoreException: damaged.
[[nodiscard]] BufferedChange take_buffered_change(BytesView& bytes);

/// What the changelog of a buffer has for a key: a change, and the time under which it waits.
struct LoggedChange {
  BufferedChange change;
  Timestamp time;
};
/// Reads the value of a changelog record in the form that its header `v` names, all that Java has written:
///
///   none  time, then old and new value; the context is the changelog record's own
///   1     time, context, then old and new value together
///   2     context, old and new value together, prior, time; or the third form, which Java wrote under this number for a while
///   3     context, prior, old, new, time: the one that is written
///
/// The first two have no prior value: it is `held_prior`, that of the change which waits under the key, or the old value.
/// kUnsupported: another version; kCorruption: damaged.
[[nodiscard]] Result<LoggedChange> read_logged_change(const ChangelogRecord& record, const OptionalBytes& held_prior);
/// Of the form that is written.
[[nodiscard]] const Headers& logged_change_headers();

}  // namespace tidemill
