// What the log port hands over: batches of decoded records that own their bytes.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include <tidemill/base/bytes.hpp>
#include <tidemill/base/types.hpp>

namespace tidemill {

/// One record; its views point into the batch that owns it.
struct LogRecord {
  Offset offset;
  Timestamp timestamp;
  OptionalBytesView key;
  OptionalBytesView value;
  /// Encoded (see Headers); empty: none.
  BytesView headers;
};

/// Records of one partition in offset order (offsets may have gaps: markers, aborted and compacted records are
/// not shown). Immutable and shared between threads; the views live as long as any copy of the pointer.
struct RecordBatch {
  std::shared_ptr<const TopicPartition> partition;
  LeaderEpoch leader_epoch = kNoLeaderEpoch;
  std::vector<LogRecord> records;
  /// Bytes that the batch holds in memory, for the bounds of who keeps it.
  std::size_t size_bytes = 0;
  /// Keeps the memory behind the views alive.
  std::shared_ptr<const void> memory;
};
using RecordBatchPtr = std::shared_ptr<const RecordBatch>;

}  // namespace tidemill
