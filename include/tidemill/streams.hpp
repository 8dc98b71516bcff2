// Streams: a running application. Build it, start it, query it, close it.
//
//   int main() {
//     StreamsBuilder builder;
//     ...
//     return run(builder.build(), {.application_id = "word-count", .log = embedded_log("data")});
//   }
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <tidemill/adapters/embedded_log.hpp>
#include <tidemill/base/metric.hpp>
#include <tidemill/config/streams_config.hpp>
#include <tidemill/dsl/streams_builder.hpp>
#include <tidemill/state/key_value_store.hpp>
#include <tidemill/topology/topology.hpp>

namespace tidemill {

/// Kafka Streams' client states; to_string() gives its names (CREATED, REBALANCING, ...).
enum class StreamsState : std::uint8_t {
  kCreated,
  kRebalancing,
  kRunning,
  kPendingShutdown,
  kNotRunning,
  kPendingError,
  kError,
};
std::string_view to_string(StreamsState state);

using StateListener = std::function<void(StreamsState now, StreamsState before)>;
/// Restore progress of one store partition.
struct RestoreProgress {
  std::string store;
  TopicPartition changelog;
  Offset start;
  Offset current;
  Offset end;
};
struct RestoreListener {
  std::function<void(const RestoreProgress&)> on_start;
  std::function<void(const RestoreProgress&, std::int64_t records)> on_batch;
  std::function<void(const RestoreProgress&, std::int64_t total)> on_end;
  /// Given up before its end: the task goes elsewhere, or begins again.
  std::function<void(const RestoreProgress&, std::int64_t total)> on_suspended = nullptr;
};
struct TaskMetadata {
  TaskId id;
  bool active = true;
  std::string state;  // CREATED, RESTORING, RUNNING, SUSPENDED, CLOSED
  std::vector<std::pair<TopicPartition, Offset>> committed;
  std::vector<std::pair<TopicPartition, Offset>> end;
};
struct ThreadMetadata {
  std::string name;
  std::string state;  // CREATED, STARTING, PARTITIONS_REVOKED, PARTITIONS_ASSIGNED, RUNNING, PENDING_SHUTDOWN, DEAD
  std::vector<TaskMetadata> tasks;
};
/// How long close() may take and whether the member leaves its group at once.
struct CloseOptions {
  std::chrono::milliseconds timeout{60000};
  bool leave_group = true;
};

/// Rows of one store over all local tasks, in bytes: what queries return before typing.
struct StoreRow {
  Bytes key;
  Bytes value;
};
/// Uncommitted (live): what the owner sees now, caches included; asked of the owner between two records. Committed: what the last
/// commit left; on a snapshot where the engine has one (RocksDB), else at the owner's next commit.
enum class QueryIsolation : std::uint8_t { kReadUncommitted, kReadCommitted };
struct QueryOptions {
  QueryIsolation isolation = QueryIsolation::kReadUncommitted;
  Direction direction = Direction::kForward;
  /// At most so many rows; 0: no limit.
  std::size_t limit = 0;
};
struct StoreAnswer {
  std::vector<StoreRow> rows;
  std::uint64_t count = 0;  // of query_count()
  /// Which input the answer has seen.
  Position position;
  /// How old the answer's data may be: zero for live reads of running tasks; for committed reads the time since the last commit
  /// where something has been processed since; for global stores the time since they had read everything.
  std::chrono::milliseconds staleness{0};
};
/// The same, typed.
template <class T>
struct QueryAnswer {
  T value;
  Position position;
  std::chrono::milliseconds staleness{0};
};

class Streams {
 public:
  /// Checks configuration and topology (ConfigException, TopologyException); does nothing yet.
  Streams(Topology topology, StreamsConfig config);
  /// Closes, if that has not been done.
  ~Streams();
  Streams(Streams&&) noexcept;
  Streams& operator=(Streams&&) noexcept;

  /// Before start(); ConfigException afterwards.
  void set_state_listener(StateListener listener);
  void set_uncaught_exception_handler(UncaughtExceptionHandler handler);
  void set_restore_listener(RestoreListener listener);

  /// Creates internal topics (embedded: also missing user topics), starts the threads, restores global stores. An error
  /// lists all missing topics with the counts needed.
  [[nodiscard]] Result<void> start();
  /// Commits, releases, leaves. kTimeout names the node that does not return. Any thread but the stream threads.
  [[nodiscard]] Result<void> close(CloseOptions options = {});
  [[nodiscard]] StreamsState state() const;
  /// Waits until the state is NOT_RUNNING or ERROR, or the deadline; true: it is.
  bool wait_until_stopped(std::chrono::milliseconds timeout);
  /// All active tasks run and have read what was committed when asked (every source is caught up and committed).
  bool wait_until_caught_up(std::chrono::milliseconds timeout);
  /// Why the state is ERROR.
  [[nodiscard]] std::optional<Error> error() const;

  [[nodiscard]] std::vector<ThreadMetadata> metadata_for_local_threads() const;
  [[nodiscard]] std::vector<RestoreProgress> restore_progress() const;
  [[nodiscard]] std::vector<Metric> metrics() const;
  [[nodiscard]] const Topology& topology() const;
  void pause();
  void resume();
  [[nodiscard]] bool is_paused() const;
  /// Deletes the local state: the next start reads all changelogs from their beginning. Before start() or after close(), else
  /// kInvalidArgument; kLocked when another process has the directory.
  [[nodiscard]] Result<void> clean_up();

  /// Queries in bytes, over the local tasks' partitions of the store; from any thread while it is written. kNotFound: no such
  /// store; kUnavailable: no task of it runs here now.
  [[nodiscard]] Result<StoreAnswer> query_get(std::string_view store, BytesView key,
                                              QueryIsolation isolation = QueryIsolation::kReadUncommitted) const;
  /// Bounds are inclusive, nullopt is open; per task in key order.
  [[nodiscard]] Result<StoreAnswer> query_range(std::string_view store, OptionalBytesView from, OptionalBytesView to,
                                                QueryOptions options = {}) const;
  /// As approximate_num_entries() of the store.
  [[nodiscard]] Result<StoreAnswer> query_count(std::string_view store) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// A typed read-only view of a store over all local tasks; see Streams::query_*.
template <class K, class V>
class QueryableStore {
 public:
  QueryableStore(const Streams& streams, std::string name, Serde<K> key_serde = SerdeOf<K>::serde(),
                 Serde<V> value_serde = SerdeOf<V>::serde())
      : streams_(streams), name_(std::move(name)), key_serde_(std::move(key_serde)), value_serde_(std::move(value_serde)) {}
  using Rows = std::vector<std::pair<K, V>>;
  [[nodiscard]] Result<QueryAnswer<std::optional<V>>> get(const K& key,
                                                          QueryIsolation isolation = QueryIsolation::kReadUncommitted) const;
  /// Null: open.
  [[nodiscard]] Result<QueryAnswer<Rows>> range(const K* from, const K* to, QueryOptions options = {}) const;
  [[nodiscard]] Result<QueryAnswer<Rows>> all(QueryOptions options = {}) const { return range(nullptr, nullptr, options); }
  [[nodiscard]] Result<QueryAnswer<std::uint64_t>> count() const;

 private:
  /// Store form to value: timestamped stores have eight bytes in front.
  [[nodiscard]] V decode(BytesView stored) const;
  const Streams& streams_;
  std::string name_;
  Serde<K> key_serde_;
  Serde<V> value_serde_;
};

/// main() in one line: starts, reports, ends in order on SIGINT or SIGTERM; the exit status.
int run(Topology topology, StreamsConfig config);

template <class K, class V>
V QueryableStore<K, V>::decode(BytesView stored) const {
  const auto& stores = streams_.topology().stores;
  const auto found = stores.find(name_);
  const bool timestamped = found != stores.end() && found->second.spec.timestamped();
  return value_serde_.deserialize({}, timestamped ? split_timestamp(stored).second : stored);
}
template <class K, class V>
Result<QueryAnswer<std::optional<V>>> QueryableStore<K, V>::get(const K& key, QueryIsolation isolation) const {
  Bytes bytes;
  key_serde_.serialize({}, key, bytes);
  TIDEMILL_ASSIGN(StoreAnswer answer, streams_.query_get(name_, bytes, isolation));
  QueryAnswer<std::optional<V>> typed{.value = {}, .position = std::move(answer.position), .staleness = answer.staleness};
  if (!answer.rows.empty()) typed.value.emplace(decode(answer.rows.front().value));
  return typed;
}
template <class K, class V>
auto QueryableStore<K, V>::range(const K* from, const K* to, QueryOptions options) const -> Result<QueryAnswer<Rows>> {
  Bytes from_bytes;
  Bytes to_bytes;
  if (from != nullptr) key_serde_.serialize({}, *from, from_bytes);
  if (to != nullptr) key_serde_.serialize({}, *to, to_bytes);
  TIDEMILL_ASSIGN(StoreAnswer answer, streams_.query_range(name_, from ? OptionalBytesView(from_bytes) : std::nullopt,
                                                           to ? OptionalBytesView(to_bytes) : std::nullopt, options));
  QueryAnswer<Rows> typed{.value = {}, .position = std::move(answer.position), .staleness = answer.staleness};
  for (const StoreRow& row : answer.rows) typed.value.emplace_back(key_serde_.deserialize({}, row.key), decode(row.value));
  return typed;
}
template <class K, class V>
Result<QueryAnswer<std::uint64_t>> QueryableStore<K, V>::count() const {
  TIDEMILL_ASSIGN(StoreAnswer answer, streams_.query_count(name_));
  return QueryAnswer<std::uint64_t>{
      .value = answer.count, .position = std::move(answer.position), .staleness = answer.staleness};
}

}  // namespace tidemill
