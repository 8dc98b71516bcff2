// Restorer: brings the stores of a thread's tasks up to their changelogs before the tasks run.
//
// A changelog is read, committed records only, from where the store's contents stand to the high watermark that was
// taken at the start: at the last stable offset a decided transaction might still lack its marker, and its state would be
// lost. A store whose position the log does not have (the offset is beyond the end, or the record before it is of
// another leader epoch) comes from a lost future: it is emptied and read from the beginning.
// Used on the thread of the tasks; never waits but for the watermarks, with a deadline.
#pragma once

#include <list>
#include <memory>
#include <vector>

#include <tidemill/log/log.hpp>

#include "runtime/stream_task.hpp"

namespace tidemill::runtime {

struct StoreRestore {
  std::string store;
  TopicPartition changelog;
  Offset start;
  Offset current;
  Offset end;
};
/// Told by stream threads, one call at a time per thread.
class RestoreObserver {
 public:
  virtual ~RestoreObserver() = default;
  virtual void restore_started(const StoreRestore& restore) = 0;
  virtual void restore_advanced(const StoreRestore& restore, std::int64_t records) = 0;
  virtual void restore_ended(const StoreRestore& restore, std::int64_t records) = 0;
  /// Given up before its end: the task goes elsewhere, or begins again.
  virtual void restore_suspended(const StoreRestore& restore, std::int64_t records) = 0;
};

class Restorer {
 public:
  static constexpr std::size_t kPollBytes = std::size_t{4} << 20;

  Restorer(Log& log, const Clock& clock, RestoreObserver* observer, ClientProperties consumer_properties = {})
      : log_(log), clock_(clock), observer_(observer), consumer_properties_(std::move(consumer_properties)) {}

  /// Takes the watermarks of the task's changelogs and begins. `committed`: the task's input positions; a source topic
  /// that serves as changelog is read up to there. An error may be retriable; nothing has begun then.
  [[nodiscard]] Result<void> add(StreamTask& task, std::span<const CommitPosition> committed);
  void remove(const StreamTask& task);
  /// Reads a little. True: there was something.
  [[nodiscard]] Result<bool> step();
  [[nodiscard]] bool restoring(const StreamTask& task) const;
  [[nodiscard]] bool empty() const { return items_.empty(); }
  [[nodiscard]] std::vector<StoreRestore> progress() const;

 private:
  struct Item {
    StreamTask* task;
    TaskStore* store;
    StoreRestore restore;
    Offset next;                         // to be put into the store
    LeaderEpoch epoch = kNoLeaderEpoch;  // of the last record put
    bool check_epoch = false;            // the first record from next - 1 on must have the store's epoch
    bool starts_over = false;            // at the next step: to be emptied and read from the beginning
    std::int64_t records = 0;
  };
  Result<void> read_batch(Item& item, const RecordBatch& batch);
  Result<void> start_over(Item& item);
  Result<void> finish(Item& item);

  Log& log_;
  const Clock& clock_;
  RestoreObserver* observer_;
  ClientProperties consumer_properties_;
  std::unique_ptr<LogConsumer> consumer_;
  std::list<Item> items_;
  std::vector<ChangelogRecord> rows_;
};

}  // namespace tidemill::runtime
