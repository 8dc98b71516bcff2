// A held-back change in the bytes of Java's buffers: context, prior, old and new value.
#pragma once

#include <tidemill/base/bytes.hpp>
#include <tidemill/base/record_context.hpp>

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

  void set_context(const RecordContext& context);
  [[nodiscard]] RecordContext context() const;
  /// Java's estimate of what it takes in memory, without key and time.
  [[nodiscard]] std::int64_t memory_estimate() const;
};

void append_buffered_change(const BufferedChange& change, Bytes& out);
/// Reads one from the front of `bytes` and removes it there. StateStoreException: damaged.
[[nodiscard]] BufferedChange take_buffered_change(BytesView& bytes);

}  // namespace tidemill
