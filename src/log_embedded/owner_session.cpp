#include "log_embedded/owner_session.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>

namespace tidemill::embedded {
namespace {

constexpr std::chrono::seconds kFlushPatience{30};

Result<Done> done(const Result<void>& result) {
  if (!result) return result.error();
  return Done{};
}

}  // namespace

short OwnerSession::interest() const {
  // The event of poll(2) for a lost connection needs no asking.
  return static_cast<short>(out_.empty() ? POLLIN : POLLOUT);
}

std::optional<MonotonicTime> OwnerSession::deadline() const {
  if (!read_) return std::nullopt;
  return read_->deadline;
}

bool OwnerSession::busy() const {
  const auto size = whole_frame(in_, kOwnerRequestBytesMax);
  return out_.empty() && size && *size > 0;
}

bool OwnerSession::turn() {
  clear_event(event_.number());  // before looking: what comes from now on raises it again
  if (!exchange()) return false;
  const auto size = whole_frame(in_, kOwnerRequestBytesMax);
  if (!size) {
    answer(encode_answer<Hello>(size.error()));
    over_ = true;  // what follows cannot be told apart
  } else if (out_.empty() && *size > 0) {
    if (read_) try_to_answer_read(true);
    handle(BytesView(in_).substr(kOwnerFrameHeadBytes, *size - kOwnerFrameHeadBytes));
    in_.erase(0, *size);
  } else if (read_) {
    try_to_answer_read(engine_->clock.now().monotonic >= read_->deadline);
  }
  return exchange() && !(over_ && out_.empty());
}

bool OwnerSession::exchange() {
  const auto sent = send_some(socket_.number(), out_);
  if (!sent) return false;
  out_.erase(0, *sent);
  constexpr std::size_t kEnough = kOwnerRequestBytesMax + kOwnerFrameHeadBytes;  // a whole request is there
  if (!out_.empty() || over_ || in_.size() >= kEnough) return true;
  return receive_some(socket_.number(), in_, kEnough - in_.size()).has_value();
}

void OwnerSession::handle(BytesView bytes) {
  Result<Request> request = decode_request(bytes);
  if (!request) return answer(encode_answer<Hello>(request.error()));
  if (auto* read = std::get_if<Read>(&*request)) {
    const auto wait = std::min<std::chrono::milliseconds>(std::chrono::milliseconds(read->wait_ms), kOwnerReadWaitMax);
    assign(*read);
    read_ = KeptRead{std::move(*read), engine_->clock.now().monotonic + wait};
    return try_to_answer_read(wait.count() == 0);
  }
  std::visit(
      [&](const auto& asked) {
        using Ask = std::decay_t<decltype(asked)>;
        if constexpr (!std::is_same_v<Ask, Read>) answer(encode_answer<Ask>(serve(asked)));
      },
      *request);
}

Result<HelloAnswer> OwnerSession::serve(const Hello& request) {
  if (request.version != kOwnerProtocolVersion) {
    return Error{ErrorKind::kUnsupported, "this process speaks version " + std::to_string(kOwnerProtocolVersion) +
                                              " of the owner's protocol, it was asked in version " +
                                              std::to_string(request.version) + ": use the tool of its version"};
  }
  return HelloAnswer{kOwnerProtocolVersion, ::getpid(), log_.traits().default_partitions, log_.traits().cannot};
}
Result<std::vector<TopicDescription>> OwnerSession::serve(const ListTopics&) { return log_.admin().list_topics({}); }
Result<TopicDescription> OwnerSession::serve(const DescribeTopic& request) {
  return log_.admin().describe_topic(request.topic, {});
}
Result<Done> OwnerSession::serve(const CreateTopic& request) { return done(log_.admin().create_topic(request.topic, {})); }
Result<Done> OwnerSession::serve(const DeleteTopic& request) { return done(log_.admin().delete_topic(request.topic, {})); }
Result<Done> OwnerSession::serve(const AlterTopic& request) {
  return done(log_.admin().alter_topic(request.topic, request.config, {}));
}
Result<std::vector<PartitionOffsets>> OwnerSession::serve(const AskOffsets& request) {
  return log_.admin().offsets(request.partitions, {});
}
Result<Offset> OwnerSession::serve(const AskOffsetForTime& request) {
  return log_.admin().offset_for_time(request.partition, request.timestamp, {});
}
Result<Done> OwnerSession::serve(const DeleteRecords& request) {
  return done(log_.admin().delete_records(request.partition, request.before, {}));
}
Result<std::vector<std::string>> OwnerSession::serve(const ListGroups&) { return log_.admin().list_groups({}); }
Result<GroupDescription> OwnerSession::serve(const DescribeGroup& request) {
  return log_.admin().describe_group(request.group, {});
}

// A failure leaves the group behind: what was sent before it may be there, and the next record begins anew.
Result<Done> OwnerSession::serve(const Produce& request) {
  if (!group_) {
    TIDEMILL_ASSIGN(group_,
                    log_.commit_group({.name = {}, .application_id = {}, .guarantee = ProcessingGuarantee::kAtLeastOnce}, {}));
    producer_ = group_->producer();
  }
  const auto send = [&]() -> Result<void> {
    TIDEMILL_ASSIGN(const RecordBatchPtr batch, decode_batch(std::make_shared<const Bytes>(request.batch), 0,
                                                             std::make_shared<const TopicPartition>(request.partition)));
    ProducerRecord record;
    TIDEMILL_ASSIGN(record.topic, producer_->topic(request.partition.topic, {}));
    record.partition = request.partition.partition;
    for (const LogRecord& one : batch->records) {
      record.timestamp = one.timestamp;
      record.key = one.key;
      record.value = one.value;
      record.headers = one.headers;
      const SendStatus status = producer_->send(record);
      if (status == SendStatus::kFull) return Error{ErrorKind::kFull, "the owner's buffers are full"};
      if (status == SendStatus::kFailed) return producer_->last_error();
    }
    producer_->dispatch();
    const std::vector<DeliveryFailure> failures = producer_->take_failures();
    if (!failures.empty()) return failures.front().error;
    return {};
  };
  const Result<void> sent = send();
  if (sent) return Done{};
  producer_.reset();
  group_.reset();
  return sent.error();
}

Result<std::vector<WrittenPosition>> OwnerSession::serve(const Flush&) {
  if (!group_) return std::vector<WrittenPosition>();
  auto flushed = group_->flush(engine_->clock.now().monotonic + kFlushPatience);
  if (!flushed) {
    producer_.reset();
    group_.reset();
  }
  return flushed;
}

// The consumer lives as long as the session, so that partitions take turns over many reads.
void OwnerSession::assign(const Read& request) {
  if (!consumer_ || isolation_ != request.isolation) {
    isolation_ = request.isolation;
    assigned_.clear();
    consumer_ = std::unique_ptr<EmbeddedConsumer>(new EmbeddedConsumer(engine_, isolation_, nullptr));
    consumer_->wake_through(event_.number());
  }
  std::map<TopicPartition, Offset> wanted(request.partitions.begin(), request.partitions.end());
  unassignable_.clear();
  for (auto assigned = assigned_.begin(); assigned != assigned_.end();) {
    if (wanted.contains(*assigned)) {
      ++assigned;
      continue;
    }
    consumer_->unassign(std::span(&*assigned, 1));
    assigned = assigned_.erase(assigned);
  }
  for (const std::pair<const TopicPartition, Offset>& partition : wanted) {
    const auto position = consumer_->position(partition.first);
    if (position && *position == partition.second) continue;
    const std::pair<TopicPartition, Offset> from = partition;
    if (auto assigned = consumer_->assign(std::span(&from, 1)); !assigned) {
      unassignable_.emplace(partition.first, assigned.error());
    } else {
      assigned_.insert(partition.first);
    }
  }
}

void OwnerSession::try_to_answer_read(bool at_last) {
  const Read& request = read_->request;
  const std::size_t bytes = std::clamp<std::size_t>(request.bytes_max, 1, kOwnerReadBytesMax);
  Result<PollResult> polled = consumer_->poll(bytes);
  if (!polled) {
    answer(encode_answer<Read>(polled.error()));
    read_.reset();
    return;
  }
  std::vector<PartitionRead> result(request.partitions.size());
  std::map<TopicPartition, PartitionRead*> by_partition;
  bool news = at_last;
  for (std::size_t i = 0; i < result.size(); ++i) {
    const auto& [id, from] = request.partitions[i];
    by_partition[id] = &result[i];
    result[i].position = consumer_->position(id).has_value() ? *consumer_->position(id) : from;
    result[i].high_watermark = consumer_->high_watermark(id);
    if (const auto error = unassignable_.find(id); error != unassignable_.end()) {
      result[i].error = error->second;
    } else {
      result[i].caught_up = consumer_->caught_up(id);
    }
    news = news || result[i].position != from || result[i].error;
  }
  for (const RecordBatchPtr& batch : polled->batches) by_partition[*batch->partition]->batches.push_back(batch_of(*batch));
  for (const PartitionError& error : polled->errors) {
    by_partition[error.partition]->error = error.error;
    news = true;
  }
  if (!news) return;
  Bytes body = encode_answer<Read>(std::move(result));
  if (body.size() > kOwnerAnswerBytesMax) {
    body = encode_answer<Read>(Error{ErrorKind::kTooLarge, "records of " + std::to_string(body.size()) +
                                                               " bytes are more than one answer may hold: stop the process "
                                                               "that owns the directory, and read without it"});
  }
  answer(std::move(body));
  read_.reset();
}

}  // namespace tidemill::embedded
