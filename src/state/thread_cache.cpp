#include "state/thread_cache.hpp"

#include <absl/container/btree_map.h>
#include <absl/container/flat_hash_map.h>

#include <span>
#include <string>
#include <utility>
#include <vector>

#include <tidemill/base/assert.hpp>

#include "state/bytes_hash.hpp"
#include "state/heap_bytes.hpp"

namespace tidemill {
namespace {

// Java's accounting: NamedCache.LRUNode (key + 8 + 8 + 8) and LRUCacheEntry (value, context: 8 + 8 + topic + 4 + headers, 1 flag).
constexpr std::size_t kNodeBytes = 24;
constexpr std::size_t kContextBytes = 8 + 8 + 4 + 1;
/// A slot of the hash map at its usual load, a place among the updates, and the allocator's part of a row.
constexpr std::size_t kSlotBytes = 90;
/// Outdated notes of updates beyond those of dirty rows before they are thrown out.
constexpr std::size_t kUpdatesSpare = 1024;
/// Memory of a flush that is kept for the next one.
constexpr std::size_t kCopiesKept = std::size_t{1} << 20;

std::size_t header_bytes(const Headers& headers) {
  std::size_t bytes = 0;
  for (const Header& header : headers) bytes += header.key.size() + (header.value ? header.value->size() : 0);
  return bytes;
}

/// A place in the order of use: a ring around the cache's own.
struct Place {
  Place* newer = nullptr;
  Place* older = nullptr;
};

}  // namespace

struct NamedCache::Row : Place {
  std::string key;
  OptionalBytes value;
  const TopicPartition* source = nullptr;
  Offset offset = kNoOffset;
  Timestamp timestamp = kNoTimestamp;
  Headers headers;
  std::uint64_t update = 0;  // the number of its last update; 0: clean
  std::size_t cost = 0;
  std::size_t memory = 0;
};

namespace {

// Copies of the entries that are being written, their bytes one behind the other: what is downstream may change, evict and write
// the entries themselves meanwhile.
class Copies {
 public:
  template <class Row>
  void add(const Row& row) {
    Copy copy{.begin = bytes_.size(),
              .key_size = row.key.size(),
              .value_size = row.value ? row.value->size() : 0,
              .has_value = row.value.has_value(),
              .entry = {.key = {},
                        .value = {},
                        .source = row.source,
                        .offset = row.offset,
                        .timestamp = row.timestamp,
                        .headers = &Headers::none()}};
    bytes_ += row.key;
    if (row.value) bytes_ += *row.value;
    if (!row.headers.empty()) copy.entry.headers = headers_.emplace_back(std::make_unique<Headers>(row.headers)).get();
    copies_.push_back(copy);
  }
  [[nodiscard]] std::size_t size() const { return copies_.size(); }
  template <class F>
  void each(F&& see, std::size_t first = 0) {
    for (Copy& copy : std::span(copies_).subspan(first)) {
      copy.entry.key = BytesView(bytes_).substr(copy.begin, copy.key_size);
      if (copy.has_value) copy.entry.value = BytesView(bytes_).substr(copy.begin + copy.key_size, copy.value_size);
      see(std::as_const(copy.entry));
    }
  }
  void clear() {
    copies_.clear();
    headers_.clear();
    bytes_.clear();
  }
  [[nodiscard]] std::size_t memory_bytes() const { return bytes_.capacity() + copies_.capacity() * sizeof(Copy); }

 private:
  struct Copy {
    std::size_t begin;
    std::size_t key_size;
    std::size_t value_size;
    bool has_value;
    NamedCache::Write entry;
  };
  std::vector<Copy> copies_;
  std::vector<std::unique_ptr<Headers>> headers_;
  std::string bytes_;
};

}  // namespace

// Always true: an update noted in `updates` is of a row that is there; a row is dirty when its own number is among them.
struct NamedCache::Rows {
  struct Update {
    Row* row;
    std::uint64_t number;  // outdated when the row has a later one
  };
  absl::flat_hash_map<BytesView, std::unique_ptr<Row>, BytesHash, BytesEqual> by_key;  // a key is its row's
  absl::btree_map<BytesView, const Row*> by_order;                                     // kept from the first range on
  bool ordered = false;
  Place recent;  // recent.older is the most recently used row, recent.newer the least
  std::vector<Update> updates;
  std::uint64_t last_update = 0;
  std::size_t dirty = 0;
  std::set<TopicPartition> sources;
  const TopicPartition* last_source = nullptr;
  Copies spare;

  Rows() { recent.newer = recent.older = &recent; }
  [[nodiscard]] Row* newest() { return recent.older == &recent ? nullptr : static_cast<Row*>(recent.older); }
  [[nodiscard]] Row* oldest() { return recent.newer == &recent ? nullptr : static_cast<Row*>(recent.newer); }
  static void unlink(Row& row) {
    row.newer->older = row.older;
    row.older->newer = row.newer;
  }
  void link_newest(Row& row) {
    row.older = recent.older;
    row.newer = &recent;
    recent.older->newer = &row;
    recent.older = &row;
  }
  /// A read is often followed by a write of the same key: the newest row needs no look-up.
  [[nodiscard]] Row* use(BytesView key) {
    if (Row* const row = newest(); row != nullptr && row->key == key) return row;
    const auto found = by_key.find(key);
    if (found == by_key.end()) return nullptr;
    Row& row = *found->second;
    unlink(row);
    link_newest(row);
    return &row;
  }
  void note_update(Row& row) {
    if (row.update == 0) ++dirty;
    row.update = ++last_update;
    updates.push_back({&row, row.update});
    if (updates.size() > 2 * dirty + kUpdatesSpare) {
      std::erase_if(updates, [](const Update& update) { return update.row->update != update.number; });
    }
  }
  [[nodiscard]] const TopicPartition* own(const TopicPartition* source) {
    if (source == nullptr) return nullptr;
    if (last_source == nullptr || *last_source != *source) last_source = &*sources.insert(*source).first;
    return last_source;
  }
};

NamedCache::NamedCache(ThreadCache& cache, Flush flush)
    : cache_(cache), flush_(std::move(flush)), rows_(std::make_unique<Rows>()) {
  cache_.caches_.push_back(this);
}
NamedCache::~NamedCache() {
  clear();
  std::erase(cache_.caches_, this);
}

const OptionalBytes* NamedCache::find(BytesView key) {
  const Row* const row = rows_->use(key);
  return row == nullptr ? nullptr : &row->value;
}

const OptionalBytes* NamedCache::find_written(BytesView key) {
  const Row* const row = writing_ == 0 ? rows_->use(key) : nullptr;
  return row == nullptr || row->update != 0 ? nullptr : &row->value;
}

NamedCache::Row& NamedCache::touch(BytesView key, OptionalBytesView value) {
  Row* row = rows_->use(key);
  if (row == nullptr) {
    auto made = std::make_unique<Row>();
    row = made.get();
    row->key = key;
    rows_->by_key.emplace(BytesView(row->key), std::move(made));
    if (rows_->ordered) rows_->by_order.emplace(row->key, row);
    rows_->link_newest(*row);
  }
  if (!value) {
    row->value.reset();
  } else if (row->value) {
    row->value->assign(*value);
  } else {
    row->value.emplace(*value);
  }
  return *row;
}

void NamedCache::account(Row& row) {
  const std::size_t headers = row.headers.empty() ? 0 : header_bytes(row.headers);
  const std::size_t cost = row.key.size() + kNodeBytes + kContextBytes + headers +
                           (row.source != nullptr ? row.source->topic.size() : 0) + (row.value ? row.value->size() : 0);
  const std::size_t memory = sizeof(Row) + kSlotBytes + heap_bytes(row.key.capacity()) +
                             (row.value ? heap_bytes(row.value->capacity()) : 0) + row.headers.size() * sizeof(Header) +
                             headers;
  cache_.add(cost - row.cost, memory - row.memory);
  row.cost = cost;
  row.memory = memory;
}

void NamedCache::put(BytesView key, OptionalBytesView value, const RecordContext& context) {
  Row& row = touch(key, value);
  rows_->note_update(row);
  row.source = rows_->own(context.source);
  row.offset = context.offset;
  row.timestamp = context.timestamp;
  if (context.headers != nullptr) {
    row.headers = *context.headers;
  } else if (!row.headers.empty()) {
    row.headers = {};
  }
  account(row);
  evict();
}

void NamedCache::put_clean(BytesView key, OptionalBytesView value) {
  account(touch(key, value));
  evict();
}

void NamedCache::remove(Row& row) {
  TIDEMILL_ASSERT(row.update == 0, "an entry that has not been written goes");
  cache_.remove(row.cost, row.memory);
  Rows::unlink(row);
  if (rows_->ordered) rows_->by_order.erase(BytesView(row.key));
  const auto found = rows_->by_key.find(BytesView(row.key));
  TIDEMILL_ASSERT(found != rows_->by_key.end());
  const std::unique_ptr<Row> last = std::move(found->second);  // its key is looked at while the slot goes
  rows_->by_key.erase(found);
}

void NamedCache::evict() {
  while (cache_.size_bytes() > cache_.bytes_max()) {
    Row* const oldest = rows_->oldest();
    if (oldest == nullptr) return;
    if (oldest->update != 0) {
      write(oldest);  // may write to this cache again, through what is downstream
    } else {
      remove(*oldest);
    }
  }
}

bool NamedCache::drop_oldest() {
  Row* const oldest = rows_->oldest();
  if (oldest == nullptr || oldest->update != 0) return false;
  remove(*oldest);
  return true;
}

void ThreadCache::drop_what_is_too_much() {
  for (bool some = true; some;) {
    some = false;
    for (NamedCache* cache : caches_) {
      if (size_bytes() <= bytes_max_) return;
      some = cache->drop_oldest() || some;
    }
  }
}

void NamedCache::flush() { write(nullptr); }
bool NamedCache::dirty() const { return rows_->dirty > 0; }

void NamedCache::put_back(const Write& entry) {
  const auto found = rows_->by_key.find(entry.key);
  if (found != rows_->by_key.end() && found->second->update != 0) return;  // it has been updated since
  Row& row = touch(entry.key, entry.value);
  rows_->note_update(row);
  row.source = entry.source;
  row.offset = entry.offset;
  row.timestamp = entry.timestamp;
  row.headers = *entry.headers;
  account(row);
}

/// The evicted entry first, then all that is dirty.
void NamedCache::write(Row* evicted) {
  Copies copies = std::exchange(rows_->spare, {});
  if (evicted != nullptr) {
    copies.add(*evicted);
    evicted->update = 0;
  }
  // All are clean before the first is written: what is downstream may update them again, and then they are written again.
  for (const auto& [row, number] : rows_->updates) {
    if (row->update != number) continue;
    copies.add(*row);
    row->update = 0;
  }
  rows_->updates.clear();
  rows_->dirty = 0;
  // As in Java, the evicted entry counts until it is written: what is downstream may have to make room, too.
  struct Counted {
    Counted(ThreadCache& counting, std::size_t bytes) : cache(counting), cost(bytes) { cache.add(cost, 0); }
    ~Counted() { cache.remove(cost, 0); }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    ThreadCache& cache;
    std::size_t cost;
  } const counted(cache_, evicted != nullptr ? evicted->cost : 0);
  if (evicted != nullptr) remove(*evicted);
  // Who is downstream may throw, and the task go on all the same: then what has not been written is still to be.
  struct Unwritten {
    ~Unwritten() {
      --cache.writing_;
      if (written < copies.size()) copies.each([this](const Write& entry) { cache.put_back(entry); }, written);
    }
    NamedCache& cache;
    Copies& copies;
    std::size_t written = 0;
  };
  {
    Unwritten unwritten{*this, copies};
    ++writing_;
    copies.each([&](const Write& entry) {
      ++unwritten.written;
      flush_(entry);
    });
  }
  copies.each([this](const Write& entry) {
    if (entry.value) return;
    // A deletion that has been written need not be remembered.
    const auto found = rows_->by_key.find(entry.key);
    if (found != rows_->by_key.end() && !found->second->value && found->second->update == 0) remove(*found->second);
  });
  copies.clear();
  if (copies.memory_bytes() <= kCopiesKept) rows_->spare = std::move(copies);
}

void NamedCache::clear() {
  for (const auto& [key, row] : rows_->by_key) cache_.remove(row->cost, row->memory);
  rows_ = std::make_unique<Rows>();
}

void NamedCache::range(OptionalBytesView from, OptionalBytesView to, const See& see) {
  if (!rows_->ordered) {
    for (const auto& [key, row] : rows_->by_key) rows_->by_order.emplace(key, row.get());
    rows_->ordered = true;
  }
  for (auto row = from ? rows_->by_order.lower_bound(*from) : rows_->by_order.begin(); row != rows_->by_order.end(); ++row) {
    if (to && row->first > *to) return;
    see(row->first, to_view(row->second->value));
  }
}

}  // namespace tidemill
