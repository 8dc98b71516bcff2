// What a KafkaLogOptions means to each client: librdkafka's configuration, and the security of our own connections.
#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <tidemill/adapters/kafka_log.hpp>

namespace tidemill::kafka {

enum class SaslMechanism : std::uint8_t { kNone, kPlain, kScramSha256, kScramSha512 };

/// How to reach a broker without librdkafka.
struct ConnectionConfig {
  std::vector<std::pair<std::string, std::string>> bootstrap;  // host, port
  std::string client_id;
  bool tls = false;
  std::string ca_location;  // empty: the system's
  std::string certificate_location;
  std::string key_location;
  std::string key_password;
  bool verify_certificate = true;
  bool verify_host_name = true;
  SaslMechanism sasl = SaslMechanism::kNone;
  std::string sasl_username;
  std::string sasl_password;
};

/// kInvalidArgument says which property and what is known.
[[nodiscard]] Result<ConnectionConfig> connection_config(const KafkaLogOptions& options);

struct ConfDestroy {
  void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
};
using ConfPtr = std::unique_ptr<rd_kafka_conf_t, ConfDestroy>;
using Properties = std::vector<std::pair<std::string, std::string>>;

/// `defaults`, then the options' general properties, then those under `prefix` ("consumer.", ...), then `more` (as they come
/// from a StreamsConfig), then `fixed`, which nobody overrides. Kafka's Java names are translated where librdkafka has others;
/// those that only a Java client has are left out. `defaults` and `fixed` are in librdkafka's own names.
[[nodiscard]] Result<ConfPtr> client_conf(const KafkaLogOptions& options, std::string_view prefix, const Properties& defaults,
                                          const Properties& more, const Properties& fixed);

}  // namespace tidemill::kafka
