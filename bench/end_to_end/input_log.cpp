#include "end_to_end/input_log.hpp"

#include <chrono>

#include <tidemill/base/partitioner.hpp>

namespace tidemill_bench {
namespace {

using namespace tidemill;

constexpr std::uint64_t kRecordsPerFlush = 100'000;

MonotonicTime soon() { return system_clock().now().monotonic + std::chrono::minutes(1); }

}  // namespace

void make_input_log(const std::string& directory, const RecordSet& set, std::int32_t partitions) {
  const std::shared_ptr<Log> log = embedded_log(directory, {.durability = Durability::kProcess});
  log->admin().create_topic({.name = kInputTopic, .partitions = partitions, .config = {}}, soon()).value();
  const std::unique_ptr<CommitGroup> group =
      log->commit_group({.name = "load", .application_id = "", .guarantee = ProcessingGuarantee::kAtLeastOnce}, soon()).value();
  const std::unique_ptr<LogProducer> producer = group->producer();
  const TopicHandle topic = producer->topic(kInputTopic, soon()).value();
  const auto flush = [&] {
    producer->dispatch();
    (void)group->flush(soon()).value();
  };
  RecordGenerator records(set);
  for (std::uint64_t made = 1; !records.done(); ++made) {
    records.next();
    const ProducerRecord record{.topic = topic,
                                .partition = partition_for_key(records.key(), partitions),
                                .timestamp = Timestamp(records.timestamp()),
                                .key = records.key(),
                                .value = records.value(),
                                .headers = {}};
    while (producer->send(record) == SendStatus::kFull) flush();
    if (made % kRecordsPerFlush == 0) flush();
  }
  flush();
}

void delete_written_topics(Log& log) {
  for (const TopicDescription& topic : log.admin().list_topics(soon()).value()) {
    if (topic.name != kInputTopic) log.admin().delete_topic(topic.name, soon()).value();
  }
}

}  // namespace tidemill_bench
