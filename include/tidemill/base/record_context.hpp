// Where a record comes from and what travels beside key and value.
#pragma once

#include <tidemill/base/bytes.hpp>
#include <tidemill/base/headers.hpp>
#include <tidemill/base/types.hpp>

namespace tidemill {

struct RecordContext;
/// A record as it was read, before decoding.
struct RawRecord {
  OptionalBytesView key;
  OptionalBytesView value;
  const RecordContext* context = nullptr;
};

/// Valid during the call that received it. Headers are immutable; who changes timestamp or headers passes on a changed
/// copy on its own stack.
struct RecordContext {
  const TopicPartition* source = nullptr;  // null in a punctuation
  Offset offset = kNoOffset;
  Timestamp timestamp = kNoTimestamp;
  const Headers* headers = nullptr;  // null: none
  /// The input record that led to this one; null in a punctuation, and behind what a cache, a buffer or a timer held.
  const RawRecord* raw = nullptr;
  /// Its key and its value as they were read; none: it had none, or there is no input record.
  [[nodiscard]] OptionalBytesView source_raw_key() const { return raw != nullptr ? raw->key : std::nullopt; }
  [[nodiscard]] OptionalBytesView source_raw_value() const { return raw != nullptr ? raw->value : std::nullopt; }
};

/// What of a record could not be encoded.
enum class SerializationExceptionOrigin : std::uint8_t { kKey, kValue };

}  // namespace tidemill
