// The one memory budget: its shares as metrics, added up against what the process really took.
#include <malloc.h>

#include <cstdio>
#include <fstream>

#include <gmock/gmock.h>

#include <tidemill/base/random.hpp>

#include "running.hpp"

namespace tidemill::test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Text = std::string;

double resident_bytes() {
  ::malloc_trim(0);
  std::ifstream file("/proc/self/statm");
  double pages = 0;
  file >> pages >> pages;
  return pages * 4096;
}
double share(const Streams& streams, const char* name) { return metric(streams, "memory-bytes", {"share", name}); }
double all_shares(const Streams& streams) { return metric(streams, "memory-bytes"); }

constexpr int kValueBytes = 1000;
/// Records with keys of their own, in pieces that the log takes.
void produce_many(Log& log, int first, int count) {
  const Text value(kValueBytes, 'x');
  for (int at = 0; at < count; at += 2000) {
    std::vector<Piped> records;
    for (int i = at; i < std::min(at + 2000, count); ++i)
      records.push_back({.key = "key" + std::to_string(first + i), .value = value});
    produce(log, "in", records);
  }
}

TEST(Memory, TheSharesAddUpToWhatTheProcessTook) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer takes memory of its own";
#endif
  const std::string directory = ::testing::TempDir() + "tidemill-memory-" + random_uuid(system_random());
  {
    auto log = embedded_log(directory + "/log",
                            {.durability = Durability::kProcess, .default_partitions = 2, .recent_batches_bytes = 1 << 20});
    StreamsBuilder builder;
    // A store with a cache that is full, one in memory, and a table that is read by nobody.
    auto in = builder.stream<Text, Text>("in");
    in.to_table({.store_name = "cached"});
    in.to_table({.store_name = "in-memory", .caching = false, .logging = false, .engine = StoreEngineKind::kInMemory});
    StreamsConfig config{.application_id = "app", .log = log};
    config.state_dir = directory + "/state";
    config.statestore_cache_max_bytes = 24 << 20;
    Streams streams(builder.build(), config);
    ASSERT_TRUE(streams.start());
    produce_many(*log, 0, 10);
    ASSERT_TRUE(streams.wait_until_caught_up(30s));
    const double before = resident_bytes();
    const double shares_before = all_shares(streams);
    produce_many(*log, 0, 60'000);
    ASSERT_TRUE(streams.wait_until_caught_up(60s));
    const double grown = resident_bytes() - before;
    const double explained = all_shares(streams) - shares_before;
    std::string table;
    for (const Metric& one : streams.metrics()) {
      if (one.name == "memory-bytes") table += one.tags.back().second + " " + std::to_string(one.value) + "\n";
    }
    SCOPED_TRACE(table);
    EXPECT_GT(grown, 60e6) << "the test has to take some";
    EXPECT_GT(explained, 0.7 * grown) << "what is not accounted for";
    EXPECT_LT(explained, 1.3 * grown) << "accounted for, but not taken";
    EXPECT_GT(share(streams, "record-caches"), 20e6);
    EXPECT_GT(share(streams, "stores-in-memory"), 60e6);
    EXPECT_LE(metric(streams, "cache-size-bytes-total"), 24 << 20) << "as Kafka Streams counts";
#ifdef TIDEMILL_ROCKSDB
    EXPECT_GT(share(streams, "state-engine"), 5e6);
#endif
    // Each within its bound.
    for (const char* name : {"uncommitted", "input-queues", "state-engine"}) {
      EXPECT_LE(share(streams, name), 1.1 * metric(streams, "memory-bytes-max", {"share", name})) << name;
    }
    streams.pause();
    produce_many(*log, 100'000, 20'000);
    ASSERT_TRUE(eventually([&] { return share(streams, "input-queues") > 1e6; }));
    EXPECT_LE(share(streams, "input-queues"), 1.1 * (64 << 20));
    EXPECT_TRUE(streams.close());
  }
  std::system(("rm -rf " + directory).c_str());
}

TEST(Memory, OneNumberIsSharedOutAndHasToSuffice) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in").group_by_key().count({.store_name = "counts"});
  const Topology topology = builder.build();
  StreamsConfig config = running_config(in_memory_log({.default_partitions = 1}));
  config.memory_max_bytes = 200 << 20;
  config.default_dsl_store = StoreEngineKind::kPersistent;
  config.state_dir = ::testing::TempDir() + "tidemill-memory-" + random_uuid(system_random());
  Streams streams(topology, config);
  ASSERT_TRUE(streams.start());
  [[maybe_unused]] double sum = 0;
  for (const char* name : {"record-caches", "uncommitted", "input-queues", "state-engine"}) {
    sum += metric(streams, "memory-bytes-max", {"share", name});
  }
#ifdef TIDEMILL_ROCKSDB
  EXPECT_EQ(sum, 200 << 20);
#endif
  ASSERT_TRUE(streams.close());
  std::system(("rm -rf " + config.state_dir).c_str());
  config.memory_max_bytes = 100 << 20;
  try {
    Streams too_small(topology, config);
    FAIL() << "shares of 138 MiB do not fit into 100";
  } catch (const ConfigException& error) {
    EXPECT_THAT(error.what(), HasSubstr("memory.max.bytes=104857600 is too small for its shares"));
  }
}

}  // namespace
}  // namespace tidemill::test
