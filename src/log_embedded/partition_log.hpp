// PartitionLog: the batches of one partition, in segment files and, the newest ones, in memory.
//
// Called under the log's lock. Segment files hold RecordBatch v2 bytes, control batches included, and are never synced on
// the commit path. Two ends: `end` (the next offset) and `durable` (covered by synced entries of the journal).
// Always true: each segment begins where the one before it ends, also when both have been compacted.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "log/topic_config.hpp"
#include "log_embedded/compactor.hpp"
#include "log_embedded/open_files.hpp"
#include "log_embedded/recent_batches.hpp"

namespace tidemill::embedded {

class PartitionLog {
 public:
  /// What all partitions of a log share; outlives them.
  struct Shared {
    OpenFiles& files;
    std::int64_t segment_bytes = std::int64_t{1} << 30;  // where a topic does not say
    /// The journal's entries hold the batches, too (`power` durability).
    bool journal_batches = true;
    /// Batches that are in no entry yet, in bytes over all partitions.
    std::size_t unjournaled_bytes = 0;
    RecentBatches recent{std::size_t{64} << 20};
    std::shared_ptr<BytesPool> buffers = BytesPool::create();
  };
  using Settings = std::shared_ptr<const TopicSettings>;
  PartitionLog(Storage& storage, TopicPartition partition, Settings settings, Shared& shared);
  ~PartitionLog();

  // Recovery.

  struct RecoveredFrom {
    Offset log_start;
    /// Everything before it was synced: damage there is an error; behind it, what is not whole is cut off.
    Offset synced;
    /// Segments that hold nothing from it on may be gone.
    Offset deleted_to;
  };
  /// Finds the segments and walks their batches. kCorruption names the file and the byte.
  [[nodiscard]] Result<void> recover(const RecoveredFrom& from);
  /// The first offset that was written in a later epoch; the end where there is none.
  [[nodiscard]] Offset newer_than(LeaderEpoch epoch) const;
  /// The log ends here now. False: there was nothing behind it.
  [[nodiscard]] Result<bool> truncate(Offset end);
  /// A journaled batch, at its own offset; one that is there already is left.
  [[nodiscard]] Result<void> restore(std::shared_ptr<const Bytes> batch);

  [[nodiscard]] const std::shared_ptr<const TopicPartition>& partition() const { return partition_; }
  [[nodiscard]] Offset log_start() const { return log_start_; }
  [[nodiscard]] Offset end() const { return end_; }
  [[nodiscard]] Offset durable() const { return durable_; }
  /// No power failure takes anything before it, nor brings back a time in which it was not there.
  [[nodiscard]] Offset secured() const { return shared_.journal_batches ? durable_ : secured_; }
  /// Compaction has been here.
  [[nodiscard]] Offset cleaned() const { return cleaned_; }
  [[nodiscard]] LeaderEpoch leader_epoch() const { return leader_epoch_; }
  [[nodiscard]] std::uint64_t size_bytes() const;
  /// Where read committed ends.
  [[nodiscard]] Offset last_stable() const;

  // Writing.

  /// Gives the batch its offset (and, if the topic wants that, its time) and writes it. On error nothing was appended.
  [[nodiscard]] Result<Offset> append(Bytes batch, Timestamp now);
  /// Ends the transaction that the producer has open here, if any, with a marker.
  [[nodiscard]] Result<void> append_marker(ControlType type, std::int64_t producer_id, Timestamp now);
  [[nodiscard]] std::vector<std::int64_t> open_producers() const;
  [[nodiscard]] bool has_open(std::int64_t producer_id) const { return open_.contains(producer_id); }
  /// Batches that the journal does not cover yet, for its next entry; then they are covered.
  [[nodiscard]] std::vector<std::shared_ptr<const Bytes>> take_unjournaled();
  [[nodiscard]] std::size_t unjournaled_bytes() const { return unjournaled_bytes_; }
  void set_durable(Offset end) { durable_ = std::max(durable_, end); }
  void set_secured(Offset end) { secured_ = std::max(secured_, end); }
  void set_leader_epoch(LeaderEpoch epoch) { leader_epoch_ = epoch; }
  void set_settings(Settings settings) { settings_ = std::move(settings); }
  [[nodiscard]] const TopicSettings& settings() const { return *settings_; }

  // Files.

  /// A file that has been written since its last sync, for syncing it without the log's lock.
  struct Unsynced {
    std::shared_ptr<File> file;
    std::uint64_t bytes = 0;
  };
  [[nodiscard]] std::vector<Unsynced> unsynced() const;
  /// What unsynced() gave has been synced.
  void synced(const std::vector<Unsynced>& files);
  [[nodiscard]] Result<void> sync();
  /// Moves the directory away, whoever still reads from it, and removes it.
  [[nodiscard]] Result<void> remove_files(std::string_view to);

  // Retention and compaction.

  /// Records below are gone; readers below get kOffsetOutOfRange.
  void delete_before(Offset offset);
  /// Removes the segments that hold nothing but deleted records; once the deletion is durable.
  [[nodiscard]] Result<void> remove_deleted();
  /// Where the records end that retention by time or size takes now; the log's start: nothing.
  [[nodiscard]] Result<Offset> retention_end(Timestamp clock);
  /// How much there is to compact, as the topic's configuration counts it; nullopt: nothing to do now.
  [[nodiscard]] std::optional<double> dirty_ratio(Timestamp now) const;
  /// The segments to compact, to be worked on without the lock.
  [[nodiscard]] CompactionInput compaction_input(Timestamp now) const;
  /// The new file has taken the place of the group's, which is as it was when compaction_input() was called.
  void replace(CompactedSegment compacted);
  /// Its files are not those that it knows any more: nothing is read before the log is opened again.
  void set_unreadable(Error error) { unreadable_ = std::move(error); }
  void set_cleaned(Offset cleaned) { cleaned_ = std::max(cleaned_, cleaned); }
  /// While it is set, compaction reads and replaces segment files, and nobody else removes any.
  void hold_files(bool hold) { files_held_ = hold; }

  // Reading.

  /// What a reader may see. `own`: its commit group's producers, whose open transactions it reads as written; null: none.
  struct Reader {
    bool committed = true;
    const std::set<std::int64_t>* own = nullptr;
  };
  /// Appends what can be read from `position` on, up to about `bytes_max`, and moves `position` past it.
  [[nodiscard]] Result<void> read(Offset& position, const Reader& reader, std::size_t bytes_max,
                                  std::vector<RecordBatchPtr>& out);
  /// Newest batches are kept in memory only while somebody follows.
  void followed(bool followed);
  /// There is something (a record or at least a marker to pass) at the position.
  [[nodiscard]] bool readable(Offset position, const Reader& reader) const;
  [[nodiscard]] Result<Offset> offset_for_time(Timestamp timestamp);

 private:
  /// Named as Kafka Streams names the changelogs of stores.
  [[nodiscard]] bool is_changelog() const;
  /// When records are judged that may go, by the clock's time.
  [[nodiscard]] Timestamp time_of_cleaning(Timestamp clock) const;
  [[nodiscard]] Timestamp newest_of(const Segment& segment) const;
  [[nodiscard]] bool is_old(const Segment& segment, Timestamp now) const;
  enum class Visibility : std::uint8_t { kShow, kSkip, kStop };
  [[nodiscard]] Visibility visibility(const BatchHeader& header, const Reader& reader) const;
  [[nodiscard]] bool aborted(const BatchHeader& header) const;
  [[nodiscard]] bool full(const Segment& segment, const BatchHeader& next) const;
  [[nodiscard]] Result<void> roll();
  [[nodiscard]] Result<void> write(const BatchHeader& header, std::shared_ptr<const Bytes> raw);
  /// What a batch changes beside the bytes: the end, the newest time, and which transactions are open or aborted. `raw`: of control batches.
  void apply(const BatchHeader& header, BytesView raw);
  [[nodiscard]] Result<void> finish_compactions();
  [[nodiscard]] Result<void> recover_segment(Segment segment, const RecoveredFrom& from, bool& ended);
  [[nodiscard]] Result<std::optional<StoredBatch>> load(Offset offset) const;
  [[nodiscard]] Result<RecordBatchPtr> decode(const StoredBatch& batch) const;
  /// Up to where compaction may go now: whole segments, none of them the active one.
  [[nodiscard]] std::size_t cleanable_segments(Timestamp now) const;
  [[nodiscard]] Offset end_of(std::size_t segment) const;

  Storage& storage_;
  std::shared_ptr<const TopicPartition> partition_;
  std::string directory_;
  Settings settings_;
  Shared& shared_;
  std::deque<Segment> segments_;
  Offset log_start_{0};
  Offset end_{0};
  Offset durable_{0};
  Offset secured_{0};
  Offset cleaned_{0};
  bool files_held_ = false;
  std::optional<Error> unreadable_;
  std::vector<std::pair<LeaderEpoch, Offset>> epochs_;  // each with its first offset
  LeaderEpoch leader_epoch_{0};
  struct OpenTransaction {
    Offset first;
    Timestamp newest = kNoTimestamp;
  };
  std::map<std::int64_t, OpenTransaction> open_;  // by producer id
  /// The largest time of a record, also of one that is gone; without those of transactions that are open or aborted.
  Timestamp newest_ = kNoTimestamp;
  AbortedTransactions aborted_;
  RecentBatches::Of recent_;
  bool followed_ = false;
  std::vector<std::shared_ptr<const Bytes>> unjournaled_;
  std::size_t unjournaled_bytes_ = 0;
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
