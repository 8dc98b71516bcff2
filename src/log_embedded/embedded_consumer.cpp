#include "log_embedded/embedded_consumer.hpp"

#include <chrono>

#include "log_embedded/unix_socket.hpp"

namespace tidemill::embedded {

void Signal::raise() {
  std::lock_guard guard(mutex);
  set = true;
  changed.notify_all();
  if (event >= 0) raise_event(event);
}

EmbeddedConsumer::EmbeddedConsumer(std::shared_ptr<Engine> engine, Isolation isolation, ProducerIds own)
    : engine_(std::move(engine)), own_(std::move(own)) {
  reader_.committed = isolation == Isolation::kReadCommitted;
  reader_.own = own_.get();
}

EmbeddedConsumer::~EmbeddedConsumer() {
  std::lock_guard guard(engine_->mutex);
  for (const auto& [id, assigned] : assigned_) engine_->unwatch(*assigned.log, signal_);
}

Result<void> EmbeddedConsumer::assign(std::span<const std::pair<TopicPartition, Offset>> partitions) {
  std::lock_guard guard(engine_->mutex);
  for (const auto& [id, offset] : partitions) {
    TIDEMILL_ASSIGN(PartitionLog * log, engine_->partition(id));
    if (!assigned_.contains(id)) engine_->watch(*log, signal_);
    assigned_[id] = {log, offset, false};
  }
  signal_->raise();
  return {};
}

void EmbeddedConsumer::unassign(std::span<const TopicPartition> partitions) {
  std::lock_guard guard(engine_->mutex);
  for (const TopicPartition& id : partitions) {
    const auto found = assigned_.find(id);
    if (found == assigned_.end()) continue;
    engine_->unwatch(*found->second.log, signal_);
    assigned_.erase(found);
  }
}

Result<void> EmbeddedConsumer::seek(const TopicPartition& partition, Offset offset) {
  const auto found = assigned_.find(partition);
  if (found == assigned_.end()) {
    return Error{ErrorKind::kInvalidArgument, "seek: " + to_string(partition) + " is not assigned to this consumer"};
  }
  found->second.position = offset;
  return {};
}

void EmbeddedConsumer::pause(const TopicPartition& partition) {
  if (const auto found = assigned_.find(partition); found != assigned_.end()) found->second.paused = true;
}
void EmbeddedConsumer::resume(const TopicPartition& partition) {
  if (const auto found = assigned_.find(partition); found != assigned_.end()) found->second.paused = false;
}

Result<PollResult> EmbeddedConsumer::poll(std::size_t bytes_max) {
  PollResult result;
  if (assigned_.empty()) return result;
  std::lock_guard guard(engine_->mutex);
  std::size_t bytes = 0;
  auto at = assigned_.lower_bound(next_);
  for (std::size_t turn = 0; turn < assigned_.size() && bytes < bytes_max; ++turn, ++at) {
    if (at == assigned_.end()) at = assigned_.begin();
    auto& [id, assigned] = *at;
    if (assigned.paused) continue;
    PartitionLog& log = *assigned.log;
    if (engine_->deleted(log)) {
      result.errors.push_back({id, Error{ErrorKind::kNotFound, "topic \"" + id.topic + "\" has been deleted"}});
      continue;
    }
    if (assigned.position < log.log_start() || assigned.position > log.end()) {
      result.errors.push_back(
          {id, Error{ErrorKind::kOffsetOutOfRange, to_string(id) + " holds offsets " + std::to_string(log.log_start().value) +
                                                       " to " + std::to_string(log.end().value) + "; there is no " +
                                                       std::to_string(assigned.position.value)}});
      continue;
    }
    const std::size_t before = result.batches.size();
    if (auto read = log.read(assigned.position, reader_, bytes_max - bytes, result.batches); !read) {
      result.errors.push_back({id, read.error()});
      continue;
    }
    for (std::size_t i = before; i < result.batches.size(); ++i) bytes += result.batches[i]->size_bytes;
  }
  next_ = at == assigned_.end() ? TopicPartition{} : at->first;
  return result;
}

Result<Offset> EmbeddedConsumer::position(const TopicPartition& partition) const {
  const auto found = assigned_.find(partition);
  if (found == assigned_.end()) {
    return Error{ErrorKind::kInvalidArgument, "position: " + to_string(partition) + " is not assigned to this consumer"};
  }
  return found->second.position;
}

bool EmbeddedConsumer::caught_up(const TopicPartition& partition) const {
  std::lock_guard guard(engine_->mutex);
  const auto found = assigned_.find(partition);
  return found != assigned_.end() && !found->second.log->readable(found->second.position, reader_);
}

std::optional<Offset> EmbeddedConsumer::high_watermark(const TopicPartition& partition) const {
  std::lock_guard guard(engine_->mutex);
  auto log = engine_->partition(partition);
  if (!log) return std::nullopt;
  return (*log)->end();
}

bool EmbeddedConsumer::something_to_read() const {
  std::lock_guard guard(engine_->mutex);
  for (const auto& [id, assigned] : assigned_) {
    if (!assigned.paused && assigned.log->readable(assigned.position, reader_)) return true;
  }
  return false;
}

bool EmbeddedConsumer::wait(MonotonicTime deadline) {
  while (true) {
    {
      std::lock_guard guard(signal_->mutex);
      if (signal_->set) {
        signal_->set = false;
        return true;
      }
    }
    if (something_to_read()) return true;
    std::unique_lock lock(signal_->mutex);
    if (!signal_->changed.wait_until(lock, deadline, [&] { return signal_->set; })) return false;
  }
}

void EmbeddedConsumer::wake() { signal_->raise(); }

void EmbeddedConsumer::wake_through(int event) {
  std::lock_guard guard(signal_->mutex);
  signal_->event = event;
}

}  // namespace tidemill::embedded
