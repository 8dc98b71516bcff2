#include <tidemill/config/streams_config.hpp>

#include <gmock/gmock.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>

namespace tidemill {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(ReadConfig, ReadsKafkasKeys) {
  const ConfigReading reading = read_config({{"application.id", "app"},
                                             {"bootstrap.servers", "kafka:9092"},
                                             {"processing.guarantee", "at_least_once"},
                                             {"num.stream.threads", "4"},
                                             {"commit.interval.ms", "250"},
                                             {"max.task.idle.ms", "-1"},
                                             {"statestore.cache.max.bytes", "1000"},
                                             {"auto.offset.reset", "latest"},
                                             {"default.dsl.store", "in_memory"},
                                             {"producer.linger.ms", "5"},
                                             {"consumer.fetch.min.bytes", "1"},
                                             {"consumer.client.rack", "r"},
                                             {"main.consumer.fetch.min.bytes", "6"},
                                             {"restore.consumer.fetch.min.bytes", "8"},
                                             {"global.consumer.fetch.max.bytes", "9"},
                                             {"topic.segment.bytes", "7"},
                                             {"ssl.keystore.location", "/x"}});
  EXPECT_THAT(reading.warnings, ElementsAre());
  EXPECT_EQ(reading.config.application_id, "app");
  EXPECT_EQ(reading.config.processing_guarantee, ProcessingGuarantee::kAtLeastOnce);
  EXPECT_EQ(reading.config.num_stream_threads, 4);
  EXPECT_EQ(reading.config.commit_interval, std::chrono::milliseconds(250));
  EXPECT_EQ(reading.config.max_task_idle, std::chrono::milliseconds(-1));
  EXPECT_EQ(reading.config.statestore_cache_max_bytes, 1000U);
  EXPECT_EQ(reading.config.auto_offset_reset, OffsetReset::kLatest);
  EXPECT_EQ(reading.config.default_dsl_store, StoreEngineKind::kInMemory);
  EXPECT_THAT(reading.config.producer, ElementsAre(Pair("linger.ms", "5")));
  EXPECT_THAT(reading.config.consumer, ElementsAre(Pair("client.rack", "r"), Pair("fetch.min.bytes", "1")));
  EXPECT_THAT(consumer_properties(reading.config, reading.config.main_consumer),
              ElementsAre(Pair("client.rack", "r"), Pair("fetch.min.bytes", "6")));
  EXPECT_THAT(consumer_properties(reading.config, reading.config.restore_consumer),
              ElementsAre(Pair("client.rack", "r"), Pair("fetch.min.bytes", "8")));
  EXPECT_THAT(consumer_properties(reading.config, reading.config.global_consumer),
              ElementsAre(Pair("client.rack", "r"), Pair("fetch.max.bytes", "9"), Pair("fetch.min.bytes", "1")));
  EXPECT_THAT(reading.config.topic, ElementsAre(Pair("segment.bytes", "7")));
  EXPECT_THAT(reading.client, ElementsAre(Pair("bootstrap.servers", "kafka:9092"), Pair("ssl.keystore.location", "/x")));
}

TEST(ReadConfig, TheLongestDurationThereIsCanBeCountedWithInNanoseconds) {
  std::map<std::string, std::string> never;
  for (const char* key : {"commit.interval.ms", "poll.ms", "max.task.idle.ms", "task.timeout.ms",
                          "repartition.purge.interval.ms", "windowstore.changelog.additional.retention.ms",
                          "transaction.timeout.ms", "state.cleanup.delay.ms", "metadata.max.age.ms", "log.summary.interval.ms",
                          "timestamp.after.max.ms", "session.timeout.ms", "heartbeat.interval.ms", "max.poll.interval.ms"}) {
    never[key] = std::to_string(std::numeric_limits<std::int64_t>::max());
  }
  const StreamsConfig config = read_config(never).config;
  constexpr std::chrono::milliseconds kCentury = std::chrono::hours(24 * 365 * 100);
  for (const std::chrono::milliseconds duration :
       {config.commit_interval, config.poll, config.max_task_idle, config.task_timeout, config.repartition_purge_interval,
        config.windowstore_changelog_additional_retention, config.transaction_timeout, config.state_cleanup_delay,
        config.metadata_max_age, config.log_summary_interval, config.timestamp_after_max}) {
    EXPECT_EQ(duration, kCentury);
  }
  // 32 bits in the group's protocol.
  for (const std::chrono::milliseconds duration :
       {config.session_timeout, config.heartbeat_interval, config.max_poll_interval}) {
    EXPECT_EQ(duration.count(), std::numeric_limits<std::int32_t>::max());
  }
}

TEST(ReadConfig, KnowsEveryKeyOfKafkaStreams) {
  std::ifstream keys(KEYS);
  int count = 0;
  for (std::string key; std::getline(keys, key);) {
    if (key.starts_with("#")) continue;
    ++count;
    bool accepted = false;
    for (const char* value :
         {"1", "true", "none", "at_least_once", "rocksDB", "RocksDBDslStoreSuppliers", "LogAndFailExceptionHandler",
          "LogAndFailProcessingExceptionHandler", "DefaultProductionExceptionHandler", "FailOnInvalidTimestamp"}) {
      try {
        for (const std::string& warning : read_config({{key, value}}, true).warnings) {
          EXPECT_THAT(warning, ::testing::StartsWith(key + " is not used: ")) << "a key without effect says why";
        }
        accepted = true;
        break;
      } catch (const ConfigException& error) {
        EXPECT_THAT(error.what(), ::testing::StartsWith(key + "=")) << "known, but this value cannot be";
      }
    }
    EXPECT_TRUE(accepted) << key;
  }
  EXPECT_EQ(count, 71);
}

TEST(ReadConfig, WhatHasNoEffectSaysWhy) {
  EXPECT_THAT(read_config({{"rack.aware.assignment.tags", "zone"}}).warnings,
              ElementsAre("rack.aware.assignment.tags is not used: tasks are assigned without regard to racks"));
  EXPECT_THAT(read_config({{"group.protocol", "classic"}, {"enable.metrics.push", "false"}}).warnings, ElementsAre());
  const ConfigReading rolling = read_config({{"upgrade.from", "3.4"}});
  EXPECT_THAT(rolling.warnings, ElementsAre());
  EXPECT_EQ(rolling.config.application.at("upgrade.from"), "3.4") << "who groups tables looks at it";
}

TEST(ReadConfig, ReadsTheEnvironment) {
  ::setenv("TIDEMILL_TEST_COMMIT_INTERVAL_MS", "250", 1);
  ::setenv("TIDEMILL_TEST_RACK_AWARE_ASSIGNMENT_TRAFFIC__COST", "5", 1);
  ::setenv("TIDEMILL_TEST_PRODUCER_A___B", "x=y", 1);
  EXPECT_THAT(read_environment("TIDEMILL_TEST_"), ElementsAre(Pair("commit.interval.ms", "250"), Pair("producer.a-b", "x=y"),
                                                              Pair("rack.aware.assignment.traffic_cost", "5")));
}

TEST(ReadConfig, TakesNoKeyOfASchemaRegistryForAMistake) {
  const ConfigReading reading = read_config(
      {{"schema.registry.url", "http://localhost"}, {"basic.auth.user.info", "a:b"}, {"auto.register.schemas", "false"}}, true);
  EXPECT_TRUE(reading.warnings.empty());
  EXPECT_EQ(reading.config.application.at("schema.registry.url"), "http://localhost");
}

TEST(ReadConfig, AnUnknownKeyNamesTheNearestOne) {
  EXPECT_THAT(read_config({{"comit.interval.ms", "1"}}).warnings,
              ElementsAre("unknown key comit.interval.ms: the nearest known one is commit.interval.ms"));
  EXPECT_THAT(read_config({{"my.own", "1"}}).warnings, ElementsAre("unknown key my.own: no known one is like it"));
  EXPECT_THROW(static_cast<void>(read_config({{"comit.interval.ms", "1"}}, true)), ConfigException);
}

TEST(ReadConfig, AValueThatCannotBeNamesTheKey) {
  const auto message = [](const std::string& key, const std::string& value) -> std::string {
    try {
      static_cast<void>(read_config({{key, value}}));
    } catch (const ConfigException& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message("num.stream.threads", "two"), "num.stream.threads=two: must be a whole number");
  EXPECT_THAT(message("num.stream.threads", "0"), HasSubstr("must be at least 1"));
  EXPECT_EQ(message("processing.guarantee", "exactly_once"),
            "processing.guarantee=exactly_once: must be one of at_least_once, exactly_once_v2");
  EXPECT_THAT(message("deserialization.exception.handler", "com.acme.Mine"), HasSubstr("set your own in StreamsConfig"));
}

TEST(ReadConfig, KnowsTheBuiltInHandlersByTheirJavaNames) {
  const ConfigReading reading =
      read_config({{"deserialization.exception.handler", "org.apache.kafka.streams.errors.LogAndContinueExceptionHandler"},
                   {"errors.dead.letter.queue.topic.name", "dlq"}});
  const HandlerResponse response = reading.config.deserialization_exception_handler({}, {});
  EXPECT_EQ(response.answer, HandlerAnswer::kResume);
  ASSERT_EQ(response.dead_letters.size(), 1U);
  EXPECT_EQ(response.dead_letters[0].topic, "dlq");
}

TEST(ReadConfig, ClientKeysNeedNoPrefixAndOnesWithAPrefixWin) {
  const ConfigReading reading = read_config({{"acks", "all"},
                                             {"linger.ms", "5"},
                                             {"producer.linger.ms", "7"},
                                             {"fetch.min.bytes", "100"},
                                             {"ssl.ca.location", "/ca.pem"}});
  EXPECT_THAT(reading.warnings, testing::IsEmpty());
  EXPECT_THAT(reading.config.producer, ElementsAre(Pair("acks", "all"), Pair("linger.ms", "7")));
  EXPECT_THAT(reading.config.consumer, ElementsAre(Pair("fetch.min.bytes", "100")));
  EXPECT_THAT(reading.client, ElementsAre(Pair("ssl.ca.location", "/ca.pem")));
}

TEST(ReadConfig, ClientSettingsThatTheRuntimeNeedsMayHaveTheirPrefix) {
  const ConfigReading reading = read_config({{"consumer.auto.offset.reset", "latest"},
                                             {"main.consumer.session.timeout.ms", "6000"},
                                             {"producer.transaction.timeout.ms", "7000"}});
  EXPECT_EQ(reading.config.auto_offset_reset, OffsetReset::kLatest);
  EXPECT_EQ(reading.config.session_timeout.count(), 6000);
  EXPECT_EQ(reading.config.transaction_timeout.count(), 7000);
  EXPECT_THAT(reading.config.consumer, testing::IsEmpty());
  EXPECT_THAT(reading.config.producer, testing::IsEmpty());
}

TEST(PropertiesFile, IsReadAsJavaReadsIt) {
  const std::string path = ::testing::TempDir() + "tidemill.properties";
  std::ofstream(path) << "# a comment\n! another\n\n  application.id = my app \ncommit.interval.ms:100\n"
                         "long=one,\\\n    two\npath=C\\:\\\\x\nempty=\n";
  const auto properties = read_properties_file(path).value();
  EXPECT_THAT(properties, ElementsAre(Pair("application.id", "my app"), Pair("commit.interval.ms", "100"), Pair("empty", ""),
                                      Pair("long", "one,two"), Pair("path", "C:\\x")));
  std::ofstream(path) << "a=1\nnonsense\n";
  EXPECT_THAT(read_properties_file(path).error().message, HasSubstr(":2: a line must be key=value"));
  std::remove(path.c_str());
  EXPECT_EQ(read_properties_file(path).error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace tidemill
