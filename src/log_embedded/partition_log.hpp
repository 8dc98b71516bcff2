// PartitionLog: the batches of one partition, in segment files and, the newest ones, in memory.
//
// Called under the log's lock. Segment files are named `<20-digit base offset>.log` and hold RecordBatch v2 bytes, control
// batches included, nothing else: Kafka's own tools read them. They are never synced on the commit path.
// Three ends: `end` (the next offset), `journaled` (what the journal's entries cover), `durable` (covered by synced entries).
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include <tidemill/base/storage.hpp>

#include "log/record_batch_codec.hpp"

namespace tidemill::embedded {

/// One batch as readers meet it. `raw` is null when only the file has it.
struct StoredBatch {
  BatchHeader header;
  std::shared_ptr<const Bytes> raw;
  RecordBatchPtr decoded;  // made by its first reader
};

struct AbortedRange {
  Offset first;
  Offset last;  // the marker's
};

class PartitionLog {
 public:
  struct Options {
    std::int64_t segment_bytes = std::int64_t{1} << 30;
    std::size_t recent_bytes = std::size_t{8} << 20;
  };
  PartitionLog(Storage& storage, TopicPartition partition, Options options);

  /// Finds the segments and walks their batches from `log_start` on, verifying checksums from `verify_from` on. Ends
  /// silently at the first batch that is not whole and valid there; kCorruption for one that lies before, and where segments
  /// are missing at the front though nothing behind `deleted_to` was ever deleted.
  [[nodiscard]] Result<void> recover(Offset log_start, Offset verify_from, Offset deleted_to);
  /// The first offset that was written in a later epoch; the end where there is none.
  [[nodiscard]] Offset newer_than(LeaderEpoch epoch) const;

  [[nodiscard]] const std::shared_ptr<const TopicPartition>& partition() const { return partition_; }
  [[nodiscard]] Offset log_start() const { return log_start_; }
  [[nodiscard]] Offset end() const { return end_; }
  [[nodiscard]] Offset journaled() const { return journaled_; }
  [[nodiscard]] Offset durable() const { return durable_; }
  [[nodiscard]] LeaderEpoch leader_epoch() const { return leader_epoch_; }
  [[nodiscard]] std::uint64_t size_bytes() const;
  /// Where read committed ends.
  [[nodiscard]] Offset last_stable() const;

  /// Gives the batch its offset and writes it. On error nothing was appended.
  [[nodiscard]] Result<Offset> append(Bytes batch);
  /// Ends the transaction that the producer has open here, if any, with a marker.
  [[nodiscard]] Result<void> append_marker(ControlType type, std::int64_t producer_id, Timestamp now);
  [[nodiscard]] bool has_open_transaction(std::int64_t producer_id) const { return open_.contains(producer_id); }
  [[nodiscard]] std::vector<std::int64_t> open_producers() const;
  [[nodiscard]] bool has_open(std::int64_t producer_id) const { return open_.contains(producer_id); }

  /// Batches that the journal does not cover yet, for its next entry; then they are covered.
  [[nodiscard]] std::vector<std::shared_ptr<const Bytes>> take_unjournaled();
  void set_durable(Offset end) { durable_ = std::max(durable_, end); }
  void set_leader_epoch(LeaderEpoch epoch) { leader_epoch_ = epoch; }
  /// Recovery: the log ends here now. False: there was nothing behind it.
  [[nodiscard]] Result<bool> truncate(Offset end);
  /// Recovery: a journaled batch, at its own offset; one that is there already is left.
  [[nodiscard]] Result<void> restore(std::shared_ptr<const Bytes> batch);
  /// Records below are gone: whole segments are removed, readers below get kOffsetOutOfRange.
  void delete_before(Offset offset);
  /// Removes the segments that hold nothing but deleted records; once the deletion is durable.
  [[nodiscard]] Result<void> remove_deleted();
  [[nodiscard]] Result<void> sync();
  [[nodiscard]] Result<void> remove_files();

  /// What a reader may see. `own`: its commit group's producers, whose open transactions it reads as written; null: none.
  struct Reader {
    bool committed = true;
    const std::set<std::int64_t>* own = nullptr;
  };
  /// Appends what can be read from `position` on, up to about `bytes_max`, and moves `position` past it.
  [[nodiscard]] Result<void> read(Offset& position, const Reader& reader, std::size_t bytes_max,
                                  std::vector<RecordBatchPtr>& out);
  /// There is something (a record or at least a marker to pass) at the position.
  [[nodiscard]] bool readable(Offset position, const Reader& reader) const;
  [[nodiscard]] Result<Offset> offset_for_time(Timestamp timestamp);
  [[nodiscard]] std::optional<Timestamp> oldest_segment_max_timestamp() const;
  [[nodiscard]] Offset oldest_segment_end() const;
  [[nodiscard]] std::size_t segment_count() const { return segments_.size(); }

 private:
  struct Segment {
    Offset base;
    std::string path;
    std::shared_ptr<File> file;
    std::uint64_t bytes = 0;
    Timestamp max_timestamp = kNoTimestamp;
    bool dirty = false;
    /// Every so many bytes an offset and where its batch begins.
    std::vector<std::pair<Offset, std::uint64_t>> index;
  };
  enum class Visibility : std::uint8_t { kShow, kSkip, kStop };
  [[nodiscard]] Visibility visibility(const BatchHeader& header, const Reader& reader) const;
  [[nodiscard]] bool aborted(const BatchHeader& header) const;
  [[nodiscard]] Result<Segment*> segment_for_append(std::size_t bytes);
  [[nodiscard]] Result<void> write(const BatchHeader& header, std::shared_ptr<const Bytes> raw);
  void apply(const BatchHeader& header, BytesView raw);
  void remember(StoredBatch batch);
  /// The batch that holds the offset, from the file.
  [[nodiscard]] Result<std::optional<StoredBatch>> load(Offset offset) const;
  [[nodiscard]] std::optional<std::size_t> recent_index(Offset offset) const;

  Storage& storage_;
  std::shared_ptr<const TopicPartition> partition_;
  std::string directory_;
  Options options_;
  std::deque<Segment> segments_;
  Offset log_start_{0};
  Offset end_{0};
  Offset journaled_{0};
  Offset durable_{0};
  std::vector<std::pair<LeaderEpoch, Offset>> epochs_;  // each with its first offset
  LeaderEpoch leader_epoch_{0};
  std::map<std::int64_t, Offset> open_;  // producer id -> first offset of its open transaction
  std::map<std::int64_t, std::vector<AbortedRange>> aborted_;
  std::deque<StoredBatch> recent_;       // contiguous, up to the end
  std::size_t recent_bytes_ = 0;
  std::vector<std::shared_ptr<const Bytes>> unjournaled_;
};

/// By topic and partition, never by address: what a seed does must not depend on where memory lies.
struct PartitionOrder {
  bool operator()(const PartitionLog* a, const PartitionLog* b) const {
    if (*a->partition() < *b->partition()) return true;
    if (*b->partition() < *a->partition()) return false;
    return a < b;  // one of them was deleted
  }
};

}  // namespace tidemill::embedded
