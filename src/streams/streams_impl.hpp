// Streams::Impl: the threads of one application instance, its state machine, and the questions asked of it.
//
// Threads come and go while it runs, in one way (streams_threads.cpp): at the start, by add_thread() and remove_thread(), in the place
// of one that has failed. Stream threads call work() and what it calls; everything else is called by the host. The mutex guards the
// fields below it and is never held while user code or the log is called; of a stream thread only what takes its own lock for a moment.
// Always true: the listener hears every change of state once, in order; the budgets are shared by the threads that there are.
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
#include "streams/replacement_limit.hpp"

namespace tidemill {

class Streams::Impl final : public runtime::RestoreObserver {
 public:
  Impl(Topology topology, StreamsConfig config);
  ~Impl() override;

  Result<void> start();
  Result<void> close(CloseOptions options);
  Result<std::optional<std::string>> add_thread();
  Result<std::optional<std::string>> remove_thread(std::optional<std::chrono::milliseconds> timeout);
  [[nodiscard]] StreamsState state() const;
  bool wait_until_stopped(std::chrono::milliseconds timeout);
  bool wait_until_caught_up(std::chrono::milliseconds timeout);
  void set_paused(bool paused);
  [[nodiscard]] bool is_paused() const { return paused_; }
  Result<void> clean_up();
  /// ConfigException names what was called too late.
  void check_not_started(const char* what) const;

  [[nodiscard]] std::vector<ThreadMetadata> thread_metadata() const;
  [[nodiscard]] std::vector<RestoreProgress> restore_progress() const;
  [[nodiscard]] std::vector<Metric> metrics() const;

  [[nodiscard]] Result<StateQueryResult<StoreRows>> query_store(const StateQueryRequest& request,
                                                                const StoreQuery& query) const;
  [[nodiscard]] std::string topic_of_store(std::string_view name) const;
  /// By which the keys of a store are partitioned; of a global one, whose keys are everywhere: the store's.
  [[nodiscard]] Result<runtime::KeyTopic> key_topic(const std::string& store) const;
  [[nodiscard]] Result<StoreLags> store_lags() const;
  [[nodiscard]] Result<std::vector<StreamsMetadata>> all_metadata() const;
  [[nodiscard]] Result<std::vector<StreamsMetadata>> metadata_of_store(const std::string& store) const;
  [[nodiscard]] Result<KeyQueryMetadata> place_of_key(const std::string& store, BytesView key) const;

  // RestoreObserver
  void restore_started(const runtime::StoreRestore& restore) override;
  void restore_advanced(const runtime::StoreRestore& restore, std::int64_t records) override;
  void restore_ended(const runtime::StoreRestore& restore, std::int64_t records) override;
  void restore_suspended(const runtime::StoreRestore& restore, std::int64_t records) override;

  StreamsConfig config_;
  const std::shared_ptr<const Topology> given_topology_;
  StateListener state_listener_;
  UncaughtExceptionHandler uncaught_handler_;
  RestoreListener restore_listener_;
  [[nodiscard]] std::optional<Error> error() const;

 private:
  /// A stream thread and the worker that runs it.
  struct Host {
    enum class Phase : std::uint8_t {
      kMaking,   // has its number, and joins
      kReady,    // not begun
      kWorking,  // until its stream thread is dead
      kStopped,  // its worker does what is left to do
      kEnded,    // its worker does nothing any more
    };
    std::int32_t number = 0;  // from 1 on; free for another one when this one has ended
    std::string name;
    // The worker's own.
    UncaughtExceptionAnswer answer = UncaughtExceptionAnswer::kShutdownClient;
    std::chrono::milliseconds pause{0};  // before it is replaced
    // Guarded by mutex_.
    Phase phase = Phase::kMaking;
    bool leaves = false;  // has been removed
    std::shared_ptr<runtime::StreamThread> thread;
    std::thread worker;
  };
  /// One start(), or one close() at what it takes apart, at a time. False: not before the deadline.
  class Lifecycle {
   public:
    Lifecycle(Impl& impl, std::optional<MonotonicTime> deadline);
    ~Lifecycle() { leave(); }
    Lifecycle(const Lifecycle&) = delete;
    Lifecycle& operator=(const Lifecycle&) = delete;
    explicit operator bool() const { return entered_; }
    void leave();

   private:
    Impl& impl_;
    bool entered_ = false;
  };
  /// Whose code runs on a thread.
  struct Caller {
    const Impl* impl = nullptr;
    const Host* host = nullptr;
  };
  struct Transition {
    StreamsState now;
    StreamsState before;
  };

  void check_config() const;
  void check_names() const;
  [[nodiscard]] std::size_t state_engine_memory() const;
  void report_memory(std::vector<Metric>& out) const;
  void warn_of_what_is_not_built() const;
  /// The topology with its patterns resolved, and what it needs, given what is there.
  struct Plan {
    std::shared_ptr<const Topology> topology;
    runtime::TopicPlan topics;
  };
  [[nodiscard]] Plan plan(const std::vector<TopicDescription>& topics) const;
  Result<void> make_topics(MonotonicTime deadline);
  Result<void> create(const runtime::TopicPlan& plan, MonotonicTime deadline);
  Result<void> open_directory();
  Result<void> start_all();
  /// kClosed: the application has been closed meanwhile.
  [[nodiscard]] Result<void> still_starting() const;
  Result<void> start_global();
  Result<void> start_threads(MonotonicTime deadline);
  [[nodiscard]] bool has_persistent_stores() const;
  [[nodiscard]] bool has_static_members() const;
  // Threads.
  /// One that has joined and not begun.
  Result<std::shared_ptr<Host>> make_host(MonotonicTime deadline);
  Result<std::shared_ptr<runtime::CommitCoordinator>> make_coordinator(std::int32_t number, MonotonicTime deadline);
  Result<std::shared_ptr<runtime::StreamThread>> make_thread(Host& host,
                                                             std::shared_ptr<runtime::CommitCoordinator> coordinator,
                                                             std::uint64_t& plan);
  /// kClosed: the state does not allow it any more.
  Result<void> begin(const std::shared_ptr<Host>& host);
  /// One that has not begun.
  void drop(const std::shared_ptr<Host>& host);
  void work(Host& host);
  void stopped(Host& host);
  void leave_for_good(Host& host);
  void replace(Host& host, const Error& failure);
  void ended(Host& host);
  /// Lets go of those that have ended while the others run.
  void reap();
  void split_shares_locked();
  [[nodiscard]] runtime::ThreadShares shares_locked() const;
  [[nodiscard]] std::size_t sharers_locked() const;
  [[nodiscard]] bool running_locked() const { return is_running_or_rebalancing(state_); }
  static thread_local Caller caller_;
  void thread_changed();
  bool thread_failed(Host& host, const Error& error);
  void end_in_error(const Error& error);
  /// Where all have ended: of an error, or because one of this application's own threads has closed it.
  void finish();
  void stop_threads();
  [[nodiscard]] bool members_leave_locked() const;
  bool set_state(StreamsState state);
  bool change_state_locked(StreamsState state);
  void deliver_transitions();
  /// The caller is one of this application's own threads, in start(), or in the state listener: it would wait for itself.
  [[nodiscard]] bool must_not_wait() const;
  [[nodiscard]] Error not_ended(std::chrono::milliseconds timeout) const;
  // What an instance does now and then, on one of its threads.
  void keep_up(Now now);
  void upkeep(Now now);
  void refresh_topics(Now now);
  [[nodiscard]] std::optional<std::string> absent_source(const std::vector<TopicDescription>& topics) const;
  void log_summary(Now now);
  [[nodiscard]] std::vector<std::shared_ptr<runtime::StreamThread>> threads() const;
  bool caught_up_now(MonotonicTime deadline, bool& stable, std::uint64_t& processed) const;
  [[nodiscard]] bool has_all_tasks(const std::map<TopicPartition, Offset>& inputs, std::size_t threads) const;
  /// nullopt: some thread is on its way in or out, is to be replaced, or takes or gives tasks. Else a number that is another one when
  /// that has been so meanwhile.
  [[nodiscard]] std::optional<std::uint64_t> settled_threads() const;
  [[nodiscard]] const Clock& clock() const { return *config_.clock; }
  /// Null: there are no global stores (yet). Any thread.
  [[nodiscard]] runtime::GlobalThread* global() const { return global_started_ ? global_.get() : nullptr; }
  /// kUnavailable before start(), kClosed when stopped; kInvalidArgument on a stream thread that would wait for itself.
  enum class OnStreamThread : std::uint8_t { kMay, kMayNot };
  [[nodiscard]] Result<void> check_askable(std::string_view what, OnStreamThread allowed = OnStreamThread::kMayNot) const;
  [[nodiscard]] Result<void> check_known(const std::string& store) const;
  [[nodiscard]] std::vector<HostTasks> hosts() const;
  struct StorePlace {
    std::int32_t subtopology = 0;
    std::int32_t partitions = 0;
  };
  /// nullopt: the topics have not been looked at yet.
  [[nodiscard]] std::optional<StorePlace> store_place(const std::string& store) const;
  [[nodiscard]] bool is_global(const std::string& store) const;
  [[nodiscard]] Result<StateQueryResult<StoreRows>> query_threads(const StateQueryRequest& request,
                                                                  const StoreQuery& query) const;
  [[nodiscard]] QueryResult<StoreRows> query_global(const StateQueryRequest& request, const StoreQuery& query) const;
  /// Of the partitions asked for that have not answered; of those not asked for by number, the ones that are on their way.
  /// `settled`: settled_threads() from before the threads were asked.
  void explain_absent(const StateQueryRequest& request, std::optional<std::uint64_t> settled, MonotonicTime deadline,
                      StateQueryResult<StoreRows>& result) const;
  /// What has not answered is other instances'. False: this one is alone, or its own threads have exchanged tasks meanwhile.
  [[nodiscard]] bool others_have_tasks(std::optional<std::uint64_t> settled, MonotonicTime deadline) const;

  std::shared_ptr<StateEngine> persistent_engine_;
  std::shared_ptr<StateEngine> memory_engine_;
  std::unique_ptr<ApplicationDirectory> directory_;
  std::string client_id_;
  std::shared_ptr<SensorRegistry> sensors_;  // of the processors' own metrics
  /// The given one, with the topics that its patterns match. Guarded by mutex_ once the threads run, like the tasks.
  std::shared_ptr<const Topology> topology_;
  std::vector<SubtopologyTasks> tasks_;
  std::map<std::string, runtime::KeyTopic> key_topics_;
  std::unique_ptr<runtime::GlobalThread> global_;
  std::atomic<bool> global_made_{false};  // it is there, and starts
  std::atomic<bool> global_started_{false};
  /// Questions that wait in a mailbox, also those whose askers have given up. Shared with them.
  const std::shared_ptr<std::atomic<std::size_t>> asked_ = std::make_shared<std::atomic<std::size_t>>(0);
  std::shared_ptr<UniqueFunction<StateStore*(std::string_view)>> find_global_;
  std::mutex listener_mutex_;  // one call of the user's restore listener or uncaught handler at a time
  std::atomic<const Host*> upkeeper_{nullptr};
  // The upkeeper's own.
  MonotonicTime next_refresh_{};
  MonotonicTime next_cleanup_{};
  MonotonicTime next_summary_{};
  std::uint64_t summary_processed_ = 0;
  std::uint64_t summary_commits_ = 0;

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<std::shared_ptr<Host>> hosts_;  // the oldest first
  bool threads_begun_ = false;                // at least one
  std::uint64_t thread_changes_ = 0;          // comings, goings, and changes of state
  /// What others_have_tasks() has found, and the settled_threads() that it holds for.
  mutable std::optional<std::pair<std::uint64_t, bool>> others_have_tasks_;
  std::shared_ptr<runtime::CommitCoordinator> coordinator_;  // of all threads, where they commit together
  ReplacementLimit replacements_;
  std::uint64_t plan_ = 0;  // number of the topology's and the tasks' last change
  StreamsState state_ = StreamsState::kCreated;
  std::deque<Transition> transitions_;  // not told to the listener yet
  std::thread::id at_lifecycle_;        // who is in start(), or at what close() takes apart
  bool ends_by_itself_ = false;         // one of its own threads has closed it
  std::optional<bool> leave_group_;     // what close() was last told of it
  bool delivering_ = false;
  std::thread::id deliverer_;
  std::optional<Error> error_;
  std::uint64_t failed_threads_ = 0;
  std::atomic<bool> paused_{false};
  std::atomic<bool> started_{false};
};

}  // namespace tidemill
