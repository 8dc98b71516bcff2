// ThreadCache: the record cache of one stream thread; NamedCache: the part of one store of one task in it.
//
// Kafka Streams' rules (ThreadCache, NamedCache): an entry costs key + value + fixed overhead; over budget, the cache that is
// being written evicts its least recently used entries; to evict a dirty entry, all dirty entries of that NamedCache are
// written, in the order of their last update. Used by the thread that owns it.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>

#include <tidemill/state/state_store.hpp>

namespace tidemill {

class ThreadCache;

class NamedCache {
 public:
  struct Entry {
    OptionalBytes value;
    bool dirty = false;
    // The context of the last update, owned.
    bool has_source = false;
    TopicPartition source;
    Offset offset = kNoOffset;
    Timestamp timestamp = kNoTimestamp;
    Headers headers;
    std::list<std::string>::iterator lru;
    std::list<std::string>::iterator dirty_order;
    std::size_t cost = 0;
  };
  using Flush = UniqueFunction<void(const std::string& key, const Entry& entry)>;

  NamedCache(ThreadCache& cache, Flush flush) : cache_(cache), flush_(std::move(flush)) {}
  ~NamedCache();
  NamedCache(const NamedCache&) = delete;

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
  friend class ThreadCache;
  Entry& insert(BytesView key, OptionalBytesView value);
  void evict();

  ThreadCache& cache_;
  Flush flush_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::list<std::string> lru_;          // most recent first
  std::list<std::string> dirty_order_;  // oldest update first
};

class ThreadCache {
 public:
  explicit ThreadCache(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  [[nodiscard]] std::size_t size_bytes() const { return bytes_; }
  [[nodiscard]] std::size_t bytes_max() const { return bytes_max_; }
  /// Takes effect at the next write.
  void resize(std::size_t bytes_max) { bytes_max_ = bytes_max; }

 private:
  friend class NamedCache;
  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
};

}  // namespace tidemill
