// Kafka's properties, as each client of ours understands them.
#include "log_kafka/client_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace tidemill::kafka {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

std::string value_of(const ConfPtr& conf, const char* name) {
  std::array<char, 512> text{};
  std::size_t size = text.size();
  return rd_kafka_conf_get(conf.get(), name, text.data(), &size) == RD_KAFKA_CONF_OK ? text.data() : "(unknown)";
}

KafkaLogOptions options(std::map<std::string, std::string> properties) {
  return {.bootstrap_servers = "127.0.0.1:9092", .properties = std::move(properties)};
}

TEST(ClientConfig, BootstrapServersMayHaveManyForms) {
  KafkaLogOptions some;
  some.bootstrap_servers = "one:9093, PLAINTEXT://two:9094,[::1]:9095,three";
  EXPECT_THAT(connection_config(some).value().bootstrap,
              ElementsAre(Pair("one", "9093"), Pair("two", "9094"), Pair("::1", "9095"), Pair("three", "9092")));
  for (const char* wrong : {"", "host:port", "host:0", "host:70000", ":9092"}) {
    some.bootstrap_servers = wrong;
    const auto config = connection_config(some);
    ASSERT_FALSE(config.has_value()) << wrong;
    EXPECT_EQ(config.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_THAT(config.error().message, HasSubstr("bootstrap.servers"));
  }
}

TEST(ClientConfig, PrefixedPropertiesGoToTheirClientOnly) {
  const auto given = options({{"consumer.fetch.max.wait.ms", "7"}, {"producer.linger.ms", "3"}, {"client.rack", "r1"}});
  const ConfPtr consumer = client_conf(given, "consumer.", {}, {}, {}).value();
  EXPECT_EQ(value_of(consumer, "fetch.wait.max.ms"), "7");
  EXPECT_EQ(value_of(consumer, "client.rack"), "r1");
  EXPECT_EQ(value_of(consumer, "queue.buffering.max.ms"), "5");
  EXPECT_EQ(value_of(client_conf(given, "producer.", {}, {}, {}).value(), "queue.buffering.max.ms"), "3");
}

TEST(ClientConfig, WhatOnlyJavaHasIsLeftOutAndWhatNobodyHasIsAnError) {
  EXPECT_TRUE(client_conf(options({{"consumer.max.poll.records", "10"}}), "consumer.", {}, {}, {}).has_value());
  const auto unknown = client_conf(options({{"consumer.fetch.whatever", "10"}}), "consumer.", {}, {}, {});
  ASSERT_FALSE(unknown.has_value());
  EXPECT_THAT(unknown.error().message, HasSubstr("fetch.whatever"));
}

TEST(ClientConfig, WhatIsFixedIsNotOverriddenNorTranslatedAway) {
  const ConfPtr conf = client_conf(options({{"auto.offset.reset", "earliest"}, {"consumer.enable.auto.commit", "true"}}),
                                   "consumer.", {}, {}, {{"auto.offset.reset", "error"}, {"enable.auto.commit", "false"}})
                           .value();
  EXPECT_EQ(value_of(conf, "auto.offset.reset"), "error");
  EXPECT_EQ(value_of(conf, "enable.auto.commit"), "false");
}

TEST(ClientConfig, SaslIsReadFromJaasAsFromPlainProperties) {
  const auto jaas = options({{"security.protocol", "SASL_SSL"},
                             {"sasl.mechanism", "SCRAM-SHA-256"},
                             {"sasl.jaas.config", "org.apache.kafka.common.security.scram.ScramLoginModule required "
                                                  "username=\"alice\" password=\"secret\";"},
                             {"ssl.truststore.location", "/etc/ca.pem"}});
  const ConnectionConfig config = connection_config(jaas).value();
  EXPECT_TRUE(config.tls);
  EXPECT_EQ(config.sasl, SaslMechanism::kScramSha256);
  EXPECT_EQ(config.sasl_username, "alice");
  EXPECT_EQ(config.sasl_password, "secret");
  EXPECT_EQ(config.ca_location, "/etc/ca.pem");
  const ConfPtr conf = client_conf(jaas, "admin.", {}, {}, {}).value();
  EXPECT_EQ(value_of(conf, "sasl.username"), "alice");
  EXPECT_EQ(value_of(conf, "ssl.ca.location"), "/etc/ca.pem");
}

TEST(ClientConfig, WhatTheMembershipCannotSpeakIsToldAtOnce) {
  const auto kerberos = connection_config(options({{"security.protocol", "SASL_SSL"}, {"sasl.mechanism", "GSSAPI"}}));
  ASSERT_FALSE(kerberos.has_value());
  EXPECT_THAT(kerberos.error().message, HasSubstr("GSSAPI"));
  EXPECT_FALSE(connection_config(options({{"security.protocol", "TELNET"}})).has_value());
  EXPECT_FALSE(connection_config(options({{"security.protocol", "SASL_SSL"}, {"sasl.mechanism", "PLAIN"}})).has_value());
}

TEST(ClientConfig, NoSecretIsInAMessage) {
  const auto wrong = client_conf(options({{"ssl.key.password", "hunter2"}, {"sasl.mechanism", "\x01hunter2"}}), "admin.",
                                 {{"sasl.password", "hunter2"}}, {{"linger.ms", "hunter-free"}}, {});
  ASSERT_FALSE(wrong.has_value());
  EXPECT_THAT(wrong.error().message, Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace tidemill::kafka
