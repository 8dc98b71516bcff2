// A configuration made by hand is held to the rules of one that is read from text.
#include "config/rules.hpp"

#include <gmock/gmock.h>

#include <set>

namespace tidemill {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

std::string error_of(const StreamsConfig& config) {
  try {
    check_config(config);
  } catch (const ConfigException& error) {
    return error.what();
  }
  return {};
}
std::string error_of_text(const std::string& key, const std::string& value) {
  try {
    (void)read_config({{key, value}});
  } catch (const ConfigException& error) {
    return error.what();
  }
  return {};
}
StreamsConfig good() { return {.application_id = "app"}; }

TEST(ConfigRules, EveryNumberIsRefusedByHandAsItIsFromText) {
  std::set<std::string_view> refused;
  for (const NumberRule& rule : number_rules()) {
    for (const std::int64_t value : {std::int64_t{-5}, std::int64_t{-1}, std::int64_t{0}}) {
      StreamsConfig by_hand = good();
      std::string said = error_of_text(std::string(rule.key), std::to_string(value));
      std::visit(
          [&]<class T>(T StreamsConfig::*place) {
            if constexpr (std::is_same_v<T, std::size_t>) {
              if (value < 0) said.clear();  // there is no such number of bytes
              by_hand.*place = value < 0 ? 1 : static_cast<std::size_t>(value);
            } else {
              by_hand.*place = static_cast<T>(value);
            }
          },
          rule.member);
      // A default may say "nothing given", which from text nobody can.
      if (rule.get(by_hand) == rule.get(StreamsConfig())) continue;
      EXPECT_EQ(error_of(by_hand), said) << rule.key << "=" << value;
      if (!said.empty()) refused.insert(rule.key);
    }
  }
  // All but those of which 0 is right, and less cannot be or is, too.
  std::set<std::string_view> never;
  for (const NumberRule& rule : number_rules()) {
    if (!refused.contains(rule.key)) never.insert(rule.key);
  }
  EXPECT_THAT(never, UnorderedElementsAre("cache.max.bytes.buffering", "log.summary.interval.ms", "memory.max.bytes",
                                          "statestore.cache.max.bytes", "statestore.uncommitted.max.bytes"));
}

TEST(ConfigRules, TheSentenceNamesTheKeyOfKafka) {
  StreamsConfig config = good();
  config.max_poll_interval = std::chrono::milliseconds(0);
  EXPECT_EQ(error_of(config), "max.poll.interval.ms=0: must be at least 1");
  config = good();
  config.num_stream_threads = 0;
  EXPECT_EQ(error_of(config), "num.stream.threads=0: must be at least 1 and at most 1000");
  config = good();
  config.commit_interval = std::chrono::milliseconds(-2);
  EXPECT_EQ(error_of(config), "commit.interval.ms=-2: must be at least 0");
  config = good();
  config.replication_factor = 0;
  EXPECT_EQ(error_of(config), "replication.factor=0: must be at least -1 and at most 32767, and not 0");
  EXPECT_EQ(error_of_text("replication.factor", "0"), error_of(config));
}

TEST(ConfigRules, ADeadLetterTopicIsOneThatCanBe) {
  EXPECT_THROW((void)log_and_continue_on_deserialization_error("d l q"), ConfigException);
  EXPECT_THROW((void)log_and_fail_on_processing_error("d/l"), ConfigException);
  EXPECT_NO_THROW((void)default_production_exception_handler(""));
}

TEST(ConfigRules, TextsAreHeldToThemToo) {
  EXPECT_THAT(error_of({}), StartsWith("application.id is empty"));
  EXPECT_THAT(error_of({.application_id = "a b"}), StartsWith("application.id=a b: "));
  EXPECT_THAT(error_of_text("application.id", "a/b"), StartsWith("application.id=a/b: "));
  EXPECT_THAT(error_of_text("application.id", ".."), StartsWith("application.id=..: "));
  StreamsConfig config = good();
  config.state_dir.clear();
  EXPECT_THAT(error_of(config), StartsWith("state.dir is empty"));
  EXPECT_EQ(error_of_text("state.dir", ""), error_of(config));
  config = good();
  config.topology_optimization = "some";
  EXPECT_THAT(error_of(config), StartsWith("topology.optimization=some: must be none, all, "));
  EXPECT_EQ(error_of_text("topology.optimization", "some"), error_of(config));
  for (const char* refused : {"", "none,all", "all,merge.repartition.topics",
                              "merge.repartition.topics,,single.store.self.join", ",all", "all,all"}) {
    config.topology_optimization = refused;
    EXPECT_THAT(error_of(config), HasSubstr("must be none, all, ")) << refused;
  }
  for (const char* taken : {"all", " none ", "merge.repartition.topics , single.store.self.join", "single.store.self.join,",
                            "all , ,", "none,", ","}) {
    config.topology_optimization = taken;
    EXPECT_EQ(error_of(config), "") << taken;
  }
  config = good();
  config.client_id = "two\nlines";
  EXPECT_THAT(error_of(config), StartsWith("client.id: has a character that cannot be printed"));
  EXPECT_EQ(error_of_text("client.id", "two\nlines"), error_of(config));
  config = good();
  config.auto_offset_reset = OffsetReset::kByDuration;
  EXPECT_THAT(error_of(config), StartsWith("auto.offset.reset: must be one of earliest, latest, none"));
}

TEST(ConfigRules, WhatHasBeenLeftAloneIsRight) {
  EXPECT_EQ(error_of(good()), "");
  EXPECT_NO_THROW((void)read_config({}));  // the name may come later
}

}  // namespace
}  // namespace tidemill
