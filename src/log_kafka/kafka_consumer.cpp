#include "log_kafka/kafka_consumer.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <tidemill/base/assert.hpp>
#include <tidemill/base/clock.hpp>
#include <tidemill/base/headers.hpp>

#include "base/logging.hpp"

namespace tidemill::kafka {
namespace {

PartitionListPtr list_of(std::span<const TopicPartition> partitions) {
  PartitionListPtr list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
  for (const TopicPartition& id : partitions) {
    rd_kafka_topic_partition_list_add(list.get(), id.topic.c_str(), id.partition.value);
  }
  return list;
}

Error not_assigned(std::string_view what, const TopicPartition& partition) {
  return {ErrorKind::kInvalidArgument, fmt::format("{}: {} is not assigned to this consumer", what, to_string(partition))};
}

Bytes encoded_headers(const rd_kafka_message_t& message) {
  rd_kafka_headers_t* found = nullptr;
  if (rd_kafka_message_headers(&message, &found) != RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  Headers headers;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(found, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
    headers.add(name, value == nullptr ? OptionalBytes() : OptionalBytes(Bytes(static_cast<const char*>(value), size)));
  }
  return headers.encode();
}

}  // namespace

void KafkaConsumer::Signal::raise() {
  const std::lock_guard lock(mutex);
  woken = true;
  changed.notify_all();
}

Result<ConfPtr> KafkaConsumer::conf(const KafkaLogOptions& options, Isolation isolation, std::string_view group,
                                    const Properties& more) {
  const bool committed = isolation == Isolation::kReadCommitted;
  return client_conf(options, "consumer.",
                     {{"check.crcs", "true"},
                      {"queued.min.messages", "20000"},
                      {"queued.max.messages.kbytes", "8192"},  // a partition's queue
                      {"fetch.wait.max.ms", "100"},
                      {"fetch.error.backoff.ms", "100"}},
                     more,
                     {{"group.id", std::string(group)},
                      {"enable.auto.commit", "false"},
                      {"enable.auto.offset.store", "false"},
                      {"enable.partition.eof", "true"},
                      {"auto.offset.reset", "error"},
                      {"isolation.level", committed ? "read_committed" : "read_uncommitted"}});
}

Result<std::unique_ptr<KafkaConsumer>> KafkaConsumer::make(ConfPtr conf, const std::string& description) {
  std::unique_ptr<KafkaConsumer> consumer(new KafkaConsumer);
  TIDEMILL_ASSIGN(consumer->client_, Client::make(RD_KAFKA_CONSUMER, std::move(conf), description));
  consumer->events_ = consumer->watch(rd_kafka_queue_get_consumer(consumer->client_->get()));
  return consumer;
}

// A message in a partition's queue refers to the partition, which owns the queue. Of a topic that is gone librdkafka knows
// neither any more, and its client would wait for them for ever. So: stop fetching for good, empty the queues, then go.
KafkaConsumer::~KafkaConsumer() {
  if (!client_) return;
  std::vector<TopicPartition> all;
  for (const auto& [id, assigned] : assigned_) all.push_back(id);
  unassign(all);
  rd_kafka_consumer_close(client_->get());
  for (const auto& [id, queue] : queues_) empty(*queue);
  queues_.clear();
  events_.reset();
}

KafkaConsumer::Queue::~Queue() {
  rd_kafka_queue_cb_event_enable(handle, nullptr, nullptr);
  rd_kafka_queue_destroy(handle);
}

std::unique_ptr<KafkaConsumer::Queue> KafkaConsumer::watch(rd_kafka_queue_t* handle) {
  auto queue = std::make_unique<Queue>();
  queue->handle = handle;
  queue->signal = &signal_;
  rd_kafka_queue_cb_event_enable(
      handle,
      [](rd_kafka_t*, void* opaque) {
        auto* filled = static_cast<Queue*>(opaque);
        filled->ready = true;
        const std::lock_guard lock(filled->signal->mutex);
        ++filled->signal->filled;
        filled->signal->changed.notify_all();
      },
      queue.get());
  return queue;
}

KafkaConsumer::Queue* KafkaConsumer::queue_of(const TopicPartition& partition) {
  rd_kafka_queue_t* handle = rd_kafka_queue_get_partition(client_->get(), partition.topic.c_str(), partition.partition.value);
  if (handle == nullptr) return nullptr;
  std::unique_ptr<Queue>& queue = queues_[partition];
  queue.reset();                            // first: it may be the same one, which has one callback
  rd_kafka_queue_forward(handle, nullptr);  // nothing of it ever goes to the common queue
  queue = watch(handle);
  queue->ready = rd_kafka_queue_length(handle) > 0;
  return queue.get();
}

bool KafkaConsumer::renew_silent_queues() {
  bool any = false;
  for (auto& [id, assigned] : assigned_) {
    if (assigned.alive) continue;
    any = true;
    if (assigned.queue->ready || rd_kafka_queue_length(assigned.queue->handle) > 0) continue;
    if (Queue* queue = queue_of(id)) assigned.queue = queue;
  }
  return any;
}

void KafkaConsumer::empty(const Queue& queue) {
  rd_kafka_consume_callback_queue(
      queue.handle, 0, [](rd_kafka_message_t*, void*) {}, nullptr);
}

Result<void> KafkaConsumer::add_to_client(std::span<const std::pair<TopicPartition, Offset>> partitions) {
  PartitionListPtr list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
  for (const auto& [id, offset] : partitions) {
    rd_kafka_topic_partition_list_add(list.get(), id.topic.c_str(), id.partition.value)->offset = offset.value;
  }
  const RdErrorPtr error(rd_kafka_incremental_assign(client_->get(), list.get()));
  if (error) return client_->failed(error.get(), "partitions cannot be assigned");
  return {};
}

Result<void> KafkaConsumer::take_from_client(std::span<const TopicPartition> partitions) {
  const PartitionListPtr list = list_of(partitions);
  const RdErrorPtr error(rd_kafka_incremental_unassign(client_->get(), list.get()));
  if (error) return client_->failed(error.get(), "partitions cannot be taken away");
  return {};
}

Result<void> KafkaConsumer::assign(std::span<const std::pair<TopicPartition, Offset>> partitions) {
  if (partitions.empty()) return {};
  std::vector<TopicPartition> known;
  for (const auto& [id, offset] : partitions) {
    if (assigned_.contains(id)) known.push_back(id);
  }
  unassign(known);
  for (const auto& [id, offset] : partitions) {
    Assigned assigned;
    assigned.id = std::make_shared<const TopicPartition>(id);
    assigned.position = offset;
    if (const auto before = queues_.find(id); before != queues_.end()) empty(*before->second);
    assigned.queue = queue_of(id);
    if (assigned.queue == nullptr) return client_->failed(RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, to_string(id));
    assigned_[id] = std::move(assigned);
  }
  return add_to_client(partitions);
}

void KafkaConsumer::unassign(std::span<const TopicPartition> partitions) {
  std::vector<TopicPartition> known;
  for (const TopicPartition& id : partitions) {
    if (assigned_.contains(id)) known.push_back(id);
  }
  if (known.empty()) return;
  if (const Result<void> taken = take_from_client(known); !taken) logger()->warn("{}", taken.error().message);
  for (const TopicPartition& id : known) {
    const auto found = assigned_.find(id);
    empty(*found->second.queue);
    assigned_.erase(found);
  }
}

Result<void> KafkaConsumer::seek(const TopicPartition& partition, Offset offset) {
  const auto found = assigned_.find(partition);
  if (found == assigned_.end()) return not_assigned("seek", partition);
  const std::pair<TopicPartition, Offset> again{partition, offset};
  TIDEMILL_TRY(take_from_client({&again.first, 1}));
  found->second.position = offset;
  found->second.at_end = false;
  found->second.failure = RD_KAFKA_RESP_ERR_NO_ERROR;
  found->second.alive = false;
  found->second.queue->ready = true;
  return add_to_client({&again, 1});
}

void KafkaConsumer::pause(const TopicPartition& partition) {
  if (const auto found = assigned_.find(partition); found != assigned_.end()) found->second.paused = true;
}
void KafkaConsumer::resume(const TopicPartition& partition) {
  if (const auto found = assigned_.find(partition); found != assigned_.end()) found->second.paused = false;
}

Result<PollResult> KafkaConsumer::poll(std::size_t bytes_max) {
  PollResult result;
  if (events_->ready.exchange(false)) rd_kafka_consume_callback_queue(events_->handle, 0, on_event, this);
  if (std::optional<Error> fatal = client_->fatal()) return *std::move(fatal);
  Reading reading{.consumer = this,
                  .assigned = nullptr,
                  .result = &result,
                  .bytes = 0,
                  .bytes_max = bytes_max,
                  .full = false,
                  .batch = nullptr,
                  .block = nullptr};
  (void)renew_silent_queues();
  auto at = assigned_.lower_bound(next_);
  for (std::size_t turn = 0; turn < assigned_.size() && !reading.full; ++turn, ++at) {
    if (at == assigned_.end()) at = assigned_.begin();
    Assigned& assigned = at->second;
    if (assigned.paused || !assigned.queue->ready.exchange(false)) continue;
    reading.assigned = &assigned;
    rd_kafka_consume_callback_queue(assigned.queue->handle, 0, on_message, &reading);
    end_batch(reading);
    if (reading.full) assigned.queue->ready = true;  // something may be left, and no event will say so
  }
  next_ = at == assigned_.end() ? TopicPartition{} : at->first;
  return result;
}

// One error is told of a partition that fails (a topic that goes is several to librdkafka); but that its position is out of range
// always, since librdkafka reads on only where it is told to.
bool KafkaConsumer::is_news(rd_kafka_resp_err_t before, rd_kafka_resp_err_t now) {
  if (before == RD_KAFKA_RESP_ERR_NO_ERROR) return true;
  const bool out_of_range = now == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || now == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE;
  return out_of_range && before != now;
}

void KafkaConsumer::on_message(rd_kafka_message_t* message, void* opaque) {
  auto& reading = *static_cast<Reading*>(opaque);
  Assigned& assigned = *reading.assigned;
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    assigned.at_end = false;
    assigned.failure = RD_KAFKA_RESP_ERR_NO_ERROR;
    assigned.alive = true;
    // What a seek has made void may still arrive.
    if (message->offset < assigned.position.value) return;
    assigned.position = Offset(message->offset + 1);
    add(reading, *message);
  } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    assigned.alive = true;
    if (message->offset >= assigned.position.value) {
      assigned.position = Offset(message->offset);
      assigned.at_end = true;
    }
  } else if (is_news(std::exchange(assigned.failure, message->err), message->err)) {
    const std::string what = fmt::format("{} at offset {}", to_string(*assigned.id), assigned.position.value);
    const char* reason = rd_kafka_message_errstr(message);
    Error error = reading.consumer->client_->failed(message->err, what);
    if (reason != nullptr) error.message += fmt::format(": {}", reason);
    reading.result->errors.push_back({*assigned.id, std::move(error)});
  }
  if (reading.bytes >= reading.bytes_max) {
    reading.full = true;
    rd_kafka_yield(reading.consumer->client_->get());  // the rest stays in the queue
  }
}

void KafkaConsumer::on_event(rd_kafka_message_t* message, void* opaque) {
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR || message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) return;
  static_cast<KafkaConsumer*>(opaque)->client_->note(message->err, rd_kafka_message_errstr(message));
}

void KafkaConsumer::add(Reading& reading, const rd_kafka_message_t& message) {
  const Bytes headers = encoded_headers(message);
  const std::size_t needed = message.key_len + message.len + headers.size();
  if (reading.batch && reading.block->capacity() - reading.block->size() < needed) end_batch(reading);
  if (!reading.batch) {
    reading.block = std::make_shared<Bytes>();
    reading.block->reserve(std::max(kBlockBytes, needed));  // never grows: views point into it
    reading.batch = std::make_shared<RecordBatch>();
    reading.batch->partition = reading.assigned->id;
    reading.batch->memory = reading.block;
    reading.batch->size_bytes = reading.block->capacity();
  }
  Bytes& block = *reading.block;
  const auto copied = [&block](const void* bytes, std::size_t size) {
    const std::size_t begin = block.size();
    block.append(static_cast<const char*>(bytes), size);
    return BytesView(block.data() + begin, size);
  };
  LogRecord& record = reading.batch->records.emplace_back();
  record.offset = Offset(message.offset);
  rd_kafka_timestamp_type_t type;
  record.timestamp = Timestamp(rd_kafka_message_timestamp(&message, &type));
  if (message.key != nullptr) record.key = copied(message.key, message.key_len);
  if (message.payload != nullptr) record.value = copied(message.payload, message.len);
  if (!headers.empty()) record.headers = copied(headers.data(), headers.size());
  reading.bytes += needed;
}

void KafkaConsumer::end_batch(Reading& reading) {
  if (reading.batch) reading.result->batches.push_back(std::move(reading.batch));
  reading.batch.reset();
  reading.block.reset();
}

Result<Offset> KafkaConsumer::position(const TopicPartition& partition) const {
  const auto found = assigned_.find(partition);
  if (found == assigned_.end()) return not_assigned("position", partition);
  return found->second.position;
}

bool KafkaConsumer::caught_up(const TopicPartition& partition) const {
  const auto found = assigned_.find(partition);
  return found != assigned_.end() && found->second.at_end && !found->second.queue->ready;
}

std::optional<Offset> KafkaConsumer::high_watermark(const TopicPartition& partition) const {
  std::int64_t low = 0;
  std::int64_t high = 0;
  const rd_kafka_resp_err_t error =
      rd_kafka_get_watermark_offsets(client_->get(), partition.topic.c_str(), partition.partition.value, &low, &high);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR || high < 0) return std::nullopt;
  return Offset(high);
}

bool KafkaConsumer::something_to_read() const {
  if (events_->ready) return true;
  return std::any_of(assigned_.begin(), assigned_.end(),
                     [](const auto& entry) { return !entry.second.paused && entry.second.queue->ready; });
}

bool KafkaConsumer::wait(MonotonicTime deadline) {
  for (;;) {
    // Outside of the lock: librdkafka's callbacks take it while they hold their queue's.
    const bool silent = renew_silent_queues();
    const MonotonicTime until = silent ? std::min(deadline, system_clock().now().monotonic + kRenewInterval) : deadline;
    std::unique_lock lock(signal_.mutex);
    if (std::exchange(signal_.woken, false)) return true;
    if (something_to_read()) return true;
    const std::uint64_t filled = signal_.filled;
    const bool event = signal_.changed.wait_until(lock, until, [&] { return signal_.woken || signal_.filled != filled; });
    if (!event && until == deadline) return false;
  }
}

void KafkaConsumer::wake() { signal_.raise(); }

}  // namespace tidemill::kafka
