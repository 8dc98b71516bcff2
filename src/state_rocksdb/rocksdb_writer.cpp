#include "state_rocksdb/rocksdb_writer.hpp"

#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

namespace tidemill::rocksdb_state {

namespace {

/// What a row takes in a batch beside its bytes.
constexpr std::size_t kBatchRowBytes = 16;

Result<void> write(const Commit& commit) {
  const std::string where = "store \"" + commit.store + "\": commit";
  rocksdb::WriteBatch batch(commit.overlay->bytes() + commit.overlay->rows().size() * kBatchRowBytes);
  std::string key;
  // In the order of their keys: the memtable finds the place of each next to that of the one before.
  for (const Overlay::Entry* row : commit.overlay->sorted()) {
    key.assign(1, kRowPrefix);
    key += row->first;
    const OptionalBytesView value = row->second.view();
    const rocksdb::Status added = value ? batch.Put(commit.family, key, slice(*value)) : batch.Delete(commit.family, key);
    if (!added.ok()) return translate(added, where);
  }
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  rocksdb::Status status = batch.Put(commit.family, kMetaKey, encode(commit.meta));
  if (status.ok()) status = commit.instance->db->Write(options, &batch);
  if (!status.ok()) return translate(status, where);
  if (!commit.flush) return {};
  rocksdb::FlushOptions flush;
  flush.wait = false;
  flush.allow_write_stall = true;
  status = commit.instance->db->Flush(flush, commit.family);
  if (!status.ok()) return translate(status, "store \"" + commit.store + "\": flush");
  return {};
}

}  // namespace

RocksDbWriter::~RocksDbWriter() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  worker_.join();
}

std::shared_ptr<const RocksDbWriter::Ticket> RocksDbWriter::submit(std::shared_ptr<const Commit> commit) {
  auto ticket = std::make_shared<Ticket>();
  {
    const std::lock_guard lock(mutex_);
    queue_.emplace_back(std::move(commit), ticket);
  }
  changed_.notify_all();
  return ticket;
}

std::shared_ptr<const RocksDbWriter::Ticket> RocksDbWriter::write_now(const Commit& commit) {
  auto ticket = std::make_shared<Ticket>();
  ticket->outcome_ = write(commit);
  ticket->done_.store(true, std::memory_order_release);
  return ticket;
}

void RocksDbWriter::wait(const Ticket& ticket) {
  if (ticket.done()) return;
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&ticket] { return ticket.done(); });
}

void RocksDbWriter::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stop_ || !queue_.empty(); });
    if (queue_.empty()) return;
    auto [commit, ticket] = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    ticket->outcome_ = write(*commit);
    commit.reset();
    lock.lock();
    ticket->done_.store(true, std::memory_order_release);
    changed_.notify_all();
  }
}

}  // namespace tidemill::rocksdb_state
