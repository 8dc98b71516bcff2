// How a task answers what goes wrong with one record: it asks the configured handler, sends its dead letters, and
// either counts the record as dropped or ends the task with a StreamsException.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <tidemill/serde/serde.hpp>

#include "runtime/stream_task.hpp"
#include "runtime/type_name.hpp"

namespace tidemill::runtime {

void StreamTask::drop(std::string_view, std::string_view reason, const RecordContext&) {
  metrics_->dropped.add(reason);
}

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
  if (raw != nullptr) {
    // Where the record came from does not change on its way; operators may have changed the rest.
    result.offset = raw->context->offset;
    if (raw->context->source != nullptr) {
      result.topic = raw->context->source->topic;
      result.partition = raw->context->source->partition;
    }
    if (raw->context->headers != nullptr) result.headers = *raw->context->headers;
    result.source_raw_key = to_owned(raw->key);
    result.source_raw_value = to_owned(raw->value);
  }
  return result;
}

void StreamTask::send_dead_letters(std::string_view node, const std::vector<DeadLetterRecord>& records) {
  static const PartitionChoice kAnyPartition;
  for (const DeadLetterRecord& record : records) {
    const RecordContext context{.source = nullptr,
                                .offset = kNoOffset,
                                .timestamp = record.timestamp,
                                .headers = record.headers.empty() ? nullptr : &record.headers};
    options_.collector->send(node, record.topic, to_view(record.key), to_view(record.value), context, kAnyPartition);
  }
}

void StreamTask::deserialization_failed(Input& input, const RawRecord& record, const std::exception& error) {
  const std::string& node = input.source_spec->name;
  const ErrorHandlerContext context = error_context(node);
  const ThrownError thrown = describe_exception(std::current_exception());
  const std::string& dead_letters = options_.config->errors_dead_letter_queue_topic_name;
  const HandledError handled{.exception = thrown.type, .message = thrown.message};
  HandlerResponse response;
  if (options_.config->deserialization_exception_handler) {
    response = options_.config->deserialization_exception_handler(context, handled);
  } else {
    response = log_and_fail_on_deserialization_error(dead_letters)(context, handled);
  }
  send_dead_letters(node, response.dead_letters);
  if (response.answer != HandlerAnswer::kResume) {
    throw StreamsException(fmt::format(
        "source \"{}\" cannot decode the record at offset {} of {}: {}; set deserialization.exception.handler to go on "
        "past such records",
        node, record.context->offset.value, to_string(input.queue.partition()), error.what()));
  }
  spdlog::warn("task {}: the record at offset {} of {} cannot be decoded and is dropped: {}", to_string(options_.id),
               record.context->offset.value, to_string(input.queue.partition()), error.what());
  metrics_->dropped.add("deserialization-error");
}

namespace {

bool is_serialization_error(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const SerializationException&) {
    return true;
  } catch (...) {
    return false;
  }
}

}  // namespace

/// What a sink cannot encode is a production error, as in Kafka Streams; everything else is a processing error.
bool StreamTask::sink_cannot_encode(const OperatorNode& node, const std::exception_ptr& error) const {
  for (const std::int32_t id : options_.part.nodes) {
    const NodeSpec& spec = options_.topology->nodes[static_cast<std::size_t>(id)];
    if (&spec.name == &node.name()) return spec.kind == NodeKind::kSink && is_serialization_error(error);
  }
  return false;
}

HandlerResponse StreamTask::ask_handler(const OperatorNode& node, const ErrorHandlerContext& context,
                                        const ThrownError& thrown, const std::exception_ptr& error) const {
  const std::string& dead_letters = options_.config->errors_dead_letter_queue_topic_name;
  if (sink_cannot_encode(node, error)) {
    const ProductionError production{.topic = {}, .serialization = true,
                                     .error = {ErrorKind::kInvalidArgument, thrown.message}};
    if (options_.config->production_exception_handler) {
      return options_.config->production_exception_handler(context, production);
    }
    return default_production_exception_handler(dead_letters)(context, production);
  }
  const HandledError handled{.exception = thrown.type, .message = thrown.message};
  if (options_.config->processing_exception_handler) return options_.config->processing_exception_handler(context, handled);
  return log_and_fail_on_processing_error(dead_letters)(context, handled);
}

void StreamTask::handle_processing_exception(const OperatorNode& node, const ErasedRecord*, std::exception_ptr error) {
  const ErrorHandlerContext context = error_context(node.name());
  const ThrownError thrown = describe_exception(error);
  const std::string place = context.topic.empty()
                                ? std::string("a punctuation")
                                : fmt::format("offset {} of {}-{}", context.offset.value, context.topic, context.partition.value);
  const HandlerResponse response = ask_handler(node, context, thrown, error);
  send_dead_letters(node.name(), response.dead_letters);
  if (response.answer != HandlerAnswer::kResume) {
    throw StreamsException(fmt::format("processor \"{}\" of task {} threw {} at {}: {}", node.name(), to_string(options_.id),
                                       thrown.type, place, thrown.message));
  }
  spdlog::warn("task {}: processor \"{}\" threw {} at {}: {}; the record is dropped there", to_string(options_.id), node.name(),
               thrown.type, place, thrown.message);
  metrics_->dropped.add("processing-error");
}

}  // namespace tidemill::runtime
