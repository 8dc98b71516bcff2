// Segment: one file of a partition, named `<20-digit base offset>.log`: RecordBatch v2 bytes one behind the other and nothing
// else, so that Kafka's own tools read it. Its index, an entry every so many bytes, is in memory and made while it is written
// or walked.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <tidemill/base/storage.hpp>

#include "log/record_batch_codec.hpp"

namespace tidemill::embedded {

[[nodiscard]] std::string segment_name(Offset base);

/// One batch as readers meet it.
struct StoredBatch {
  BatchHeader header;
  std::shared_ptr<const Bytes> raw;
  RecordBatchPtr decoded;  // made by its first reader
};

struct Segment {
  Offset base;
  std::string path;
  std::shared_ptr<File> file;
  std::uint64_t bytes = 0;
  /// Of its first batch, and the largest of all; kNoTimestamp: it has none.
  Timestamp first_timestamp = kNoTimestamp;
  Timestamp max_timestamp = kNoTimestamp;
  /// The largest of its records: markers of transactions, which have the clock's, are none.
  Timestamp newest_record = kNoTimestamp;
  bool dirty = false;  // written since the last sync
  std::vector<std::pair<Offset, std::uint64_t>> index;
  /// Where the last batch that was found ends: a reader that goes on asks for the next one.
  mutable std::pair<Offset, std::uint64_t> next_to_find{kNoOffset, 0};

  /// The batch is at the end of the file now.
  void added(const BatchHeader& header);
  /// Where the first batch that ends at `offset` or behind it begins; `bytes` when there is none.
  [[nodiscard]] Result<std::uint64_t> position_of(Offset offset) const;
  /// That batch, in memory of the pool; nullopt: there is none. kCorruption names the file and the byte.
  [[nodiscard]] Result<std::optional<StoredBatch>> find(Offset offset, BytesPool& buffers) const;
};

/// "topics/orders-0/00000000000000000000.log: the batch at byte 4711 is damaged: checksum differs"
[[nodiscard]] Error damaged(const std::string& path, std::uint64_t position, const std::string& how);

/// Walks the batches of a segment's bytes [from, to). Reads ahead, so that a small batch costs no call of its own.
class SegmentScan {
 public:
  SegmentScan(const File& file, std::uint64_t from, std::uint64_t to) : file_(file), at_(from), next_(from), to_(to) {}
  /// The next batch's header. nullopt: what is at position() is no whole batch; the end, if that is `to`.
  [[nodiscard]] Result<std::optional<BatchHeader>> next();
  [[nodiscard]] std::uint64_t position() const { return at_; }
  /// All bytes of the batch that next() found, good until the next call of it.
  [[nodiscard]] Result<BytesView> batch();

 private:
  [[nodiscard]] Result<BytesView> bytes(std::uint64_t position, std::size_t size);
  const File& file_;
  std::uint64_t at_;
  std::uint64_t next_;
  std::uint64_t to_;
  Bytes ahead_;
  std::uint64_t ahead_from_ = 0;
};

}  // namespace tidemill::embedded
