// Confluent's keys.
#include <gmock/gmock.h>

#include <tidemill/serde_registry/schema_registry.hpp>

namespace tidemill {
namespace {

using Properties = std::map<std::string, std::string>;

std::string refusal(Properties properties) {
  properties.emplace("schema.registry.url", "http://one");
  const auto reading = read_schema_registry_config(properties);
  return reading ? "taken" : reading.error().message;
}

TEST(RegistryConfig, ReadsEveryKey) {
  const auto reading =
      read_schema_registry_config({{"schema.registry.url", "http://one:8081, https://two/prefix"},
                                   {"basic.auth.credentials.source", "USER_INFO"},
                                   {"basic.auth.user.info", "ada:s3cret"},
                                   {"schema.registry.ssl.truststore.location", "/ca.pem"},
                                   {"schema.registry.ssl.truststore.type", "PEM"},
                                   {"http.connect.timeout.ms", "10"},
                                   {"http.read.timeout.ms", "20"},
                                   {"max.retries", "5"},
                                   {"retries.wait.ms", "30"},
                                   {"max.schemas.per.subject", "7"},
                                   {"normalize.schemas", "true"},
                                   {"auto.register.schemas", "false"},
                                   {"use.latest.version", "true"},
                                   {"key.subject.name.strategy", "io.confluent.kafka.serializers.subject.RecordNameStrategy"},
                                   {"value.subject.name.strategy", "TopicRecordNameStrategy"},
                                   {"application.id", "x"}})
          .value();
  EXPECT_EQ(reading.config.urls, (std::vector<std::string>{"http://one:8081", "https://two/prefix"}));
  EXPECT_EQ(reading.config.user_info, "ada:s3cret");
  EXPECT_EQ(reading.config.ca_file, "/ca.pem");
  EXPECT_EQ(reading.config.connect_timeout.count(), 10);
  EXPECT_EQ(reading.config.read_timeout.count(), 20);
  EXPECT_EQ(reading.config.retries, 5);
  EXPECT_EQ(reading.config.retry_wait.count(), 30);
  EXPECT_EQ(reading.config.cache_capacity, 7U);
  EXPECT_TRUE(reading.config.normalize);
  for (const RegistrySerdeOptions& options : {reading.key, reading.value}) {
    EXPECT_FALSE(options.auto_register);
    EXPECT_TRUE(options.use_latest_version);
  }
  EXPECT_EQ(reading.key.part, RecordPart::kKey);
  EXPECT_EQ(reading.key.subject, SubjectName::kRecord);
  EXPECT_EQ(reading.value.part, RecordPart::kValue);
  EXPECT_EQ(reading.value.subject, SubjectName::kTopicRecord);
}

TEST(RegistryConfig, HasConfluentsDefaults) {
  const auto reading = read_schema_registry_config({{"schema.registry.url", "http://one"}}).value();
  EXPECT_TRUE(reading.value.auto_register);
  EXPECT_FALSE(reading.value.use_latest_version);
  EXPECT_EQ(reading.value.subject, SubjectName::kTopic);
  EXPECT_EQ(reading.config.cache_capacity, 1000U);
}

TEST(RegistryConfig, NamesTheKeyAndNeverASecret) {
  EXPECT_EQ(read_schema_registry_config({}).error().message, "schema.registry.url is missing");
  EXPECT_EQ(refusal({{"auto.register.schemas", "yes"}}), "auto.register.schemas must be true or false");
  EXPECT_EQ(refusal({{"max.retries", "-1"}}), "max.retries must be a whole number from 0 to 10");
  EXPECT_EQ(refusal({{"http.read.timeout.ms", "5s"}}), "http.read.timeout.ms must be a whole number from 0 to 600000");
  EXPECT_EQ(refusal({{"value.subject.name.strategy", "Mine"}}),
            "value.subject.name.strategy must be TopicNameStrategy, RecordNameStrategy or TopicRecordNameStrategy");
  EXPECT_EQ(refusal({{"basic.auth.credentials.source", "SASL_INHERIT"}}),
            "basic.auth.credentials.source must be URL or USER_INFO");
  EXPECT_EQ(refusal({{"basic.auth.credentials.source", "USER_INFO"}}),
            "basic.auth.credentials.source is USER_INFO, and basic.auth.user.info is empty");
  EXPECT_EQ(refusal({{"bearer.auth.credentials.source", "STATIC_TOKEN"}}),
            "bearer.auth.credentials.source is STATIC_TOKEN, and bearer.auth.token is empty");
  EXPECT_EQ(refusal({{"schema.registry.ssl.truststore.type", "JKS"}}), "schema.registry.ssl.truststore.type must be PEM");
}

}  // namespace
}  // namespace tidemill
