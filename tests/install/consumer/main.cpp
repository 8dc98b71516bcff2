// An application outside the source tree: counts words on a log in memory, and says what it has counted.
#include <tidemill/base/partitioner.hpp>
#include <tidemill/streams.hpp>

#include <cstdio>

using namespace tidemill;

int main() {
  const auto log = in_memory_log();
  StreamsBuilder builder;
  builder.stream<std::string, std::string>("words")
      .group_by([](const auto&, const std::string& word) { return word; })
      .count({.store_name = "counts"});
  StreamsConfig config;
  config.application_id = "consumer";
  config.log = log;
  config.state_engine = in_memory_stores();
  Streams streams(builder.build(), config);
  streams.start().value();

  const auto deadline = system_clock().now().monotonic + std::chrono::seconds(60);
  CommitGroupOptions options;
  options.name = "producer";
  options.guarantee = ProcessingGuarantee::kAtLeastOnce;
  const auto group = log->commit_group(options, deadline).value();
  const auto producer = group->producer();
  for (const char* word : {"tide", "mill", "tide"}) {
    ProducerRecord record;
    record.topic = producer->topic("words", deadline).value();
    record.value = word;
    if (producer->send(record) != SendStatus::kAccepted) return 1;
  }
  producer->dispatch();
  (void)group->flush(deadline).value();
  if (!streams.wait_until_caught_up(std::chrono::seconds(60))) return 1;
  const auto count = QueryableStore<std::string, std::int64_t>(streams, "counts").get("tide").value().value;
  std::printf("tide: %lld\n", static_cast<long long>(count.value_or(0)));
  streams.close().value();
  return count == 2 ? 0 : 1;
}
