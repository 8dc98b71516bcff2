// Apache Kafka as the log: data through librdkafka, membership through a coordinator client of our own.
#pragma once

#include <map>
#include <memory>
#include <string>

#include <tidemill/log/log.hpp>

namespace tidemill {

struct KafkaLogOptions {
  std::string bootstrap_servers = "127.0.0.1:9092";
  /// Kafka client properties for all clients: security.protocol, ssl.*, sasl.*, ...; texts under `consumer.`,
  /// `producer.`, `admin.` go to that client only. Secrets never appear in a log or message.
  std::map<std::string, std::string> properties = {};
  std::string client_id = "tidemill";
};

/// Connects lazily; kInvalidArgument for a property that no client knows or that the membership client cannot speak
/// (security.protocol other than PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL; mechanisms other than PLAIN, SCRAM).
[[nodiscard]] Result<std::shared_ptr<Log>> open_kafka_log(KafkaLogOptions options);
/// As open_kafka_log(), for a main() of one expression: when it fails, everything that is asked of the log answers why.
[[nodiscard]] std::shared_ptr<Log> kafka_log(KafkaLogOptions options);

}  // namespace tidemill
