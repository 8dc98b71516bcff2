// Where a record comes from and what travels beside key and value.
#pragma once

#include <tidemill/base/headers.hpp>
#include <tidemill/base/types.hpp>

namespace tidemill {

/// Valid during the call that received it. Headers are immutable; who changes timestamp or headers passes on a changed
/// copy on its own stack.
struct RecordContext {
  const TopicPartition* source = nullptr;  // null in a punctuation
  Offset offset = kNoOffset;
  Timestamp timestamp = kNoTimestamp;
  const Headers* headers = nullptr;  // null: none
};

}  // namespace tidemill
