#include "log_kafka/kafka_commit_group.hpp"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>
#include <tidemill/base/assert.hpp>
#include <tidemill/base/headers.hpp>

namespace tidemill::kafka {
namespace {

MonotonicTime now() { return system_clock().now().monotonic; }

/// One thread's handle; the group outlives nothing of it, so the producer is shared.
class KafkaProducer final : public LogProducer {
 public:
  KafkaProducer(std::shared_ptr<const Shared> shared, std::shared_ptr<GroupProducer> producer)
      : shared_(std::move(shared)), producer_(std::move(producer)) {}
  Result<TopicHandle> topic(std::string_view name, MonotonicTime deadline) override {
    return producer_->topic(*shared_, name, deadline);
  }
  std::int32_t partition_count(TopicHandle topic) const override {
    return static_cast<std::int32_t>(producer_->at(topic).next_offset.size());
  }
  SendStatus send(const ProducerRecord& record) override { return producer_->send(record, last_error_); }
  const Error& last_error() const override { return last_error_; }
  void dispatch() override { producer_->serve(); }
  std::vector<DeliveryFailure> take_failures() override { return producer_->take_failures(); }

 private:
  std::shared_ptr<const Shared> shared_;
  std::shared_ptr<GroupProducer> producer_;
  Error last_error_;
};

rd_kafka_vu_t bytes_of(rd_kafka_vtype_t type, OptionalBytesView bytes) {
  rd_kafka_vu_t unit{};
  unit.vtype = type;
  // Null and empty differ: only null has no address.
  unit.u.mem.ptr = bytes ? const_cast<char*>(bytes->empty() ? "" : bytes->data()) : nullptr;
  unit.u.mem.size = bytes ? bytes->size() : 0;
  return unit;
}

}  // namespace

// GroupProducer

Result<std::unique_ptr<GroupProducer>> GroupProducer::make(const Shared& shared, const CommitGroupOptions& options) {
  std::unique_ptr<GroupProducer> producer(new GroupProducer);
  producer->transactional_ = options.guarantee == ProcessingGuarantee::kExactlyOnceV2;
  Properties fixed{{"enable.idempotence", "true"}};
  if (producer->transactional_) {
    fixed.emplace_back("transactional.id", options.name);
    fixed.emplace_back("transaction.timeout.ms", std::to_string(options.transaction_timeout.count()));
  }
  TIDEMILL_ASSIGN(ConfPtr conf, client_conf(shared.options, "producer.",
                                            {{"linger.ms", "100"},
                                             {"batch.size", "131072"},
                                             {"queue.buffering.max.messages", "1000000"},
                                             {"queue.buffering.max.kbytes", "32768"}},
                                            options.producer_properties, fixed));
  TIDEMILL_ASSIGN(producer->client_, Client::make(RD_KAFKA_PRODUCER, std::move(conf), shared.description,
                                                  &GroupProducer::delivered, producer.get()));
  return producer;
}

void GroupProducer::delivered(rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
  static_cast<GroupProducer*>(self)->delivered(*message);
}

void GroupProducer::delivered(const rd_kafka_message_t& message) {
  auto& topic = *static_cast<Topic*>(rd_kafka_topic_opaque(message.rkt));
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (message.offset < 0) return;  // written, but a lost answer left out where
    std::int64_t& next = topic.next_offset[static_cast<std::size_t>(message.partition)];
    next = std::max(next, message.offset + 1);
    return;
  }
  const bool purged = message.err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || message.err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
  if (purged && transactional_) return;  // part of what is being aborted
  const TopicPartition id{topic.name, PartitionId(message.partition)};
  DeliveryFailure failure{.partition = id,
                          .cookie = reinterpret_cast<std::uintptr_t>(message._private),
                          .error = client_->failed(message.err, fmt::format("a record for {}", to_string(id))),
                          .timestamp = kNoTimestamp,
                          .key = std::nullopt,
                          .value = std::nullopt,
                          .headers = {}};
  rd_kafka_timestamp_type_t type;
  failure.timestamp = Timestamp(rd_kafka_message_timestamp(&message, &type));
  if (std::optional<Error> dead = fatal()) failure.error = *std::move(dead);
  if (message.key != nullptr) failure.key = Bytes(static_cast<const char*>(message.key), message.key_len);
  if (message.payload != nullptr) failure.value = Bytes(static_cast<const char*>(message.payload), message.len);
  break_with(failure.error);
  failures_.push_back(std::move(failure));
}

/// Without a transaction it is not fenced, but what it has not delivered is lost, and it takes nothing more: aborted, and another
/// one made.
std::optional<Error> GroupProducer::fatal() const {
  std::optional<Error> error = client_->fatal();
  if (error) error->kind = transactional_ ? ErrorKind::kFenced : ErrorKind::kTransactionAborted;
  return error;
}

void GroupProducer::break_with(Error error) {
  if (transactional_ && !broken_) broken_ = std::move(error);
}

Result<TopicHandle> GroupProducer::topic(const Shared& shared, std::string_view name, MonotonicTime deadline) {
  for (std::size_t i = 0; i < topics_.size(); ++i) {
    if (topics_[i]->name == name) return static_cast<TopicHandle>(i);
  }
  // Asked of a reader: a producer's question makes some brokers create the topic.
  TIDEMILL_ASSIGN(const std::int32_t partitions, shared.reader->partition_count(name, deadline));
  auto topic = std::make_unique<Topic>();
  topic->name = name;
  topic->next_offset.assign(static_cast<std::size_t>(partitions), -1);
  rd_kafka_topic_conf_t* conf = rd_kafka_default_topic_conf_dup(get());
  rd_kafka_topic_conf_set_opaque(conf, topic.get());
  topic->handle.reset(rd_kafka_topic_new(get(), topic->name.c_str(), conf));
  if (!topic->handle) return client_->failed(rd_kafka_last_error(), fmt::format("topic \"{}\"", name));
  topics_.push_back(std::move(topic));
  return static_cast<TopicHandle>(topics_.size() - 1);
}

Result<void> GroupProducer::begin() {
  if (!transactional_ || open_) return {};
  const RdErrorPtr error(rd_kafka_begin_transaction(get()));
  if (error) {
    if (std::optional<Error> dead = fatal()) return *std::move(dead);
    return client_->failed(error.get(), "a transaction cannot be begun");
  }
  open_ = true;
  return {};
}

SendStatus GroupProducer::send(const ProducerRecord& record, Error& error) {
  TIDEMILL_ASSERT(knows(record.topic));
  if (broken_) [[unlikely]] {
    error = Error{ErrorKind::kTransactionAborted, "the transaction cannot be committed: " + broken_->message};
    return SendStatus::kFailed;
  }
  if (const Result<void> begun = begin(); !begun) [[unlikely]] {
    error = begun.error();
    return SendStatus::kFailed;
  }
  Topic& topic = at(record.topic);
  const std::int32_t partitions = static_cast<std::int32_t>(topic.next_offset.size());
  if (record.partition.value < 0 || record.partition.value >= partitions) {
    error = Error{ErrorKind::kInvalidArgument, fmt::format("send: topic \"{}\" has {} partitions; there is no partition {}",
                                                           topic.name, partitions, record.partition.value)};
    return SendStatus::kFailed;
  }
  rd_kafka_vu_t units[8];
  std::size_t count = 0;
  units[count].vtype = RD_KAFKA_VTYPE_RKT;
  units[count++].u.rkt = topic.handle.get();
  units[count].vtype = RD_KAFKA_VTYPE_PARTITION;
  units[count++].u.i32 = record.partition.value;
  units[count].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
  units[count++].u.i64 = (record.timestamp == kNoTimestamp ? system_clock().now().wall : record.timestamp).value;
  units[count].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  units[count++].u.i = RD_KAFKA_MSG_F_COPY;
  units[count].vtype = RD_KAFKA_VTYPE_OPAQUE;
  units[count++].u.ptr = reinterpret_cast<void*>(static_cast<std::uintptr_t>(record.cookie));
  units[count++] = bytes_of(RD_KAFKA_VTYPE_KEY, record.key);
  units[count++] = bytes_of(RD_KAFKA_VTYPE_VALUE, record.value);
  rd_kafka_headers_t* headers = nullptr;
  if (!record.headers.empty()) {
    const Result<Headers> decoded = Headers::decode(record.headers);
    if (!decoded) {
      error = decoded.error();
      return SendStatus::kFailed;
    }
    headers = rd_kafka_headers_new(decoded->size());
    for (const Header& header : *decoded) {
      rd_kafka_header_add(headers, header.key.data(), static_cast<ssize_t>(header.key.size()),
                          header.value ? header.value->c_str() : nullptr,
                          header.value ? static_cast<ssize_t>(header.value->size()) : 0);
    }
    units[count].vtype = RD_KAFKA_VTYPE_HEADERS;
    units[count++].u.headers = headers;
  }
  rd_kafka_error_t* const raw = rd_kafka_produceva(get(), units, count);
  if (raw == nullptr) [[likely]]
    return SendStatus::kAccepted;
  const RdErrorPtr refused(raw);
  if (headers != nullptr) rd_kafka_headers_destroy(headers);  // librdkafka's only when it takes the record
  if (rd_kafka_error_code(raw) == RD_KAFKA_RESP_ERR__QUEUE_FULL) return SendStatus::kFull;
  if (std::optional<Error> dead = fatal()) {
    error = *std::move(dead);
    return SendStatus::kFailed;
  }
  error = client_->failed(raw, fmt::format("a record for {}-{}", topic.name, record.partition.value));
  if (error.kind == ErrorKind::kTransactionAborted) break_with(error);
  return SendStatus::kFailed;
}

Result<void> GroupProducer::flush(MonotonicTime deadline) {
  for (;;) {
    const MonotonicTime until = std::min(deadline, now() + kServeMax);
    const rd_kafka_resp_err_t error = rd_kafka_flush(get(), milliseconds_until(until));
    if (std::optional<Error> dead = fatal()) return *std::move(dead);
    if (broken_) return Error{ErrorKind::kTransactionAborted, broken_->message};
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
    if (error != RD_KAFKA_RESP_ERR__TIMED_OUT) return client_->failed(error, "flush");
    if (now() >= deadline) return client_->failed(error, "records are not acknowledged yet");
  }
}

std::vector<WrittenPosition> GroupProducer::written() const {
  std::vector<WrittenPosition> result;
  for (const auto& topic : topics_) {
    for (std::size_t p = 0; p < topic->next_offset.size(); ++p) {
      if (topic->next_offset[p] < 0) continue;
      result.push_back({{topic->name, PartitionId(static_cast<std::int32_t>(p))}, Offset(topic->next_offset[p])});
    }
  }
  return result;
}

void GroupProducer::ended() {
  open_ = false;
  broken_.reset();
  for (const auto& topic : topics_) std::fill(topic->next_offset.begin(), topic->next_offset.end(), -1);
}

// KafkaCommitGroup

KafkaCommitGroup::KafkaCommitGroup(std::shared_ptr<Shared> shared, CommitGroupOptions options)
    : shared_(std::move(shared)),
      options_(std::move(options)),
      offsets_(shared_->connection, shared_->members, options_.application_id) {}

Result<std::unique_ptr<CommitGroup>> KafkaCommitGroup::open(std::shared_ptr<Shared> shared, CommitGroupOptions options,
                                                            MonotonicTime deadline) {
  std::unique_ptr<KafkaCommitGroup> group(new KafkaCommitGroup(std::move(shared), std::move(options)));
  TIDEMILL_ASSIGN(group->producer_, GroupProducer::make(*group->shared_, group->options_));
  // consumer() has nobody to tell what is wrong with its properties.
  TIDEMILL_TRY(group->consumer_conf());
  if (group->producer_->transactional()) TIDEMILL_TRY(group->init(deadline));
  return std::unique_ptr<CommitGroup>(std::move(group));
}

KafkaCommitGroup::~KafkaCommitGroup() {
  if (producer_ && producer_->open() && !producer_->client().fatal()) static_cast<void>(abort(now() + kLastAbortTimeout));
}

Result<void> KafkaCommitGroup::init(MonotonicTime deadline) {
  const std::string what = fmt::format("transactional.id {} cannot be opened", options_.name);
  for (;;) {
    const RdErrorPtr error(rd_kafka_init_transactions(producer_->get(), milliseconds_until(deadline)));
    if (!error) return {};
    if (rd_kafka_error_is_fatal(error.get()) || !rd_kafka_error_is_retriable(error.get()) || now() >= deadline) {
      return producer_->client().failed(error.get(), what);
    }
  }
}

std::unique_ptr<LogProducer> KafkaCommitGroup::producer() {
  return std::unique_ptr<LogProducer>(new KafkaProducer(shared_, producer_));
}

Result<ConfPtr> KafkaCommitGroup::consumer_conf() const {
  const std::string group = options_.application_id.empty() ? shared_->options.client_id : options_.application_id;
  return KafkaConsumer::conf(shared_->options, Isolation::kReadCommitted, group, options_.consumer_properties);
}

std::unique_ptr<LogConsumer> KafkaCommitGroup::consumer() {
  return KafkaConsumer::make(consumer_conf().value(), shared_->description).value();
}

Result<void> KafkaCommitGroup::stage(std::span<const CommitPosition> positions) {
  if (options_.application_id.empty() && !positions.empty()) {
    return Error{ErrorKind::kInvalidArgument, "commit group " + options_.name + " has no application: nothing can be staged"};
  }
  const std::lock_guard lock(mutex_);
  TIDEMILL_TRY(producer_->begin());
  staged_.insert(staged_.end(), positions.begin(), positions.end());
  return {};
}

Result<std::vector<WrittenPosition>> KafkaCommitGroup::flush(MonotonicTime deadline) {
  TIDEMILL_TRY(producer_->flush(deadline));
  std::vector<WrittenPosition> written = producer_->written();
  if (!producer_->transactional()) producer_->ended();
  return written;
}

CommitResult KafkaCommitGroup::commit(const MembershipToken& token, MonotonicTime deadline) {
  std::vector<CommitPosition> positions;
  {
    const std::lock_guard lock(mutex_);
    positions = std::exchange(staged_, {});
  }
  // A position that was staged twice is committed once, as last said.
  std::vector<CommitPosition> latest;
  for (auto position = positions.rbegin(); position != positions.rend(); ++position) {
    const bool known = std::any_of(latest.begin(), latest.end(),
                                   [&](const CommitPosition& other) { return other.partition == position->partition; });
    if (!known) latest.push_back(*position);
  }
  if (!producer_->transactional()) return commit_plainly(token, latest, deadline);
  if (!producer_->open()) return {};
  if (producer_->broken()) return abort_because(*producer_->broken(), CommitOutcome::kAborted, deadline);
  if (!latest.empty()) {
    const LiveMembers::Commit commit(*shared_->members, token);
    if (std::optional<CommitResult> ended = send_offsets(token, latest, deadline)) return *std::move(ended);
  } else if (!token.member_id.empty()) {
    // Written without a new position, by a punctuation perhaps: no position says whose the tasks are, so the group is asked.
    if (const Result<void> good = offsets_.commit({}, token, deadline); !good) {
      const bool stale = good.error().kind == ErrorKind::kStaleMember;
      return abort_because(good.error(), stale ? CommitOutcome::kFenced : CommitOutcome::kAborted, deadline);
    }
  }
  for (;;) {
    const RdErrorPtr error(rd_kafka_commit_transaction(producer_->get(), milliseconds_until(deadline)));
    if (!error) {
      producer_->ended();
      return {};
    }
    Error failed = producer_->client().failed(error.get(), "the transaction");
    if (rd_kafka_error_is_fatal(error.get())) {
      // A fence can also mean that the coordinator lost patience; either way who goes on reads what was committed.
      const bool fenced = failed.kind == ErrorKind::kFenced;
      return {.outcome = fenced ? CommitOutcome::kFenced : CommitOutcome::kUnknown, .error = std::move(failed)};
    }
    if (rd_kafka_error_txn_requires_abort(error.get()))
      return abort_because(std::move(failed), CommitOutcome::kAborted, deadline);
    if (!rd_kafka_error_is_retriable(error.get()) || now() >= deadline) {
      return {.outcome = CommitOutcome::kUnknown, .error = std::move(failed)};
    }
  }
}

std::optional<CommitResult> KafkaCommitGroup::send_offsets(const MembershipToken& token,
                                                           std::span<const CommitPosition> positions, MonotonicTime deadline) {
  const MembershipToken current = shared_->members->renew(token);
  PartitionListPtr list(rd_kafka_topic_partition_list_new(static_cast<int>(positions.size())));
  for (const CommitPosition& position : positions) {
    rd_kafka_topic_partition_t* added =
        rd_kafka_topic_partition_list_add(list.get(), position.partition.topic.c_str(), position.partition.partition.value);
    added->offset = position.offset.value;
    if (position.metadata.empty()) continue;
    added->metadata = std::malloc(position.metadata.size());  // librdkafka frees it
    std::copy(position.metadata.begin(), position.metadata.end(), static_cast<char*>(added->metadata));
    added->metadata_size = position.metadata.size();
  }
  const std::unique_ptr<rd_kafka_consumer_group_metadata_t, void (*)(rd_kafka_consumer_group_metadata_t*)> member(
      rd_kafka_consumer_group_metadata_new_with_genid(options_.application_id.c_str(), current.generation,
                                                      current.member_id.c_str(),
                                                      current.instance_id.empty() ? nullptr : current.instance_id.c_str()),
      rd_kafka_consumer_group_metadata_destroy);
  for (;;) {
    const RdErrorPtr error(
        rd_kafka_send_offsets_to_transaction(producer_->get(), list.get(), member.get(), milliseconds_until(deadline)));
    if (!error) return std::nullopt;
    Error failed = producer_->client().failed(error.get(), "the positions of the transaction");
    if (rd_kafka_error_is_fatal(error.get())) return CommitResult{CommitOutcome::kFenced, std::move(failed)};
    if (rd_kafka_error_txn_requires_abort(error.get())) {
      const bool stale = failed.kind == ErrorKind::kStaleMember && !shared_->members->keeps_its_tasks(token);
      return abort_because(std::move(failed), stale ? CommitOutcome::kFenced : CommitOutcome::kAborted, deadline);
    }
    if (!rd_kafka_error_is_retriable(error.get()) || now() >= deadline) {
      return abort_because(std::move(failed), CommitOutcome::kAborted, deadline);
    }
  }
}

CommitResult KafkaCommitGroup::commit_plainly(const MembershipToken& token, std::span<const CommitPosition> positions,
                                              MonotonicTime deadline) {
  if (positions.empty()) return {};
  const LiveMembers::Commit commit(*shared_->members, token);
  const Result<void> committed = offsets_.commit(positions, token, deadline);
  if (committed) return {};
  const bool stale = committed.error().kind == ErrorKind::kStaleMember;
  return {.outcome = stale ? CommitOutcome::kFenced : CommitOutcome::kAborted, .error = committed.error()};
}

CommitResult KafkaCommitGroup::abort_because(Error error, CommitOutcome outcome, MonotonicTime deadline) {
  CommitResult result = abort(deadline);
  if (result.outcome == CommitOutcome::kAborted) result = {.outcome = outcome, .error = std::move(error)};
  return result;
}

CommitResult KafkaCommitGroup::abort(MonotonicTime deadline) {
  {
    const std::lock_guard lock(mutex_);
    staged_.clear();
  }
  // Before what is open: the fence may have been what kept the transaction from being begun.
  if (std::optional<Error> dead = producer_->fatal()) {
    return {.outcome = producer_->transactional() ? CommitOutcome::kFenced : CommitOutcome::kUnknown,
            .error = *std::move(dead)};
  }
  if (!producer_->transactional()) {
    static_cast<void>(producer_->take_failures());
    producer_->ended();
    return {.outcome = CommitOutcome::kAborted, .error = {}};
  }
  if (!producer_->open()) return {.outcome = CommitOutcome::kAborted, .error = {}};
  for (;;) {
    const RdErrorPtr error(rd_kafka_abort_transaction(producer_->get(), milliseconds_until(deadline)));
    if (!error) {
      static_cast<void>(producer_->take_failures());  // of what has been aborted
      producer_->ended();
      return {.outcome = CommitOutcome::kAborted, .error = {}};
    }
    Error failed = producer_->client().failed(error.get(), "the transaction cannot be aborted");
    if (rd_kafka_error_is_fatal(error.get())) return {.outcome = CommitOutcome::kFenced, .error = std::move(failed)};
    if (!rd_kafka_error_is_retriable(error.get()) || now() >= deadline) {
      return {.outcome = CommitOutcome::kUnknown, .error = std::move(failed)};
    }
  }
}

}  // namespace tidemill::kafka
