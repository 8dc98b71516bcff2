// TopicWriter: an application puts records into a topic of its log, beside any topology; of the embedded log as of Kafka.
//
// write() copies the record into a bounded buffer and does not wait for the log, unless the buffer is full. What was written
// is in the topic for good, and seen by all readers, once flush() has answered; no transaction is around it. The order of the
// calls is the order within a partition. A writer belongs to one thread at a time; others have writers of their own.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <tidemill/base/clock.hpp>
#include <tidemill/base/headers.hpp>
#include <tidemill/base/partitioner.hpp>
#include <tidemill/log/log.hpp>
#include <tidemill/serde/serdes.hpp>

namespace tidemill {

/// What a writer needs to know whatever its types.
struct TopicWriterSettings {
  /// The longest that a call waits for the log where it is not told another time.
  std::chrono::milliseconds timeout{10'000};
  /// Of the producer, by the log's own names; a log without such things ignores them.
  ClientProperties properties = {};
  const Clock* clock = &system_clock();
};

template <class K, class V>
struct TopicWriterOptions {
  /// None: the type's own.
  std::optional<Serde<K>> key_serde = {};
  std::optional<Serde<V>> value_serde = {};
  /// One of `partitions` for the record; null is a null key or value. None: by Kafka's murmur2 of the key's bytes, and one
  /// partition after the other for records without key.
  std::function<PartitionId(const K* key, const V* value, std::int32_t partitions)> partitioner = nullptr;
  TopicWriterSettings settings = {};
};

/// The compiled half: a writer of bytes.
class BytesTopicWriter {
 public:
  /// Makes the topic where applications make topics (LogTraits::creates_missing_topics); else kNotFound when there is none.
  [[nodiscard]] static Result<std::unique_ptr<BytesTopicWriter>> open(std::shared_ptr<Log> log, std::string topic,
                                                                      TopicWriterSettings settings = {});
  /// Flushes what is left, for at most the settings' timeout; what fails then is told in the program's log only.
  ~BytesTopicWriter();
  BytesTopicWriter(const BytesTopicWriter&) = delete;
  BytesTopicWriter& operator=(const BytesTopicWriter&) = delete;

  [[nodiscard]] const std::string& topic() const { return topic_; }
  /// Connects again where a flush() has failed: then the topic may have another number of partitions.
  [[nodiscard]] Result<void> ready();
  [[nodiscard]] std::int32_t partitions() const { return partitions_; }
  /// Where a record with that key goes by default.
  [[nodiscard]] PartitionId partition_for(OptionalBytesView key);
  /// kNoTimestamp: now. On an error the record has not been taken: it is too large, the partition or the timestamp is
  /// none, or kFull, when the log has made no room for as long as the settings say.
  [[nodiscard]] Result<void> write(PartitionId partition, OptionalBytesView key, OptionalBytesView value, Timestamp timestamp,
                                   const Headers& headers);
  [[nodiscard]] Result<void> flush(std::chrono::milliseconds timeout);
  [[nodiscard]] const TopicWriterSettings& settings() const { return settings_; }

 private:
  BytesTopicWriter(std::shared_ptr<Log> log, std::string topic, TopicWriterSettings settings)
      : log_(std::move(log)), topic_(std::move(topic)), settings_(std::move(settings)) {}
  Result<void> connect();
  void drop_producer();
  [[nodiscard]] MonotonicTime deadline(std::chrono::milliseconds timeout) const;
  void take_failures();

  std::shared_ptr<Log> log_;
  std::string topic_;
  TopicWriterSettings settings_;
  std::unique_ptr<CommitGroup> group_;
  std::unique_ptr<LogProducer> producer_;
  TopicHandle handle_ = -1;
  std::int32_t partitions_ = 0;
  std::int32_t turn_ = 0;         // the partition of the next record without key
  std::uint64_t unflushed_ = 0;   // records
  std::uint64_t failed_ = 0;      // records that the log did not take, not told yet
  std::optional<Error> failure_;  // of the first of them
};

namespace detail {
/// kInvalidArgument with what the serde threw; to be called where it was caught.
[[nodiscard]] Error cannot_encode(std::string_view what, const std::string& topic);
[[nodiscard]] Error no_partition(const std::string& topic);
}  // namespace detail

template <class K, class V>
class TopicWriter {
 public:
  using Options = TopicWriterOptions<K, V>;

  /// As BytesTopicWriter::open().
  [[nodiscard]] static Result<TopicWriter> open(std::shared_ptr<Log> log, std::string topic, Options options = {}) {
    TIDEMILL_ASSIGN(std::unique_ptr<BytesTopicWriter> writer,
                    BytesTopicWriter::open(std::move(log), std::move(topic), std::move(options.settings)));
    Serde<K> keys = options.key_serde ? *std::move(options.key_serde) : SerdeOf<K>::serde();
    Serde<V> values = options.value_serde ? *std::move(options.value_serde) : SerdeOf<V>::serde();
    return TopicWriter(std::move(writer), std::move(keys), std::move(values), std::move(options.partitioner));
  }

  /// Without a timestamp the record has the time of the call. On an error the record is not written: the serde cannot encode
  /// it, it is too large, or (kFull) the log has made no room in time.
  [[nodiscard]] Result<void> write(const K& key, const V& value, Timestamp timestamp = kNoTimestamp,
                                   const Headers& headers = Headers::none()) {
    return write_nullable(&key, &value, timestamp, headers);
  }
  [[nodiscard]] Result<void> write_without_key(const V& value, Timestamp timestamp = kNoTimestamp,
                                               const Headers& headers = Headers::none()) {
    return write_nullable(nullptr, &value, timestamp, headers);
  }
  /// A null value: the key's row is deleted, where the topic is read as a table.
  [[nodiscard]] Result<void> write_tombstone(const K& key, Timestamp timestamp = kNoTimestamp,
                                             const Headers& headers = Headers::none()) {
    return write_nullable(&key, nullptr, timestamp, headers);
  }
  /// Null pointers are a null key and a null value.
  [[nodiscard]] Result<void> write_nullable(const K* key, const V* value, Timestamp timestamp = kNoTimestamp,
                                            const Headers& headers = Headers::none()) {
    TIDEMILL_TRY(writer_->ready());
    key_bytes_.clear();
    value_bytes_.clear();
    try {
      if (key != nullptr) key_serde_.serialize(writer_->topic(), *key, key_bytes_);
    } catch (...) {
      return detail::cannot_encode("key", writer_->topic());
    }
    try {
      if (value != nullptr) value_serde_.serialize(writer_->topic(), *value, value_bytes_);
    } catch (...) {
      return detail::cannot_encode("value", writer_->topic());
    }
    const OptionalBytesView key_view = key != nullptr ? OptionalBytesView(key_bytes_) : std::nullopt;
    const OptionalBytesView value_view = value != nullptr ? OptionalBytesView(value_bytes_) : std::nullopt;
    std::optional<PartitionId> chosen;
    try {
      chosen = partition(key, value);
    } catch (...) {
      return detail::no_partition(writer_->topic());
    }
    return writer_->write(*chosen, key_view, value_view, timestamp, headers);
  }

  /// Waits until the log has all that was written. kTimeout: it does not yet; call again. Another error says how many records
  /// since the last flush() the log has not taken, and why the first: these are lost, and the writer goes on.
  [[nodiscard]] Result<void> flush(std::chrono::milliseconds timeout) { return writer_->flush(timeout); }
  [[nodiscard]] Result<void> flush() { return writer_->flush(writer_->settings().timeout); }

  [[nodiscard]] const std::string& topic() const { return writer_->topic(); }
  [[nodiscard]] std::int32_t partitions() const { return writer_->partitions(); }

 private:
  TopicWriter(std::unique_ptr<BytesTopicWriter> writer, Serde<K> keys, Serde<V> values,
              decltype(Options::partitioner) partitioner)
      : writer_(std::move(writer)),
        key_serde_(std::move(keys)),
        value_serde_(std::move(values)),
        partitioner_(std::move(partitioner)) {}

  PartitionId partition(const K* key, const V* value) {
    if (partitioner_) return partitioner_(key, value, writer_->partitions());
    if (key == nullptr) return writer_->partition_for(std::nullopt);
    BytesView bytes = key_bytes_;
    bytes.remove_suffix(std::min(bytes.size(), key_serde_.partition_suffix()));
    return writer_->partition_for(bytes);
  }

  std::unique_ptr<BytesTopicWriter> writer_;
  Serde<K> key_serde_;
  Serde<V> value_serde_;
  decltype(Options::partitioner) partitioner_;
  Bytes key_bytes_;
  Bytes value_bytes_;
};

}  // namespace tidemill
