#include <tidemill/config/handlers.hpp>

#include <fmt/format.h>

#include <tidemill/config/streams_config.hpp>
#include <tidemill/topology/node_options.hpp>

namespace tidemill {
namespace {

HandlerResponse answer(HandlerAnswer answer, const std::string& topic, const ErrorHandlerContext& context,
                       const HandledError& error) {
  HandlerResponse response{.answer = answer, .dead_letters = {}};
  if (!topic.empty()) response.dead_letters.push_back(make_dead_letter(topic, context, error));
  return response;
}

/// Empty: none.
std::string possible(std::string dead_letter_topic) {
  if (const char* const why = detail::unfit_for_topics(dead_letter_topic)) {
    throw ConfigException("the dead-letter topic \"" + dead_letter_topic + "\" cannot be: " + why);
  }
  return dead_letter_topic;
}

}  // namespace

DeadLetterRecord make_dead_letter(std::string topic, const ErrorHandlerContext& context, const HandledError& error) {
  Headers headers = context.headers;
  headers.add("__streams.errors.exception", error.exception);
  headers.add("__streams.errors.message", error.message);
  headers.add("__streams.errors.stacktrace", fmt::format("{}: {}\n\tat node {} of task {}", error.exception, error.message,
                                                         context.processor_node_id, to_string(context.task_id)));
  // Of a punctuation there is none, as Java has it.
  headers.add("__streams.errors.topic", context.topic.empty() ? OptionalBytes() : OptionalBytes(context.topic));
  headers.add("__streams.errors.partition", fmt::to_string(context.partition.value));
  headers.add("__streams.errors.offset", fmt::to_string(context.offset.value));
  return {.topic = std::move(topic),
          .key = context.source_raw_key,
          .value = context.source_raw_value,
          .headers = std::move(headers),
          .timestamp = context.timestamp};
}

DeserializationExceptionHandler log_and_fail_on_deserialization_error(std::string dead_letter_topic) {
  return [topic = possible(std::move(dead_letter_topic))](const ErrorHandlerContext& context, const HandledError& error) {
    return answer(HandlerAnswer::kFail, topic, context, error);
  };
}
DeserializationExceptionHandler log_and_continue_on_deserialization_error(std::string dead_letter_topic) {
  return [topic = possible(std::move(dead_letter_topic))](const ErrorHandlerContext& context, const HandledError& error) {
    return answer(HandlerAnswer::kResume, topic, context, error);
  };
}
ProcessingExceptionHandler log_and_fail_on_processing_error(std::string dead_letter_topic) {
  return [topic = possible(std::move(dead_letter_topic))](const ErrorHandlerContext& context, const HandledError& error) {
    return answer(HandlerAnswer::kFail, topic, context, error);
  };
}
ProcessingExceptionHandler log_and_continue_on_processing_error(std::string dead_letter_topic) {
  return [topic = possible(std::move(dead_letter_topic))](const ErrorHandlerContext& context, const HandledError& error) {
    return answer(HandlerAnswer::kResume, topic, context, error);
  };
}

ProductionExceptionHandler default_production_exception_handler(std::string dead_letter_topic) {
  return [topic = possible(std::move(dead_letter_topic))](const ErrorHandlerContext& context, const ProductionError& error) {
    if (!error.serialization && error.error.retriable()) return HandlerResponse{.answer = HandlerAnswer::kRetry};
    ErrorHandlerContext letter = context;
    if (!letter.source_raw_key && !letter.source_raw_value) {
      // Its input record is gone: better the record itself than an empty letter.
      letter.source_raw_key = error.key;
      letter.source_raw_value = error.value;
      letter.timestamp = error.timestamp;
    }
    return answer(HandlerAnswer::kFail, topic, letter,
                  {.exception = error.serialization ? "SerializationException" : std::string(to_string(error.error.kind)),
                   .message = error.error.message});
  };
}

}  // namespace tidemill
