// Streams::Impl: the threads of one application instance, its state machine, and the questions asked of it.
//
// Stream threads call thread_changed(), thread_failed() and thread_ended(); everything else is called by the host. The mutex
// guards the fields below it and is never held while user code, a stream thread or the log is called.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <tidemill/streams.hpp>

#include "runtime/commit_coordinator.hpp"
#include "runtime/global_thread.hpp"
#include "runtime/stream_thread.hpp"
#include "runtime/topic_plan.hpp"
#include "streams/application_directory.hpp"

namespace tidemill {

class Streams::Impl final : public runtime::RestoreObserver {
 public:
  Impl(Topology topology, StreamsConfig config);
  ~Impl() override;

  Result<void> start();
  Result<void> close(CloseOptions options);
  [[nodiscard]] StreamsState state() const;
  bool wait_until_stopped(std::chrono::milliseconds timeout);
  bool wait_until_caught_up(std::chrono::milliseconds timeout);
  void set_paused(bool paused);

  [[nodiscard]] std::vector<ThreadMetadata> thread_metadata() const;
  [[nodiscard]] std::vector<RestoreProgress> restore_progress() const;
  [[nodiscard]] std::vector<Metric> metrics() const;

  /// Reads one store on all its owners; `read` is called with each part.
  using Rows = std::vector<StoreRow>;
  struct Query {
    std::string store;
    bool single = false;  // get `from`
    bool count = false;
    OptionalBytes from = std::nullopt;
    OptionalBytes to = std::nullopt;
    std::size_t limit = 0;
    QueryIsolation isolation = QueryIsolation::kReadUncommitted;
  };
  struct QueryResult {
    Rows rows;
    std::uint64_t count = 0;
    Position position;
  };
  [[nodiscard]] Result<QueryResult> query(const Query& query) const;

  // RestoreObserver
  void restore_started(const runtime::StoreRestore& restore) override;
  void restore_advanced(const runtime::StoreRestore& restore, std::int64_t records) override;
  void restore_ended(const runtime::StoreRestore& restore, std::int64_t records) override;

  StreamsConfig config_;
  std::shared_ptr<const Topology> topology_;
  StateListener state_listener_;
  UncaughtExceptionHandler uncaught_handler_;
  RestoreListener restore_listener_;
  [[nodiscard]] std::optional<Error> error() const;

 private:
  struct Host {
    std::int32_t index = 0;
    std::shared_ptr<runtime::CommitCoordinator> coordinator;
    std::shared_ptr<runtime::StreamThread> thread;  // guarded by mutex_
    std::thread worker;
    UncaughtExceptionAnswer answer = UncaughtExceptionAnswer::kShutdownClient;
    bool ended = false;  // guarded by mutex_
  };
  enum class ReadOutcome : std::uint8_t { kRead, kNotHere, kWaitsForCommit };

  void check_config() const;
  Result<void> make_topics(MonotonicTime deadline);
  void resolve_patterns(const std::vector<TopicDescription>& topics);
  Result<void> start_global();
  Result<std::shared_ptr<runtime::StreamThread>> make_thread(Host& host);
  [[nodiscard]] bool has_persistent_stores() const;
  void work(Host& host);
  void thread_changed();
  bool thread_failed(Host& host, const Error& error);
  void thread_ended(Host& host);
  void end_in_error(const Error& error);
  void stop_threads(bool leave_group);
  bool set_state(StreamsState state);
  [[nodiscard]] std::vector<std::shared_ptr<runtime::StreamThread>> threads() const;
  bool caught_up_now(MonotonicTime deadline, bool& stable, std::uint64_t& processed) const;
  [[nodiscard]] bool has_all_tasks(const std::map<TopicPartition, Offset>& inputs) const;
  [[nodiscard]] const Clock& clock() const { return *config_.clock; }
  static ReadOutcome read_tasks(runtime::StreamThread& thread, const Query& query, QueryResult& result,
                                std::vector<std::unique_ptr<BytesSnapshot>>& snapshots, Error& error, bool at_commit);

  std::shared_ptr<StateEngine> persistent_engine_;
  std::shared_ptr<StateEngine> memory_engine_;
  std::optional<ApplicationDirectory> directory_;
  std::string client_id_;
  std::vector<SubtopologyTasks> tasks_;
  std::shared_ptr<runtime::CommitCoordinator> shared_coordinator_;
  std::unique_ptr<runtime::GlobalThread> global_;
  std::shared_ptr<UniqueFunction<StateStore*(std::string_view)>> find_global_;
  std::deque<Host> hosts_;  // addresses stay
  std::mutex listener_mutex_;  // one call of the user's listeners at a time

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  StreamsState state_ = StreamsState::kCreated;
  std::optional<Error> error_;
  std::uint64_t failed_threads_ = 0;
  std::int32_t next_thread_ = 1;
  std::atomic<bool> paused_{false};
};

}  // namespace tidemill
