// RecordBatch v2, Kafka's unit of produce, fetch and storage: its 61-byte header, its records, its control markers.
// Format: https://kafka.apache.org/documentation/#recordbatch. All integers big-endian; nothing read is trusted.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include <tidemill/base/bytes.hpp>
#include <tidemill/base/result.hpp>
#include <tidemill/log/record_batch.hpp>

#include "base/bytes_pool.hpp"

namespace tidemill {

enum class Compression : std::uint8_t { kNone = 0, kGzip = 1, kSnappy = 2, kLz4 = 3, kZstd = 4 };

inline constexpr std::size_t kBatchHeaderBytes = 61;
inline constexpr std::int64_t kNoProducerId = -1;
/// Decompressed records of one batch may not be larger: a small batch must not be able to fill the memory.
inline constexpr std::size_t kDecompressedBytesMax = std::size_t{256} << 20;

struct BatchHeader {
  Offset base_offset;
  std::int32_t length = 0;  // bytes behind this field; the whole batch has 12 more
  LeaderEpoch leader_epoch = kNoLeaderEpoch;
  std::uint32_t crc = 0;
  std::uint16_t attributes = 0;
  std::int32_t last_offset_delta = 0;
  Timestamp base_timestamp;
  Timestamp max_timestamp;
  std::int64_t producer_id = kNoProducerId;
  std::int16_t producer_epoch = -1;
  std::int32_t base_sequence = -1;
  std::int32_t record_count = 0;
  /// The largest time of its records; kNoTimestamp: it has none, as markers of transactions and what compaction has emptied.
  [[nodiscard]] Timestamp newest_record() const { return control() || record_count == 0 ? kNoTimestamp : max_timestamp; }

  [[nodiscard]] std::size_t total_bytes() const { return static_cast<std::size_t>(length) + 12; }
  [[nodiscard]] Offset last_offset() const { return base_offset + last_offset_delta; }
  [[nodiscard]] bool transactional() const { return (attributes & 0x10) != 0; }
  [[nodiscard]] bool control() const { return (attributes & 0x20) != 0; }
  [[nodiscard]] bool log_append_time() const { return (attributes & 0x08) != 0; }
  [[nodiscard]] std::uint8_t codec() const { return attributes & 0x07; }
  /// From when on compaction may remove the tombstones of this batch, or this marker; it lies in the base timestamp's field.
  [[nodiscard]] std::optional<Timestamp> delete_horizon() const {
    return (attributes & 0x40) != 0 ? std::optional(base_timestamp) : std::nullopt;
  }
};

/// Reads the header at the front of `bytes`; nullopt: fewer than 61 bytes. kCorruption: not a v2 batch.
[[nodiscard]] Result<std::optional<BatchHeader>> read_batch_header(BytesView bytes);
/// `batch` is one whole batch: checksum, framing and records are verified.
[[nodiscard]] Result<void> check_batch_crc(const BatchHeader& header, BytesView batch);
/// Decodes all records; views point into `memory` (or into what was decompressed, which the result keeps too).
[[nodiscard]] Result<RecordBatchPtr> decode_batch(std::shared_ptr<const Bytes> memory, std::size_t begin,
                                                  std::shared_ptr<const TopicPartition> partition);

enum class ControlType : std::int16_t { kAbort = 0, kCommit = 1 };
/// The type of a control batch (checksum verified by the caller); nullopt: another kind of marker, to be skipped.
[[nodiscard]] Result<std::optional<ControlType>> read_control_type(BytesView batch);

/// The fields that a log sets when it appends; both lie outside of the checksum.
void set_base_offset(Bytes& batch, Offset base_offset, LeaderEpoch leader_epoch);
/// message.timestamp.type=LogAppendTime: all records of the batch are of this time. Changes the checksum.
void set_append_time(Bytes& batch, Timestamp now);

/// The batch with only these of its records, as compaction leaves it: offsets, times, producer, sequence, codec and epoch are
/// kept, so are the batch's first and last offset. With a delete horizon it is marked with that. Without records it only
/// keeps its place, and is part of no transaction.
[[nodiscard]] Bytes rewrite_batch(const BatchHeader& header, std::span<const LogRecord> retained,
                                  std::optional<Timestamp> delete_horizon);

/// A marker that ends a producer's transaction: 78 bytes.
[[nodiscard]] Bytes make_control_batch(ControlType type, std::int64_t producer_id, std::int16_t producer_epoch,
                                       std::int32_t coordinator_epoch, Timestamp timestamp);

/// Encodes records straight into the bytes of a batch. Reused batch after batch; used by one thread. Without records it holds
/// no memory.
class BatchBuilder {
 public:
  /// `pool`: where its memory comes from; null: nowhere.
  explicit BatchBuilder(std::shared_ptr<BytesPool> pool = nullptr) : pool_(std::move(pool)) {}
  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] std::int32_t count() const { return count_; }
  [[nodiscard]] std::size_t size_bytes() const { return used_; }
  void add(Timestamp timestamp, OptionalBytesView key, OptionalBytesView value, BytesView headers);
  /// Leaves a gap in the offsets; each delta must be greater than the last one.
  void add_at(std::int32_t offset_delta, Timestamp timestamp, OptionalBytesView key, OptionalBytesView value,
              BytesView headers);
  struct Seal {
    std::int64_t producer_id = kNoProducerId;
    std::int16_t producer_epoch = -1;
    std::int32_t base_sequence = -1;
    bool transactional = false;
    Compression compression = Compression::kNone;
  };
  /// The finished batch with base offset 0; the builder is empty again.
  [[nodiscard]] Bytes seal(const Seal& seal);
  void clear();

 private:
  friend Bytes rewrite_batch(const BatchHeader& header, std::span<const LogRecord> retained,
                             std::optional<Timestamp> delete_horizon);
  [[nodiscard]] Bytes take(Compression codec);
  void make_room(std::size_t bytes);
  std::shared_ptr<BytesPool> pool_;
  Bytes bytes_;  // the batch up to `used_`, and room
  std::size_t used_ = kBatchHeaderBytes;
  std::size_t last_batch_bytes_ = 0;  // the next one may be as large
  std::int32_t count_ = 0;
  std::int32_t last_delta_ = -1;
  Timestamp base_timestamp_;
  Timestamp max_timestamp_;
};

}  // namespace tidemill
