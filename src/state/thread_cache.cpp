#include "state/thread_cache.hpp"

#include <vector>

#include <tidemill/base/assert.hpp>

namespace tidemill {
namespace {

// Java's accounting: NamedCache.LRUNode (key + 8 + 8 + 8) and LRUCacheEntry (value, context: 8 + 8 + topic + 4 + headers, 1 flag).
constexpr std::size_t kNodeBytes = 24;
constexpr std::size_t kContextBytes = 8 + 8 + 4 + 1;
/// A node of the map, with its key and entry, and what the allocator adds.
constexpr std::size_t kMapNodeBytes = sizeof(NamedCache::Entry) + sizeof(std::string) + 5 * sizeof(void*);
constexpr std::size_t kInlineText = 15;

std::size_t header_bytes(const NamedCache::Entry& entry) {
  std::size_t bytes = 0;
  for (const Header& header : entry.headers) bytes += header.key.size() + (header.value ? header.value->size() : 0);
  return bytes;
}
std::size_t cost_of(BytesView key, const NamedCache::Entry& entry) {
  std::size_t cost = key.size() + kNodeBytes + kContextBytes + header_bytes(entry);
  if (entry.source != nullptr) cost += entry.source->topic.size();
  if (entry.value) cost += entry.value->size();
  return cost;
}
std::size_t heap_bytes(const std::string& text) { return text.capacity() > kInlineText ? text.capacity() + 16 : 0; }
std::size_t memory_of(const std::string& key, const NamedCache::Entry& entry) {
  return kMapNodeBytes + heap_bytes(key) + (entry.value ? heap_bytes(*entry.value) : 0) +
         entry.headers.size() * sizeof(Header) + header_bytes(entry);
}

}  // namespace

NamedCache::NamedCache(ThreadCache& cache, Flush flush) : cache_(cache), flush_(std::move(flush)) {
  recent_.newer = recent_.older = &recent_;
  dirty_.dirty_next = dirty_.dirty_before = &dirty_;
}
NamedCache::~NamedCache() { clear(); }

NamedCache::Entry* NamedCache::find(BytesView key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return nullptr;
  to_front(found->second);
  return &found->second;
}

void NamedCache::to_front(Entry& entry) {
  if (entry.newer != nullptr) {
    entry.newer->older = entry.older;
    entry.older->newer = entry.newer;
  }
  entry.older = recent_.older;
  entry.newer = &recent_;
  recent_.older->newer = &entry;
  recent_.older = &entry;
}
void NamedCache::leave_dirty(Entry& entry) {
  entry.dirty_before->dirty_next = entry.dirty_next;
  entry.dirty_next->dirty_before = entry.dirty_before;
  entry.dirty = false;
}
void NamedCache::mark_dirty(Entry& entry) {
  if (entry.dirty) leave_dirty(entry);
  entry.dirty = true;
  entry.dirty_next = &dirty_;
  entry.dirty_before = dirty_.dirty_before;
  dirty_.dirty_before->dirty_next = &entry;
  dirty_.dirty_before = &entry;
}

NamedCache::Entry& NamedCache::insert(BytesView key, OptionalBytesView value) {
  auto found = entries_.find(key);
  if (found == entries_.end()) {
    found = entries_.emplace(std::string(key), Entry{}).first;
    found->second.key = &found->first;
  } else {
    cache_.remove(found->second.cost, memory_of(found->first, found->second));
  }
  Entry& entry = found->second;
  to_front(entry);
  if (!value) {
    entry.value.reset();
  } else if (entry.value) {
    entry.value->assign(*value);
  } else {
    entry.value.emplace(*value);
  }
  return entry;
}

void NamedCache::account(Entry& entry) {
  entry.cost = cost_of(*entry.key, entry);
  cache_.add(entry.cost, memory_of(*entry.key, entry));
}

void NamedCache::put(BytesView key, OptionalBytesView value, const RecordContext& context) {
  Entry& entry = insert(key, value);
  mark_dirty(entry);
  if (context.source == nullptr) {
    entry.source = nullptr;
  } else if (entry.source == nullptr || *entry.source != *context.source) {
    entry.source = &*sources_.insert(*context.source).first;
  }
  entry.offset = context.offset;
  entry.timestamp = context.timestamp;
  if (context.headers != nullptr) {
    entry.headers = *context.headers;
  } else if (!entry.headers.empty()) {
    entry.headers = {};
  }
  account(entry);
  evict();
}

void NamedCache::put_clean(BytesView key, OptionalBytesView value) {
  account(insert(key, value));
  evict();
}

void NamedCache::remove(const std::string& key) {
  const auto at = entries_.find(key);
  TIDEMILL_ASSERT(at != entries_.end());
  Entry& entry = at->second;
  cache_.remove(entry.cost, memory_of(key, entry));
  if (entry.dirty) leave_dirty(entry);
  entry.newer->older = entry.older;
  entry.older->newer = entry.newer;
  entries_.erase(at);
}

void NamedCache::evict() {
  while (cache_.size_bytes() > cache_.bytes_max() && recent_.newer != &recent_) {
    const Entry& last = *recent_.newer;
    Written written;
    const bool dirty = last.dirty;
    if (dirty) written.emplace_back(*last.key, last);
    remove(std::string(*last.key));
    if (dirty) write(std::move(written));  // may write to this cache again, through what is downstream
  }
}

void NamedCache::flush() { write({}); }

/// What has been evicted first, then all that is dirty.
void NamedCache::write(Written written) {
  // All are clean before the first is written: what is downstream may update them again, and then they are written again.
  while (dirty_.dirty_next != &dirty_) {
    Entry& first = *dirty_.dirty_next;
    leave_dirty(first);
    written.emplace_back(*first.key, first);
  }
  for (const auto& [key, entry] : written) flush_(key, entry);
  for (const auto& [key, entry] : written) {
    if (entry.value) continue;
    // A deletion that has been written need not be remembered.
    const auto found = entries_.find(key);
    if (found != entries_.end() && !found->second.value && !found->second.dirty) remove(key);
  }
}

void NamedCache::clear() {
  for (const auto& [key, entry] : entries_) cache_.remove(entry.cost, memory_of(key, entry));
  entries_.clear();
  recent_.newer = recent_.older = &recent_;
  dirty_.dirty_next = dirty_.dirty_before = &dirty_;
}

}  // namespace tidemill
