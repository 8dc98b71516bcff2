// RocksDbWriter: one thread that writes committed maps into their families, so that a commit does not wait for memtables and
// compaction. One commit is one WriteBatch: rows and meta row together, in the order of the commits of a store.
//
// A store hands over at most one map at a time (Commit) and reads it meanwhile; the next commit waits for it, which bounds the
// memory and lets a slow disk slow the task down.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "state_rocksdb/rocksdb_instance.hpp"

namespace tidemill::rocksdb_state {

/// Frozen when handed over: the rows do not change any more.
struct Commit {
  std::shared_ptr<Instance> instance;
  rocksdb::ColumnFamilyHandle* family = nullptr;
  std::string store;
  Overlay rows;
  std::size_t bytes = 0;
  Meta meta;
  /// Begin to flush the family afterwards.
  bool flush = false;
};

/// Writes it, now. What the writer does, and a store itself with a small commit.
Result<void> write(const Commit& commit);

class RocksDbWriter {
 public:
  RocksDbWriter() : worker_([this] { work(); }) {}
  ~RocksDbWriter();
  RocksDbWriter(const RocksDbWriter&) = delete;
  RocksDbWriter& operator=(const RocksDbWriter&) = delete;

  /// The outcome of one commit.
  class Ticket {
   public:
    [[nodiscard]] bool done() const { return done_.load(std::memory_order_acquire); }
    /// Only when done.
    [[nodiscard]] const Result<void>& outcome() const { return outcome_; }

   private:
    friend class RocksDbWriter;
    std::atomic<bool> done_{false};
    Result<void> outcome_;
  };
  [[nodiscard]] std::shared_ptr<const Ticket> submit(std::shared_ptr<const Commit> commit);
  void wait(const Ticket& ticket);

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<std::shared_ptr<const Commit>, std::shared_ptr<Ticket>>> queue_;  // at most one a store
  bool stop_ = false;
  std::thread worker_;
};

}  // namespace tidemill::rocksdb_state
