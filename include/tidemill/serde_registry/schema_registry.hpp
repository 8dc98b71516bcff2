// SchemaRegistry: where schemas have numbers. One that is asked over HTTP (the REST interface of Confluent's Schema Registry, which
// others speak as well), and one in memory for tests.
#pragma once

#include <chrono>
#include <map>
#include <memory>

#include <tidemill/base/clock.hpp>
#include <tidemill/serde_registry/wire_format.hpp>

namespace tidemill {

struct RegisteredSchema {
  SchemaId id = 0;
  std::int32_t version = 0;
  Schema schema = {};
};

/// Thread-safe. A call may wait for the network, for a bounded time; what was answered once is kept (bounded). Errors: kNotFound,
/// kInvalidArgument (not compatible, or no schema), kUnauthorized, kUnavailable; the registry's own words and error_code are in
/// the message, credentials never are.
class SchemaRegistry {
 public:
  virtual ~SchemaRegistry() = default;
  /// Registers the schema, and the files it imports under their names; the same one again is no second one.
  [[nodiscard]] virtual Result<SchemaId> register_schema(const std::string& subject, const Schema& schema) = 0;
  /// kNotFound when the subject does not have it.
  [[nodiscard]] virtual Result<RegisteredSchema> look_up(const std::string& subject, const Schema& schema) = 0;
  [[nodiscard]] virtual Result<RegisteredSchema> latest(const std::string& subject) = 0;
  /// Without the texts of what it imports.
  [[nodiscard]] virtual Result<Schema> schema(SchemaId id) = 0;
};

struct SchemaRegistryConfig {
  /// http:// or https://; the next one is asked when one does not answer. May hold user:password@.
  std::vector<std::string> urls = {};
  /// user:password, for basic authentication; goes before what the urls hold.
  std::string user_info = {};
  std::string bearer_token = {};
  /// Certificates (PEM) that servers are trusted by; empty: the system's.
  std::string ca_file = {};
  std::chrono::milliseconds connect_timeout{2000};
  std::chrono::milliseconds read_timeout{5000};
  /// After the first round through the urls.
  int retries = 2;
  std::chrono::milliseconds retry_wait{100};
  /// Schemas and ids that are kept, each.
  std::size_t cache_capacity = 1000;
  /// The registry compares schemas by meaning, not by text.
  bool normalize = false;
  const Clock* clock = &system_clock();
};

/// kInvalidArgument for a url or a combination that cannot be. Asks for nothing yet.
[[nodiscard]] Result<std::shared_ptr<SchemaRegistry>> http_schema_registry(SchemaRegistryConfig config);
/// Judges no compatibility. Ids count from 1.
[[nodiscard]] std::shared_ptr<SchemaRegistry> in_memory_schema_registry();

enum class RecordPart : std::uint8_t { kKey, kValue };
/// The subject that a schema is registered under: `topic-key` or `topic-value`; the record's name; `topic-record`.
enum class SubjectName : std::uint8_t { kTopic, kRecord, kTopicRecord };

struct RegistrySerdeOptions {
  RecordPart part = RecordPart::kValue;
  SubjectName subject = SubjectName::kTopic;
  /// What is written is registered; otherwise it must have been.
  bool auto_register = true;
  /// Written under the id of the subject's latest schema, whatever that one says; before auto_register. Whether the two go
  /// together is for who sets it to know.
  bool use_latest_version = false;
};

struct SchemaRegistryReading {
  SchemaRegistryConfig config;
  RegistrySerdeOptions key;
  RegistrySerdeOptions value;
};
/// Reads Confluent's keys: schema.registry.url, basic.auth.credentials.source (URL, USER_INFO), basic.auth.user.info,
/// bearer.auth.credentials.source (STATIC_TOKEN), bearer.auth.token, schema.registry.ssl.truststore.location (PEM),
/// http.connect.timeout.ms, http.read.timeout.ms, max.retries, retries.wait.ms, max.schemas.per.subject, normalize.schemas,
/// auto.register.schemas, use.latest.version, key.subject.name.strategy, value.subject.name.strategy. Others are not looked at.
/// kInvalidArgument names the key.
[[nodiscard]] Result<SchemaRegistryReading> read_schema_registry_config(const std::map<std::string, std::string>& properties);

}  // namespace tidemill
