#include "log_kafka/client_config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>

#include <fmt/format.h>

namespace tidemill::kafka {
namespace {

constexpr std::string_view kDefaultPort = "9092";

/// Java's name, librdkafka's; an empty one: only a Java client has it.
constexpr std::array<std::pair<std::string_view, std::string_view>, 24> kJavaNames = {{
    {"fetch.max.wait.ms", "fetch.wait.max.ms"},
    {"max.partition.fetch.bytes", "fetch.message.max.bytes"},
    {"max.request.size", "message.max.bytes"},
    {"connections.max.idle.ms", "connections.max.idle.ms"},
    {"send.buffer.bytes", "socket.send.buffer.bytes"},
    {"receive.buffer.bytes", "socket.receive.buffer.bytes"},
    {"request.timeout.ms", "socket.timeout.ms"},
    {"retry.backoff.max.ms", ""},
    {"max.poll.records", ""},
    {"max.block.ms", ""},
    {"buffer.memory", ""},
    {"default.api.timeout.ms", ""},
    {"key.deserializer", ""},
    {"value.deserializer", ""},
    {"key.serializer", ""},
    {"value.serializer", ""},
    {"partition.assignment.strategy", ""},
    {"metric.reporters", ""},
    {"metrics.sample.window.ms", ""},
    {"interceptor.classes", ""},
    {"session.timeout.ms", ""},  // the membership's
    {"heartbeat.interval.ms", ""},
    {"max.poll.interval.ms", ""},
    {"auto.offset.reset", ""},  // the runtime's
}};

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) { return std::tolower(c); });
  return result;
}
std::string upper(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) { return std::toupper(c); });
  return result;
}

Error invalid(std::string message) { return {ErrorKind::kInvalidArgument, std::move(message)}; }

/// `... required username="alice" password="secret";`
std::string jaas_value(std::string_view jaas, std::string_view name) {
  const std::string start = std::string(name) + "=\"";
  const std::size_t at = jaas.find(start);
  if (at == std::string_view::npos) return {};
  const std::size_t begin = at + start.size();
  const std::size_t end = jaas.find('"', begin);
  return end == std::string_view::npos ? std::string() : std::string(jaas.substr(begin, end - begin));
}

/// The general properties, with what Java spells otherwise spelled for librdkafka.
std::map<std::string, std::string> general(const KafkaLogOptions& options) {
  std::map<std::string, std::string> result;
  for (const auto& [key, value] : options.properties) {
    if (key.starts_with("consumer.") || key.starts_with("producer.") || key.starts_with("admin.")) continue;
    if (key == "bootstrap.servers") continue;
    if (key == "sasl.jaas.config") {
      result.emplace("sasl.username", jaas_value(value, "username"));
      result.emplace("sasl.password", jaas_value(value, "password"));
    } else if (key == "ssl.truststore.location") {
      result.emplace("ssl.ca.location", value);
    } else if (key == "ssl.truststore.type" || key == "ssl.keystore.type") {
      continue;
    } else {
      result[key] = value;
    }
  }
  return result;
}

Result<std::vector<std::pair<std::string, std::string>>> parse_bootstrap(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> result;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    std::string_view entry = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    while (!entry.empty() && entry.front() == ' ') entry.remove_prefix(1);
    while (!entry.empty() && entry.back() == ' ') entry.remove_suffix(1);
    if (entry.empty()) continue;
    if (const std::size_t scheme = entry.find("://"); scheme != std::string_view::npos) entry.remove_prefix(scheme + 3);
    const std::size_t colon = entry.rfind(':');
    const bool bare = colon == std::string_view::npos || entry.back() == ']';
    std::string_view host = bare ? entry : entry.substr(0, colon);
    const std::string_view port = bare ? kDefaultPort : entry.substr(colon + 1);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    int number = 0;
    const auto parsed = std::from_chars(port.data(), port.data() + port.size(), number);
    if (host.empty() || parsed.ec != std::errc() || parsed.ptr != port.data() + port.size() || number < 1 || number > 65535) {
      return invalid(fmt::format("bootstrap.servers: \"{}\" is not HOST:PORT", entry));
    }
    result.emplace_back(host, port);
  }
  if (result.empty()) return invalid("bootstrap.servers is empty: name at least one broker as HOST:PORT");
  return result;
}

/// By librdkafka's name.
Result<void> set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  std::array<char, 512> text{};
  switch (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text.data(), text.size())) {
    case RD_KAFKA_CONF_OK: return {};
    case RD_KAFKA_CONF_UNKNOWN: return invalid(fmt::format("no Kafka client has a property {}", name));
    default: {
      const bool secret = name.find("password") != std::string::npos || name.find("secret") != std::string::npos;
      return invalid(fmt::format("{}: {}", name, secret ? "the value is not valid" : text.data()));
    }
  }
}

/// By Java's name or librdkafka's; what only a Java client has, and what is not a librdkafka client's to decide, is left out.
Result<void> translate_and_set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  for (const auto& [java, ours] : kJavaNames) {
    if (name == java) return ours.empty() ? Result<void>() : set(conf, std::string(ours), value);
  }
  return set(conf, name, value);
}

}  // namespace

Result<ConnectionConfig> connection_config(const KafkaLogOptions& options) {
  ConnectionConfig config;
  TIDEMILL_ASSIGN(config.bootstrap, parse_bootstrap(options.bootstrap_servers));
  config.client_id = options.client_id;
  const std::map<std::string, std::string> properties = general(options);
  const auto find = [&](std::string_view name) {
    const auto found = properties.find(std::string(name));
    return found == properties.end() ? std::string() : found->second;
  };
  const std::string protocol = upper(find("security.protocol"));
  if (!protocol.empty() && protocol != "PLAINTEXT" && protocol != "SSL" && protocol != "SASL_PLAINTEXT" &&
      protocol != "SASL_SSL") {
    return invalid(fmt::format("security.protocol={}: PLAINTEXT, SSL, SASL_PLAINTEXT and SASL_SSL are known", protocol));
  }
  config.tls = protocol == "SSL" || protocol == "SASL_SSL";
  if (protocol == "SASL_PLAINTEXT" || protocol == "SASL_SSL") {
    std::string mechanism = upper(find("sasl.mechanism"));
    if (mechanism.empty()) mechanism = upper(find("sasl.mechanisms"));
    if (mechanism == "PLAIN") {
      config.sasl = SaslMechanism::kPlain;
    } else if (mechanism == "SCRAM-SHA-256") {
      config.sasl = SaslMechanism::kScramSha256;
    } else if (mechanism == "SCRAM-SHA-512") {
      config.sasl = SaslMechanism::kScramSha512;
    } else {
      return invalid(fmt::format("sasl.mechanism={}: PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 are known", mechanism));
    }
    config.sasl_username = find("sasl.username");
    config.sasl_password = find("sasl.password");
    if (config.sasl_username.empty()) return invalid("sasl.username is not set (nor a user in sasl.jaas.config)");
  }
  config.ca_location = find("ssl.ca.location");
  config.certificate_location = find("ssl.certificate.location");
  config.key_location = find("ssl.key.location");
  config.key_password = find("ssl.key.password");
  if (!find("ssl.keystore.location").empty() && config.certificate_location.empty()) {
    return invalid("ssl.keystore.location: Java key stores are not read: give ssl.certificate.location and ssl.key.location "
                   "(PEM)");
  }
  config.verify_certificate = lower(find("enable.ssl.certificate.verification")) != "false";
  if (const auto algorithm = properties.find("ssl.endpoint.identification.algorithm"); algorithm != properties.end()) {
    config.verify_host_name = !algorithm->second.empty() && lower(algorithm->second) != "none";
  }
  return config;
}

Result<ConfPtr> client_conf(const KafkaLogOptions& options, std::string_view prefix, const Properties& defaults,
                            const Properties& more, const Properties& fixed) {
  ConfPtr conf(rd_kafka_conf_new());
  TIDEMILL_TRY(set(conf.get(), "bootstrap.servers", options.bootstrap_servers));
  TIDEMILL_TRY(set(conf.get(), "client.id", options.client_id));
  TIDEMILL_TRY(set(conf.get(), "log_level", "4"));
  for (const auto& [key, value] : defaults) TIDEMILL_TRY(set(conf.get(), key, value));
  for (const auto& [key, value] : general(options)) TIDEMILL_TRY(translate_and_set(conf.get(), key, value));
  for (const auto& [key, value] : options.properties) {
    if (key.starts_with(prefix)) TIDEMILL_TRY(translate_and_set(conf.get(), key.substr(prefix.size()), value));
  }
  for (const auto& [key, value] : more) TIDEMILL_TRY(translate_and_set(conf.get(), key, value));
  for (const auto& [key, value] : fixed) TIDEMILL_TRY(set(conf.get(), key, value));
  return conf;
}

}  // namespace tidemill::kafka
