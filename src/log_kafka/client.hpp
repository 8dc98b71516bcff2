// Client: one librdkafka handle and what librdkafka says about it in passing. Owns the handle; errors that concern the whole
// client (no broker reachable, wrong password) are remembered, so that a call that fails can say why, and are told to the
// operator at most once per kWarningInterval.
//
// Thread-safe, as librdkafka is; its callbacks come on librdkafka's threads or on the one that polls.
#pragma once

#include <map>
#include <mutex>

#include <tidemill/base/clock.hpp>

#include "log_kafka/client_config.hpp"

namespace tidemill::kafka {

struct TopicDestroy {
  void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
};
using TopicPtr = std::unique_ptr<rd_kafka_topic_t, TopicDestroy>;
struct PartitionListDestroy {
  void operator()(rd_kafka_topic_partition_list_t* list) const { rd_kafka_topic_partition_list_destroy(list); }
};
using PartitionListPtr = std::unique_ptr<rd_kafka_topic_partition_list_t, PartitionListDestroy>;
struct RdErrorDestroy {
  void operator()(rd_kafka_error_t* error) const { rd_kafka_error_destroy(error); }
};
using RdErrorPtr = std::unique_ptr<rd_kafka_error_t, RdErrorDestroy>;

/// What a librdkafka error means to who calls the port.
[[nodiscard]] ErrorKind kind_of(rd_kafka_resp_err_t error);
/// For librdkafka's calls: 0 (at once) to some minutes.
[[nodiscard]] int milliseconds_until(MonotonicTime deadline);

class Client {
 public:
  static constexpr std::chrono::seconds kWarningInterval{10};

  /// Delivery reports, for a producer.
  using DeliveryCallback = void (*)(rd_kafka_t*, const rd_kafka_message_t*, void* opaque);

  /// `opaque` goes to the delivery callback.
  [[nodiscard]] static Result<std::unique_ptr<Client>> make(rd_kafka_type_t type, ConfPtr conf, std::string description,
                                                            DeliveryCallback delivered = nullptr, void* opaque = nullptr);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  [[nodiscard]] rd_kafka_t* get() const { return handle_; }
  /// "Kafka at 127.0.0.1:9092".
  [[nodiscard]] const std::string& description() const { return description_; }
  /// `what` failed, with what the client last said when it is out of reach.
  [[nodiscard]] Error failed(rd_kafka_resp_err_t error, std::string_view what) const;
  [[nodiscard]] Error failed(const rd_kafka_error_t* error, std::string_view what) const;
  /// The error that ended this client for good; nullopt: it lives.
  [[nodiscard]] std::optional<Error> fatal() const;
  /// Called for each error event.
  void note(rd_kafka_resp_err_t error, std::string_view reason);
  /// The topic's partitions; kNotFound. Never makes a topic.
  [[nodiscard]] Result<std::int32_t> partition_count(std::string_view topic, MonotonicTime deadline) const;

 private:
  explicit Client(std::string description) : description_(std::move(description)) {}
  [[nodiscard]] Error made(rd_kafka_resp_err_t error, std::string_view what, std::string_view reason) const;

  std::string description_;
  rd_kafka_t* handle_ = nullptr;
  DeliveryCallback delivered_ = nullptr;
  void* opaque_ = nullptr;
  mutable std::mutex mutex_;  // guards what follows
  std::string last_;
  MonotonicTime warned_{};
};

}  // namespace tidemill::kafka
