// EmbeddedLogFiles: what lies in the files of an embedded log, batch by batch and journal entry by journal
// entry, for tools that show or check it. It interprets nothing away: what is damaged is handed out with what
// is wrong with it.
//
// Reads only. Where nobody owns the directory it takes the lock, so that nothing changes meanwhile; beside an
// owner it reads what is there at that moment: whole batches up to each partition's journaled end, perhaps
// half of one behind it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <tidemill/base/storage.hpp>
#include <tidemill/base/unique_function.hpp>
#include <tidemill/log/log_admin.hpp>
#include <tidemill/log/record_batch.hpp>
#include <vector>

namespace tidemill {

struct StoredSegment {
  std::string path;  // below the log's directory
  Offset base;       // as its name says
  std::uint64_t size_bytes = 0;
};

/// A RecordBatch v2 as it lies in a segment.
struct StoredBatchInfo {
  std::uint64_t position = 0;  // of its first byte in the file
  std::uint64_t size_bytes = 0;
  Offset base_offset;
  Offset last_offset;
  LeaderEpoch leader_epoch;
  std::int64_t producer_id = -1;  // -1: none
  std::int16_t producer_epoch = -1;
  std::int32_t base_sequence = -1;
  std::int32_t record_count = 0;
  Timestamp base_timestamp;
  Timestamp max_timestamp;
  bool transactional = false;
  bool control = false;
  std::string marker;       // of control batches: "commit", "abort", "other"
  std::string compression;  // "none", "gzip", ...
  /// Not whole, another checksum, records that cannot be read: what is said of it above is then what its
  /// header claims.
  std::optional<Error> problem;
  /// Null where there is a problem.
  RecordBatchPtr records;
};

struct JournaledEnd {
  TopicPartition partition;
  Offset end;
  Offset log_start;
  Offset cleaned;  // compaction has been so far
  LeaderEpoch leader_epoch;
  /// The batches that the entry itself holds (`power` durability).
  std::size_t batches = 0;
  std::uint64_t batch_bytes = 0;
  std::optional<Offset> first_offset;  // of the first of them
};
struct JournaledGroupOffset {
  std::string group;
  CommitPosition position;
};
struct JournalEntryInfo {
  std::uint64_t position = 0;
  std::uint64_t sequence = 0;
  std::uint64_t synced = 0;  // the last entry that was known to be, when this one was written
  std::uint64_t size_bytes = 0;
  std::string type;  // checkpoint, commit, topic created, topic deleted, topic altered
  std::int64_t next_producer_id = 0;
  std::vector<JournaledEnd> partitions;
  std::vector<JournaledGroupOffset> offsets;
  std::vector<TopicSpec> topics;
};
struct JournalFileInfo {
  std::string path;
  /// The one that a recovery would read.
  bool current = false;
  std::vector<JournalEntryInfo> entries;
  std::uint64_t end = 0;  // where they end
  /// The beginning of another entry follows, which nobody was told of: a recovery cuts it off.
  bool torn = false;
  /// An entry that was synced is damaged, or one is of another version.
  std::optional<Error> problem;
};

/// What the journal's entries amount to.
struct JournaledState {
  std::vector<TopicSpec> topics;
  std::vector<JournaledEnd> partitions;  // of those topics; batches: none
  std::vector<JournaledGroupOffset> offsets;
};

/// Used by one thread.
class EmbeddedLogFiles {
 public:
  /// kNotFound: there is no log in `directory`.
  [[nodiscard]] static Result<std::unique_ptr<EmbeddedLogFiles>> open(const std::string& directory);
  ~EmbeddedLogFiles();

  /// Why the lock could not be taken (who has it); nullopt: this object has it.
  [[nodiscard]] const std::optional<Error>& unlocked() const { return unlocked_; }
  /// Both files, in the order of their names. Read anew at each call.
  [[nodiscard]] Result<std::vector<JournalFileInfo>> journal() const;
  /// Partitions that have a directory, sorted, whether the journal knows them or not.
  [[nodiscard]] Result<std::vector<TopicPartition>> partitions() const;
  /// Sorted by offset; kNotFound: the partition has no directory.
  [[nodiscard]] Result<std::vector<StoredSegment>> segments(const TopicPartition& partition) const;
  /// Every batch in the order of the file, until `each` answers false or one has no readable header; that one
  /// is the last, with its problem. `from`: a position at which a batch begins. kNotFound: the file is gone.
  [[nodiscard]] Result<void> read(const TopicPartition& partition, const StoredSegment& segment,
                                  UniqueFunction<bool(const StoredBatchInfo&)> each, std::uint64_t from = 0) const;

 private:
  explicit EmbeddedLogFiles(std::unique_ptr<Storage> storage) : storage_(std::move(storage)) {}
  std::unique_ptr<Storage> storage_;
  std::unique_ptr<DirectoryLock> lock_;
  std::optional<Error> unlocked_;
};

/// Empty where no entry could be read.
[[nodiscard]] JournaledState journaled_state(const std::vector<JournalFileInfo>& journal);

}  // namespace tidemill
