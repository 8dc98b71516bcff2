#include "runtime/record_collector.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/murmur2.hpp"
#include "runtime/stream_task.hpp"
#include "runtime/task_exceptions.hpp"

namespace tidemill::runtime {
namespace {

constexpr std::chrono::seconds kTopicLookupTimeout{30};

}  // namespace

LogRecordCollector::Target& LogRecordCollector::target(std::string_view topic) {
  for (const auto& known : targets_) {
    if (known->name == topic) {
      if (known->incarnation != gate_.incarnation()) resolve(*known);
      return *known;
    }
  }
  auto added = std::make_unique<Target>();
  added->name = std::string(topic);
  added->log_name = topology_.log_topic(config_.application_id, topic);
  resolve(*added);
  targets_.push_back(std::move(added));
  return *targets_.back();
}

void LogRecordCollector::resolve(Target& target) {
  const MonotonicTime deadline = clock_.now().monotonic + kTopicLookupTimeout;
  Result<TopicHandle> handle = gate_.producer().topic(target.log_name, deadline);
  if (!handle && handle.error().kind == ErrorKind::kNotFound && make_topic_ != nullptr && *make_topic_) {
    if (const Result<void> made = (*make_topic_)(target.log_name); made || made.error().kind == ErrorKind::kAlreadyExists) {
      handle = gate_.producer().topic(target.log_name, deadline);
    }
  }
  if (!handle) {
    throw FailedProcessingException(fmt::format("topic \"{}\" cannot be written: {}; create it, or look at the name",
                                                target.log_name, handle.error().message));
  }
  target.handle = *handle;
  target.partitions = gate_.producer().partition_count(*handle);
  target.incarnation = gate_.incarnation();
  target.sticky_partition = task_number_;
}

void LogRecordCollector::send(std::string_view node, std::string_view topic, OptionalBytesView key, OptionalBytesView value,
                              const RecordContext& context, const PartitionChoice& choice) {
  Target& to = target(topic);
  ProducerRecord record{.topic = to.handle,
                        .partition = PartitionId(0),
                        .timestamp = context.timestamp,
                        .key = key,
                        .value = value,
                        .headers = {},
                        .cookie = std::uint64_t{task_number_} << 32 | static_cast<std::uint32_t>(to.handle)};
  // Of this call alone: a refusal below may send a dead letter, which comes through here as well.
  Bytes headers;
  if (context.headers != nullptr && !context.headers->empty()) headers = context.headers->encode();
  record.headers = headers;
  switch (choice.kind) {
    case PartitionChoice::Kind::kDefault:
      if (key) {
        record.partition = partition_for_key(*key, to.partitions);
      } else {
        if (++to.sticky_count % kStickyRecords == 0) ++to.sticky_partition;
        record.partition =
            PartitionId(static_cast<std::int32_t>(to.sticky_partition % static_cast<std::uint32_t>(to.partitions)));
      }
      send_to(node, to, record);
      return;
    case PartitionChoice::Kind::kDrop: task_->drop(node, "partitioner-says-none", context); return;
    case PartitionChoice::Kind::kList:
      for (const PartitionId partition : choice.partitions) {
        if (partition.value < 0 || partition.value >= to.partitions) {
          throw StreamsException(fmt::format("sink \"{}\": its partitioner chose partition {} of topic \"{}\", which has "
                                             "partitions 0 to {}",
                                             node, partition.value, to.log_name, to.partitions - 1));
        }
        record.partition = partition;
        send_to(node, to, record);
      }
      return;
  }
}

void LogRecordCollector::send_to(std::string_view node, Target& target, ProducerRecord& record) {
  const Result<void> sent = gate_.send(record);
  if (sent) return;
  failed(node, {.topic = target.log_name,
                .serialization = false,
                .error = sent.error(),
                .partition = record.partition,
                .timestamp = record.timestamp,
                .key = to_owned(record.key),
                .value = to_owned(record.value)});
}

void LogRecordCollector::failed(std::string_view node, const ProductionError& error) {
  if (!task_->goes_on_after(node, error)) throw TransactionBroken(error.error);
}

bool LogRecordCollector::has_written_to(std::string_view log_topic) const {
  return std::any_of(targets_.begin(), targets_.end(), [log_topic](const auto& known) { return known->log_name == log_topic; });
}

void LogRecordCollector::delivery_failed(const DeliveryFailure& failure) {
  switch (failure.error.kind) {
    case ErrorKind::kFenced:
    case ErrorKind::kStaleMember: throw TaskMigrated(failure.error);
    case ErrorKind::kTransactionAborted: throw TransactionBroken(failure.error);
    default: break;
  }
  // The record that led to it is long gone; the sinks that write to the topic are known.
  std::string sinks;
  for (const NodeSpec& node : topology_.nodes) {
    if (node.kind != NodeKind::kSink || topology_.log_topic(config_.application_id, node.sink_topic) != failure.partition.topic)
      continue;
    sinks += (sinks.empty() ? "" : ", ") + node.name;
  }
  failed(sinks, {.topic = failure.partition.topic,
                 .serialization = false,
                 .error = failure.error,
                 .partition = failure.partition.partition,
                 .timestamp = failure.timestamp,
                 .key = failure.key,
                 .value = failure.value});
}

}  // namespace tidemill::runtime
