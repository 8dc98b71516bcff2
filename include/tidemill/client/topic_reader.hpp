// TopicReader: an application reads a topic of its log record by record, beside any topology; of the embedded log as of Kafka.
//
// It reads all partitions that the topic has when it is opened, from their beginning or from their end on, each in offset order,
// and commits no position: every reader begins anew. It knows where the partitions ended when it was opened, and says when it
// has been there. A reader belongs to one thread at a time, but for wake(). What it holds is bounded: one poll of the log
// (kPollBytes, or one batch that is larger).
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <tidemill/base/clock.hpp>
#include <tidemill/base/headers.hpp>
#include <tidemill/log/log.hpp>
#include <tidemill/serde/serdes.hpp>

namespace tidemill {

enum class ReadFrom : std::uint8_t { kBeginning, kEnd };

/// What a reader needs to know whatever its types.
struct TopicReaderSettings {
  ReadFrom from = ReadFrom::kBeginning;
  Isolation isolation = Isolation::kReadCommitted;
  /// At most so many records from one poll().
  std::size_t records_max = 1000;
  /// The longest that opening waits for the log.
  std::chrono::milliseconds timeout{10'000};
  /// Of the consumer, by the log's own names; a log without such things ignores them.
  ClientProperties properties = {};
  const Clock* clock = &system_clock();
};

template <class K, class V>
struct TopicReaderOptions {
  /// None: the type's own.
  std::optional<Serde<K>> key_serde = {};
  std::optional<Serde<V>> value_serde = {};
  TopicReaderSettings settings = {};
};

/// A record as it was read; no key, or no value, where it is null.
template <class K, class V>
struct TopicRecord {
  std::string topic;
  PartitionId partition;
  Offset offset;
  Timestamp timestamp;
  std::optional<K> key;
  std::optional<V> value;
  Headers headers;
};

/// The compiled half: a reader of bytes.
class BytesTopicReader {
 public:
  static constexpr std::size_t kPollBytes = std::size_t{1} << 20;

  struct Next {
    const TopicPartition* partition = nullptr;
    const LogRecord* record = nullptr;
  };

  [[nodiscard]] static Result<std::unique_ptr<BytesTopicReader>> open(std::shared_ptr<Log> log, std::string topic,
                                                                      TopicReaderSettings settings = {});
  /// Waits for a record, for at most so long, for caught_up() to become true, or for wake(). Errors are the log's.
  [[nodiscard]] Result<void> wait_for_records(std::chrono::milliseconds timeout);
  /// The next record, if one is here; it stays until pop().
  [[nodiscard]] std::optional<Next> next() const;
  void pop();
  [[nodiscard]] bool caught_up() const;
  void wake();
  /// Of one record that cannot be decoded: kCorruption with its place and what was thrown; to be called where it was caught.
  [[nodiscard]] static Error cannot_decode(const Next& next, std::string_view what);
  [[nodiscard]] const std::string& topic() const { return topic_; }
  [[nodiscard]] const TopicReaderSettings& settings() const { return settings_; }

 private:
  struct Partition {
    TopicPartition id;
    Offset end;  // when the reader was opened
    bool was_there = false;
  };

  BytesTopicReader(std::shared_ptr<Log> log, std::string topic, TopicReaderSettings settings)
      : log_(std::move(log)), topic_(std::move(topic)), settings_(std::move(settings)) {}
  Result<void> connect();
  Result<void> poll_log();
  Result<void> answer(const PartitionError& failed);
  void look_where_it_is();

  std::shared_ptr<Log> log_;
  std::string topic_;
  TopicReaderSettings settings_;
  std::unique_ptr<LogConsumer> consumer_;
  std::vector<Partition> partitions_;
  std::deque<RecordBatchPtr> batches_;  // none is empty
  std::size_t taken_ = 0;               // of the first one's records
  std::atomic<bool> woken_{false};
};

template <class K, class V>
class TopicReader {
 public:
  using Options = TopicReaderOptions<K, V>;

  /// kNotFound when there is no such topic.
  [[nodiscard]] static Result<TopicReader> open(std::shared_ptr<Log> log, std::string topic, Options options = {}) {
    TIDEMILL_ASSIGN(std::unique_ptr<BytesTopicReader> reader,
                    BytesTopicReader::open(std::move(log), std::move(topic), std::move(options.settings)));
    Serde<K> keys = options.key_serde ? *std::move(options.key_serde) : SerdeOf<K>::serde();
    Serde<V> values = options.value_serde ? *std::move(options.value_serde) : SerdeOf<V>::serde();
    return TopicReader(std::move(reader), std::move(keys), std::move(values));
  }

  /// The next records, at least one if there is one. Waits for it for at most so long; comes back with none then, when the
  /// reader has just caught up, or when it was woken.
  /// kCorruption: the next record cannot be decoded; the message says where it is. It stays the next one until skip_record().
  /// Another error is the log's, and the next call goes on.
  [[nodiscard]] Result<std::vector<TopicRecord<K, V>>> poll(std::chrono::milliseconds timeout) {
    TIDEMILL_TRY(reader_->wait_for_records(timeout));
    std::vector<TopicRecord<K, V>> records;
    while (records.size() < reader_->settings().records_max) {
      const auto next = reader_->next();
      if (!next) break;
      Result<TopicRecord<K, V>> record = decode(*next);
      if (!record && records.empty()) return record.error();
      if (!record) break;  // the next call says so
      records.push_back(*std::move(record));
      reader_->pop();
    }
    return records;
  }
  /// Goes past the next record, if it is here: the one that poll() could not decode.
  void skip_record() { reader_->pop(); }
  /// All records have been given that were in the topic when the reader was opened. Stays true.
  [[nodiscard]] bool caught_up() const { return reader_->caught_up(); }
  /// From any thread: a poll() that waits, or the next one, comes back at once.
  void wake() { reader_->wake(); }

 private:
  TopicReader(std::unique_ptr<BytesTopicReader> reader, Serde<K> keys, Serde<V> values)
      : reader_(std::move(reader)), key_serde_(std::move(keys)), value_serde_(std::move(values)) {}

  Result<TopicRecord<K, V>> decode(const BytesTopicReader::Next& next) const {
    const LogRecord& from = *next.record;
    TopicRecord<K, V> record{.topic = next.partition->topic,
                             .partition = next.partition->partition,
                             .offset = from.offset,
                             .timestamp = from.timestamp,
                             .key = {},
                             .value = {},
                             .headers = {}};
    const char* what = "key";
    try {
      if (from.key) record.key.emplace(key_serde_.deserialize(record.topic, *from.key));
      what = "value";
      if (from.value) record.value.emplace(value_serde_.deserialize(record.topic, *from.value));
      what = "headers";
      if (!from.headers.empty()) record.headers = Headers::decode(from.headers).value();
    } catch (...) {
      return BytesTopicReader::cannot_decode(next, what);
    }
    return record;
  }

  std::unique_ptr<BytesTopicReader> reader_;
  Serde<K> key_serde_;
  Serde<V> value_serde_;
};

}  // namespace tidemill
