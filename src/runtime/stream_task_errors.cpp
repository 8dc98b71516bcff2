// How a task answers what goes wrong with one record: it asks the configured handler, sends its dead letters, and
// either counts the record as dropped or ends the task with a FailedProcessingException.
#include <fmt/format.h>

#include <tidemill/serde/serde.hpp>

#include "base/logging.hpp"
#include "base/thrown_error.hpp"
#include "runtime/stream_task.hpp"

namespace tidemill::runtime {
namespace {

std::string place(const ErrorHandlerContext& context) {
  return context.topic.empty()
             ? std::string("a punctuation")
             : fmt::format("offset {} of {}-{}", context.offset.value, context.topic, context.partition.value);
}

}  // namespace

void StreamTask::drop(std::string_view, std::string_view reason, const RecordContext&) { metrics_->dropped.add(reason); }

ErrorHandlerContext StreamTask::error_context(std::string_view node) const {
  ErrorHandlerContext result;
  result.processor_node_id = std::string(node);
  result.task_id = options_.id;
  if (current != nullptr) {
    result.timestamp = current->timestamp;
    result.offset = current->offset;
    if (current->source != nullptr) {
      result.topic = current->source->topic;
      result.partition = current->source->partition;
    }
    if (current->headers != nullptr) result.headers = *current->headers;
  }
  // What a suppression or a cache has held back comes from elsewhere: the bytes at work are not its own.
  const bool held_back = raw != nullptr && current != nullptr && current->source != nullptr &&
                         raw->context->source != nullptr &&
                         (current->offset != raw->context->offset || !(*current->source == *raw->context->source));
  if (raw != nullptr && !held_back) {
    // Where the record came from does not change on its way. Headers and time do: they are those that it came to the node with.
    result.offset = raw->context->offset;
    if (raw->context->source != nullptr) {
      result.topic = raw->context->source->topic;
      result.partition = raw->context->source->partition;
    }
    result.source_raw_key = to_owned(raw->key);
    result.source_raw_value = to_owned(raw->value);
  }
  return result;
}

void StreamTask::send_dead_letters(std::string_view node, const std::vector<DeadLetterRecord>& records) {
  if (is_global()) return lose_dead_letters(node, records);
  static const PartitionChoice kAnyPartition;
  // What refuses one of them asks the handler again, whose answer may have dead letters, too.
  if (sending_dead_letters_) return;
  sending_dead_letters_ = true;
  struct Sent {
    bool& sending;
    ~Sent() { sending = false; }
  } const sent{sending_dead_letters_};
  for (const DeadLetterRecord& record : records) {
    const RecordContext context{.source = nullptr,
                                .offset = kNoOffset,
                                .timestamp = record.timestamp,
                                .headers = record.headers.empty() ? nullptr : &record.headers};
    options_.collector->send(node, record.topic, to_view(record.key), to_view(record.value), context, kAnyPartition);
  }
}

// Every instance reads the topic of a global store, and one that keeps it in memory reads all of it at every start: each of them would
// write the same letters again and again.
void StreamTask::lose_dead_letters(std::string_view node, const std::vector<DeadLetterRecord>& records) {
  for (const DeadLetterRecord& record : records) {
    metrics_->dead_letters_not_written.add();
    const std::uint64_t count = metrics_->dead_letters_not_written.value();
    if ((count & (count - 1)) != 0) continue;  // the first, the second, the fourth, ...: there may be as many as records
    logger()->warn(
        "global stores: the dead letter for {} of the record at {} is not written: the global stores of an instance have no "
        "producer ({} so far)",
        record.topic, place(error_context(node)), count);
  }
}

// What the task has sent is aborted with it; what it leaves is written after that.
void StreamTask::leave_dead_letters(std::string_view node, const std::vector<DeadLetterRecord>& records) {
  if (sending_dead_letters_) return;  // as send_dead_letters()
  if (options_.failure_letters == nullptr) return send_dead_letters(node, records);
  options_.failure_letters->keep(error_context(node), records);
}

namespace {

/// A handler is the user's code, too; what it throws ends the task with its name.
template <class Handler, class Error>
HandlerResponse ask(const Handler& handler, const char* name, const ErrorHandlerContext& context, const Error& error) {
  try {
    return handler(context, error);
  } catch (...) {
    const ThrownError thrown = describe_exception(std::current_exception());
    throw FailedProcessingException(fmt::format("the {} threw {} at node \"{}\" of task {}: {}", name, thrown.type,
                                                context.processor_node_id, to_string(context.task_id), thrown.message));
  }
}

template <class E>
bool is_a(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const E&) {
    return true;
  } catch (...) {
    return false;
  }
}

}  // namespace

void StreamTask::deserialization_failed(const Input& input, const RawRecord& record, const std::exception_ptr& error) {
  const std::string& node = input.source_spec->name;
  ErrorHandlerContext context = error_context(node);
  context.timestamp = input.queue.head().timestamp;  // its own: what an extractor said of it means nothing
  const ThrownError thrown = describe_exception(error);
  const StreamsConfig& config = *options_.config;
  const DeserializationExceptionHandler handler =
      config.deserialization_exception_handler
          ? config.deserialization_exception_handler
          : log_and_fail_on_deserialization_error(config.errors_dead_letter_queue_topic_name);
  const HandlerResponse response = ask(handler, "deserialization exception handler", context,
                                       HandledError{.exception = thrown.type, .message = thrown.message});
  if (response.answer != HandlerAnswer::kResume) {
    leave_dead_letters(node, response.dead_letters);
    throw FailedProcessingException(fmt::format(
        "source \"{}\" cannot decode the record at offset {} of {}: {}; set deserialization.exception.handler to go on "
        "past such records",
        node, record.context->offset.value, to_string(input.queue.partition()), thrown.message));
  }
  send_dead_letters(node, response.dead_letters);
  logger()->warn("task {}: the record at offset {} of {} cannot be decoded and is dropped: {}", to_string(options_.id),
                 record.context->offset.value, to_string(input.queue.partition()), thrown.message);
  metrics_->dropped.add("deserialization-error");
}

void StreamTask::refuse_future_record(const Input& input, const RawRecord& record, Timestamp timestamp, Timestamp now) {
  const std::string& node = input.source_spec->name;
  const HandledError error{
      .exception = "FutureTimestampException",
      .message = fmt::format("the record's timestamp {} is {} ms ahead of the clock, and "
                             "timestamp.after.max.ms is {}",
                             timestamp.value, timestamp - now, options_.config->timestamp_after_max.count())};
  logger()->warn("task {}: the record at offset {} of {} is dropped: {}", to_string(options_.id), record.context->offset.value,
                 to_string(input.queue.partition()), error.message);
  const std::string& dead_letters = options_.config->errors_dead_letter_queue_topic_name;
  if (!dead_letters.empty()) send_dead_letters(node, {make_dead_letter(dead_letters, error_context(node), error)});
  metrics_->dropped.add("future-timestamp");
}

/// What a sink cannot encode is a production error, as in Kafka Streams; everything else is a processing error.
const NodeSpec* StreamTask::sink_that_cannot_encode(const OperatorNode& node, const std::exception_ptr& error) const {
  for (const std::int32_t id : options_.part.nodes) {
    const NodeSpec& spec = options_.topology->nodes[static_cast<std::size_t>(id)];
    if (&spec.name == &node.name())
      return spec.kind == NodeKind::kSink && is_a<SerializationException>(error) ? &spec : nullptr;
  }
  return nullptr;
}

/// Not the record's fault: no handler is to drop it.
void StreamTask::throw_out_of_memory(const OperatorNode& node) const {
  std::string message = "out of memory";
  try {
    message = fmt::format("processor \"{}\" of task {} is out of memory at {}", node.name(), to_string(options_.id),
                          place(error_context(node.name())));
  } catch (const std::bad_alloc&) {  // not even for the sentence
  }
  throw FailedProcessingException(message);
}

void StreamTask::handle_processing_exception(const OperatorNode& node, const ErasedRecord*, std::exception_ptr error) {
  if (is_a<std::bad_alloc>(error)) throw_out_of_memory(node);
  const ThrownError thrown = describe_exception(error);
  if (const NodeSpec* sink = sink_that_cannot_encode(node, error)) {
    const ProductionError production{.topic = options_.topology->log_topic(application_id(), sink->sink_topic),
                                     .serialization = true,
                                     .origin = encoding,
                                     .error = {ErrorKind::kInvalidArgument, thrown.message}};
    static_cast<void>(goes_on_after(node.name(), production));
    return;
  }
  const StreamsConfig& config = *options_.config;
  const ProcessingExceptionHandler handler = config.processing_exception_handler
                                                 ? config.processing_exception_handler
                                                 : log_and_fail_on_processing_error(config.errors_dead_letter_queue_topic_name);
  const ErrorHandlerContext context = error_context(node.name());
  HandlerResponse response;
  // As in Kafka Streams 4.2: a global store that left out a record would not be what its topic says.
  if (!is_global()) {
    response = ask(handler, "processing exception handler", context,
                   HandledError{.exception = thrown.type, .message = thrown.message});
  }
  if (is_global() || response.answer != HandlerAnswer::kResume) {
    leave_dead_letters(node.name(), response.dead_letters);
    throw FailedProcessingException(fmt::format("processor \"{}\" of task {} threw {} at {}: {}", node.name(),
                                                to_string(options_.id), thrown.type, place(context), thrown.message));
  }
  send_dead_letters(node.name(), response.dead_letters);
  logger()->warn("task {}: processor \"{}\" threw {} at {}: {}; the record is dropped there", to_string(options_.id),
                 node.name(), thrown.type, place(context), thrown.message);
  metrics_->dropped.add("processing-error");
}

bool StreamTask::goes_on_after(std::string_view node, const ProductionError& error) {
  const StreamsConfig& config = *options_.config;
  const ProductionExceptionHandler handler =
      config.production_exception_handler ? config.production_exception_handler
                                          : default_production_exception_handler(config.errors_dead_letter_queue_topic_name);
  const HandlerResponse response = ask(handler, "production exception handler", error_context(node), error);
  const bool goes_on = response.answer == HandlerAnswer::kResume;
  const bool retries = response.answer == HandlerAnswer::kRetry && error.error.retriable();
  // A dead letter that is refused itself must not come back here for ever.
  if (error.topic != config.errors_dead_letter_queue_topic_name) {
    goes_on || retries ? send_dead_letters(node, response.dead_letters) : leave_dead_letters(node, response.dead_letters);
  }
  if (goes_on) {
    logger()->warn("task {}: a record for topic {} is left out: {}", to_string(options_.id), error.topic, error.error.message);
    metrics_->dropped.add(error.serialization ? "serialization-error" : "production-error");
    return true;
  }
  if (retries) return false;
  throw FailedProcessingException(fmt::format("sink \"{}\" of task {} cannot {} topic \"{}\": {}", node, to_string(options_.id),
                                              error.serialization ? "encode a record for" : "write to", error.topic,
                                              error.error.message));
}

}  // namespace tidemill::runtime
