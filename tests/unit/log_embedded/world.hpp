// World: an embedded log on a simulated disk, with a clock that stands still: what a test of the log needs to speak in
// sentences. Calls that must succeed throw when they do not.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tidemill/adapters/embedded_log.hpp>

#include "log_embedded/segment.hpp"
#include "simulated_storage.hpp"

namespace tidemill::test {

using simulation::SimulatedStorage;

struct Row {
  std::int64_t offset = 0;
  std::string key;
  OptionalBytes value;
  bool operator==(const Row&) const = default;
};
inline void PrintTo(const Row& row, std::ostream* out) {
  *out << row.offset << ": " << row.key << "=" << row.value.value_or("(null)");
}

class World {
 public:
  explicit World(EmbeddedLogOptions options = {}, std::uint64_t seed = 1) : storage(seed), options(options) {
    this->options.background_thread = false;
  }

  Log& log() {
    if (!log_) log_ = open().value();
    return *log_;
  }
  [[nodiscard]] Result<std::shared_ptr<Log>> open() { return open_embedded_log(storage, clock, random, options); }
  void close() { log_.reset(); }
  void reopen() {
    close();
    (void)log();
  }
  /// The process is gone; what it wrote is there.
  void kill() {
    storage.power_off();
    close();
    storage.restart();
  }
  [[nodiscard]] MonotonicTime deadline() const { return clock.now().monotonic + std::chrono::seconds(10); }

  void topic(const std::string& name, TopicConfig config = {}, std::int32_t partitions = 1) {
    log()
        .admin()
        .create_topic({.name = name, .partitions = partitions, .replication_factor = -1, .config = std::move(config)},
                      deadline())
        .value();
  }
  [[nodiscard]] std::unique_ptr<CommitGroup> group(const std::string& name, ProcessingGuarantee guarantee) {
    return log().commit_group({.name = name, .application_id = {}, .guarantee = guarantee}, deadline()).value();
  }
  [[nodiscard]] std::unique_ptr<CommitGroup> transactional(const std::string& name) {
    return group(name, ProcessingGuarantee::kExactlyOnceV2);
  }
  /// One batch per call; the value may be null.
  void send(LogProducer& producer, const std::string& topic, OptionalBytesView key, OptionalBytesView value,
            Timestamp timestamp = kNoTimestamp, std::int32_t partition = 0) {
    const SendStatus status = producer.send({.topic = producer.topic(topic, deadline()).value(),
                                             .partition = PartitionId(partition),
                                             .timestamp = timestamp,
                                             .key = key,
                                             .value = value,
                                             .headers = {},
                                             .cookie = 0});
    if (status != SendStatus::kAccepted) throw ResultException(producer.last_error());
    producer.dispatch();
    if (!producer.take_failures().empty()) throw ResultException(producer.last_error());
  }
  /// Durably, outside of any transaction.
  void put(const std::string& topic, const std::string& key, OptionalBytesView value, Timestamp timestamp = kNoTimestamp) {
    const auto plain = group("", ProcessingGuarantee::kAtLeastOnce);
    const auto producer = plain->producer();
    send(*producer, topic, BytesView(key), value, timestamp);
    (void)plain->flush(deadline()).value();
  }
  /// In a transaction of its own.
  void put_in_transaction(const std::string& topic, const std::string& key, OptionalBytesView value, bool commits,
                          Timestamp timestamp = kNoTimestamp) {
    const auto transaction = transactional("t");
    const auto producer = transaction->producer();
    send(*producer, topic, BytesView(key), value, timestamp);
    (void)transaction->flush(deadline()).value();
    const CommitOutcome outcome =
        commits ? transaction->commit({}, deadline()).outcome : transaction->abort(deadline()).outcome;
    EXPECT_EQ(outcome, commits ? CommitOutcome::kCommitted : CommitOutcome::kAborted);
  }
  [[nodiscard]] std::unique_ptr<LogConsumer> reader(const std::string& topic, Offset from = Offset(0),
                                                    Isolation isolation = Isolation::kReadCommitted,
                                                    std::int32_t partition = 0) {
    auto consumer = log().consumer(isolation).value();
    const std::pair<TopicPartition, Offset> start{{topic, PartitionId(partition)}, from};
    consumer->assign({&start, 1}).value();
    return consumer;
  }
  /// What is there from the reader's position on; at most about `bytes` a poll.
  static std::vector<Row> read(LogConsumer& consumer, std::size_t bytes = std::size_t{1} << 20, std::size_t polls = 1000) {
    std::vector<Row> rows;
    for (; polls > 0; --polls) {
      const PollResult polled = consumer.poll(bytes).value();
      if (!polled.errors.empty()) throw ResultException(polled.errors.front().error);
      if (polled.batches.empty()) break;
      for (const RecordBatchPtr& batch : polled.batches) {
        for (const LogRecord& record : batch->records) {
          rows.push_back({record.offset.value, std::string(record.key.value_or("")), to_owned(record.value)});
        }
      }
    }
    return rows;
  }
  [[nodiscard]] std::vector<Row> rows(const std::string& topic, std::int32_t partition = 0) {
    return read(*reader(topic, offsets(topic, partition).start, Isolation::kReadCommitted, partition));
  }
  [[nodiscard]] PartitionOffsets offsets(const std::string& topic, std::int32_t partition = 0) {
    const TopicPartition id{topic, PartitionId(partition)};
    return log().admin().offsets({&id, 1}, deadline()).value().front();
  }
  void background() { run_background(log()).value(); }

  [[nodiscard]] std::vector<std::string> segments(const std::string& topic) {
    return storage.list("topics/" + topic + "-0").value();
  }
  /// The headers of all batches in the partition's files.
  [[nodiscard]] std::vector<BatchHeader> batches(const std::string& topic) {
    std::vector<BatchHeader> result;
    for (const std::string& name : segments(topic)) {
      const auto file = storage.open("topics/" + topic + "-0/" + name, OpenMode::kRead).value();
      embedded::SegmentScan scan(*file, 0, file->size().value());
      while (const auto header = scan.next().value()) {
        const BytesView bytes = scan.batch().value();
        check_batch_crc(*header, bytes).value();
        result.push_back(*header);
      }
      EXPECT_EQ(scan.position(), file->size().value()) << name;
    }
    return result;
  }
  /// Overwrites bytes of a file, as a failing disk would.
  void damage(const std::string& path, std::uint64_t position, std::string_view bytes) {
    storage.open(path, OpenMode::kReadWrite).value()->write_at(position, bytes).value();
  }

  SimulatedStorage storage;
  ManualClock clock{Timestamp(1'000'000'000)};
  SeededRandom random{7};
  EmbeddedLogOptions options;

 private:
  std::shared_ptr<Log> log_;
};

}  // namespace tidemill::test
