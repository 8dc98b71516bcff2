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
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <tidemill/adapters/embedded_log.hpp>
#include <tidemill/base/metric.hpp>
#include <tidemill/config/streams_config.hpp>
#include <tidemill/dsl/streams_builder.hpp>
#include <tidemill/query/queryable_stores.hpp>
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
bool is_running_or_rebalancing(StreamsState state);
bool has_not_started(StreamsState state);
/// PENDING_SHUTDOWN or PENDING_ERROR.
bool is_shutting_down(StreamsState state);
/// NOT_RUNNING or ERROR.
bool has_completed_shutdown(StreamsState state);
bool has_started_or_finished_shutting_down(StreamsState state);

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
  /// Since when it has had nothing that it may process: no records, or one of its inputs is waited for (max.task.idle.ms). None:
  /// it has something, or does not run yet.
  std::optional<Timestamp> time_current_idling_started = {};
};
struct ThreadMetadata {
  std::string name;
  std::string state;  // CREATED, STARTING, PARTITIONS_REVOKED, PARTITIONS_ASSIGNED, RUNNING, PENDING_SHUTDOWN, DEAD
  std::vector<TaskMetadata> tasks;
};
/// How far a store's partition that is here has followed its changelog.
struct LagInfo {
  Offset current;
  Offset end;
  [[nodiscard]] std::int64_t lag() const { return end > current ? end - current : 0; }
};
/// By store and partition.
using StoreLags = std::map<std::string, std::map<std::int32_t, LagInfo>>;
/// Where an instance can be asked: its `application.server`.
struct HostInfo {
  std::string host;
  std::int32_t port = -1;
  auto operator<=>(const HostInfo&) const = default;
  /// `host:port`. ConfigException for what is not.
  static HostInfo build_from_endpoint(std::string_view endpoint);
  /// What stands for an instance that has no address, or that nobody knows.
  static HostInfo unavailable() { return {"unavailable", -1}; }
};
/// What an instance has, as the group's last assignment says: it may still be restoring it.
struct StreamsMetadata {
  HostInfo host_info;
  /// Global stores among them: every instance has those.
  std::set<std::string> state_store_names = {};
  std::set<TopicPartition> topic_partitions = {};
  std::set<std::string> standby_state_store_names = {};
  std::set<TopicPartition> standby_topic_partitions = {};
};
/// Where a store has a key.
struct KeyQueryMetadata {
  /// -1: in all of them; a global store has no partitions of its own.
  std::int32_t partition = -1;
  /// An active task of this instance runs with it. Else another instance has it, or it is on its way.
  bool here = false;
  /// HostInfo::unavailable(): the instance that has it has no `application.server`, or it is on its way.
  HostInfo active_host = HostInfo::unavailable();
  std::vector<HostInfo> standby_hosts = {};
};
/// How long close() may take, and whether the members leave their group at once, so that the others take over. Nothing said: those
/// with a `group.instance.id` stay, since they are expected back before `session.timeout.ms` is over; all others leave.
struct CloseOptions {
  std::chrono::milliseconds timeout{60000};
  std::optional<bool> leave_group = std::nullopt;
};

/// Its stores are asked by what StoreQueries gives (query(), and the views of <tidemill/query/queryable_stores.hpp>): over the local
/// tasks' partitions, from any thread, while they are written.
class Streams final : public StoreQueries {
 public:
  /// Checks configuration and topology (ConfigException, TopologyException); does nothing yet.
  Streams(Topology topology, StreamsConfig config);
  /// Closes, if that has not been done.
  ~Streams() override;
  Streams(Streams&&) noexcept;
  Streams& operator=(Streams&&) noexcept;

  /// Before start(); ConfigException afterwards.
  void set_state_listener(StateListener listener);
  void set_uncaught_exception_handler(UncaughtExceptionHandler handler);
  void set_restore_listener(RestoreListener listener);

  /// Creates internal topics (embedded: also missing user topics), starts the threads, restores global stores. An error
  /// lists all missing topics with the counts needed.
  [[nodiscard]] Result<void> start();
  /// Commits, releases, leaves. kTimeout names the node that does not return. Any thread; one of the application's own, in a listener or
  /// a processor, cannot wait for itself: there it begins the end, which comes by itself, and gives kTimeout.
  [[nodiscard]] Result<void> close(CloseOptions options = {});
  /// Starts one more stream thread, which takes over some of the others' tasks and a part of their record caches and buffers. Its
  /// name, with the lowest number that is free. None, and nothing has happened: the state is neither RUNNING nor REBALANCING, or no
  /// thread has anything to do (all stores are global).
  [[nodiscard]] Result<std::optional<std::string>> add_stream_thread();
  /// Ends a stream thread in order, the one that has been there longest; its tasks and its share go to the others. Its name. None:
  /// as above, or there is none left. The last one may go, too: the application stays as it is, and processes nothing before one is
  /// added. Waits until it has ended; kTimeout names what it does instead, and it ends later. On a stream thread it is another one,
  /// if there is another, and is not waited for: threads that commit together cannot wait for each other.
  [[nodiscard]] Result<std::optional<std::string>> remove_stream_thread(
      std::optional<std::chrono::milliseconds> timeout = std::nullopt);
  [[nodiscard]] StreamsState state() const;
  /// Waits until the state is NOT_RUNNING or ERROR, or the deadline; true: it is.
  bool wait_until_stopped(std::chrono::milliseconds timeout);
  /// All active tasks run and have read what was committed when asked (every source is caught up and committed).
  bool wait_until_caught_up(std::chrono::milliseconds timeout);
  /// Why the state is ERROR.
  [[nodiscard]] std::optional<Error> error() const;

  [[nodiscard]] std::vector<ThreadMetadata> metadata_for_local_threads() const;
  [[nodiscard]] std::vector<RestoreProgress> restore_progress() const;
  /// Of stores that have a changelog and are here; those of running tasks have no lag. Errors as of query_store().
  [[nodiscard]] Result<StoreLags> all_local_store_partition_lags() const;
  /// For keys that lie where Kafka's default partitioner puts them, as they are in the topic that leads to the first processor that
  /// was connected to the store (of several topics, in that with most partitions). Errors as of query_store().
  [[nodiscard]] Result<KeyQueryMetadata> query_metadata_for_key_bytes(std::string_view store, BytesView key) const;
  template <class K>
  [[nodiscard]] Result<KeyQueryMetadata> query_metadata_for_key(std::string_view store, const K& key,
                                                                const Serde<K>& serde = SerdeOf<K>::serde()) const {
    const Result<std::string> topic = topic_of_keys(store);
    if (!topic) return topic.error();
    const Bytes bytes = detail::key_bytes(serde, *topic, key);
    return query_metadata_for_key_bytes(store, BytesView(bytes).substr(0, bytes.size() - serde.partition_suffix()));
  }
  /// Of all instances of the application that have an `application.server`, as the group was last shared out. Errors as of
  /// query_store().
  [[nodiscard]] Result<std::vector<StreamsMetadata>> metadata_for_all_streams_clients() const;
  /// Those of them that have (part of) the store, or a standby of it. kNotFound: the topology has no such store.
  [[nodiscard]] Result<std::vector<StreamsMetadata>> streams_metadata_for_store(std::string_view store) const;
  [[nodiscard]] std::vector<Metric> metrics() const;
  [[nodiscard]] const Topology& topology() const;
  void pause();
  void resume();
  [[nodiscard]] bool is_paused() const;
  /// Deletes the local state: the next start reads all changelogs from their beginning. Before start() or after close(), else
  /// kInvalidArgument; kLocked when another process has the directory.
  [[nodiscard]] Result<void> clean_up();

  [[nodiscard]] Result<StateQueryResult<StoreRows>> query_store(const StateQueryRequest& request,
                                                                const StoreQuery& query) const override;
  [[nodiscard]] std::string topic_of_store(std::string_view name) const override;

 private:
  [[nodiscard]] Result<std::string> topic_of_keys(std::string_view store) const;

  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// main() in one line: starts, reports, ends in order on SIGINT or SIGTERM; the exit status.
int run(Topology topology, StreamsConfig config);

}  // namespace tidemill
