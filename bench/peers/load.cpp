// Fills a topic of Kafka with the records of a set, through the log port.
// usage: load BOOTSTRAP TOPIC RECORDS KEYS VALUE_BYTES      the topic is there already
#include <cstdio>
#include <cstdlib>

#include <tidemill/adapters/kafka_log.hpp>
#include <tidemill/base/partitioner.hpp>

#include "records.hpp"

using namespace tidemill;

namespace {

constexpr std::uint64_t kRecordsPerFlush = 20'000;

MonotonicTime soon() { return std::chrono::steady_clock::now() + std::chrono::minutes(1); }

void load(char** argv) {
  const auto log = kafka_log({.bootstrap_servers = argv[1]});
  const auto group =
      log->commit_group({.name = "load", .application_id = "", .guarantee = ProcessingGuarantee::kAtLeastOnce}, soon()).value();
  const auto producer = group->producer();
  const TopicHandle topic = producer->topic(argv[2], soon()).value();
  tidemill_bench::RecordGenerator records({.records = std::strtoull(argv[3], nullptr, 10),
                                           .keys = static_cast<std::uint32_t>(std::atoi(argv[4])),
                                           .value_bytes = static_cast<std::uint32_t>(std::atoi(argv[5]))});
  const auto flush = [&] {
    producer->dispatch();
    (void)group->flush(soon()).value();
  };
  for (std::uint64_t made = 1; !records.done(); ++made) {
    records.next();
    const ProducerRecord record{.topic = topic,
                                .partition = partition_for_key(records.key(), producer->partition_count(topic)),
                                .timestamp = Timestamp(records.timestamp()),
                                .key = records.key(),
                                .value = records.value(),
                                .headers = {}};
    for (;;) {
      const SendStatus sent = producer->send(record);
      if (sent == SendStatus::kAccepted) break;
      if (sent == SendStatus::kFailed) throw ResultException(producer->last_error());
      flush();
    }
    if (made % kRecordsPerFlush == 0) flush();
  }
  flush();
  if (const auto failures = producer->take_failures(); !failures.empty()) throw ResultException(failures.front().error);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fputs("usage: load BOOTSTRAP TOPIC RECORDS KEYS VALUE_BYTES\n", stderr);
    return 2;
  }
  try {
    load(argv);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "load: %s\n", error.what());
    return 1;
  }
}
