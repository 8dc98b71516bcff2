#include "log_embedded/engine.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include <tidemill/base/assert.hpp>

#include "base/crash_point.hpp"
#include "log/compression.hpp"
#include "log/topic_config.hpp"

namespace tidemill::embedded {
namespace {

constexpr std::chrono::seconds kRetentionInterval{5};
constexpr std::uint64_t kMemoryJournalBytes = std::uint64_t{1} << 20;

}  // namespace

Engine::Engine(std::unique_ptr<Storage> owned, Storage& storage, const Clock& clock_in, Random& random_in,
               EmbeddedLogOptions options_in)
    : clock(clock_in), random(random_in), options(options_in), owned_storage_(std::move(owned)), storage_(storage) {}

Result<std::shared_ptr<Engine>> Engine::open(std::unique_ptr<Storage> owned, Storage& storage, const Clock& clock,
                                             Random& random, EmbeddedLogOptions options, std::string description) {
  std::shared_ptr<Engine> engine(new Engine(std::move(owned), storage, clock, random, options));
  engine->traits.commit_group_span = LogTraits::CommitGroupSpan::kProcess;
  engine->traits.creates_missing_topics = true;
  engine->traits.default_partitions = options.default_partitions;
  engine->traits.commit_when_idle = true;
  engine->traits.transaction_bytes_max = options.transaction_bytes_max;
  engine->traits.cannot = {{"LogTopics.KeepTheLastValueOfAKeyWhenCompacted", "compaction is not built yet"}};
  engine->traits.description = std::move(description);
  engine->traits.directory = storage.real_path("");
  TIDEMILL_TRY(storage.create_directories(""));
  TIDEMILL_ASSIGN(engine->lock_, storage.lock("lock"));
  TIDEMILL_TRY(engine->recover());
  if (options.background_thread && !options.read_only) {
    engine->background_ = std::thread([raw = engine.get()] { raw->run_background(); });
  }
  return engine;
}

Engine::~Engine() {
  if (background_.joinable()) {
    stop_.raise();
    background_.join();
  }
  std::unique_lock lock(mutex);
  // One that could not be recovered must not write what little of it there is.
  if (!failed_ && recovered_ && !options.read_only) (void)checkpoint().has_value();
}

// Replays the journal: topics, offsets and ends as of its last entry that can be had whole. What lies behind an end was never
// acknowledged and is cut off; transactions that are open then are aborted.
Result<void> Engine::recover() {
  const bool in_memory = storage_.real_path("").empty();
  TIDEMILL_ASSIGN(Journal::Found found,
                  Journal::open(storage_, {.file_bytes = in_memory ? kMemoryJournalBytes : std::uint64_t{64} << 20,
                                           .sync_appends = options.durability == Durability::kPower,
                                           .skip_sync = options.unsafe_skip_sync_for_tests}));
  journal_ = std::move(found.journal);
  std::map<TopicPartition, PartitionEnd> ends;
  std::map<std::string, TopicSpec> specs;
  std::map<TopicPartition, Offset> deleted_to;  // files below may be gone
  const auto apply_topics = [&](const JournalEntry& entry) {
    for (const TopicSpec& spec : entry.topics) {
      if (entry.type == JournalEntry::Type::kTopicDeleted) {
        specs.erase(spec.name);
        std::erase_if(ends, [&](const auto& end) { return end.first.topic == spec.name; });
        std::erase_if(deleted_to, [&](const auto& start) { return start.first.topic == spec.name; });
      } else {
        specs[spec.name] = spec;
      }
    }
  };
  for (const JournalEntry& entry : found.entries) {
    apply_topics(entry);
    if (entry.type == JournalEntry::Type::kCheckpoint) {
      for (const PartitionEnd& end : entry.partitions) ends[end.partition] = end;
    }
    for (const PartitionEnd& end : entry.partitions) {
      Offset& start = deleted_to[end.partition];
      start = std::max(start, end.log_start);
    }
  }
  for (const auto& [name, spec] : specs) TIDEMILL_TRY(open_topic(spec, ends, deleted_to));

  std::map<TopicPartition, PartitionEnd> last = ends;
  std::size_t dropped = 0;
  for (std::size_t i = 0; i < found.entries.size(); ++i) {
    const JournalEntry& entry = found.entries[i];
    next_producer_id_ = std::max(next_producer_id_, entry.next_producer_id);
    bool whole = true;
    if (entry.type != JournalEntry::Type::kCheckpoint) {
      for (const PartitionEnd& end : entry.partitions) {
        auto log = partition(end.partition);
        if (!log) continue;  // a topic that was deleted later
        for (const auto& batch : end.batches) TIDEMILL_TRY((*log)->restore(batch));
        if ((*log)->newer_than(end.leader_epoch) < end.end) whole = false;
      }
    }
    if (!whole) {
      dropped = found.entries.size() - i;
      break;
    }
    for (const PartitionEnd& end : entry.partitions) last[end.partition] = end;
    for (const GroupOffset& offset : entry.offsets) {
      groups[offset.group].offsets[offset.position.partition] = offset.position;
    }
  }
  if (dropped > 0) {
    spdlog::warn("{}: the last {} commits were not synced when the machine went down and are lost", traits.description,
                 dropped);
  }
  const Timestamp now = clock.now().wall;
  for (auto& [name, topic] : topics) {
    for (auto& log : topic.partitions) {
      const PartitionEnd& end = last[*log->partition()];
      // Also where nothing is cut off here, a power failure may have taken records that a store has seen.
      log->set_leader_epoch(options.read_only ? end.leader_epoch : end.leader_epoch + 1);
      const Offset found_end = log->end();
      TIDEMILL_ASSIGN(const bool cut, log->truncate(end.end));
      if (cut) {
        spdlog::info("{}: {} had {} records behind its last commit; cut off", traits.description,
                     to_string(*log->partition()), found_end - end.end);
      }
      for (const std::int64_t producer : log->open_producers()) {
        TIDEMILL_TRY(log->append_marker(ControlType::kAbort, producer, now));
      }
      log->delete_before(end.log_start);
      (void)log->take_unjournaled();
      log->set_durable(log->end());
    }
  }
  // Names that the journal knows nothing of are leftovers of a creation that did not happen.
  if (auto names = storage_.list("topics"); names.has_value()) {
    for (const std::string& name : *names) {
      const auto dash = name.rfind('-');
      if (dash == std::string::npos || !topics.contains(name.substr(0, dash))) {
        TIDEMILL_TRY(storage_.remove_all("topics/" + name));
      }
    }
  }
  recovered_ = true;
  if (options.read_only) return {};
  return checkpoint();
}

Result<void> Engine::open_topic(const TopicSpec& spec, const std::map<TopicPartition, PartitionEnd>& ends,
                                std::map<TopicPartition, Offset> deleted_to) {
  Topic topic;
  topic.spec = spec;
  const auto config = [&](const char* key) -> const std::string* {
    const auto found = spec.config.find(key);
    return found == spec.config.end() ? nullptr : &found->second;
  };
  if (const std::string* name = config("compression.type")) {
    topic.compression = compression_by_name(*name).value_or(Compression::kNone);
  }
  if (const std::string* bytes = config("max.message.bytes")) {
    topic.batch_bytes_max = static_cast<std::size_t>(std::atoll(bytes->c_str()));
  }
  PartitionLog::Options partition_options{.segment_bytes = options.segment_bytes};
  if (const std::string* bytes = config("segment.bytes")) partition_options.segment_bytes = std::atoll(bytes->c_str());
  for (std::int32_t p = 0; p < spec.partitions; ++p) {
    const TopicPartition id{spec.name, PartitionId(p)};
    auto log = std::unique_ptr<PartitionLog>(new PartitionLog(storage_, id, partition_options));
    const auto end = ends.find(id);
    TIDEMILL_TRY(log->recover(end == ends.end() ? Offset(0) : end->second.log_start,
                              end == ends.end() ? Offset(0) : end->second.end, deleted_to[id]));
    topic.partitions.push_back(std::move(log));
  }
  topics.erase(spec.name);
  topics.emplace(spec.name, std::move(topic));
  return {};
}

Result<Topic*> Engine::topic(std::string_view name) {
  const auto found = topics.find(name);
  if (found == topics.end()) {
    return Error{ErrorKind::kNotFound, "there is no topic \"" + std::string(name) + "\" in the " + traits.description};
  }
  return &found->second;
}

Result<PartitionLog*> Engine::partition(const TopicPartition& id) {
  TIDEMILL_ASSIGN(Topic * found, topic(id.topic));
  const auto index = static_cast<std::size_t>(id.partition.value);
  if (id.partition.value < 0 || index >= found->partitions.size()) {
    return Error{ErrorKind::kNotFound, "topic \"" + id.topic + "\" has " + std::to_string(found->partitions.size()) +
                                           " partitions; there is no partition " + std::to_string(id.partition.value)};
  }
  return found->partitions[index].get();
}

Result<void> Engine::writable() const {
  if (failed_) return *failed_;
  if (options.read_only) return Error{ErrorKind::kUnsupported, traits.description + " is open for reading only"};
  return {};
}

PartitionEnd Engine::end_of(PartitionLog& log) const {
  return {*log.partition(), log.end(), log.log_start(), log.leader_epoch(), {}};
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

// Everything is synced first, so that the entries before it are not needed any more.
Result<void> Engine::checkpoint() {
  for (auto& [name, topic] : topics) {
    for (auto& log : topic.partitions) {
      if (auto synced = log->sync(); !synced) {
        failed_ = synced.error();
        return *failed_;
      }
      (void)log->take_unjournaled();
    }
  }
  if (auto written = journal_->checkpoint(encode(snapshot())); !written) {
    if (written.error().kind != ErrorKind::kDiskFull) failed_ = written.error();
    return written.error();
  }
  for (auto& [name, topic] : topics) {
    for (auto& log : topic.partitions) TIDEMILL_TRY(log->remove_deleted());
  }
  return {};
}

Result<void> Engine::journal(JournalEntry entry, std::uint64_t& ticket) {
  entry.next_producer_id = next_producer_id_;
  const Bytes encoded = encode(entry);
  if (journal_->full(encoded.size())) {
    // What this entry says is part of the state already: the checkpoint stands for it, too.
    TIDEMILL_TRY(checkpoint());
    ticket = journal_->last_ticket();
    return {};
  }
  auto appended = journal_->append(encoded);
  if (!appended) {
    failed_ = appended.error().with_context("the journal could not be written; close the log and open it again");
    return *failed_;
  }
  ticket = *appended;
  return {};
}

Result<void> Engine::journal_and_sync(JournalEntry entry) {
  std::uint64_t ticket = 0;
  TIDEMILL_TRY(journal(std::move(entry), ticket));
  if (auto synced = journal_->sync(ticket); !synced) {
    failed_ = synced.error();
    return *failed_;
  }
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
          failed_ = written.error().with_context("a commit could not be written whole; close the log and open it again");
          return *failed_;
        }
        if (marker == ControlType::kAbort) {
          for (PartitionLog* touched : partitions) unended_[touched].insert(producers.begin(), producers.end());
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

Result<void> Engine::can_append(const PartitionLog& log, std::int64_t producer) {
  const auto found = unended_.find(const_cast<PartitionLog*>(&log));
  if (found == unended_.end() || !found->second.contains(producer)) return {};
  return end_unended(to_journal_);
}

Result<void> Engine::commit(std::unique_lock<std::mutex>& lock, const PartitionSet& touched,
                            std::vector<GroupOffset> offsets, const std::set<std::int64_t>& producers,
                            ControlType marker) {
  TIDEMILL_TRY(writable());
  PartitionSet partitions = touched;
  std::erase_if(partitions, [&](const PartitionLog* log) { return deleted(*log); });
  const Timestamp now = clock.now().wall;
  if (auto ended = end_unended(to_journal_); !ended) {
    if (marker == ControlType::kAbort) {
      for (PartitionLog* log : touched) unended_[log].insert(producers.begin(), producers.end());
    }
    return ended;
  }
  std::erase_if(to_journal_, [&](const PartitionLog* log) { return deleted(*log); });
  TIDEMILL_TRY(write_markers(partitions, producers, marker, now));
  partitions.merge(to_journal_);
  to_journal_.clear();
  JournalEntry entry;
  for (PartitionLog* log : partitions) {
    PartitionEnd end = end_of(*log);
    end.batches = log->take_unjournaled();
    if (options.durability == Durability::kProcess) end.batches.clear();
    entry.partitions.push_back(std::move(end));
  }
  for (const GroupOffset& offset : offsets) groups[offset.group].offsets[offset.position.partition] = offset.position;
  entry.offsets = std::move(offsets);
  std::vector<std::pair<TopicPartition, Offset>> ends;
  for (const PartitionEnd& end : entry.partitions) ends.emplace_back(end.partition, end.end);
  std::uint64_t ticket = 0;
  if (auto journaled = journal(std::move(entry), ticket); !journaled) {
    failed_ = journaled.error();  // markers and offsets are in the state already: only recovery takes them out again
    return *failed_;
  }

  lock.unlock();
  const Result<void> synced = journal_->sync(ticket);
  lock.lock();
  if (!synced) {
    failed_ = synced.error();
    return *failed_;
  }
  for (const auto& [id, end] : ends) {
    auto log = partition(id);
    if (!log) continue;
    (*log)->set_durable(end);
    notify(**log);
  }
  return {};
}

Result<void> Engine::create_topic(const TopicSpec& spec_in) {
  TIDEMILL_TRY(writable());
  TopicSpec spec = spec_in;
  if (spec.partitions <= 0) spec.partitions = options.default_partitions;
  TIDEMILL_TRY(check_topic(spec));
  if (topics.contains(spec.name)) {
    return Error{ErrorKind::kAlreadyExists, "there is a topic \"" + spec.name + "\" already"};
  }
  TIDEMILL_TRY(open_topic(spec, {}, {}));
  TIDEMILL_TRY(storage_.sync_directory("topics"));
  JournalEntry entry;
  entry.type = JournalEntry::Type::kTopicCreated;
  entry.topics.push_back(spec);
  return journal_and_sync(std::move(entry));
}

Result<void> Engine::delete_topic(std::string_view name) {
  TIDEMILL_TRY(writable());
  TIDEMILL_ASSIGN(Topic * found, topic(name));
  JournalEntry entry;
  entry.type = JournalEntry::Type::kTopicDeleted;
  entry.topics.push_back(found->spec);
  TIDEMILL_TRY(journal_and_sync(std::move(entry)));
  for (auto& log : found->partitions) {
    notify(*log);
    TIDEMILL_TRY(log->remove_files());
    deleted_.insert(log.get());
    graveyard_.push_back(std::move(log));
  }
  for (auto& [group, state] : groups) {
    std::erase_if(state.offsets, [&](const auto& offset) { return offset.first.topic == name; });
  }
  topics.erase(topics.find(name));
  return {};
}

Result<void> Engine::alter_topic(std::string_view name, const TopicConfig& config) {
  TIDEMILL_TRY(writable());
  TIDEMILL_ASSIGN(Topic * found, topic(name));
  TopicSpec spec = found->spec;
  for (const auto& [key, value] : config) spec.config[key] = value;
  TIDEMILL_TRY(check_topic(spec));
  found->spec = spec;
  JournalEntry entry;
  entry.type = JournalEntry::Type::kTopicAltered;
  entry.topics.push_back(std::move(spec));
  return journal_and_sync(std::move(entry));
}

Result<void> Engine::delete_records(PartitionLog& log, Offset before) {
  TIDEMILL_TRY(writable());
  log.delete_before(std::min(before, log.last_stable()));
  JournalEntry entry;
  PartitionEnd end = end_of(log);
  end.batches = log.take_unjournaled();
  entry.partitions.push_back(std::move(end));
  TIDEMILL_TRY(journal_and_sync(std::move(entry)));
  // A file may go only when no power failure can bring back a time in which it was needed.
  if (options.durability == Durability::kPower) return log.remove_deleted();
  return {};
}

void Engine::watch(const PartitionLog& log, const std::shared_ptr<Signal>& signal) { watchers_.emplace(&log, signal); }
void Engine::unwatch(const PartitionLog& log, const std::shared_ptr<Signal>& signal) {
  const auto [begin, end] = watchers_.equal_range(&log);
  for (auto it = begin; it != end; ++it) {
    if (it->second == signal) {
      watchers_.erase(it);
      return;
    }
  }
}
void Engine::notify(const PartitionLog& log) {
  const auto [begin, end] = watchers_.equal_range(&log);
  for (auto it = begin; it != end; ++it) it->second->raise();
}

// Retention by time and size, member expiry, and in `process` durability the sync that bounds what a power failure takes.
Result<void> Engine::background(std::unique_lock<std::mutex>& lock) {
  TIDEMILL_ASSERT(lock.owns_lock());
  TIDEMILL_TRY(writable());
  const Now now = clock.now();
  for (auto& [name, group] : groups) group.expire(now.monotonic);
  if (!unended_.empty() || !to_journal_.empty()) {
    // Nobody may be left to write, and readers wait behind what is not ended.
    const Result<void> ended = commit(lock, {}, {}, {}, ControlType::kAbort);
    if (!ended && ended.error().kind != ErrorKind::kDiskFull) return ended;
  }
  for (auto& [name, topic] : topics) {
    const Retention retention = read_retention(topic.spec);
    for (auto& log : topic.partitions) {
      while (log->segment_count() > 1 && log->oldest_segment_end() <= log->last_stable()) {
        const auto newest = log->oldest_segment_max_timestamp();
        const bool old = retention.time && newest && *newest + retention.time->count() < now.wall;
        const bool large = retention.bytes && log->size_bytes() > static_cast<std::uint64_t>(*retention.bytes);
        if (!old && !large) break;
        TIDEMILL_TRY(delete_records(*log, log->oldest_segment_end()));
      }
    }
  }
  if (options.durability == Durability::kProcess) return checkpoint();
  return {};
}

void Engine::run_background() {
  const auto interval = options.durability == Durability::kProcess
                            ? options.background_sync_interval
                            : std::chrono::duration_cast<std::chrono::milliseconds>(kRetentionInterval);
  while (true) {
    {
      std::unique_lock lock(stop_.mutex);
      if (stop_.changed.wait_for(lock, interval, [&] { return stop_.set; })) return;
    }
    std::unique_lock lock(mutex);
    if (auto done = background(lock); !done) {
      spdlog::error("{}: {}", traits.description, done.error().message);
      if (failed_) return;
    }
  }
}

}  // namespace tidemill::embedded
