// ThreadCache: the record cache of one stream thread; NamedCache: the part of one store of one task in it.
//
// Kafka Streams' rules (ThreadCache, NamedCache): an entry costs key + value + fixed overhead; over budget, the cache that is
// being written evicts its least recently used entries; to evict a dirty entry, all dirty entries of that NamedCache are
// written, in the order of their last update. The budget is counted as Kafka Streams counts it, so that the same entries leave at
// the same time; memory_bytes() is what they really take. Used by the thread that owns it, but for the two sizes.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <vector>

#include <tidemill/state/state_store.hpp>

namespace tidemill {

class ThreadCache;

class NamedCache {
 public:
  /// What an entry was when its writing began. The views live during the call.
  struct Write {
    BytesView key;
    OptionalBytesView value;
    const TopicPartition* source = nullptr;  // the cache's own copy
    Offset offset = kNoOffset;
    Timestamp timestamp = kNoTimestamp;
    const Headers* headers = nullptr;
  };
  using Flush = UniqueFunction<void(const Write& entry)>;
  using See = std::function<void(BytesView key, OptionalBytesView value)>;

  NamedCache(ThreadCache& cache, Flush flush);
  ~NamedCache();
  NamedCache(const NamedCache&) = delete;
  NamedCache& operator=(const NamedCache&) = delete;

  /// Null: nothing is known of the key; a null value: it has been deleted. Lives until the next call that changes the cache.
  [[nodiscard]] const OptionalBytes* find(BytesView key);
  /// The same of an entry that has been written; null: ask the store below.
  [[nodiscard]] const OptionalBytes* find_written(BytesView key);
  /// A dirty write; evicts what is too much.
  void put(BytesView key, OptionalBytesView value, const RecordContext& context);
  /// What was read from the store below, clean.
  void put_clean(BytesView key, OptionalBytesView value);
  /// Writes every entry that is dirty now, as it is now, whatever is put or evicted meanwhile.
  void flush();
  /// There are entries to be written.
  [[nodiscard]] bool dirty() const;
  /// Drops everything unwritten, without writing.
  void clear();
  /// Entries within the bounds (inclusive; null: open), in key order.
  void range(OptionalBytesView from, OptionalBytesView to, const See& see);

 private:
  struct Row;
  struct Rows;
  Row& touch(BytesView key, OptionalBytesView value);
  void account(Row& row);
  void remove(Row& row);
  void evict();
  void write(Row* evicted);
  void put_back(const Write& entry);
  friend class ThreadCache;
  /// Lets go of the least recently used entry. False: there is none, or it has not been written.
  bool drop_oldest();

  ThreadCache& cache_;
  Flush flush_;
  std::unique_ptr<Rows> rows_;
  int writing_ = 0;  // calls of write() at work: entries may be clean that are not below yet
};

class ThreadCache {
 public:
  explicit ThreadCache(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  [[nodiscard]] std::size_t size_bytes() const { return bytes_.load(std::memory_order_relaxed); }
  /// What the entries take in memory. Any thread.
  [[nodiscard]] std::size_t memory_bytes() const { return memory_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t bytes_max() const { return bytes_max_; }
  /// Takes effect at the next write.
  void resize(std::size_t bytes_max) { bytes_max_ = bytes_max; }
  /// Each store's least recently used entries in turn, as far as they have been written.
  void drop_what_is_too_much();

 private:
  friend class NamedCache;
  void add(std::size_t cost, std::size_t memory) {
    bytes_.store(size_bytes() + cost, std::memory_order_relaxed);
    memory_.store(memory_bytes() + memory, std::memory_order_relaxed);
  }
  void remove(std::size_t cost, std::size_t memory) {
    bytes_.store(size_bytes() - cost, std::memory_order_relaxed);
    memory_.store(memory_bytes() - memory, std::memory_order_relaxed);
  }
  std::size_t bytes_max_;
  std::vector<NamedCache*> caches_;
  std::atomic<std::size_t> bytes_{0};
  std::atomic<std::size_t> memory_{0};
};

}  // namespace tidemill
