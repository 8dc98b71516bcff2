#include "log_kafka/client.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/logging.hpp"

namespace tidemill::kafka {

ErrorKind kind_of(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT: return ErrorKind::kTimeout;
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND: return ErrorKind::kNotFound;
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS: return ErrorKind::kAlreadyExists;
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET: return ErrorKind::kOffsetOutOfRange;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE: return ErrorKind::kTooLarge;
    case RD_KAFKA_RESP_ERR__QUEUE_FULL: return ErrorKind::kFull;
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH: return ErrorKind::kFenced;
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID: return ErrorKind::kStaleMember;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION: return ErrorKind::kUnauthorized;
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_INVALID_REQUEST:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
    case RD_KAFKA_RESP_ERR__INVALID_ARG: return ErrorKind::kInvalidArgument;
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR_INVALID_MSG: return ErrorKind::kCorruption;
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE: return ErrorKind::kUnsupported;
    case RD_KAFKA_RESP_ERR__STATE:
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT: return ErrorKind::kTransactionAborted;
    default: return ErrorKind::kUnavailable;
  }
}

int milliseconds_until(MonotonicTime deadline) {
  constexpr std::int64_t kLongest = 300'000;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - system_clock().now().monotonic).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, kLongest));
}

Result<std::unique_ptr<Client>> Client::make(rd_kafka_type_t type, ConfPtr conf, std::string description,
                                             DeliveryCallback delivered, void* opaque) {
  std::unique_ptr<Client> client(new Client(std::move(description)));
  client->delivered_ = delivered;
  client->opaque_ = opaque;
  rd_kafka_conf_set_opaque(conf.get(), client.get());
  rd_kafka_conf_set_error_cb(conf.get(), [](rd_kafka_t*, int error, const char* reason, void* self) {
    static_cast<Client*>(self)->note(static_cast<rd_kafka_resp_err_t>(error), reason);
  });
  // Nobody has to poll for these: what stands in the way of a connection is told while a call still waits for it.
  rd_kafka_conf_set_log_cb(conf.get(), [](const rd_kafka_t* handle, int level, const char* facility, const char* message) {
    constexpr int kSyslogError = 3;
    auto* self = handle == nullptr ? nullptr : static_cast<Client*>(rd_kafka_opaque(handle));
    if (level <= kSyslogError && self != nullptr) {
      self->note(RD_KAFKA_RESP_ERR__TRANSPORT, message);
    } else {
      logger()->debug("librdkafka {}: {}", facility, message);
    }
  });
  if (delivered != nullptr) {
    rd_kafka_conf_set_dr_msg_cb(conf.get(), [](rd_kafka_t* handle, const rd_kafka_message_t* message, void* self) {
      const auto* owner = static_cast<const Client*>(self);
      owner->delivered_(handle, message, owner->opaque_);
    });
  }
  std::array<char, 512> text{};
  client->handle_ = rd_kafka_new(type, conf.get(), text.data(), text.size());
  if (client->handle_ == nullptr) {
    return Error{ErrorKind::kInvalidArgument,
                 fmt::format("{}: the client cannot be made: {}", client->description_, text.data())};
  }
  static_cast<void>(conf.release());  // the handle's now
  if (type == RD_KAFKA_CONSUMER) rd_kafka_poll_set_consumer(client->handle_);
  return client;
}

Client::~Client() {
  // With the consumer's close: although there is no group to leave, it waits until fetching has stopped and empties the queue,
  // without which what came last could keep the client's threads for ever.
  if (handle_ != nullptr) rd_kafka_destroy(handle_);
}

void Client::note(rd_kafka_resp_err_t error, std::string_view reason) {
  if (error == RD_KAFKA_RESP_ERR__FATAL) return;  // fatal() tells
  bool warns = false;
  {
    const std::lock_guard lock(mutex_);
    last_ = reason;
    const MonotonicTime now = system_clock().now().monotonic;
    warns = warned_ == MonotonicTime{} || now - warned_ > kWarningInterval;
    if (warns) warned_ = now;
  }
  if (warns) logger()->warn("{}: {}", description_, reason);
}

Error Client::made(rd_kafka_resp_err_t error, std::string_view what, std::string_view reason) const {
  const ErrorKind kind = kind_of(error);
  std::string message = fmt::format("{}: {}: {}", description_, what, reason);
  if (kind == ErrorKind::kUnavailable || kind == ErrorKind::kTimeout || kind == ErrorKind::kUnauthorized) {
    const std::lock_guard lock(mutex_);
    if (!last_.empty()) message += fmt::format(" ({})", last_);
  }
  return {kind, std::move(message)};
}

Error Client::failed(rd_kafka_resp_err_t error, std::string_view what) const {
  return made(error, what, rd_kafka_err2str(error));
}
Error Client::failed(const rd_kafka_error_t* error, std::string_view what) const {
  return made(rd_kafka_error_code(error), what, rd_kafka_error_string(error));
}

std::optional<Error> Client::fatal() const {
  std::array<char, 512> text{};
  const rd_kafka_resp_err_t error = rd_kafka_fatal_error(handle_, text.data(), text.size());
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return std::nullopt;
  return Error{kind_of(error), fmt::format("{}: {}", description_, text.data())};
}

Result<std::int32_t> Client::partition_count(std::string_view name, MonotonicTime deadline) const {
  const std::string topic(name);
  const std::string what = fmt::format("topic \"{}\"", topic);
  const TopicPtr handle(rd_kafka_topic_new(handle_, topic.c_str(), nullptr));
  if (!handle) return failed(rd_kafka_last_error(), what);
  const rd_kafka_metadata_t* metadata = nullptr;
  const rd_kafka_resp_err_t error = rd_kafka_metadata(handle_, 0, handle.get(), &metadata, milliseconds_until(deadline));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return failed(error, what);
  const std::unique_ptr<const rd_kafka_metadata_t, void (*)(const rd_kafka_metadata_t*)> owned(metadata,
                                                                                               rd_kafka_metadata_destroy);
  if (metadata->topic_cnt != 1) return failed(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, what);
  const rd_kafka_metadata_topic& found = metadata->topics[0];
  if (kind_of(found.err) == ErrorKind::kNotFound) {
    return Error{ErrorKind::kNotFound, fmt::format("there is no topic \"{}\" in {}", topic, description_)};
  }
  if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) return failed(found.err, what);
  return static_cast<std::int32_t>(found.partition_cnt);
}

}  // namespace tidemill::kafka
