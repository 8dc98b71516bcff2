// RocksDbWriter: one thread that writes what stores have gathered into their families, so that a commit does not wait for memtables
// and compaction. What is handed over at once is one WriteBatch, rows and meta row together, in the order of the commits of a store.
//
// A store hands over at most one overlay at a time and reads it meanwhile; the next one waits for it, which bounds the memory and
// lets a slow disk slow the task down.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "state_rocksdb/overlay.hpp"
#include "state_rocksdb/rocksdb_instance.hpp"

namespace tidemill::rocksdb_state {

/// One commit of a store, or several that became one.
struct Commit {
  std::shared_ptr<Instance> instance;
  rocksdb::ColumnFamilyHandle* family;
  std::string store;
  std::shared_ptr<const Overlay> overlay;  // frozen
  std::unique_ptr<GatheredShare> share;
  Meta meta;
  /// Begin to flush the family afterwards.
  bool flush = false;
};

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
  /// Writes it on the caller's thread: for a small one that is less work.
  [[nodiscard]] static std::shared_ptr<const Ticket> write_now(const Commit& commit);
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
