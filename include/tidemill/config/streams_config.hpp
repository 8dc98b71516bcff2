// StreamsConfig: every knob of an application, by Kafka's name in snake_case; durations carry their unit in the type.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <tidemill/base/clock.hpp>
#include <tidemill/config/handlers.hpp>
#include <tidemill/log/log.hpp>
#include <tidemill/processor/timestamp_extractor.hpp>
#include <tidemill/state/state_engine.hpp>
#include <tidemill/topology/topology.hpp>

namespace tidemill {

/// A configuration that cannot be: names the key and the remedy.
class ConfigException : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct StreamsConfig {
  /// Required: group id, prefix of internal topics and of transactional ids.
  std::string application_id;
  /// Required: where records come from and go to (embedded_log(), kafka_log()).
  std::shared_ptr<Log> log = nullptr;
  /// Engine of persistent stores; null: the default (RocksDB where it is built in, else in memory).
  std::shared_ptr<StateEngine> state_engine = nullptr;

  ProcessingGuarantee processing_guarantee = ProcessingGuarantee::kExactlyOnceV2;
  std::int32_t num_stream_threads = 1;
  std::int32_t num_standby_replicas = 0;
  /// -1 ms: 30 s at least once, 100 ms exactly once, as in Kafka Streams.
  std::chrono::milliseconds commit_interval{-1};
  std::chrono::milliseconds poll{100};
  /// -1: never wait; 0: wait only for data the log already has; > 0: also wait that long for more.
  std::chrono::milliseconds max_task_idle{0};
  std::chrono::milliseconds task_timeout{300000};
  std::int32_t buffered_records_per_partition = 1000;
  /// The one number: what stores on disk, caches, uncommitted changes and input queues of all threads take together. The three below
  /// have their shares of it, and stores on disk (block cache, memtables, what is on its way there) what is left, at least
  /// kStateEngineMemoryMin. 0: the three shares and kStateEngineMemory. Contents of stores in memory are not in it, nor what the log
  /// buffers.
  std::size_t memory_max_bytes = 0;
  static constexpr std::size_t kStateEngineMemory = std::size_t{64} << 20;
  static constexpr std::size_t kStateEngineMemoryMin = std::size_t{16} << 20;
  /// Polled, not yet processed records.
  std::size_t input_buffer_max_bytes = std::size_t{64} << 20;
  std::size_t statestore_cache_max_bytes = std::size_t{10} << 20;
  /// Uncommitted bytes of all stores before an early commit.
  std::size_t statestore_uncommitted_max_bytes = std::size_t{64} << 20;
  std::string state_dir = "/tmp/tidemill";
  /// The state of a task that has not been here for so long is deleted. -1: never.
  std::chrono::milliseconds state_cleanup_delay{600000};
  /// How often to look whether source topics have got partitions, or patterns match more topics.
  std::chrono::milliseconds metadata_max_age{300000};
  /// A line on what has been done, so often; 0: none.
  std::chrono::milliseconds log_summary_interval{120000};
  std::string client_id = {};
  std::string application_server = {};
  std::string group_instance_id = {};
  std::int16_t replication_factor = -1;
  std::chrono::milliseconds repartition_purge_interval{30000};
  std::chrono::milliseconds windowstore_changelog_additional_retention{86400000};
  std::chrono::milliseconds transaction_timeout{10000};
  std::chrono::milliseconds session_timeout{45000};
  std::chrono::milliseconds heartbeat_interval{3000};
  std::chrono::milliseconds max_poll_interval{300000};
  OffsetReset auto_offset_reset = OffsetReset::kEarliest;
  std::shared_ptr<const TimestampExtractor> default_timestamp_extractor = nullptr;  // null: fail on invalid
  StoreEngineKind default_dsl_store = StoreEngineKind::kPersistent;
  std::string topology_optimization = "none";
  /// Also where Kafka Streams loses something: joined rows that stay behind their sides (D-51 in docs/divergences.md), closed
  /// windows that nobody emits (D-52). To compare results with it.
  bool exactly_as_kafka_streams = false;
  /// A store or internal topic whose name was generated is refused: it would change when an operator is added in front of it.
  bool ensure_explicit_internal_resource_naming = false;

  DeserializationExceptionHandler deserialization_exception_handler = nullptr;  // null: log and fail
  ProcessingExceptionHandler processing_exception_handler = nullptr;            // null: log and fail
  ProductionExceptionHandler production_exception_handler = nullptr;            // null: retry retriable, else fail
  std::string errors_dead_letter_queue_topic_name = {};
  /// A record further ahead of the clock is not processed: it is counted as dropped and goes to the dead-letter topic. One
  /// timestamp from the future would take stream time with it, and everything after it would be late. -1: no bound.
  std::chrono::milliseconds timestamp_after_max{-1};

  /// Passed on unread: texts under `consumer.`, `producer.`, `admin.`, `topic.` (internal topics), each by its key
  /// without the prefix.
  std::map<std::string, std::string> consumer = {};
  /// Over those of `consumer`, for one kind of consumers: of the stream threads, of stores that are restored, of global stores.
  std::map<std::string, std::string> main_consumer = {};
  std::map<std::string, std::string> restore_consumer = {};
  std::map<std::string, std::string> global_consumer = {};
  std::map<std::string, std::string> producer = {};
  std::map<std::string, std::string> admin = {};
  std::map<std::string, std::string> topic = {};
  /// Keys of the application's own, for ProcessorContext::app_config().
  std::map<std::string, std::string> application = {};

  /// The world; null: the operating system's.
  const Clock* clock = nullptr;
};

/// `consumer` with `over` on top, one of the three kinds.
[[nodiscard]] ClientProperties consumer_properties(const StreamsConfig& config, const std::map<std::string, std::string>& over);

/// What read_config() made of a set of Kafka's dotted keys.
struct ConfigReading {
  StreamsConfig config;
  /// One sentence per unknown key (names the nearest known one), ignored key or odd value.
  std::vector<std::string> warnings;
  /// Keys that are the log adapter's: bootstrap.servers, security.protocol, ssl.*, sasl.*, ...
  std::map<std::string, std::string> client;
};
/// Reads `commit.interval.ms` and the like. ConfigException for a value that cannot be; unknown keys warn, or throw when
/// `strict`.
[[nodiscard]] ConfigReading read_config(const std::map<std::string, std::string>& properties, bool strict = false);
/// What the environment says: `<prefix>COMMIT_INTERVAL_MS=100` is commit.interval.ms=100; two underscores are one, three a hyphen.
[[nodiscard]] std::map<std::string, std::string> read_environment(std::string_view prefix = "TIDEMILL_");
/// Java's properties file: key=value lines, # and ! comments, \-continuation. kNotFound; kInvalidArgument names the line.
[[nodiscard]] Result<std::map<std::string, std::string>> read_properties_file(const std::string& path);

}  // namespace tidemill
