#include "log_embedded/socket_commit_group.hpp"

#include <algorithm>
#include <charconv>
#include <tidemill/base/assert.hpp>
#include <tidemill/base/clock.hpp>

#include "log_embedded/socket_consumer.hpp"

namespace tidemill::embedded {
namespace {

constexpr std::size_t kBatchBytes = 128 * 1024;
constexpr std::size_t kRecordOverheadMax = 40;
/// Sent and not answered yet, before send() answers kFull.
constexpr std::size_t kOutstandingBytesMax = std::size_t{8} << 20;
constexpr std::size_t kDefaultMessageBytesMax = 1048588;
constexpr std::chrono::seconds kConsumerPatience{10};

std::size_t message_bytes_max(const TopicConfig& config) {
  std::size_t bytes = kDefaultMessageBytesMax;
  if (const auto found = config.find("max.message.bytes"); found != config.end()) {
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), bytes);
  }
  constexpr std::size_t kBesideTheBatch = 1024;
  return std::min(bytes, kOwnerRequestBytesMax - kBesideTheBatch);
}

}  // namespace

void SocketPipe::ask(const Request& request, Outstanding what) {
  channel->ask(request);
  outstanding_bytes += what.bytes;
  outstanding.push_back(std::move(what));
}

Result<void> SocketPipe::take(const Outstanding& what, const Bytes& answer) {
  if (what.failures == nullptr) {
    TIDEMILL_ASSIGN(flushed, decode_answer<Flush>(answer));
    return {};
  }
  TIDEMILL_TRY(decode_answer<Produce>(answer));
  return {};
}

void SocketPipe::pump() {
  while (!outstanding.empty()) {
    const auto answer = channel->next_answer();
    if (answer && !answer->has_value()) return;
    const Outstanding what = std::move(outstanding.front());
    outstanding.pop_front();
    outstanding_bytes -= what.bytes;
    const Result<void> taken = answer ? take(what, **answer) : Result<void>(answer.error());
    if (taken) continue;
    if (!broken) broken = taken.error();
    if (what.failures != nullptr) {
      what.failures->push_back({what.partition, 0, taken.error(), kNoTimestamp, std::nullopt, std::nullopt, {}});
    }
  }
}

Result<void> SocketPipe::drain(MonotonicTime deadline) {
  while (true) {
    pump();
    if (outstanding.empty()) break;
    if (!channel->wait(deadline)) return channel->no_answer();
  }
  if (broken) return *broken;
  return {};
}

Result<TopicHandle> SocketProducer::topic(std::string_view name, MonotonicTime deadline) {
  for (std::size_t i = 0; i < topics_.size(); ++i) {
    if (topics_[i].name == name) return static_cast<TopicHandle>(i);
  }
  std::lock_guard guard(pipe_->mutex);
  TIDEMILL_TRY(pipe_->drain(deadline));
  TIDEMILL_ASSIGN(const TopicDescription topic, pipe_->channel->call(DescribeTopic{std::string(name)}, deadline));
  KnownTopic known{topic.name, message_bytes_max(topic.config), {}};
  known.partitions.resize(static_cast<std::size_t>(std::max(topic.partitions, 0)));
  topics_.push_back(std::move(known));
  return static_cast<TopicHandle>(topics_.size() - 1);
}

std::int32_t SocketProducer::partition_count(TopicHandle topic) const {
  return static_cast<std::int32_t>(topics_[static_cast<std::size_t>(topic)].partitions.size());
}

SendStatus SocketProducer::fail(ErrorKind kind, std::string message) {
  last_error_ = Error{kind, std::move(message)};
  return SendStatus::kFailed;
}

SendStatus SocketProducer::send(const ProducerRecord& record) {
  TIDEMILL_ASSERT(record.topic >= 0 && static_cast<std::size_t>(record.topic) < topics_.size());
  KnownTopic& topic = topics_[static_cast<std::size_t>(record.topic)];
  const auto index = static_cast<std::size_t>(record.partition.value);
  if (record.partition.value < 0 || index >= topic.partitions.size()) {
    return fail(ErrorKind::kInvalidArgument,
                "send: topic \"" + topic.name + "\" has " + std::to_string(topic.partitions.size()) +
                    " partitions; there is no partition " + std::to_string(record.partition.value));
  }
  const std::size_t bytes =
      (record.key ? record.key->size() : 0) + (record.value ? record.value->size() : 0) + record.headers.size();
  if (bytes + kRecordOverheadMax + kBatchHeaderBytes > topic.batch_bytes_max) {
    return fail(ErrorKind::kTooLarge, "send: a record of " + std::to_string(bytes) + " bytes to \"" + topic.name +
                                          "\", which takes messages of " + std::to_string(topic.batch_bytes_max) + " bytes");
  }
  BatchBuilder& partition = topic.partitions[index];
  const std::size_t full = std::min(kBatchBytes, topic.batch_bytes_max);
  std::lock_guard guard(pipe_->mutex);
  if (pipe_->broken) {
    last_error_ = *pipe_->broken;
    return SendStatus::kFailed;
  }
  if (!partition.empty() && partition.size_bytes() + bytes + kRecordOverheadMax > full) {
    if (pipe_->outstanding_bytes + partition.size_bytes() > kOutstandingBytesMax) return SendStatus::kFull;
    seal(topic, partition, record.partition.value);
  }
  const Timestamp timestamp = record.timestamp == kNoTimestamp ? system_clock().now().wall : record.timestamp;
  partition.add(timestamp, record.key, record.value, record.headers);
  return SendStatus::kAccepted;
}

// Under the pipe's lock.
void SocketProducer::seal(const KnownTopic& topic, BatchBuilder& partition, std::int32_t index) {
  const TopicPartition id{topic.name, PartitionId(index)};
  Bytes batch = partition.seal({});
  const std::size_t bytes = batch.size();
  pipe_->ask(Produce{id, std::move(batch)}, {id, bytes, failures_});
}

void SocketProducer::dispatch() {
  std::lock_guard guard(pipe_->mutex);
  for (KnownTopic& topic : topics_) {
    for (std::size_t index = 0; index < topic.partitions.size(); ++index) {
      if (topic.partitions[index].empty()) continue;
      if (pipe_->broken) {
        topic.partitions[index].clear();
      } else {
        seal(topic, topic.partitions[index], static_cast<std::int32_t>(index));
      }
    }
  }
  pipe_->pump();
}

std::vector<DeliveryFailure> SocketProducer::take_failures() {
  std::lock_guard guard(pipe_->mutex);
  pipe_->pump();
  return std::exchange(*failures_, {});
}

std::unique_ptr<LogProducer> SocketCommitGroup::producer() { return std::unique_ptr<LogProducer>(new SocketProducer(pipe_)); }

std::unique_ptr<LogConsumer> SocketCommitGroup::consumer() {
  auto channel = OwnerChannel::open(directory_, system_clock().now().monotonic + kConsumerPatience);
  auto event = make_event();
  return std::unique_ptr<LogConsumer>(
      new SocketConsumer(channel ? *std::move(channel) : OwnerChannel::broken_by(channel.error()),
                         event ? *std::move(event) : Descriptor(), Isolation::kReadCommitted));
}

Result<void> SocketCommitGroup::stage(std::span<const CommitPosition> positions) {
  if (positions.empty()) return {};
  return Error{ErrorKind::kUnsupported, "positions can be committed only by the process that owns the directory"};
}

Result<std::vector<WrittenPosition>> SocketCommitGroup::flush(MonotonicTime deadline) {
  std::lock_guard guard(pipe_->mutex);
  TIDEMILL_TRY(pipe_->drain(deadline));
  pipe_->ask(Flush{}, {});
  TIDEMILL_TRY(pipe_->drain(deadline));
  return std::exchange(pipe_->flushed, {});
}

CommitResult SocketCommitGroup::commit(const MembershipToken&, MonotonicTime deadline) {
  if (auto flushed = flush(deadline); !flushed) return {CommitOutcome::kUnknown, flushed.error()};
  return {};
}

CommitResult SocketCommitGroup::abort(MonotonicTime deadline) {
  std::lock_guard guard(pipe_->mutex);
  pipe_->outstanding.clear();
  pipe_->outstanding_bytes = 0;
  auto channel = OwnerChannel::open(directory_, deadline);
  if (!channel) return {CommitOutcome::kUnknown, channel.error()};
  pipe_->channel = *std::move(channel);
  pipe_->broken.reset();
  return {CommitOutcome::kAborted, {}};
}

}  // namespace tidemill::embedded
