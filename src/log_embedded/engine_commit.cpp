// How records and commits get into segments and journal.

#include "log_embedded/engine.hpp"

#include "base/logging.hpp"

namespace tidemill::embedded {
namespace {

/// Batches that are in no journal entry yet are kept in memory; over all partitions at most so many bytes.
constexpr std::size_t kUnjournaledBytesMax = std::size_t{16} << 20;
/// A disk that was full takes records again when it has so much room; a transaction's markers need some.
constexpr std::uint64_t kFreeBytesMin = std::uint64_t{256} << 10;
/// What a partition takes in an entry beside its name and batches, generously; and a marker in a segment.
constexpr std::size_t kPartitionEndBytes = 64;
constexpr std::size_t kMarkerBytes = 128;
/// What a marker may take on the disk: it can begin a block, and a file.
constexpr std::uint64_t kMarkerRoomBytes = 16 * 1024;

}  // namespace

PartitionEnd Engine::end_of(const PartitionLog& log) const {
  return {.partition = *log.partition(),
          .end = log.end(),
          .log_start = log.log_start(),
          .cleaned = log.cleaned(),
          .leader_epoch = log.leader_epoch(),
          .batches = {}};
}

JournalEntry Engine::snapshot() const {
  JournalEntry entry;
  entry.type = JournalEntry::Type::kCheckpoint;
  entry.next_producer_id = next_producer_id_;
  for (const auto& [name, topic] : topics) {
    entry.topics.push_back(topic.spec);
    for (const auto& log : topic.partitions) entry.partitions.push_back(end_of(*log));
  }
  for (const auto& [name, group] : groups) {
    for (const auto& [id, position] : group.offsets) entry.offsets.push_back({name, position});
  }
  return entry;
}

Result<void> Engine::checkpoint() {
  for (auto& [name, topic] : topics) {
    for (auto& log : topic.partitions) {
      if (auto synced = log->sync(); !synced) return fail(synced.error());
    }
  }
  if (auto written = journal_->checkpoint(encode(snapshot())); !written) {
    return written.error().kind == ErrorKind::kDiskFull ? written.error() : fail(written.error());
  }
  for (auto& [name, topic] : topics) {
    for (auto& log : topic.partitions) {
      (void)log->take_unjournaled();
      log->set_secured(log->end());
      TIDEMILL_TRY(log->remove_deleted());
    }
  }
  return {};
}

Result<void> Engine::make_room(std::size_t entry_bytes) {
  TIDEMILL_ASSIGN(const bool full, journal_->full(std::min(entry_bytes, journal_->entry_bytes_max())));
  return full ? checkpoint() : Result<void>();
}

Result<void> Engine::journal(JournalEntry entry, std::uint64_t& ticket) {
  entry.next_producer_id = next_producer_id_;
  const Bytes encoded = encode(entry);
  const auto full = journal_->full(encoded.size());
  if (!full) return fail(full.error());
  if (*full) {
    // What this entry says is part of the state already: the checkpoint stands for it, too.
    if (auto done = checkpoint(); !done) return fail(done.error());
    ticket = journal_->last_ticket();
    return {};
  }
  auto appended = journal_->append(encoded);
  if (!appended) {
    return fail(appended.error().with_context("the journal could not be written; close the log and open it again"));
  }
  ticket = *appended;
  if (journal_->half_full()) keeper_wake_.raise();
  return {};
}

Result<void> Engine::journal_and_sync(JournalEntry entry) {
  std::uint64_t ticket = 0;
  TIDEMILL_TRY(journal(std::move(entry), ticket));
  if (auto synced = journal_->sync(ticket); !synced) return fail(synced.error());
  return {};
}

// A disk that is full before the first commit marker leaves the transaction as it was, to be aborted; one that cannot be aborted
// either is aborted later, see unended_. Half of the markers cannot be taken back: then only opening the log again helps.
Result<void> Engine::write_markers(const PartitionSet& partitions, const std::set<std::int64_t>& producers, ControlType marker,
                                   Timestamp now) {
  bool any = false;
  for (PartitionLog* log : partitions) {
    for (const std::int64_t producer : producers) {
      if (!log->has_open(producer)) continue;
      if (auto written = log->append_marker(marker, producer, now); !written) {
        if (marker == ControlType::kCommit && (any || written.error().kind != ErrorKind::kDiskFull)) {
          return fail(written.error().with_context("a commit could not be written whole; close the log and open it again"));
        }
        return written.error();
      }
      any = true;
    }
  }
  return {};
}

Result<void> Engine::end_unended(PartitionSet& ended) {
  while (!unended_.empty()) {
    const auto first = unended_.begin();
    if (!deleted(*first->first)) {
      for (const std::int64_t producer : first->second) {
        TIDEMILL_TRY(first->first->append_marker(ControlType::kAbort, producer, clock.now().wall));
      }
      ended.insert(first->first);
    }
    unended_.erase(first);
  }
  return {};
}

void Engine::disk_is_full(const Error& error) {
  if (full_.exchange(true)) return;
  logger()->warn("{}: {}: no more records are taken until there is room; retention frees what it may", traits.description,
                 error.message);
  keeper_wake_.raise();
}

bool Engine::has_room(std::size_t bytes) const {
  if (!full_) return true;
  const auto free = storage_.free_space();
  return free && *free >= kFreeBytesMin + bytes;
}

Result<void> Engine::append(PartitionLog& log, Bytes batch, std::int64_t producer) {
  TIDEMILL_TRY(writable());
  // Nothing is tried that would leave half of a batch: the room that is left is for markers.
  if (!has_room(batch.size())) {
    return Error{ErrorKind::kDiskFull, traits.description + ": the disk is full; records are taken again when there is room"};
  }
  if (full_.exchange(false)) logger()->info("{}: the disk has room again", traits.description);
  if (const auto found = unended_.find(&log); found != unended_.end() && found->second.contains(producer)) {
    TIDEMILL_TRY(end_unended(to_journal_));
  }
  if (auto appended = log.append(std::move(batch), clock.now().wall); !appended) {
    if (appended.error().kind == ErrorKind::kDiskFull) disk_is_full(appended.error());
    return appended.error();
  }
  notify(log);
  if (shared_.unjournaled_bytes <= kUnjournaledBytesMax) return {};
  // An entry for what is open: it makes nothing visible, but the batches need not be in memory any more. The batch at hand is
  // in the log whatever comes of it.
  const auto room = make_room(log.unjournaled_bytes() + kPartitionEndBytes + log.partition()->topic.size());
  if (!room || log.unjournaled_bytes() == 0) return writable();
  JournalEntry entry;
  entry.partitions.push_back(end_of(log));
  entry.partitions.back().batches = log.take_unjournaled();
  std::uint64_t ticket = 0;
  return journal(std::move(entry), ticket);
}

Result<void> Engine::commit(Lock& lock, const PartitionSet& touched, std::vector<GroupOffset> offsets,
                            const std::set<std::int64_t>& producers, ControlType marker) {
  TIDEMILL_TRY(writable());
  PartitionSet partitions = touched;
  std::erase_if(partitions, [&](const PartitionLog* log) { return deleted(*log); });
  const auto leave_open = [&](const Error& error) {
    if (error.kind == ErrorKind::kDiskFull) disk_is_full(error);
    if (marker == ControlType::kAbort) {
      for (PartitionLog* log : touched) unended_[log].insert(producers.begin(), producers.end());
    }
    return error;
  };
  if (auto ended = end_unended(to_journal_); !ended) return leave_open(ended.error());
  std::erase_if(to_journal_, [&](const PartitionLog* log) { return deleted(*log); });

  std::size_t bytes = 0;
  for (const PartitionSet* set : {&partitions, &to_journal_}) {
    for (const PartitionLog* log : *set) {
      bytes += log->unjournaled_bytes() + log->partition()->topic.size() + kPartitionEndBytes + producers.size() * kMarkerBytes;
    }
  }
  for (const GroupOffset& offset : offsets) {
    bytes +=
        offset.group.size() + offset.position.partition.topic.size() + offset.position.metadata.size() + kPartitionEndBytes;
  }
  if (auto room = make_room(bytes); !room) return leave_open(room.error());
  if (marker == ControlType::kCommit && !producers.empty()) {
    // Half of the markers of a commit cannot be taken back, so there must be room for all of them before the first.
    const auto free = storage_.free_space();
    if (free && *free < partitions.size() * kMarkerRoomBytes) {
      return leave_open({ErrorKind::kDiskFull, "there is no room for the end of a transaction: No space left on device"});
    }
  }
  if (auto marked = write_markers(partitions, producers, marker, clock.now().wall); !marked) {
    return leave_open(marked.error());
  }
  partitions.merge(to_journal_);
  to_journal_.clear();

  JournalEntry entry;
  std::vector<std::pair<PartitionLog*, Offset>> ends;
  for (PartitionLog* log : partitions) {
    entry.partitions.push_back(end_of(*log));
    entry.partitions.back().batches = log->take_unjournaled();
    ends.emplace_back(log, log->end());
  }
  for (const GroupOffset& offset : offsets) groups[offset.group].offsets[offset.position.partition] = offset.position;
  entry.offsets = std::move(offsets);
  std::uint64_t ticket = 0;
  TIDEMILL_TRY(journal(std::move(entry), ticket));

  lock.unlock();
  const Result<void> synced = journal_->sync(ticket);
  lock.lock();
  if (!synced) return fail(synced.error());
  for (const auto& [log, end] : ends) {
    if (deleted(*log)) continue;
    log->set_durable(end);
    notify(*log);
  }
  return {};
}

}  // namespace tidemill::embedded
