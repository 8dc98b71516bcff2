// ThreadCache: the record cache of one stream thread; NamedCache: the part of one store of one task in it.
//
// Kafka Streams' rules (ThreadCache, NamedCache): an entry costs key + value + fixed overhead; over budget, the cache that is
// being written evicts its least recently used entries; to evict a dirty entry, all dirty entries of that NamedCache are
// written, in the order of their last update. The budget is counted as Kafka Streams counts it, so that the same entries leave at
// the same time; memory_bytes() is what they really take. Used by the thread that owns it, but for the two sizes.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <tidemill/state/state_store.hpp>

namespace tidemill {

class ThreadCache;

class NamedCache {
 public:
  struct Entry {
    OptionalBytes value;
    const TopicPartition* source = nullptr;  // the cache's own copy
    Offset offset = kNoOffset;
    Timestamp timestamp = kNoTimestamp;
    Headers headers;
    bool dirty = false;
    std::size_t cost = 0;

   private:
    friend class NamedCache;
    const std::string* key = nullptr;
    // Its places in the two lists; the lists are rings around the cache's own entries.
    Entry* newer = nullptr;
    Entry* older = nullptr;
    Entry* dirty_next = nullptr;
    Entry* dirty_before = nullptr;
  };
  using Flush = UniqueFunction<void(const std::string& key, const Entry& entry)>;

  NamedCache(ThreadCache& cache, Flush flush);
  ~NamedCache();
  NamedCache(const NamedCache&) = delete;
  NamedCache& operator=(const NamedCache&) = delete;

  [[nodiscard]] Entry* find(BytesView key);
  /// A dirty write; evicts what is too much.
  void put(BytesView key, OptionalBytesView value, const RecordContext& context);
  /// What was read from the store below, clean.
  void put_clean(BytesView key, OptionalBytesView value);
  void flush();
  /// Drops everything unwritten, without writing.
  void clear();
  [[nodiscard]] const std::map<std::string, Entry, std::less<>>& entries() const { return entries_; }

 private:
  using Written = std::vector<std::pair<std::string, Entry>>;
  Entry& insert(BytesView key, OptionalBytesView value);
  void remove(const std::string& key);
  void account(Entry& entry);
  void evict();
  void write(Written written);
  void to_front(Entry& entry);
  void mark_dirty(Entry& entry);
  static void leave_dirty(Entry& entry);

  ThreadCache& cache_;
  Flush flush_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::set<TopicPartition> sources_;
  Entry recent_;  // ring of all entries: recent_.older is the most recently used, recent_.newer the least
  Entry dirty_;   // ring of dirty ones: dirty_.dirty_next was updated first
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
  std::atomic<std::size_t> bytes_{0};
  std::atomic<std::size_t> memory_{0};
};

}  // namespace tidemill
