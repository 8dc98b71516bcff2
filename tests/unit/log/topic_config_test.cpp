#include "log/topic_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemill {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

Result<TopicSettings> read(TopicConfig config, std::string name = "orders") {
  return read_topic({.name = std::move(name), .partitions = 1, .replication_factor = -1, .config = std::move(config)});
}

TEST(TopicConfig, HasKafkasDefaults) {
  const TopicSettings settings = read({}).value();
  EXPECT_TRUE(settings.deletes);
  EXPECT_FALSE(settings.compacts);
  EXPECT_EQ(settings.segment_time, 168h);
  EXPECT_EQ(settings.batch_bytes_max, 1048588U);
  EXPECT_EQ(settings.compression, std::nullopt);
  EXPECT_EQ(settings.dirty_ratio_min, 0.5);
  EXPECT_EQ(settings.delete_retention, 24h);
  EXPECT_EQ(settings.compaction_lag_min, 0ms);
}

TEST(TopicConfig, KeepsForEverWhatNobodyAskedToDrop) {
  EXPECT_EQ(read({}).value().retention_time, std::nullopt);
  EXPECT_EQ(read({{"retention.ms", "-1"}, {"retention.bytes", "-1"}}).value().retention_bytes, std::nullopt);
}

TEST(TopicConfig, ReadsEveryKey) {
  const TopicSettings settings = read({{"cleanup.policy", "compact, delete"},
                                       {"retention.ms", "60000"},
                                       {"retention.bytes", "1000"},
                                       {"segment.bytes", "5000"},
                                       {"segment.ms", "70000"},
                                       {"compression.type", "zstd"},
                                       {"max.message.bytes", "2000"},
                                       {"min.compaction.lag.ms", "10"},
                                       {"max.compaction.lag.ms", "20"},
                                       {"delete.retention.ms", "30"},
                                       {"message.timestamp.type", "LogAppendTime"},
                                       {"min.cleanable.dirty.ratio", "0.25"}})
                                     .value();
  EXPECT_TRUE(settings.deletes);
  EXPECT_TRUE(settings.compacts);
  EXPECT_EQ(settings.retention_time, 60s);
  EXPECT_EQ(settings.retention_bytes, 1000);
  EXPECT_EQ(settings.segment_bytes, 5000);
  EXPECT_EQ(settings.segment_time, 70s);
  EXPECT_EQ(settings.compression, Compression::kZstd);
  EXPECT_EQ(settings.batch_bytes_max, 2000U);
  EXPECT_EQ(settings.compaction_lag_min, 10ms);
  EXPECT_EQ(settings.compaction_lag_max, 20ms);
  EXPECT_EQ(settings.delete_retention, 30ms);
  EXPECT_TRUE(settings.log_append_time);
  EXPECT_EQ(settings.dirty_ratio_min, 0.25);
  EXPECT_FALSE(read({{"cleanup.policy", "compact"}}).value().deletes);
  EXPECT_EQ(read({{"compression.type", "uncompressed"}}).value().compression, Compression::kNone);
  EXPECT_EQ(read({{"compression.type", "producer"}}).value().compression, std::nullopt);
}

TEST(TopicConfig, RefusesWhatCannotBeAndSaysWhatCould) {
  const std::pair<TopicConfig, const char*> wrong[] = {
      {{{"cleanup.policy", "shred"}}, "cleanup.policy must be delete, compact or compact,delete, not \"shred\""},
      {{{"cleanup.policy", ""}}, "cleanup.policy must be"},
      {{{"retention.ms", "soon"}}, "retention.ms must be a whole number, -1 or more, not \"soon\""},
      {{{"retention.ms", "-2"}}, "retention.ms"},
      {{{"segment.bytes", "13"}}, "segment.bytes must be a whole number, 14 or more"},
      {{{"segment.ms", "0"}}, "segment.ms"},
      {{{"compression.type", "rar"}}, "compression.type must be producer, uncompressed, gzip, snappy, lz4 or zstd"},
      {{{"message.timestamp.type", "Now"}}, "message.timestamp.type must be CreateTime or LogAppendTime"},
      {{{"min.cleanable.dirty.ratio", "1.5"}}, "min.cleanable.dirty.ratio must be a number from 0 to 1"},
      {{{"min.cleanable.dirty.ratio", "nan"}}, "min.cleanable.dirty.ratio"},
      {{{"min.compaction.lag.ms", "5"}, {"max.compaction.lag.ms", "4"}}, "max.compaction.lag.ms must not be less than"},
      {{{"flush.ms", "5"}}, "there is no configuration \"flush.ms\""}};
  for (const auto& [config, text] : wrong) {
    const auto settings = read(config);
    ASSERT_FALSE(settings.has_value()) << text;
    EXPECT_EQ(settings.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_THAT(settings.error().message, HasSubstr("topic \"orders\": "));
    EXPECT_THAT(settings.error().message, HasSubstr(text));
  }
}

TEST(TopicConfig, LetsReplicasBe) { EXPECT_TRUE(read({{"min.insync.replicas", "2"}}).has_value()); }

TEST(TopicConfig, RefusesANameThatKafkaWouldRefuse) {
  for (const std::string& name : {std::string(), std::string("a/b"), std::string(".."), std::string(250, 'x')}) {
    EXPECT_FALSE(read({}, name).has_value()) << name;
  }
  EXPECT_TRUE(read({}, std::string(249, 'x')).has_value());
}

}  // namespace
}  // namespace tidemill
