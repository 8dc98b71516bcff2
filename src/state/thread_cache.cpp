#include "state/thread_cache.hpp"

#include <vector>

#include <tidemill/base/assert.hpp>

namespace tidemill {
namespace {

// Java's accounting: NamedCache.LRUNode (key + 8 + 8 + 8) and LRUCacheEntry (value, context: 8 + 8 + topic + 4 + headers, 1 flag).
constexpr std::size_t kNodeBytes = 24;
constexpr std::size_t kContextBytes = 8 + 8 + 4 + 1;

std::size_t cost_of(BytesView key, const NamedCache::Entry& entry) {
  std::size_t cost = key.size() + kNodeBytes + kContextBytes + entry.source.topic.size();
  if (entry.value) cost += entry.value->size();
  for (const Header& header : entry.headers) cost += header.key.size() + (header.value ? header.value->size() : 0);
  return cost;
}

}  // namespace

NamedCache::~NamedCache() { clear(); }

NamedCache::Entry* NamedCache::find(BytesView key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return nullptr;
  lru_.splice(lru_.begin(), lru_, found->second.lru);
  return &found->second;
}

NamedCache::Entry& NamedCache::insert(BytesView key, OptionalBytesView value) {
  auto found = entries_.find(key);
  if (found == entries_.end()) {
    found = entries_.emplace(std::string(key), Entry{}).first;
    lru_.emplace_front(key);
    found->second.lru = lru_.begin();
  } else {
    lru_.splice(lru_.begin(), lru_, found->second.lru);
  }
  Entry& entry = found->second;
  if (value) {
    if (entry.value) {
      entry.value->assign(*value);
    } else {
      entry.value.emplace(*value);
    }
  } else {
    entry.value.reset();
  }
  return entry;
}

void NamedCache::put(BytesView key, OptionalBytesView value, const RecordContext& context) {
  Entry& entry = insert(key, value);
  if (entry.dirty) {
    dirty_order_.splice(dirty_order_.end(), dirty_order_, entry.dirty_order);
  } else {
    entry.dirty = true;
    dirty_order_.emplace_back(key);
    entry.dirty_order = std::prev(dirty_order_.end());
  }
  entry.has_source = context.source != nullptr;
  if (context.source != nullptr) {
    if (entry.source != *context.source) entry.source = *context.source;
  }
  entry.offset = context.offset;
  entry.timestamp = context.timestamp;
  if (context.headers != nullptr) {
    entry.headers = *context.headers;
  } else if (!entry.headers.empty()) {
    entry.headers = {};
  }
  const std::size_t cost = cost_of(key, entry);
  cache_.bytes_ += cost - entry.cost;
  entry.cost = cost;
  evict();
}

void NamedCache::put_clean(BytesView key, OptionalBytesView value) {
  Entry& entry = insert(key, value);
  const std::size_t cost = cost_of(key, entry);
  cache_.bytes_ += cost - entry.cost;
  entry.cost = cost;
  evict();
}

void NamedCache::evict() {
  while (cache_.bytes_ > cache_.bytes_max_ && !lru_.empty()) {
    const auto last = entries_.find(lru_.back());
    TIDEMILL_ASSERT(last != entries_.end());
    if (last->second.dirty) {
      flush();  // may write to this cache again, through what is downstream
      continue;
    }
    cache_.bytes_ -= last->second.cost;
    lru_.pop_back();
    entries_.erase(last);
  }
}

void NamedCache::flush() {
  std::list<std::string> order;
  order.swap(dirty_order_);
  // All are clean before the first is written: what is downstream may read or write them again.
  // Doing so may evict one that is still to be written, so all are copied first.
  std::vector<Entry> copies;
  copies.reserve(order.size());
  for (const std::string& key : order) {
    Entry& entry = entries_.find(key)->second;
    entry.dirty = false;
    copies.push_back(entry);
  }
  auto copy = copies.cbegin();
  for (const std::string& key : order) flush_(key, *copy++);
}

void NamedCache::clear() {
  for (const auto& [key, entry] : entries_) cache_.bytes_ -= entry.cost;
  entries_.clear();
  lru_.clear();
  dirty_order_.clear();
}

}  // namespace tidemill
