#include "log_embedded/engine.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/logging.hpp"

namespace tidemill::embedded {

Engine::Engine(std::unique_ptr<Storage> owned, Storage& storage, const Clock& clock_in, Random& random_in,
               EmbeddedLogOptions options_in)
    : clock(clock_in),
      random(random_in),
      options(options_in),
      owned_storage_(std::move(owned)),
      storage_(storage),
      files_(storage, options_in.open_segments_max),
      shared_{.files = files_,
              .segment_bytes = options_in.segment_bytes,
              .journal_batches = options_in.durability == Durability::kPower,
              .recent = RecentBatches(options_in.recent_batches_bytes)} {}

Result<std::shared_ptr<Engine>> Engine::open(std::unique_ptr<Storage> owned, Storage& storage, const Clock& clock,
                                             Random& random, EmbeddedLogOptions options, std::string description) {
  if (options.default_partitions < 1) {
    return Error{ErrorKind::kInvalidArgument,
                 fmt::format("default_partitions is {}: a topic has one partition or more", options.default_partitions)};
  }
  const auto refused = [](const char* name, std::int64_t value, std::int64_t least) {
    return Error{ErrorKind::kInvalidArgument, fmt::format("{} is {}: it must be at least {}", name, value, least)};
  };
  if (options.segment_bytes < 1) return refused("segment_bytes", options.segment_bytes, 1);
  if (options.open_segments_max < 1) return refused("open_segments_max", 0, 1);
  if (options.transaction_bytes_max < 1) return refused("transaction_bytes_max", 0, 1);
  if (options.compaction_key_bytes < 1) return refused("compaction_key_bytes", 0, 1);
  for (const auto& [name, interval] : {std::pair("background_interval (ms)", options.background_interval),
                                       std::pair("background_sync_interval (ms)", options.background_sync_interval)}) {
    if (interval.count() < 1) return refused(name, interval.count(), 1);
  }
  std::shared_ptr<Engine> engine(new Engine(std::move(owned), storage, clock, random, options));
  engine->traits.commit_group_span = LogTraits::CommitGroupSpan::kProcess;
  engine->traits.creates_missing_topics = true;
  engine->traits.default_partitions = options.default_partitions;
  engine->traits.commits_are_cheap = true;
  engine->traits.transaction_bytes_max = options.transaction_bytes_max;
  engine->traits.description = std::move(description);
  engine->traits.directory = storage.real_path("");
  TIDEMILL_TRY(storage.create_directories(""));
  TIDEMILL_ASSIGN(engine->lock_, storage.lock("lock"));
  TIDEMILL_TRY(engine->recover());
  if (options.background_thread && !options.read_only) {
    engine->keeper_ = std::thread([raw = engine.get()] { raw->run_keeper(); });
    engine->compactor_ = std::thread([raw = engine.get()] { raw->run_compactor(); });
  }
  return engine;
}

Engine::~Engine() {
  stop_ = true;
  keeper_wake_.raise();
  compactor_wake_.raise();
  if (keeper_.joinable()) keeper_.join();
  if (compactor_.joinable()) compactor_.join();
  // One that could not be recovered must not write what little of it there is.
  if (!failed_ && recovered_ && !options.read_only) (void)checkpoint().has_value();
  topics.clear();  // they know shared_
  graveyard_.clear();
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

Error Engine::fail(Error error) {
  failed_ = std::move(error);
  return *failed_;
}

Result<void> Engine::create_topic(const TopicSpec& spec_in) {
  TIDEMILL_TRY(writable());
  TopicSpec spec = spec_in;
  if (spec.partitions <= 0) spec.partitions = options.default_partitions;
  TIDEMILL_TRY(read_topic(spec));
  if (topics.contains(spec.name)) {
    return Error{ErrorKind::kAlreadyExists, "there is a topic \"" + spec.name + "\" already"};
  }
  JournalEntry entry;
  entry.type = JournalEntry::Type::kTopicCreated;
  entry.topics.push_back(spec);
  TIDEMILL_TRY(make_room(encode(entry).size()));
  TIDEMILL_TRY(open_topic(spec, nullptr));
  if (auto synced = storage_.sync_directory("topics"); !synced) {
    topics.erase(spec.name);
    return synced;
  }
  return journal_and_sync(std::move(entry));
}

Result<void> Engine::delete_topic(std::string_view name) {
  TIDEMILL_TRY(writable());
  TIDEMILL_ASSIGN(Topic * found, topic(name));
  JournalEntry entry;
  entry.type = JournalEntry::Type::kTopicDeleted;
  entry.topics.push_back(found->spec);
  TIDEMILL_TRY(make_room(encode(entry).size()));
  Topic topic = std::move(*found);
  topics.erase(topics.find(name));
  for (auto& [group, state] : groups) {
    std::erase_if(state.offsets, [&](const auto& offset) { return offset.first.topic == name; });
  }
  for (auto& log : topic.partitions) {
    notify(*log);
    deleted_.insert(log.get());
    (void)log->take_unjournaled();  // nobody will ask for them
  }
  Result<void> done = journal_and_sync(std::move(entry));
  if (done) {
    if (auto synced = journal_->sync_anyway(); !synced) done = fail(synced.error());
  }
  for (auto& log : topic.partitions) {
    // A file may go only when it is certain that the topic is deleted; what cannot be removed now is at the next opening.
    const std::string away = "topics/~" + std::to_string(next_removed_++);
    if (done) {
      if (auto removed = log->remove_files(away); !removed)
        logger()->warn("{}: {}", traits.description, removed.error().message);
    }
    graveyard_.push_back(std::move(log));
  }
  return done;
}

Result<void> Engine::alter_topic(std::string_view name, const TopicConfig& config) {
  TIDEMILL_TRY(writable());
  TIDEMILL_ASSIGN(Topic * found, topic(name));
  TopicSpec spec = found->spec;
  for (const auto& [key, value] : config) spec.config[key] = value;
  TIDEMILL_ASSIGN(TopicSettings settings, read_topic(spec));
  JournalEntry entry;
  entry.type = JournalEntry::Type::kTopicAltered;
  entry.topics.push_back(spec);
  TIDEMILL_TRY(make_room(encode(entry).size()));
  found->spec = std::move(spec);
  found->settings = std::make_shared<const TopicSettings>(settings);
  for (auto& log : found->partitions) log->set_settings(found->settings);
  return journal_and_sync(std::move(entry));
}

Result<void> Engine::delete_records(PartitionLog& log, Offset before) {
  TIDEMILL_TRY(writable());
  JournalEntry entry;
  entry.partitions.push_back(end_of(log));
  TIDEMILL_TRY(make_room(encode(entry).size() + log.unjournaled_bytes()));
  log.delete_before(std::min(before, log.last_stable()));
  entry.partitions.front() = end_of(log);
  entry.partitions.front().batches = log.take_unjournaled();
  TIDEMILL_TRY(journal_and_sync(std::move(entry)));
  // A file may go only when no power failure can bring back a time in which it was needed.
  if (options.durability == Durability::kPower) return log.remove_deleted();
  return {};
}

void Engine::watch(PartitionLog& log, const std::shared_ptr<Signal>& signal) {
  watchers_.emplace(&log, signal);
  log.followed(true);
}
void Engine::unwatch(PartitionLog& log, const std::shared_ptr<Signal>& signal) {
  const auto [begin, end] = watchers_.equal_range(&log);
  const auto found = std::find_if(begin, end, [&](const auto& watcher) { return watcher.second == signal; });
  if (found != end) watchers_.erase(found);
  log.followed(watchers_.contains(&log));
}
void Engine::notify(const PartitionLog& log) {
  const auto [begin, end] = watchers_.equal_range(&log);
  for (auto it = begin; it != end; ++it) it->second->raise();
}

}  // namespace tidemill::embedded
