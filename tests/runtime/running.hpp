// What tests of whole applications share: a log's records in and out, and a configuration.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <tidemill/streams.hpp>

namespace tidemill::test {

inline MonotonicTime soon(std::chrono::seconds time = std::chrono::seconds(10)) {
  return system_clock().now().monotonic + time;
}

inline StreamsConfig running_config(std::shared_ptr<Log> log, int threads = 1, std::string application_id = "app") {
  StreamsConfig config{.application_id = std::move(application_id), .log = std::move(log)};
  config.num_stream_threads = threads;
  config.default_dsl_store = StoreEngineKind::kInMemory;
  return config;
}

struct Piped {
  std::string key;
  std::string value;
  std::int64_t timestamp = 1;
  std::int32_t partition = -1;  // one after the other
  Headers headers = {};
};
inline void produce(Log& log, const std::string& topic, const std::vector<Piped>& records) {
  auto group =
      log.commit_group({.name = "input", .application_id = {}, .guarantee = ProcessingGuarantee::kAtLeastOnce}, soon()).value();
  auto producer = group->producer();
  const TopicHandle handle = producer->topic(topic, soon()).value();
  std::int32_t next = 0;
  for (const Piped& record : records) {
    const Bytes headers = record.headers.encode();
    const std::int32_t partition = record.partition >= 0 ? record.partition : next++ % producer->partition_count(handle);
    ASSERT_EQ(producer->send({.topic = handle,
                              .partition = PartitionId(partition),
                              .timestamp = Timestamp(record.timestamp),
                              .key = BytesView(record.key),
                              .value = BytesView(record.value),
                              .headers = headers,
                              .cookie = 0}),
              SendStatus::kAccepted);
  }
  producer->dispatch();
  ASSERT_TRUE(group->flush(soon()));
}

struct Taken {
  std::optional<std::string> key;
  std::optional<std::string> value;
  Headers headers;
  std::int64_t timestamp = -1;
  std::int32_t partition = -1;
};
/// All records of a topic (the committed ones), per partition in order.
inline std::vector<Taken> consume(Log& log, const std::string& topic, Isolation isolation = Isolation::kReadCommitted) {
  std::vector<Taken> records;
  const auto description = log.admin().describe_topic(topic, soon());
  if (!description) return records;
  auto consumer = log.consumer(isolation).value();
  for (std::int32_t p = 0; p < description->partitions; ++p) {
    const std::pair<TopicPartition, Offset> from{{topic, PartitionId(p)}, Offset(0)};
    consumer->assign({&from, 1}).value();
    while (!consumer->caught_up(from.first)) {
      PollResult polled = consumer->poll(1 << 20).value();
      for (const auto& batch : polled.batches) {
        for (const auto& r : batch->records) {
          Taken taken{.key = to_owned(r.key),
                      .value = to_owned(r.value),
                      .headers = {},
                      .timestamp = r.timestamp.value,
                      .partition = p};
          if (!r.headers.empty()) taken.headers = Headers::decode(r.headers).value();
          records.push_back(std::move(taken));
        }
      }
      if (polled.batches.empty()) break;
    }
    consumer->unassign({&from.first, 1});
  }
  return records;
}
/// The last value of each key.
inline std::map<std::string, std::string> last_values(Log& log, const std::string& topic) {
  std::map<std::string, std::string> values;
  for (const Taken& record : consume(log, topic)) values[record.key.value_or("")] = record.value.value_or("null");
  return values;
}

/// The sum of a metric over all threads and tasks; `tag`: only where it has this value.
inline double metric(const Streams& streams, const std::string& name, const std::pair<std::string, std::string>& tag = {}) {
  double sum = 0;
  for (const Metric& one : streams.metrics()) {
    if (one.name != name) continue;
    if (!tag.first.empty() && std::find(one.tags.begin(), one.tags.end(), tag) == one.tags.end()) continue;
    sum += one.value;
  }
  return sum;
}

/// Waits for a moment that the test's own threads bring about.
template <class F>
bool eventually(F&& holds, std::chrono::seconds time = std::chrono::seconds(20)) {
  for (const MonotonicTime end = soon(time); system_clock().now().monotonic < end; std::this_thread::yield()) {
    if (holds()) return true;
  }
  return holds();
}

/// in -> `step` -> count per key -> out
inline Topology counting_after(std::function<void(const std::string& key, const std::string& value)> step) {
  StreamsBuilder builder;
  builder.stream<std::string, std::string>("in")
      .peek([step = std::move(step)](const std::string& key, const std::string& value) { step(key, value); }, {"fragile"})
      .group_by_key()
      .count({.store_name = "counts"})
      .to_stream()
      .to("out");
  return builder.build();
}

}  // namespace tidemill::test
