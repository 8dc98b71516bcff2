#include "liquidity/connection.hpp"

#include <tidemill/adapters/embedded_log.hpp>
#ifdef LIQUIDITY_ON_KAFKA
#include <tidemill/adapters/kafka_log.hpp>
#endif

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>

namespace liquidity {
namespace {

using Properties = std::map<std::string, std::string>;
using Warn = std::function<void(const std::string&)>;
using tidemill::ConfigException;

Connection on_embedded_log(const std::string& directory, Access access) {
  const bool look = access == Access::kLook;
  // To look must not make a log where there is none.
  if (look && !std::filesystem::is_directory(directory)) throw ConfigException("there is no directory " + directory);
  if (look && std::filesystem::is_empty(directory)) throw ConfigException("the directory " + directory + " is empty");
  Connection connection;
  connection.config.application_id = kApplicationId;
  connection.config.log = tidemill::open_embedded_log(directory, {.read_only = look}).value();
  return connection;
}

#ifdef LIQUIDITY_ON_KAFKA
constexpr const char* kPartitionsKey = "liquidity.partitions";
constexpr std::int32_t kPartitionsOnKafka = 8;
constexpr std::chrono::seconds kReachable{30};

std::int32_t take_partitions(Properties& properties) {
  const auto found = properties.find(kPartitionsKey);
  if (found == properties.end()) return kPartitionsOnKafka;
  const std::string text = found->second;
  properties.erase(found);
  std::int32_t partitions = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), partitions);
  if (error != std::errc() || end != text.data() + text.size() || partitions < 1) {
    throw ConfigException(std::string(kPartitionsKey) + "=" + text + ": must be a whole number of at least 1");
  }
  return partitions;
}

Connection on_kafka(Properties properties, const Warn& warn) {
  Connection connection;
  connection.topics.partitions = take_partitions(properties);
  properties.emplace("application.id", kApplicationId);
  tidemill::ConfigReading reading = tidemill::read_config(properties);
  if (warn) std::for_each(reading.warnings.begin(), reading.warnings.end(), warn);
  connection.config = std::move(reading.config);
  if (connection.config.processing_guarantee != tidemill::ProcessingGuarantee::kExactlyOnceV2) {
    throw ConfigException("processing.guarantee: the chain is exactly-once or nothing; leave the key out, or set "
                          "exactly_once_v2");
  }
  connection.topics.replication_factor = connection.config.replication_factor;
  tidemill::KafkaLogOptions options;
  options.bootstrap_servers = reading.client.at("bootstrap.servers");
  reading.client.erase("bootstrap.servers");
  options.properties = std::move(reading.client);
  options.client_id = connection.config.client_id.empty() ? kApplicationId : connection.config.client_id;
  connection.config.log = tidemill::open_kafka_log(std::move(options)).value();
  // Asked first, so that a broker that is not there is told as such, and not by whatever is wanted of it next.
  const auto reached = connection.config.log->admin().list_topics(tidemill::system_clock().now().monotonic + kReachable);
  if (!reached) {
    throw ConfigException(connection.config.log->traits().description +
                          " does not answer: does the broker run, and is "
                          "bootstrap.servers its address? (" +
                          reached.error().message + ")");
  }
  return connection;
}
#else
Connection on_kafka(const Properties&, const Warn&) {
  throw ConfigException("bootstrap.servers: this program was built without the Kafka adapter; build it with "
                        "-DTIDEMILL_KAFKA=ON, or use --data DIR");
}
#endif

Connection open(const Target& target, Access access, const Warn& warn) {
  if (!target.data.empty()) return on_embedded_log(target.data, access);
  if (std::filesystem::is_directory(target.config_file)) {
    throw ConfigException(target.config_file + " is a directory, not a file with Kafka's dotted keys");
  }
  Properties properties = tidemill::read_properties_file(target.config_file).value();
  if (!properties.contains("bootstrap.servers")) {
    throw ConfigException(target.config_file + ": bootstrap.servers is missing, as in bootstrap.servers=127.0.0.1:9092; "
                                               "for the embedded log use --data DIR instead");
  }
  return on_kafka(std::move(properties), warn);
}

void check_chain(tidemill::Log& log) {
  const auto partitions = log.admin().partition_count(topics::kTransactions, log_deadline());
  if (partitions) return;
  if (partitions.error().kind != tidemill::ErrorKind::kNotFound) throw tidemill::ResultException(partitions.error());
  throw ConfigException("there is no liquidity chain in the " + log.traits().description + ": the topic " +
                        topics::kTransactions + " is missing");
}

}  // namespace

Connection connect(const Target& target, Access access, const Warn& warn) {
  Connection connection = open(target, access, warn);
  if (access == Access::kLook) check_chain(*connection.config.log);
  return connection;
}

}  // namespace liquidity
