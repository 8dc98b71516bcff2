#include "runtime/locked_store.hpp"

#include <vector>

#include <tidemill/processor/operator_node.hpp>

#include "state/copied_rows.hpp"

namespace tidemill::runtime {
namespace {

std::unique_ptr<BytesIterator> copied(const std::unique_ptr<BytesIterator>& rows) {
  return std::make_unique<CopiedRows>(CopiedRows::copied(*rows));
}

}  // namespace

bool LockedStore::get(BytesView key, Bytes& value) {
  const std::lock_guard lock(mutex_);
  return store_.get(key, value);
}
std::unique_ptr<BytesIterator> LockedStore::range(const BytesRange& range) {
  const std::lock_guard lock(mutex_);
  return copied(store_.range(range));
}
std::uint64_t LockedStore::approximate_num_entries() {
  const std::lock_guard lock(mutex_);
  return store_.approximate_num_entries();
}
bool LockedStore::read_custom(const std::function<void(const CustomStore&)>& job) {
  const std::lock_guard lock(mutex_);
  return store_.read_custom(job);
}

bool LockedStore::fetch(BytesView key, Timestamp start, Bytes& value) {
  const std::lock_guard lock(mutex_);
  return store_.windows()->fetch(key, start, value);
}
std::unique_ptr<BytesIterator> LockedStore::fetch(const WindowRange& range) {
  const std::lock_guard lock(mutex_);
  return copied(store_.windows()->fetch(range));
}
bool LockedStore::fetch_session(BytesView key, const Window& session, Bytes& value) {
  const std::lock_guard lock(mutex_);
  return store_.sessions()->fetch_session(key, session, value);
}
std::unique_ptr<BytesIterator> LockedStore::find_sessions(const SessionRange& range) {
  const std::lock_guard lock(mutex_);
  return copied(store_.sessions()->find_sessions(range));
}
std::optional<VersionedBytesStore::Found> LockedStore::latest(BytesView key) {
  const std::lock_guard lock(mutex_);
  return store_.versioned()->latest(key);
}
std::optional<VersionedBytesStore::Found> LockedStore::as_of(BytesView key, Timestamp time) {
  const std::lock_guard lock(mutex_);
  return store_.versioned()->as_of(key, time);
}

void LockedStore::refuse() const {
  throw StreamsException("global store \"" + spec().name + "\" is written by the global thread only");
}

}  // namespace tidemill::runtime
