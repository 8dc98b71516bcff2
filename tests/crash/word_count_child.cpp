// word_count_child DIR LINES SEED: the application that the crash test kills.
//
// Produces lines 0..LINES-1 (each follows from SEED and its number) while it counts their words exactly-once,
// both in one process on one embedded log. Started again it goes on behind the last line that is in the log.
// Ends with status 0 when all lines are counted.
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <tidemill/adapters/rocksdb_stores.hpp>
#include <tidemill/streams.hpp>

#include "lines.hpp"

using namespace tidemill;

namespace {

constexpr std::size_t kLinesPerAcknowledgement = 400;

MonotonicTime deadline() { return system_clock().now().monotonic + std::chrono::seconds(30); }

/// For each partition the number of the next line: the log itself says what has been acknowledged, and more.
std::vector<std::uint64_t> next_lines(Log& log) {
  std::vector<std::uint64_t> next;
  for (std::int32_t p = 0; p < crash::kPartitions; ++p) next.push_back(static_cast<std::uint64_t>(p));
  for (const auto& row : crash::read_topic(log, "lines")) {
    next[static_cast<std::size_t>(row.partition)] = std::stoull(row.key) + crash::kPartitions;
  }
  return next;
}

void produce(Log& log, std::uint64_t lines, std::uint64_t seed) {
  std::vector<std::uint64_t> next = next_lines(log);
  auto group =
      log.commit_group({.name = "input", .application_id = {}, .guarantee = ProcessingGuarantee::kAtLeastOnce}, deadline())
          .value();
  auto producer = group->producer();
  const TopicHandle topic = producer->topic("lines", deadline()).value();
  for (bool more = true; more;) {
    more = false;
    for (std::size_t i = 0; i < kLinesPerAcknowledgement; ++i) {
      const std::size_t partition = i % crash::kPartitions;
      std::uint64_t& number = next[partition];
      if (number >= lines) continue;
      more = true;
      const std::string key = std::to_string(number);
      const std::string line = crash::line(seed, number);
      const SendStatus sent = producer->send({.topic = topic,
                                              .partition = PartitionId(static_cast<std::int32_t>(partition)),
                                              .timestamp = system_clock().now().wall,
                                              .key = BytesView(key),
                                              .value = BytesView(line),
                                              .headers = {},
                                              .cookie = 0});
      if (sent != SendStatus::kAccepted) throw ResultException(producer->last_error());
      number += crash::kPartitions;
    }
    producer->dispatch();
    (void)group->flush(deadline()).value();
  }
}

std::vector<std::string> words(const std::string& line) {
  std::vector<std::string> result;
  for (std::size_t at = 0; at < line.size();) {
    const std::size_t end = std::min(line.find(' ', at), line.size());
    result.push_back(line.substr(at, end - at));
    at = end + 1;
  }
  return result;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) {
    std::fprintf(stderr, "usage: word_count_child DIR LINES SEED\n");
    return 2;
  }
  const std::uint64_t lines = std::strtoull(argv[2], nullptr, 10);
  const std::uint64_t seed = std::strtoull(argv[3], nullptr, 10);
  EmbeddedLogOptions options;
  options.durability = seed % 2 == 0 ? Durability::kPower : Durability::kProcess;
  options.segment_bytes = 64 * 1024;
  options.background_interval = std::chrono::milliseconds(50);  // so that changelogs are compacted while it works
  const std::shared_ptr<Log> log = open_embedded_log(argv[1], options).value();
  for (const char* topic : {"lines", "word-counts"}) {
    const auto made = log->admin().create_topic({.name = topic, .partitions = crash::kPartitions, .config = {}}, deadline());
    if (!made && made.error().kind != ErrorKind::kAlreadyExists) throw ResultException(made.error());
  }
  StreamsBuilder builder;
  builder.stream<std::string, std::string>("lines")
      .flat_map_values([](const std::string& line) { return words(line); })
      .group_by([](const auto&, const std::string& word) { return word; })
      .count({.store_name = "counts", .caching = false})
      .to_stream()
      .to("word-counts");
  StreamsConfig config;
  config.application_id = "word-count";
  config.log = log;
  config.state_engine = rocksdb_stores({.memory_bytes = std::size_t{16} << 20, .flush_bytes = std::size_t{16} << 10});
  config.commit_interval = std::chrono::milliseconds(30);
  config.num_stream_threads = 2;
  config.topic["min.cleanable.dirty.ratio"] = "0.01";
  Streams streams(builder.build(), config);
  streams.start().value();
  std::printf("running\n");
  std::fflush(stdout);
  produce(*log, lines, seed);
  if (!streams.wait_until_caught_up(std::chrono::seconds(60))) {
    std::fprintf(stderr, "not caught up: %s\n", streams.error() ? to_string(*streams.error()).c_str() : "still at work");
    return 1;
  }
  streams.close().value();
  return 0;
} catch (const std::exception& problem) {
  std::fprintf(stderr, "word_count_child: %s\n", problem.what());
  return 1;
}
