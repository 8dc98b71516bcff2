// Engine: the embedded log's whole state, behind one lock; consumers, producers, commit groups and memberships are handles
// to it. The lock is taken per batch and per commit, never per record, and is not held during a journal sync nor while
// compaction reads and writes.
//
// A commit: markers into the touched partitions, one journal entry (their ends, the offsets, in `power` durability the
// batches too), sync, and only then the records become visible to others. Recovery replays the journal: see recover().
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include <tidemill/adapters/embedded_log.hpp>

#include "log_embedded/group_state.hpp"
#include "log_embedded/journal.hpp"
#include "log_embedded/partition_log.hpp"

namespace tidemill::embedded {

struct GroupShared;

/// Wakes one waiting thread; set from any thread.
struct Signal {
  std::mutex mutex;
  std::condition_variable changed;
  bool set = false;
  int event = -1;  // raised too, for who waits with poll(2)
  void raise();
  /// Returns when it was raised since the last call, or after the time.
  void wait_for(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, time, [&] { return set; });
    set = false;
  }
};

struct Topic {
  TopicSpec spec;
  PartitionLog::Settings settings;
  std::vector<std::unique_ptr<PartitionLog>> partitions;
};

class Engine {
 public:
  using PartitionSet = std::set<PartitionLog*, PartitionOrder>;
  using Lock = std::unique_lock<std::mutex>;

  static Result<std::shared_ptr<Engine>> open(std::unique_ptr<Storage> owned, Storage& storage, const Clock& clock,
                                              Random& random, EmbeddedLogOptions options, std::string description);
  ~Engine();

  /// Everything below this mutex.
  std::mutex mutex;

  // Topics (engine.cpp).
  [[nodiscard]] Result<Topic*> topic(std::string_view name);
  [[nodiscard]] Result<PartitionLog*> partition(const TopicPartition& partition);
  [[nodiscard]] Result<void> create_topic(const TopicSpec& spec);
  [[nodiscard]] Result<void> delete_topic(std::string_view name);
  /// Its topic was deleted while somebody still held it.
  [[nodiscard]] bool deleted(const PartitionLog& log) const { return deleted_.contains(&log); }
  [[nodiscard]] Result<void> alter_topic(std::string_view name, const TopicConfig& config);
  [[nodiscard]] Result<void> delete_records(PartitionLog& partition, Offset before);
  [[nodiscard]] Result<void> writable() const;
  void notify(const PartitionLog& partition);
  /// Where the memory of batches comes from; any thread, without the lock.
  [[nodiscard]] const std::shared_ptr<BytesPool>& buffers() const { return shared_.buffers; }
  /// Of batches that are kept for readers, or for the journal's next entry. With the lock.
  [[nodiscard]] std::size_t memory_bytes() const { return shared_.recent.size_bytes() + shared_.unjournaled_bytes; }
  void watch(PartitionLog& partition, const std::shared_ptr<Signal>& signal);
  void unwatch(PartitionLog& partition, const std::shared_ptr<Signal>& signal);

  // Writing (engine_commit.cpp).

  /// False: the disk was full and has no room for so many bytes yet. Without the lock.
  [[nodiscard]] bool has_room(std::size_t bytes) const;
  /// A producer's batch. What of an older transaction of it could not be aborted before is aborted now, or nothing may follow.
  [[nodiscard]] Result<void> append(PartitionLog& log, Bytes batch, std::int64_t producer);
  /// Journals the partitions' new ends and the offsets; `lock` is released during the sync and held again at the end.
  /// On success all of it is durable and visible. kDiskFull, while writable(): nothing of it has happened.
  [[nodiscard]] Result<void> commit(Lock& lock, const PartitionSet& partitions, std::vector<GroupOffset> offsets,
                                    const std::set<std::int64_t>& producers, ControlType marker);
  std::int64_t next_producer_id() { return next_producer_id_++; }

  // In the background (engine_background.cpp).

  /// One round of everything: member expiry, retention, checkpoint, compaction.
  [[nodiscard]] Result<void> background(Lock& lock);

  std::map<std::string, Topic, std::less<>> topics;
  std::map<std::string, GroupState, std::less<>> groups;
  /// transactional.id -> the newest commit group's number; older ones are fenced.
  std::map<std::string, std::uint64_t, std::less<>> group_numbers;
  std::uint64_t next_group_number = 1;
  /// The newest group of each name, whose open transaction a successor aborts.
  std::map<std::string, std::weak_ptr<GroupShared>, std::less<>> open_groups;

  const Clock& clock;
  Random& random;
  const EmbeddedLogOptions options;
  LogTraits traits;

 private:
  Engine(std::unique_ptr<Storage> owned, Storage& storage, const Clock& clock, Random& random, EmbeddedLogOptions options);
  // Recovery (engine_recovery.cpp).
  struct Replay;
  Result<void> recover();
  Result<void> open_journal(std::vector<JournalEntry>& entries);
  Result<void> replay(Replay& replay);
  void begin_epoch(const Replay& replay);
  Result<void> end_recovery(const Replay& replay);
  Result<void> remove_leftovers();
  Result<void> open_topic(const TopicSpec& spec, const Replay* replay);

  [[nodiscard]] Result<void> write_markers(const PartitionSet& partitions, const std::set<std::int64_t>& producers,
                                           ControlType marker, Timestamp now);
  /// Adds to `ended` what has a new end by it.
  [[nodiscard]] Result<void> end_unended(PartitionSet& ended);
  /// An entry of so many bytes can be written: else a checkpoint makes room, or kDiskFull and nothing has happened.
  Result<void> make_room(std::size_t entry_bytes);
  /// Writes the entry; the state must be as it says already. On error the log has failed.
  Result<void> journal(JournalEntry entry, std::uint64_t& ticket);
  Result<void> journal_and_sync(JournalEntry entry);
  /// Everything is synced first, so that the entries before it are not needed any more.
  [[nodiscard]] Result<void> checkpoint();
  [[nodiscard]] JournalEntry snapshot() const;
  [[nodiscard]] PartitionEnd end_of(const PartitionLog& partition) const;
  Error fail(Error error);
  void disk_is_full(const Error& error);

  [[nodiscard]] Result<void> keep(Lock& lock, bool checkpoint_is_due);
  [[nodiscard]] Result<void> checkpoint_beside(Lock& lock);
  [[nodiscard]] Result<void> retain();
  [[nodiscard]] Result<void> compact(Lock& lock);
  [[nodiscard]] Result<void> compact(Lock& lock, PartitionLog& log, Timestamp now);
  [[nodiscard]] PartitionLog* dirtiest(Timestamp now);
  void run_keeper();
  void run_compactor();

  std::unique_ptr<Storage> owned_storage_;
  Storage& storage_;
  std::unique_ptr<DirectoryLock> lock_;
  std::unique_ptr<Journal> journal_;
  OpenFiles files_;
  PartitionLog::Shared shared_;
  static constexpr std::int64_t kFirstProducerId = 1000;
  std::int64_t next_producer_id_ = kFirstProducerId;
  LeaderEpoch first_epoch_{0};  // of a partition that is made while the log is open this time
  std::uint64_t next_removed_ = 0;
  std::optional<Error> failed_;
  bool recovered_ = false;
  std::atomic<bool> full_{false};  // the disk was, when last tried
  /// Transactions whose abort markers could not be written (a full disk), and partitions with markers not journaled yet.
  std::map<PartitionLog*, std::set<std::int64_t>, PartitionOrder> unended_;
  PartitionSet to_journal_;
  std::multimap<const PartitionLog*, std::shared_ptr<Signal>> watchers_;
  std::vector<std::unique_ptr<PartitionLog>> graveyard_;  // deleted, but handles may still point to them
  std::set<const PartitionLog*> deleted_;
  /// Could not be read by compaction: left alone until the log is opened again.
  std::set<const PartitionLog*> uncleanable_;
  std::thread keeper_;     // member expiry, retention, checkpoints
  std::thread compactor_;  // compaction, which may take long
  Signal keeper_wake_;
  Signal compactor_wake_;
  std::atomic<bool> stop_{false};
};

}  // namespace tidemill::embedded
