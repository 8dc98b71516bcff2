#include "log_embedded/embedded_commit_group.hpp"

#include <tidemill/base/assert.hpp>

#include "log/compression.hpp"

namespace tidemill::embedded {
namespace {

constexpr std::size_t kBatchBytes = 128 * 1024;

Error fenced(const std::string& name) {
  return Error{ErrorKind::kFenced, "commit group " + name + " was opened again by another: this one is fenced"};
}

}  // namespace

EmbeddedProducer::EmbeddedProducer(std::shared_ptr<Engine> engine, std::shared_ptr<GroupShared> group)
    : engine_(std::move(engine)), group_(std::move(group)) {
  std::lock_guard guard(engine_->mutex);
  producer_id_ = engine_->next_producer_id();
  group_->producers->insert(producer_id_);
  aborts_seen_ = group_->aborts;
}
EmbeddedProducer::~EmbeddedProducer() = default;

Result<TopicHandle> EmbeddedProducer::topic(std::string_view name, MonotonicTime) {
  for (std::size_t i = 0; i < topics_.size(); ++i) {
    if (topics_[i]->name == name) return static_cast<TopicHandle>(i);
  }
  std::lock_guard guard(engine_->mutex);
  TIDEMILL_ASSIGN(Topic * found, engine_->topic(name));
  auto known = std::unique_ptr<KnownTopic>(new KnownTopic);
  known->name = name;
  known->settings = found->settings;
  for (std::size_t i = 0; i < found->partitions.size(); ++i) known->partitions.emplace_back(engine_->buffers());
  topics_.push_back(std::move(known));
  return static_cast<TopicHandle>(topics_.size() - 1);
}

std::int32_t EmbeddedProducer::partition_count(TopicHandle topic) const {
  return static_cast<std::int32_t>(topics_[static_cast<std::size_t>(topic)]->partitions.size());
}

SendStatus EmbeddedProducer::send(const ProducerRecord& record) {
  TIDEMILL_ASSERT(record.topic >= 0 && static_cast<std::size_t>(record.topic) < topics_.size());
  drop_aborted();
  KnownTopic& topic = *topics_[static_cast<std::size_t>(record.topic)];
  const auto index = static_cast<std::size_t>(record.partition.value);
  if (record.partition.value < 0 || index >= topic.partitions.size()) {
    last_error_ =
        Error{ErrorKind::kInvalidArgument, "send: topic \"" + topic.name + "\" has " + std::to_string(topic.partitions.size()) +
                                               " partitions; there is no partition " + std::to_string(record.partition.value)};
    return SendStatus::kFailed;
  }
  const std::size_t bytes =
      (record.key ? record.key->size() : 0) + (record.value ? record.value->size() : 0) + record.headers.size();
  constexpr std::size_t kOverheadMax = 40;
  if (bytes + kOverheadMax + kBatchHeaderBytes > topic.settings->batch_bytes_max) {
    last_error_ =
        Error{ErrorKind::kTooLarge, "send: a record of " + std::to_string(bytes) + " bytes to \"" + topic.name +
                                        "\", whose max.message.bytes is " + std::to_string(topic.settings->batch_bytes_max)};
    return SendStatus::kFailed;
  }
  if (topic.settings->compacts && !record.key) {
    last_error_ = Error{ErrorKind::kInvalidArgument, "send: a record without a key to \"" + topic.name +
                                                         "\", which is compacted: compaction keeps the last value of each key"};
    return SendStatus::kFailed;
  }
  if (group_->transactional && !engine_->has_room(bytes)) return SendStatus::kFull;
  Partition& partition = topic.partitions[index];
  if (!partition.builder.empty() &&
      partition.builder.size_bytes() + bytes + kOverheadMax > std::min(kBatchBytes, topic.settings->batch_bytes_max)) {
    append(topic, record.partition.value);
  }
  const Timestamp timestamp = record.timestamp == kNoTimestamp ? engine_->clock.now().wall : record.timestamp;
  partition.builder.add(timestamp, record.key, record.value, record.headers);
  partition.sent_for(record.cookie);
  if (!partition.waiting) {
    partition.waiting = true;
    waiting_.emplace_back(&topic, record.partition.value);
  }
  return SendStatus::kAccepted;
}

// What was sent before an abort, and not handed on yet, is part of what was aborted.
void EmbeddedProducer::drop_aborted() {
  const std::uint64_t aborts = group_->aborts;
  if (aborts == aborts_seen_) return;
  aborts_seen_ = aborts;
  for (const auto& [topic, index] : waiting_) {
    Partition& partition = topic->partitions[static_cast<std::size_t>(index)];
    partition.builder.clear();
    partition.cookies.clear();
    partition.waiting = false;
  }
  waiting_.clear();
}

void EmbeddedProducer::dispatch() {
  drop_aborted();
  for (const auto& [topic, partition] : waiting_) {
    append(*topic, partition);
    topic->partitions[static_cast<std::size_t>(partition)].waiting = false;
  }
  waiting_.clear();
}

// What cannot be appended breaks the transaction (or, without one, is reported per batch). Records are compressed without
// the lock.
void EmbeddedProducer::append(KnownTopic& topic, std::int32_t index) {
  Partition& partition = topic.partitions[static_cast<std::size_t>(index)];
  if (partition.builder.empty()) return;
  {
    std::lock_guard guard(engine_->mutex);
    if (const auto found = engine_->topics.find(topic.name); found != engine_->topics.end()) {
      topic.settings = found->second.settings;  // they may have been altered
    }
  }
  const std::int32_t count = partition.builder.count();
  Bytes batch = partition.builder.seal({.producer_id = producer_id_,
                                        .producer_epoch = 0,
                                        .base_sequence = partition.sequence,
                                        .transactional = group_->transactional,
                                        .compression = topic.settings->compression.value_or(group_->compression)});
  const std::vector<std::uint64_t> cookies = std::exchange(partition.cookies, {});
  const TopicPartition id{topic.name, PartitionId(index)};
  std::lock_guard guard(engine_->mutex);
  const auto fail = [&](const Error& error) {
    last_error_ = error;
    group_->broken = error;
    // A transaction that found the disk full can be tried again; its records are not to blame.
    const bool retried = group_->transactional && error.kind == ErrorKind::kDiskFull;
    const Error reported = retried ? Error{ErrorKind::kTransactionAborted, error.message} : error;
    for (const std::uint64_t cookie : cookies) {
      failures_.push_back({id, cookie, reported, kNoTimestamp, std::nullopt, std::nullopt, {}});
    }
  };
  const auto newest = engine_->group_numbers.find(group_->name);
  if (newest != engine_->group_numbers.end() && newest->second != group_->number) return fail(fenced(group_->name));
  if (group_->broken) return fail(*group_->broken);
  auto log = engine_->partition(id);
  if (!log) return fail(log.error());
  if (auto appended = engine_->append(**log, std::move(batch), producer_id_); !appended) return fail(appended.error());
  partition.sequence = static_cast<std::int32_t>((static_cast<std::int64_t>(partition.sequence) + count) & 0x7fffffff);
  group_->written[*log] = (*log)->end();
}

EmbeddedCommitGroup::EmbeddedCommitGroup(std::shared_ptr<Engine> engine, CommitGroupOptions options)
    : engine_(std::move(engine)), options_(std::move(options)) {
  shared_->name = options_.name;
  shared_->transactional = options_.guarantee == ProcessingGuarantee::kExactlyOnceV2;
}

Result<void> EmbeddedCommitGroup::open() {
  for (const auto& [key, value] : options_.producer_properties) {
    if (key != "compression.type") continue;
    const auto codec = compression_by_name(value);
    if (!codec) {
      return Error{ErrorKind::kInvalidArgument,
                   "compression.type must be none, gzip, snappy, lz4 or zstd, not \"" + value + "\""};
    }
    shared_->compression = *codec;
  }
  std::unique_lock lock(engine_->mutex);
  TIDEMILL_TRY(engine_->writable());
  shared_->number = engine_->next_group_number++;
  if (options_.name.empty()) return {};
  engine_->group_numbers[options_.name] = shared_->number;
  const std::shared_ptr<GroupShared> predecessor = engine_->open_groups[options_.name].lock();
  engine_->open_groups[options_.name] = shared_;
  if (predecessor == nullptr || !predecessor->transactional) return {};
  ++predecessor->aborts;
  predecessor->staged.clear();
  Engine::PartitionSet partitions;
  for (const auto& [log, end] : predecessor->written) partitions.insert(log);
  predecessor->written.clear();
  if (partitions.empty()) return {};
  return engine_->commit(lock, partitions, {}, *predecessor->producers, ControlType::kAbort);
}

// An open transaction would hold everybody's readers back, and so would what was written without one and is not durable.
EmbeddedCommitGroup::~EmbeddedCommitGroup() {
  std::unique_lock lock(engine_->mutex);
  if (engine_->writable() && !shared_->written.empty()) (void)abort_locked(lock);
}

std::unique_ptr<LogProducer> EmbeddedCommitGroup::producer() {
  return std::unique_ptr<LogProducer>(new EmbeddedProducer(engine_, shared_));
}
std::unique_ptr<LogConsumer> EmbeddedCommitGroup::consumer() {
  return std::unique_ptr<LogConsumer>(new EmbeddedConsumer(engine_, Isolation::kReadCommitted, shared_->producers));
}

Result<void> EmbeddedCommitGroup::check() const {
  TIDEMILL_TRY(engine_->writable());
  const auto newest = engine_->group_numbers.find(options_.name);
  if (newest != engine_->group_numbers.end() && newest->second != shared_->number) return fenced(options_.name);
  if (shared_->broken) {
    return Error{ErrorKind::kTransactionAborted, "the transaction cannot be committed: " + shared_->broken->message};
  }
  return {};
}

Result<void> EmbeddedCommitGroup::stage(std::span<const CommitPosition> positions) {
  std::lock_guard guard(engine_->mutex);
  TIDEMILL_TRY(check());
  if (options_.application_id.empty() && !positions.empty()) {
    return Error{ErrorKind::kInvalidArgument, "stage: commit group " + options_.name + " has no application id"};
  }
  shared_->staged.insert(shared_->staged.end(), positions.begin(), positions.end());
  return {};
}

Result<std::vector<WrittenPosition>> EmbeddedCommitGroup::flush(MonotonicTime) {
  std::unique_lock lock(engine_->mutex);
  TIDEMILL_TRY(check());
  std::vector<WrittenPosition> result;
  Engine::PartitionSet partitions;
  for (const auto& [log, end] : shared_->written) {
    result.push_back({*log->partition(), end, log->leader_epoch()});
    partitions.insert(log);
  }
  // Without a transaction, and with nothing to commit beside it, this is the acknowledgement: make it durable.
  if (!shared_->transactional && shared_->staged.empty() && !partitions.empty()) {
    TIDEMILL_TRY(engine_->commit(lock, partitions, {}, {}, ControlType::kCommit));
    shared_->written.clear();
  }
  return result;
}

CommitResult EmbeddedCommitGroup::commit(const MembershipToken& token, MonotonicTime) {
  std::unique_lock lock(engine_->mutex);
  if (auto checked = check(); !checked) {
    const ErrorKind kind = checked.error().kind;
    if (kind == ErrorKind::kFenced) return {CommitOutcome::kFenced, checked.error()};
    if (kind == ErrorKind::kTransactionAborted) return {abort_locked(lock).outcome, checked.error()};
    return {CommitOutcome::kUnknown, checked.error()};
  }
  // Also where a transaction has no new position, because a punctuation wrote it perhaps: it is a member's all the same.
  if (!shared_->staged.empty() || (shared_->transactional && !shared_->written.empty() && !token.member_id.empty())) {
    if (auto member = engine_->groups[options_.application_id].check(token); !member) {
      if (shared_->transactional) (void)abort_locked(lock);
      shared_->staged.clear();
      return {CommitOutcome::kFenced, member.error()};
    }
  }
  Engine::PartitionSet partitions;
  for (const auto& [log, end] : shared_->written) partitions.insert(log);
  std::vector<GroupOffset> offsets;
  for (CommitPosition& position : shared_->staged) offsets.push_back({options_.application_id, std::move(position)});
  shared_->staged.clear();
  shared_->written.clear();
  if (partitions.empty() && offsets.empty()) return {};
  const std::set<std::int64_t> producers = shared_->transactional ? *shared_->producers : std::set<std::int64_t>();
  if (auto done = engine_->commit(lock, partitions, std::move(offsets), producers, ControlType::kCommit); !done) {
    if (done.error().kind == ErrorKind::kDiskFull && engine_->writable()) {  // nothing of it is written
      for (PartitionLog* log : partitions) shared_->written[log] = log->end();
      return {abort_locked(lock).outcome, done.error()};
    }
    return {CommitOutcome::kUnknown, done.error()};
  }
  return {};
}

CommitResult EmbeddedCommitGroup::abort(MonotonicTime) {
  std::unique_lock lock(engine_->mutex);
  return abort_locked(lock);
}

CommitResult EmbeddedCommitGroup::abort_locked(std::unique_lock<std::mutex>& lock) {
  ++shared_->aborts;
  shared_->staged.clear();
  shared_->broken.reset();
  Engine::PartitionSet partitions;
  for (const auto& [log, end] : shared_->written) partitions.insert(log);
  shared_->written.clear();
  if (auto writable = engine_->writable(); !writable) return {CommitOutcome::kUnknown, writable.error()};
  const auto newest = engine_->group_numbers.find(options_.name);
  const bool is_fenced = newest != engine_->group_numbers.end() && newest->second != shared_->number;
  if (!partitions.empty()) {
    // Without a transaction there is nothing to take back: the records stay, and are durable from here on. On a full disk the
    // engine keeps in mind what is to be written.
    const std::set<std::int64_t> producers = shared_->transactional ? *shared_->producers : std::set<std::int64_t>();
    if (auto done = engine_->commit(lock, partitions, {}, producers, ControlType::kAbort); !done) {
      const bool later = !shared_->transactional && done.error().kind == ErrorKind::kDiskFull && engine_->writable();
      if (!later) return {CommitOutcome::kUnknown, done.error()};
    }
  }
  if (is_fenced) return {CommitOutcome::kFenced, fenced(options_.name)};
  return {CommitOutcome::kAborted, {}};
}

}  // namespace tidemill::embedded
