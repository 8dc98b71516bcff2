// TopologyTestDriver: a topology under test, without a log, threads or time of its own. Records are piped in one by one, each
// runs to its end through the real task, and what comes out is read back.
//
// As in Kafka Streams: all sub-topologies run in one task with one partition; what is written to a repartition topic, to another
// source topic or to a global topic is piped in again at once; after each record the task commits, so caches are flushed; the
// wall clock stands still unless it is advanced. Errors of the topology leave pipe_input() as StreamsException.
// One thread.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <tidemill/base/metric.hpp>
#include <tidemill/config/streams_config.hpp>
#include <tidemill/serde/serdes.hpp>
#include <tidemill/state/custom_store.hpp>
#include <tidemill/state/versioned_store.hpp>
#include <tidemill/state/window_store.hpp>
#include <tidemill/topology/topology.hpp>

namespace tidemill {

/// A record as it is on a topic.
struct TestRecordBytes {
  OptionalBytes key;
  OptionalBytes value;
  Headers headers = {};
  Timestamp timestamp = kNoTimestamp;
  bool operator==(const TestRecordBytes&) const = default;
};

template <class K, class V>
struct TestRecord {
  std::optional<K> key;
  std::optional<V> value;
  Headers headers = {};
  Timestamp timestamp = kNoTimestamp;
  bool operator==(const TestRecord&) const = default;
};

template <class K, class V>
class TestInputTopic;
template <class K, class V>
class TestOutputTopic;

class TopologyTestDriver {
  template <class V>
  struct Plain {
    using Type = V;
  };
  template <class V>
  struct Plain<ValueAndTimestamp<V>> {
    using Type = V;
  };
  /// V without a timestamp.
  template <class V>
  using PlainOf = typename Plain<V>::Type;
  template <class V>
  static constexpr bool kHasTimestamp = !std::is_same_v<PlainOf<V>, V>;
  template <class T>
  static Serde<T> own_serde() {
    static_assert(HasSerde<T>,
                  "a store of the driver: this type has no serde of its own: give the serdes of the store's keys and "
                  "values behind its name");
    if constexpr (HasSerde<T>) {
      return SerdeOf<T>::serde();
    } else {
      return Serde<T>(detail::NeverAsked());
    }
  }

 public:
  /// `config` needs nothing; without an application id it is "topology-test-driver". Persistent stores are in memory, too, unless
  /// it has a state_engine (or the stores are of one's own kind): then in its state_dir or, without one, in a directory that the driver
  /// makes and takes away.
  /// `wall_clock`: where the clock stands; none: the time of day. Throws what building stores and init() of processors throw.
  explicit TopologyTestDriver(Topology topology, StreamsConfig config = {}, std::optional<Timestamp> wall_clock = {});
  ~TopologyTestDriver();
  TopologyTestDriver(const TopologyTestDriver&) = delete;
  TopologyTestDriver& operator=(const TopologyTestDriver&) = delete;

  /// Records without a timestamp take `start`, which grows by `auto_advance` with each; none: the driver's wall clock now.
  template <class K, class V>
    requires HasSerde<K> && HasSerde<V> TestInputTopic<K, V> create_input_topic(std::string topic,
                                                                                std::optional<Timestamp> start = {},
                                                                                std::chrono::milliseconds auto_advance = {}) {
      return create_input_topic<K, V>(std::move(topic), SerdeOf<K>::serde(), SerdeOf<V>::serde(), start, auto_advance);
    }
  template <class K, class V>
  TestInputTopic<K, V> create_input_topic(std::string topic, Serde<K> key_serde, Serde<V> value_serde,
                                          std::optional<Timestamp> start = {}, std::chrono::milliseconds auto_advance = {}) {
    return {*this,       std::move(topic), std::move(key_serde), std::move(value_serde), start.value_or(wall_clock_time()),
            auto_advance};
  }
  template <class K, class V>
    requires HasSerde<K> && HasSerde<V> TestOutputTopic<K, V> create_output_topic(std::string topic) {
      return create_output_topic<K, V>(std::move(topic), SerdeOf<K>::serde(), SerdeOf<V>::serde());
    }
  template <class K, class V>
  TestOutputTopic<K, V> create_output_topic(std::string topic, Serde<K> key_serde, Serde<V> value_serde) {
    return {*this, std::move(topic), std::move(key_serde), std::move(value_serde)};
  }

  /// std::invalid_argument: no source and no global store reads this topic.
  void pipe(const std::string& topic, TestRecordBytes record);
  /// The oldest record not read yet; nullopt: all are read.
  std::optional<TestRecordBytes> read(const std::string& topic);
  [[nodiscard]] std::size_t queue_size(const std::string& topic) const;

  /// Everything sent since the last call, over all topics in the order of sending: sinks, repartition topics, changelogs.
  std::vector<std::pair<std::string, TestRecordBytes>> take_sent();
  /// False: only commit() commits, so that caches are flushed when the test says so. Default true, as in Java.
  void commit_after_each_record(bool commit);
  void commit();
  /// As if the process had ended and begun again elsewhere: what was committed stays, local state is rebuilt from the changelogs.
  /// Pointers to stores are void. kForgotten: partition times and stream time begin anew, and what processors had
  /// committed with the positions is gone.
  enum class PartitionTimes : std::uint8_t { kRestored, kForgotten };
  void restart(PartitionTimes times = PartitionTimes::kRestored);

  /// Runs the wall-clock punctuations that are due then.
  void advance_wall_clock_time(std::chrono::milliseconds by);
  [[nodiscard]] Timestamp wall_clock_time() const;
  [[nodiscard]] Timestamp stream_time() const;

  /// Topics written so far, changelogs and repartition topics among them.
  [[nodiscard]] std::set<std::string> produced_topic_names() const;
  /// Null: the topology has no such store. Local and global ones.
  [[nodiscard]] StateStore* state_store(std::string_view name);
  [[nodiscard]] std::vector<std::string> state_store_names() const;
  /// Stores are read with the serdes that are given, which have to be theirs, else with the types' own.
  /// Plain values, also of a timestamped store; with timestamps when V is a ValueAndTimestamp<...>. Null as above.
  /// std::invalid_argument, here and below: it is a store of another kind.
  template <class K, class V>
  std::unique_ptr<KeyValueStore<K, V>> key_value_store(std::string_view name, const Serde<K>& key_serde = own_serde<K>(),
                                                       const Serde<PlainOf<V>>& value_serde = own_serde<PlainOf<V>>()) {
    StateStore* store = kHasTimestamp<V>
                            ? store_of(name, {StoreKind::kTimestampedKeyValue}, "key-value store with timestamps")
                            : store_of(name, {StoreKind::kKeyValue, StoreKind::kTimestampedKeyValue}, "key-value store");
    if (store == nullptr) return nullptr;
    return std::make_unique<KeyValueStore<K, V>>(*store, key_serde, values_of<V>(*store, value_serde), no_context_);
  }
  /// Null, too, if it keeps no timestamps.
  template <class K, class V>
  std::unique_ptr<KeyValueStore<K, ValueAndTimestamp<V>>> timestamped_key_value_store(
      std::string_view name, const Serde<K>& key_serde = own_serde<K>(), const Serde<V>& value_serde = own_serde<V>()) {
    StateStore* store = state_store(name);
    if (store == nullptr || store->spec().kind != StoreKind::kTimestampedKeyValue) return nullptr;
    return key_value_store<K, ValueAndTimestamp<V>>(name, key_serde, value_serde);
  }
  /// Plain values, also of a store that keeps timestamps, as those of windowed aggregations do; with timestamps when V is a
  /// ValueAndTimestamp<...>. Null: the topology has no such store.
  template <class K, class V>
  std::unique_ptr<WindowStore<K, V>> window_store(std::string_view name, const Serde<K>& key_serde = own_serde<K>(),
                                                  const Serde<PlainOf<V>>& value_serde = own_serde<PlainOf<V>>()) {
    StateStore* store = kHasTimestamp<V> ? store_of(name, {StoreKind::kTimestampedWindow}, "window store with timestamps")
                                         : store_of(name, {StoreKind::kWindow, StoreKind::kTimestampedWindow}, "window store");
    if (store == nullptr) return nullptr;
    return std::make_unique<WindowStore<K, V>>(*store, key_serde, values_of<V>(*store, value_serde), no_context_);
  }
  /// Null, too, if it keeps no timestamps.
  template <class K, class V>
  std::unique_ptr<WindowStore<K, ValueAndTimestamp<V>>> timestamped_window_store(std::string_view name,
                                                                                 const Serde<K>& key_serde = own_serde<K>(),
                                                                                 const Serde<V>& value_serde = own_serde<V>()) {
    StateStore* store = state_store(name);
    if (store == nullptr || store->spec().kind != StoreKind::kTimestampedWindow) return nullptr;
    return window_store<K, ValueAndTimestamp<V>>(name, key_serde, value_serde);
  }
  template <class K, class V>
  std::unique_ptr<SessionStore<K, V>> session_store(std::string_view name, const Serde<K>& key_serde = own_serde<K>(),
                                                    const Serde<V>& value_serde = own_serde<V>()) {
    StateStore* store = store_of(name, {StoreKind::kSession}, "session store");
    if (store == nullptr) return nullptr;
    return std::make_unique<SessionStore<K, V>>(*store, key_serde, value_serde, no_context_);
  }
  template <class K, class V>
  std::unique_ptr<VersionedKeyValueStore<K, V>> versioned_store(std::string_view name,
                                                                const Serde<K>& key_serde = own_serde<K>(),
                                                                const Serde<V>& value_serde = own_serde<V>()) {
    StateStore* store = store_of(name, {StoreKind::kVersionedKeyValue}, "versioned store");
    if (store == nullptr) return nullptr;
    return std::make_unique<VersionedKeyValueStore<K, V>>(*store, key_serde, value_serde);
  }
  /// A store of one's own kind. std::invalid_argument: it is of another type; null: the topology has no such store.
  template <class Store>
  Store* custom_store(std::string_view name) {
    CustomStore* const any = custom_store(name, type_tag<Store>()->name);
    if (any == nullptr) return nullptr;
    auto* const store = dynamic_cast<Store*>(any);
    if (store == nullptr) throw_wrong_store_type(name, type_tag<Store>()->name);
    return store;
  }
  /// The task's metrics, by Kafka Streams' names.
  [[nodiscard]] std::vector<Metric> metrics() const;
  /// Records dropped so far, by reason.
  [[nodiscard]] std::map<std::string, std::uint64_t> dropped_records() const;

  /// Topic -> metadata text of the last committed offset: partition time and processor metadata.
  [[nodiscard]] const std::map<std::string, std::string>& committed_metadata() const;

  /// Closes the nodes and the stores; the destructor does it, too. ResultException.
  void close();

 private:
  /// Of values as the store has them, or without its timestamps.
  template <class V>
  static Serde<V> values_of(const StateStore& store, const Serde<PlainOf<V>>& plain) {
    using Value = PlainOf<V>;
    auto state = std::make_shared<const Serde<Value>>(plain);
    if constexpr (kHasTimestamp<V>) {
      return Serde<V>(
          [](const void* own, std::string_view topic, const V& value, Bytes& out) {
            append_timestamp(value.timestamp, out);
            static_cast<const Serde<Value>*>(own)->serialize(topic, value.value, out);
          },
          [](const void* own, std::string_view topic, BytesView bytes) {
            const auto [timestamp, rest] = split_timestamp(bytes);
            return V{static_cast<const Serde<Value>*>(own)->deserialize(topic, rest), timestamp};
          },
          std::move(state));
    } else {
      if (!store.spec().timestamped()) return plain;
      return Serde<V>(
          [](const void* own, std::string_view topic, const V& value, Bytes& out) {
            append_timestamp(kNoTimestamp, out);
            static_cast<const Serde<V>*>(own)->serialize(topic, value, out);
          },
          [](const void* own, std::string_view topic, BytesView bytes) {
            return static_cast<const Serde<V>*>(own)->deserialize(topic, split_timestamp(bytes).second);
          },
          std::move(state));
    }
  }
  struct Impl;
  StateStore* store_of(std::string_view name, std::initializer_list<StoreKind> kinds, std::string_view asked);
  CustomStore* custom_store(std::string_view name, std::string_view asked);
  [[noreturn]] void throw_wrong_store_type(std::string_view name, std::string_view asked);
  std::unique_ptr<Impl> impl_;
  const RecordContext* no_context_ = nullptr;
};

template <class K, class V>
class TestInputTopic {
 public:
  TestInputTopic(TopologyTestDriver& driver, std::string topic, Serde<K> key_serde, Serde<V> value_serde, Timestamp start,
                 std::chrono::milliseconds auto_advance)
      : driver_(driver),
        topic_(std::move(topic)),
        key_serde_(std::move(key_serde)),
        value_serde_(std::move(value_serde)),
        time_(start),
        auto_advance_(auto_advance) {}

  /// `record.timestamp` kNoTimestamp: the topic's time, which then advances.
  void pipe_input(const TestRecord<K, V>& record) {
    TestRecordBytes bytes{.key = std::nullopt, .value = std::nullopt, .headers = record.headers, .timestamp = record.timestamp};
    if (record.key) key_serde_.serialize(topic_, *record.key, bytes.key.emplace());
    if (record.value) value_serde_.serialize(topic_, *record.value, bytes.value.emplace());
    if (bytes.timestamp == kNoTimestamp) {
      bytes.timestamp = time_;
      time_ = time_ + auto_advance_.count();
    }
    driver_.pipe(topic_, std::move(bytes));
  }
  void pipe_input(const K& key, const V& value, Timestamp timestamp = kNoTimestamp) {
    pipe_input(TestRecord<K, V>{.key = key, .value = value, .headers = {}, .timestamp = timestamp});
  }
  /// A null value: a tombstone.
  void pipe_input(const K& key, std::nullopt_t, Timestamp timestamp = kNoTimestamp) {
    pipe_input(TestRecord<K, V>{.key = key, .value = std::nullopt, .headers = {}, .timestamp = timestamp});
  }
  /// A null key.
  void pipe_value(const V& value, Timestamp timestamp = kNoTimestamp) {
    pipe_input(TestRecord<K, V>{.key = std::nullopt, .value = value, .headers = {}, .timestamp = timestamp});
  }
  void pipe_key_value_list(const std::vector<std::pair<K, V>>& records) {
    for (const auto& [key, value] : records) pipe_input(key, value);
  }
  /// The first record at `start`, each further one `advance` later; the topic's own time stays.
  void pipe_key_value_list(const std::vector<std::pair<K, V>>& records, Timestamp start, std::chrono::milliseconds advance) {
    for (const auto& [key, value] : records) {
      pipe_input(key, value, start);
      start = start + advance.count();
    }
  }
  void pipe_value_list(const std::vector<V>& values) {
    for (const V& value : values) pipe_value(value);
  }
  void pipe_value_list(const std::vector<V>& values, Timestamp start, std::chrono::milliseconds advance) {
    for (const V& value : values) {
      pipe_value(value, start);
      start = start + advance.count();
    }
  }
  void pipe_record_list(const std::vector<TestRecord<K, V>>& records) {
    for (const auto& record : records) pipe_input(record);
  }
  void advance_time(std::chrono::milliseconds by) { time_ = time_ + by.count(); }

 private:
  TopologyTestDriver& driver_;
  std::string topic_;
  Serde<K> key_serde_;
  Serde<V> value_serde_;
  Timestamp time_;
  std::chrono::milliseconds auto_advance_;
};

template <class K, class V>
class TestOutputTopic {
 public:
  TestOutputTopic(TopologyTestDriver& driver, std::string topic, Serde<K> key_serde, Serde<V> value_serde)
      : driver_(driver), topic_(std::move(topic)), key_serde_(std::move(key_serde)), value_serde_(std::move(value_serde)) {}

  [[nodiscard]] bool is_empty() const { return queue_size() == 0; }
  [[nodiscard]] std::size_t queue_size() const { return driver_.queue_size(topic_); }
  /// std::out_of_range: there is none left.
  TestRecord<K, V> read_record() {
    std::optional<TestRecordBytes> bytes = driver_.read(topic_);
    if (!bytes) throw std::out_of_range("topic \"" + topic_ + "\" has no record left to read");
    TestRecord<K, V> record{.key = {}, .value = {}, .headers = std::move(bytes->headers), .timestamp = bytes->timestamp};
    if (bytes->key) record.key = key_serde_.deserialize(topic_, *bytes->key);
    if (bytes->value) record.value = value_serde_.deserialize(topic_, *bytes->value);
    return record;
  }
  std::optional<V> read_value() { return read_record().value; }
  std::pair<std::optional<K>, std::optional<V>> read_key_value() {
    TestRecord<K, V> record = read_record();
    return {std::move(record.key), std::move(record.value)};
  }
  std::vector<TestRecord<K, V>> read_records_to_list() {
    std::vector<TestRecord<K, V>> records;
    while (!is_empty()) records.push_back(read_record());
    return records;
  }
  std::vector<std::pair<std::optional<K>, std::optional<V>>> read_key_values_to_list() {
    std::vector<std::pair<std::optional<K>, std::optional<V>>> rows;
    while (!is_empty()) rows.push_back(read_key_value());
    return rows;
  }
  /// The last value of each key; a tombstone stays, as a null value. std::invalid_argument for a record without key.
  std::map<K, std::optional<V>> read_key_values_to_map() {
    std::map<K, std::optional<V>> rows;
    while (!is_empty()) {
      auto [key, value] = read_key_value();
      if (!key) throw std::invalid_argument("topic \"" + topic_ + "\" has a record without key: it has no place in a map");
      rows.insert_or_assign(std::move(*key), std::move(value));
    }
    return rows;
  }
  std::vector<std::optional<V>> read_values_to_list() {
    std::vector<std::optional<V>> values;
    while (!is_empty()) values.push_back(read_value());
    return values;
  }

 private:
  TopologyTestDriver& driver_;
  std::string topic_;
  Serde<K> key_serde_;
  Serde<V> value_serde_;
};

}  // namespace tidemill
