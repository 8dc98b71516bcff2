// How an embedded log comes up again: the journal is replayed, and the partitions are made to agree with it.

#include <algorithm>
#include <charconv>

#include <tidemill/base/assert.hpp>

#include "base/logging.hpp"
#include "log_embedded/engine.hpp"

namespace tidemill::embedded {
namespace {

constexpr std::uint64_t kMemoryJournalBytes = std::uint64_t{1} << 20;
constexpr std::uint64_t kJournalBytesMin = std::uint64_t{1} << 20;
constexpr std::uint64_t kJournalBytesMax = std::uint64_t{64} << 20;
/// Both files of the journal together take at most so much of what is free.
constexpr std::uint64_t kJournalPartOfFree = 32;

}  // namespace

/// What the journal says, and how far it could be followed.
struct Engine::Replay {
  std::vector<JournalEntry> entries;
  std::map<std::string, TopicSpec> topics;            // as of the last entry
  std::map<TopicPartition, PartitionEnd> checkpoint;  // what lies before these ends was synced
  std::map<TopicPartition, PartitionEnd> ends;        // as of the last entry that could be had whole
  std::map<TopicPartition, Offset> deleted_to;        // files below may be gone
  std::map<std::string, std::size_t> deleted_at;      // topic -> its last deletion's entry

  /// What the entry says of that topic is about one that was deleted later, whether or not one of its name was made since.
  [[nodiscard]] bool former_life(std::size_t entry, const std::string& topic) const {
    const auto deleted = deleted_at.find(topic);
    return deleted != deleted_at.end() && entry < deleted->second;
  }
  void read_topics() {
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const JournalEntry& entry = entries[i];
      for (const TopicSpec& spec : entry.topics) {
        if (entry.type == JournalEntry::Type::kTopicDeleted) {
          forget(spec.name);
          deleted_at[spec.name] = i;
        } else {
          topics[spec.name] = spec;
        }
      }
      for (const PartitionEnd& end : entry.partitions) {
        if (entry.type == JournalEntry::Type::kCheckpoint) checkpoint[end.partition] = end;
        Offset& start = deleted_to[end.partition];
        start = std::max(start, end.log_start);
      }
    }
    ends = checkpoint;
  }

 private:
  void forget(const std::string& topic) {
    topics.erase(topic);
    std::erase_if(checkpoint, [&](const auto& end) { return end.first.topic == topic; });
    std::erase_if(deleted_to, [&](const auto& start) { return start.first.topic == topic; });
  }
};

// Topics, offsets and ends as of the journal's last entry that can be had whole. What lies behind an end was never
// acknowledged and is cut off; transactions that are open then are aborted.
Result<void> Engine::recover() {
  Replay replay;
  TIDEMILL_TRY(open_journal(replay.entries));
  replay.read_topics();
  for (const auto& [name, spec] : replay.topics) TIDEMILL_TRY(open_topic(spec, &replay));
  TIDEMILL_TRY(this->replay(replay));
  TIDEMILL_TRY(end_recovery(replay));
  TIDEMILL_TRY(remove_leftovers());
  recovered_ = true;
  if (options.read_only) return {};
  TIDEMILL_TRY(checkpoint());
  // Both files of the journal have their place from now on, so that the log can be opened on a full disk, too.
  return journal_->reserve_both();
}

Result<void> Engine::open_journal(std::vector<JournalEntry>& entries) {
  TIDEMILL_TRY(storage_.create_directories("journal"));
  TIDEMILL_TRY(storage_.create_directories("topics"));
  TIDEMILL_TRY(storage_.sync_directory(""));
  std::uint64_t file_bytes = kMemoryJournalBytes;
  if (!storage_.real_path("").empty()) {
    TIDEMILL_ASSIGN(const std::uint64_t free, storage_.free_space());
    file_bytes = std::clamp(free / kJournalPartOfFree, kJournalBytesMin, kJournalBytesMax);
  }
  TIDEMILL_ASSIGN(Journal::Found found, Journal::open(storage_, {.file_bytes = file_bytes,
                                                                 .sync_appends = options.durability == Durability::kPower,
                                                                 .skip_sync = options.unsafe_skip_sync_for_tests}));
  if (!found.torn.empty()) logger()->info("{}: {}", traits.description, found.torn);
  journal_ = std::move(found.journal);
  entries = std::move(found.entries);
  if (entries.empty()) {
    const auto topics_there = storage_.list("topics");
    if (topics_there && !topics_there->empty()) {
      return Error{ErrorKind::kCorruption, traits.description + ": there are topics, but the journal has no entry that can be "
                                                                "read: restore the directory journal from a copy"};
    }
  }
  return {};
}

Result<void> Engine::replay(Replay& replay) {
  std::size_t dropped = 0;
  for (std::size_t i = 0; i < replay.entries.size(); ++i) {
    const JournalEntry& entry = replay.entries[i];
    next_producer_id_ = std::max(next_producer_id_, entry.next_producer_id);
    bool whole = true;
    if (entry.type != JournalEntry::Type::kCheckpoint) {
      for (const PartitionEnd& end : entry.partitions) {
        if (replay.former_life(i, end.partition.topic)) continue;
        auto log = partition(end.partition);
        if (!log) continue;  // of no topic that there is
        for (const auto& batch : end.batches) TIDEMILL_TRY((*log)->restore(batch));
        if ((*log)->newer_than(end.leader_epoch) < end.end) whole = false;
      }
    }
    if (!whole) {
      dropped = replay.entries.size() - i;
      break;
    }
    for (const PartitionEnd& end : entry.partitions) {
      if (!replay.former_life(i, end.partition.topic)) replay.ends[end.partition] = end;
    }
    for (const GroupOffset& offset : entry.offsets) {
      GroupState& group = groups[offset.group];
      if (!replay.former_life(i, offset.position.partition.topic)) group.offsets[offset.position.partition] = offset.position;
    }
  }
  if (dropped > 0) {
    logger()->warn("{}: the last {} commits were not synced when the machine went down and are lost", traits.description,
                   dropped);
  }
  return {};
}

// A power failure may take all that was not synced, also that a partition was made; what is made again then begins in an epoch that no
// store can have seen. Each opening takes a producer id, which its checkpoint secures: the epochs of openings grow with them.
void Engine::begin_epoch(const Replay& replay) {
  if (replay.entries.empty() || options.read_only) return;
  first_epoch_ = LeaderEpoch(static_cast<std::int32_t>((++next_producer_id_ - kFirstProducerId) % INT32_MAX));
}

Result<void> Engine::end_recovery(const Replay& replay) {
  const Timestamp now = clock.now().wall;
  begin_epoch(replay);
  for (auto& [name, topic] : topics) {
    for (auto& log : topic.partitions) {
      const auto found = replay.ends.find(*log->partition());
      const PartitionEnd end = found == replay.ends.end() ? PartitionEnd{} : found->second;
      // Also where nothing is cut off here, a power failure may have taken records that a store has seen.
      const bool has_ended = found != replay.ends.end();
      log->set_leader_epoch(options.read_only ? end.leader_epoch : has_ended ? end.leader_epoch + 1 : first_epoch_);
      const Offset found_end = log->end();
      TIDEMILL_ASSIGN(const bool cut, log->truncate(end.end));
      if (cut) {
        logger()->info("{}: {} had {} records behind its last commit; cut off", traits.description,
                       to_string(*log->partition()), found_end - end.end);
      }
      for (const std::int64_t producer : log->open_producers()) {
        const auto ended = log->append_marker(ControlType::kAbort, producer, now);
        if (ended) continue;
        if (ended.error().kind != ErrorKind::kDiskFull) return ended;
        disk_is_full(ended.error());  // then it is ended later, and retention can be at work until then
        unended_[log.get()].insert(producer);
      }
      log->set_cleaned(std::min(end.cleaned, log->end()));
      log->delete_before(end.log_start);
      log->set_durable(log->end());
    }
  }
  return {};
}

// Directories that the journal knows nothing of: of a creation that did not happen, or of a topic that was deleted.
Result<void> Engine::remove_leftovers() {
  const auto names = storage_.list("topics");
  if (!names) return {};
  for (const std::string& name : *names) {
    const auto dash = std::min(name.rfind('-'), name.size());
    const auto topic = topics.find(std::string_view(name).substr(0, dash));
    std::size_t partition = 0;
    const char* const end = name.data() + name.size();
    const bool number = dash < name.size() && std::from_chars(name.data() + dash + 1, end, partition).ptr == end;
    if (topic == topics.end() || !number || partition >= topic->second.partitions.size()) {
      TIDEMILL_TRY(storage_.remove_all("topics/" + name));
    }
  }
  return {};
}

Result<void> Engine::open_topic(const TopicSpec& spec, const Replay* replay) {
  Topic topic;
  topic.spec = spec;
  TIDEMILL_ASSIGN(TopicSettings settings, read_topic(spec));
  topic.settings = std::make_shared<const TopicSettings>(settings);
  for (std::int32_t p = 0; p < spec.partitions; ++p) {
    const TopicPartition id{spec.name, PartitionId(p)};
    auto log = std::unique_ptr<PartitionLog>(new PartitionLog(storage_, id, topic.settings, shared_));
    PartitionLog::RecoveredFrom from;
    if (replay != nullptr) {
      if (const auto end = replay->checkpoint.find(id); end != replay->checkpoint.end()) {
        from.log_start = end->second.log_start;
        from.synced = end->second.end;
      }
      if (const auto deleted = replay->deleted_to.find(id); deleted != replay->deleted_to.end()) {
        from.deleted_to = deleted->second;
      }
    }
    if (replay == nullptr) {  // a deleted topic of this name may have files that could not be removed
      TIDEMILL_ASSIGN(const bool there, storage_.exists("topics/" + to_string(id)));
      if (there) TIDEMILL_TRY(log->remove_files("topics/~" + std::to_string(next_removed_++)));
    }
    TIDEMILL_TRY(log->recover(from));
    if (replay == nullptr) log->set_leader_epoch(first_epoch_);
    topic.partitions.push_back(std::move(log));
  }
  topics.emplace(spec.name, std::move(topic));
  return {};
}

}  // namespace tidemill::embedded
