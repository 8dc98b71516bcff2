// Joins of tables in a running application, over several partitions and threads: rows change on both sides faster than questions
// and answers come and go, and in the end the joined table is the join of both (D-51).
#include <random>

#include <gmock/gmock.h>
#include <tidemill/base/partitioner.hpp>

#include "behind_the_topic.hpp"
#include "running.hpp"

namespace tidemill::test {
namespace {

using namespace std::chrono_literals;
using Text = std::string;
using Table = std::map<Text, Text>;

constexpr int kPartitions = 4;
constexpr int kKeys = 8;

std::optional<Text> named(const Text& left) {
  return left[0] == '?' ? std::nullopt : std::optional(left.substr(0, left.find('|')));
}
Text both(const Text& left, const Text& right) { return left + "+" + right; }

struct Kind {
  const char* name;
  bool cached;
  std::optional<Serde<Text>> key_serde = std::nullopt;
};
std::ostream& operator<<(std::ostream& out, const Kind& kind) { return out << kind.name; }

Topology topology(const Kind& kind) {
  StreamsBuilder builder;
  const auto table = [&](const char* topic) {
    // `-` deletes.
    return builder.stream<Text, Text>(topic)
        .map_values([](const Text& value) { return value == "-" ? std::nullopt : std::optional(value); })
        .to_table(Materialized<Text, Text>{.key_serde = kind.key_serde, .caching = kind.cached});
  };
  const Produced<Text, Text> plain{.key_serde = SerdeOf<Text>::serde()};
  const auto left = table("left");
  const auto right = table("right");
  left.join(right, both).to_stream().to("joined", plain);
  TableJoined<Text, Text> joined;
  if (kind.key_serde) {  // the bytes of a question's key are not those by which the right table is partitioned
    joined.other_partitioner = [](std::string_view, const Text* key, const void*, std::int32_t partitions) {
      return std::optional(std::vector{partition_for_key(*key, partitions)});
    };
  }
  left.join(right, named, both, joined).to_stream().to("named", plain);
  return builder.build();
}

Table rows(Log& log, const Text& topic) {
  Table rows = last_values(log, topic);
  std::erase_if(rows, [](const auto& row) { return row.second == "null"; });
  return rows;
}

class RunningTableJoins : public testing::TestWithParam<Kind> {};

TEST_P(RunningTableJoins, AreTheJoinOfBothTables) {
  std::mt19937 random(GetParam().cached ? 1 : 2);
  const auto log = in_memory_log({.default_partitions = kPartitions});
  StreamsConfig config = running_config(log, 3);
  config.commit_interval = 3ms;
  Streams streams(topology(GetParam()), config);
  ASSERT_TRUE(streams.start());
  Table left;
  Table right;
  int change = 0;
  for (int round = 0; round < 20; ++round) {
    for (int chunk = 0; chunk < 60; ++chunk) {
      std::map<Text, std::vector<Piped>> records;
      for (int i = 0; i < 4; ++i) {
        const bool is_left = random() % 3 != 0;
        const Text key(1, static_cast<char>('a' + random() % kKeys));
        Text value = std::to_string(++change);
        if (random() % 3 == 0) {
          value = "-";
          (is_left ? left : right).erase(key);
        } else {
          if (is_left) value = Text(1, random() % 8 == 0 ? '?' : static_cast<char>('a' + random() % kKeys)) + "|" + value;
          (is_left ? left : right)[key] = value;
        }
        records[is_left ? "left" : "right"].push_back(
            {.key = key, .value = value, .partition = partition_for_key(key, kPartitions).value});
      }
      for (const auto& [topic, some] : records) produce(*log, topic, some);
    }
    ASSERT_TRUE(streams.wait_until_caught_up(30s));
    Table joined;
    Table by_name;
    for (const auto& [key, value] : left) {
      if (const auto other = right.find(key); other != right.end()) joined[key] = both(value, other->second);
      const auto name = named(value);
      if (const auto other = name ? right.find(*name) : right.end(); other != right.end())
        by_name[key] = both(value, other->second);
    }
    ASSERT_EQ(rows(*log, "joined"), joined) << "round " << round;
    ASSERT_EQ(rows(*log, "named"), by_name) << "round " << round;
  }
}
INSTANTIATE_TEST_SUITE_P(Of, RunningTableJoins,
                         testing::Values(Kind{"PlainTables", false}, Kind{"CachedTables", true},
                                         Kind{"KeysThatDependOnTheTopic", false, behind_the_topic()}),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace tidemill::test
