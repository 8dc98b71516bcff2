// The hooks for what goes wrong with one record. Each answers; the default fails the task. With a dead-letter topic
// configured, the built-in ones send the input record there, with Java's header names.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <tidemill/base/bytes.hpp>
#include <tidemill/base/headers.hpp>
#include <tidemill/base/record_context.hpp>
#include <tidemill/base/result.hpp>
#include <tidemill/base/types.hpp>

namespace tidemill {

struct ErrorHandlerContext {
  std::string topic;  // of the input record; empty in a punctuation
  PartitionId partition{-1};
  Offset offset = kNoOffset;
  Timestamp timestamp = kNoTimestamp;
  Headers headers;
  std::string processor_node_id;
  TaskId task_id;
  OptionalBytes source_raw_key;
  OptionalBytes source_raw_value;
};
struct HandledError {
  std::string exception;  // its type, as far as known
  std::string message;
};
/// A record for the dead-letter topic (or any other topic).
struct DeadLetterRecord {
  std::string topic;
  OptionalBytes key;
  OptionalBytes value;
  Headers headers;
  Timestamp timestamp = kNoTimestamp;
};
enum class HandlerAnswer : std::uint8_t { kResume, kFail, kRetry /* production errors only */ };
struct HandlerResponse {
  HandlerAnswer answer = HandlerAnswer::kFail;
  std::vector<DeadLetterRecord> dead_letters = {};
};

using DeserializationExceptionHandler = std::function<HandlerResponse(const ErrorHandlerContext&, const HandledError&)>;
using ProcessingExceptionHandler = std::function<HandlerResponse(const ErrorHandlerContext&, const HandledError&)>;
/// A record that was not written. Where the log says so later, the context knows the sink, but no input record any more.
struct ProductionError {
  std::string topic;           // empty where it is chosen per record and could not be
  bool serialization = false;  // the record could not be encoded: key and value are missing
  /// With `serialization`: what could not be.
  SerializationExceptionOrigin origin = SerializationExceptionOrigin::kKey;
  Error error;
  PartitionId partition{-1};
  Timestamp timestamp = kNoTimestamp;
  OptionalBytes key = std::nullopt;
  OptionalBytes value = std::nullopt;
};
using ProductionExceptionHandler = std::function<HandlerResponse(const ErrorHandlerContext&, const ProductionError&)>;

enum class UncaughtExceptionAnswer : std::uint8_t { kReplaceThread, kShutdownClient, kShutdownApplication };
using UncaughtExceptionHandler = std::function<UncaughtExceptionAnswer(const std::string& thread, const Error&)>;

/// The built-in answers. With `dead_letter_topic` not empty they send the record there.
DeserializationExceptionHandler log_and_fail_on_deserialization_error(std::string dead_letter_topic = {});
DeserializationExceptionHandler log_and_continue_on_deserialization_error(std::string dead_letter_topic = {});
ProcessingExceptionHandler log_and_fail_on_processing_error(std::string dead_letter_topic = {});
ProcessingExceptionHandler log_and_continue_on_processing_error(std::string dead_letter_topic = {});
ProductionExceptionHandler default_production_exception_handler(std::string dead_letter_topic = {});

/// The six headers of a dead letter (`__streams.errors.exception`, ...) behind the record's own.
DeadLetterRecord make_dead_letter(std::string topic, const ErrorHandlerContext& context, const HandledError& error);

}  // namespace tidemill
