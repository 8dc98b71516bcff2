#include "state_rocksdb/rocksdb_writer.hpp"

#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <vector>

namespace tidemill::rocksdb_state {

Result<void> write(const Commit& commit) {
  const std::string where = "store \"" + commit.store + "\": commit";
  rocksdb::WriteBatch batch(commit.bytes + commit.rows.size() * 16 + 256);
  // In the order of their keys: the memtable finds the place of each next to that of the one before.
  std::vector<const std::pair<const std::string, OptionalBytes>*> rows;
  rows.reserve(commit.rows.size());
  for (const auto& row : commit.rows) rows.push_back(&row);
  std::sort(rows.begin(), rows.end(), [](const auto* a, const auto* b) { return a->first < b->first; });
  std::string row;
  for (const auto* changed : rows) {
    const auto& [key, value] = *changed;
    row.assign(1, kRowPrefix);
    row += key;
    const rocksdb::Status added = value ? batch.Put(commit.family, row, *value) : batch.Delete(commit.family, row);
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

void RocksDbWriter::wait(const Ticket& ticket) {
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
