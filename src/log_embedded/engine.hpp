// Engine: the embedded log's whole state, behind one lock; consumers, producers, commit groups and memberships are handles
// to it. The lock is taken per batch and per commit, never per record, and is not held during a journal sync.
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

/// Wakes one consumer's wait(); set from any thread.
struct Signal {
  std::mutex mutex;
  std::condition_variable changed;
  bool set = false;
  int event = -1;  // raised too, for who waits with poll(2)
  void raise();
};

struct Topic {
  TopicSpec spec;
  std::vector<std::unique_ptr<PartitionLog>> partitions;
  Compression compression = Compression::kNone;
  std::size_t batch_bytes_max = 1048588;
};

class Engine {
 public:
  using PartitionSet = std::set<PartitionLog*, PartitionOrder>;

  static Result<std::shared_ptr<Engine>> open(std::unique_ptr<Storage> owned, Storage& storage, const Clock& clock,
                                              Random& random, EmbeddedLogOptions options, std::string description);
  ~Engine();

  /// Everything below this mutex but sync().
  std::mutex mutex;

  [[nodiscard]] Result<Topic*> topic(std::string_view name);
  [[nodiscard]] Result<PartitionLog*> partition(const TopicPartition& partition);
  [[nodiscard]] Result<void> create_topic(const TopicSpec& spec);
  [[nodiscard]] Result<void> delete_topic(std::string_view name);
  /// Its topic was deleted while somebody still held it.
  [[nodiscard]] bool deleted(const PartitionLog& log) const { return deleted_.contains(&log); }
  [[nodiscard]] Result<void> alter_topic(std::string_view name, const TopicConfig& config);
  [[nodiscard]] Result<void> delete_records(PartitionLog& partition, Offset before);
  [[nodiscard]] Result<void> writable() const;

  /// Journals the partitions' new ends and the offsets; `lock` is released during the sync and held again at the end.
  /// On success all of it is durable and visible.
  [[nodiscard]] Result<void> commit(std::unique_lock<std::mutex>& lock, const PartitionSet& partitions,
                                    std::vector<GroupOffset> offsets, const std::set<std::int64_t>& producers,
                                    ControlType marker);
  /// Before a producer's append: what it could not abort before is aborted now, or nothing may follow it.
  [[nodiscard]] Result<void> can_append(const PartitionLog& log, std::int64_t producer);
  std::int64_t next_producer_id() { return next_producer_id_++; }
  void notify(const PartitionLog& partition);
  void watch(const PartitionLog& partition, const std::shared_ptr<Signal>& signal);
  void unwatch(const PartitionLog& partition, const std::shared_ptr<Signal>& signal);
  [[nodiscard]] Result<void> background(std::unique_lock<std::mutex>& lock);
  [[nodiscard]] Result<void> checkpoint();

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
  Engine(std::unique_ptr<Storage> owned, Storage& storage, const Clock& clock, Random& random,
         EmbeddedLogOptions options);
  Result<void> recover();
  Result<void> open_topic(const TopicSpec& spec, const std::map<TopicPartition, PartitionEnd>& ends,
                          std::map<TopicPartition, Offset> deleted_to);
  [[nodiscard]] Result<void> write_markers(const PartitionSet& partitions, const std::set<std::int64_t>& producers,
                                           ControlType marker, Timestamp now);
  /// Adds to `ended` what has a new end by it.
  [[nodiscard]] Result<void> end_unended(PartitionSet& ended);
  Result<void> journal(JournalEntry entry, std::uint64_t& ticket);
  Result<void> journal_and_sync(JournalEntry entry);
  [[nodiscard]] JournalEntry snapshot() const;
  [[nodiscard]] PartitionEnd end_of(PartitionLog& partition) const;
  void run_background();

  std::unique_ptr<Storage> owned_storage_;
  Storage& storage_;
  std::unique_ptr<DirectoryLock> lock_;
  std::unique_ptr<Journal> journal_;
  std::int64_t next_producer_id_ = 1000;
  std::optional<Error> failed_;
  bool recovered_ = false;
  /// Transactions whose abort markers could not be written (a full disk), and partitions with markers not journaled yet.
  std::map<PartitionLog*, std::set<std::int64_t>, PartitionOrder> unended_;
  PartitionSet to_journal_;
  std::multimap<const PartitionLog*, std::shared_ptr<Signal>> watchers_;
  std::vector<std::unique_ptr<PartitionLog>> graveyard_;  // deleted, but handles may still point to them
  std::set<const PartitionLog*> deleted_;
  std::thread background_;
  Signal stop_;
};

}  // namespace tidemill::embedded
