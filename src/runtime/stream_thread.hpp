// StreamThread: runs some of an application's tasks. run_once() does one round of everything there is to do and never
// waits: membership, commit rounds, polling, restoring, processing, punctuating. Given the same log, clock and calls it
// does the same thing, so one thread can simulate many.
//
// run_once() and wait() belong to one thread; wake(), shut_down(), post() and what reads snapshots may be called from
// any. A thread that fails aborts what it did since the last commit, gives its tasks back and is dead; failure() says why.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/changelog_writer.hpp"
#include "runtime/commit_coordinator.hpp"
#include "runtime/record_collector.hpp"
#include "runtime/restorer.hpp"
#include "runtime/stream_task.hpp"
#include "runtime/task_directories.hpp"

namespace tidemill::runtime {

enum class ThreadState : std::uint8_t {
  kCreated,
  kStarting,
  kPartitionsRevoked,
  kPartitionsAssigned,
  kRunning,
  kPendingShutdown,
  kDead,
};
std::string_view to_string(ThreadState state);

/// What one thread may take of the budgets that all threads of an application have together.
struct ThreadShares {
  std::size_t cache_bytes = 0;  // of its record cache; 0 at the start: it has none
  std::size_t input_bytes_max = std::size_t{64} << 20;
  std::size_t uncommitted_bytes_max = std::size_t{64} << 20;
};
/// Of one thread of so many. A topology with global stores counts as one thread more for the record cache, as in Kafka Streams.
[[nodiscard]] ThreadShares thread_shares(const StreamsConfig& config, std::size_t threads, bool has_global_stores = false);

struct StreamThreadOptions {
  std::string name;  // <client>-StreamThread-<n>
  std::shared_ptr<const Topology> topology;
  const StreamsConfig* config = nullptr;  // outlives the thread
  Log* log = nullptr;
  const Clock* clock = nullptr;
  std::shared_ptr<CommitCoordinator> coordinator;
  StateEngine* persistent_engine = nullptr;
  StateEngine* memory_engine = nullptr;
  /// Of the application; each task has a folder in it.
  std::string state_directory;
  TaskDirectories* directories = nullptr;  // null: nobody cares
  JoinMetadata join;
  ThreadShares shares;
  RestoreObserver* restore_observer = nullptr;
  std::shared_ptr<const StreamsMetrics> streams_metrics = nullptr;  // as StreamTaskOptions'
  /// May be called by any stream thread.
  std::shared_ptr<UniqueFunction<StateStore*(std::string_view)>> global_store;
  /// Called on the thread, outside of any lock, when its state has changed.
  UniqueFunction<void(ThreadState)> on_state;
  /// The thread failed and is about to give its tasks back; true: every member of the application is to stop.
  UniqueFunction<bool(const Error&)> on_failure;
  /// The application was asked to stop by another member.
  UniqueFunction<void()> on_application_shutdown;
};

struct TaskSnapshot {
  TaskId id;
  TaskState state = TaskState::kCreated;
  std::shared_ptr<TaskMetrics> metrics;
};
struct ThreadSnapshot {
  ThreadState state = ThreadState::kCreated;
  bool assigned = false;  // an assignment has been received
  std::vector<TaskSnapshot> tasks;
  std::vector<StoreRestore> restoring;
  std::vector<HostTasks> hosts;  // of the whole group
};

class StreamThread {
 public:
  /// Records that a task may process before the next one's turn, and all tasks before the log is polled again.
  static constexpr std::size_t kRecordsPerTurn = 100;
  /// So often the clock is read for current_system_time().
  static constexpr std::size_t kRecordsPerLook = 16;
  static constexpr std::size_t kRecordsPerRound = 4000;
  static constexpr std::size_t kPollBytes = std::size_t{1} << 20;
  /// Between two aborts in a row; doubles from the first to the last.
  static constexpr std::chrono::milliseconds kAbortPauseMin{1};
  static constexpr std::chrono::milliseconds kAbortPauseMax{1000};

  struct Step {
    bool alive = true;
    /// There may be nothing to do until then, or until wait() returns.
    MonotonicTime wait_until{};
    bool worked = false;
  };

  explicit StreamThread(StreamThreadOptions options);
  ~StreamThread();
  StreamThread(const StreamThread&) = delete;
  StreamThread& operator=(const StreamThread&) = delete;

  /// Joins the group. On error nothing has begun.
  [[nodiscard]] Result<void> start();
  Step run_once(Now now);
  /// As a crash would: for one that nobody is going to run.
  void end_unrun();
  /// Waits for data, an event, or the deadline.
  void wait(MonotonicTime deadline);

  // Any thread.
  void wake();
  /// Commits, closes the tasks, leaves the group if asked to, dies. Who asks last decides whether it leaves.
  void shut_down(bool leave_group);
  void set_paused(bool paused) { paused_ = paused, wake(); }
  /// Other threads have come or gone. Taken over between two records, at the latest after the poll time.
  void set_shares(const ThreadShares& shares);
  [[nodiscard]] const std::string& name() const { return options_.name; }
  [[nodiscard]] ThreadSnapshot snapshot() const;
  [[nodiscard]] ThreadState state() const;
  [[nodiscard]] const ThreadMetrics& metrics() const { return metrics_; }
  [[nodiscard]] std::optional<Error> failure() const;
  /// The node that is at work, with its task; empty: none is.
  [[nodiscard]] std::string busy_with() const;
  /// Runs `job` on the thread, between two records; with `committed`, when nothing is uncommitted. False: it is dead.
  bool post(UniqueFunction<void(StreamThread&)> job, bool committed = false);

  // For jobs.
  /// Joins the group again with other tasks: topics have got partitions, or patterns match more topics. For a job that was posted
  /// with `committed`.
  void replan(std::shared_ptr<const Topology> topology, std::vector<SubtopologyTasks> tasks);
  [[nodiscard]] std::vector<StreamTask*> running_tasks();
  /// Also those that are being restored.
  [[nodiscard]] std::vector<StreamTask*> tasks();
  [[nodiscard]] bool has_tasks_that_do_not_run() const;
  /// Where the thread stands; for a job that was posted with `committed`.
  struct Standing {
    bool clean = false;        // every task runs, nothing is uncommitted
    bool has_records = false;  // to process
    std::uint64_t processed = 0;
    std::vector<std::pair<TopicPartition, Offset>> next;  // next offset to process, by input
  };
  [[nodiscard]] Standing standing() const;
  /// How long ago the last commit was, if anything has been done since; else zero.
  [[nodiscard]] std::chrono::milliseconds since_commit(Now now) const;

 private:
  enum class SlotPhase : std::uint8_t { kNeedsPositions, kRestoring, kRunning };
  struct Slot;
  struct InputRef {
    Slot* slot = nullptr;
    std::size_t index = 0;
    bool out_of_range = false;  // to be sought: the log was out of reach when that was tried
  };
  struct Slot {
    TaskId id;
    std::uint32_t number = 0;
    SlotPhase phase = SlotPhase::kNeedsPositions;
    bool revoked = false;
    std::unique_ptr<LogRecordCollector> collector;
    std::unique_ptr<LogChangelogWriter> changelog;
    std::unique_ptr<StreamTask> task;
    std::vector<CommitPosition> committed;
    std::vector<bool> paused;
    std::vector<bool> external;                             // nothing of what comes in there is this group's own
    std::vector<std::optional<MonotonicTime>> empty_since;  // inputs that are waited for
  };

  Step round(Now now);
  // Membership.
  void handle_events(Now now);
  void assign(const TasksAssigned& assigned, Now now);
  void lose_tasks(const Error& reason);
  /// All tasks are lost: not running before the next assignment.
  void await_assignment();
  Result<void> rejoin();
  void finish_revocation(Now now);
  // Commit rounds: true when this round of run_once must end because another participant is waited for.
  bool coordinate(Now now, Step& step);
  /// False: the log has no room for all that was sent; to be called again.
  bool gather(RoundIntent intent, Now now);
  void apply(const RoundOutcome& outcome, Now now);
  void aborted(const RoundOutcome& outcome, Now now);
  void reset_tasks();
  Result<void> take_delivery_failures();
  void open_handles();
  void commit_if_due(Now now, bool worked, Step& step);
  void publish_positions();
  void purge_repartition_topics(Now now);
  [[nodiscard]] Offset next_offset(const StreamTask& task, std::size_t index) const;
  /// By a sink of this topology, and so by this group.
  [[nodiscard]] bool is_written_here(const std::string& log_topic) const;
  [[nodiscard]] bool is_internal_topic(const NodeSpec& source, const std::string& log_topic) const;
  // Tasks.
  /// False: the log is out of reach for now, or a thread that has lost the task has not closed it yet.
  bool create_task(TaskId id);
  void close_task(Slot& slot);
  void close_all_tasks();
  bool start_tasks(Now now);
  bool find_positions(Slot& slot, Now now);
  /// False: the log is out of reach, it has to be tried again.
  bool run_task(Slot& slot);
  Result<Offset> initial_offset(StreamTask& task, std::size_t index, const PartitionOffsets& offsets, Now now);
  // Records.
  [[nodiscard]] std::size_t buffered_bytes() const;
  bool poll(Now now);
  bool process(Now now);
  bool ready(Slot& slot, Now now);
  bool may_process(Slot& slot, Now now);
  bool punctuate();
  void pause_filled_inputs();
  void pause_external_inputs();
  [[nodiscard]] bool has_taken_all() const;
  [[nodiscard]] bool keeps_up() const;
  [[nodiscard]] std::optional<MonotonicTime> end_of_waiting(const Slot& slot, Now now) const;
  void resume_inputs();
  void partition_failed(const PartitionError& error, Now now);
  void seek_into_range(const TopicPartition& partition, InputRef& input, Now now);
  // The rest.
  void take_shares();
  /// After the record cache's share was cut: writes what is dirty and lets go of what is too much.
  bool shrink_cache();
  void fail(Error error);
  void die();
  void set_state(ThreadState state);
  void publish();
  void run_mailbox();
  [[nodiscard]] bool dirty() const;

  StreamThreadOptions options_;
  ThreadShares shares_;
  bool cache_was_cut_ = false;
  std::unique_ptr<ThreadCache> cache_;
  std::unique_ptr<Membership> membership_;
  std::unique_ptr<CommitCoordinator::Participant> participant_;
  std::shared_ptr<CommitGroup> group_;
  ProducerGate gate_;
  FailureLetters failure_letters_;
  std::shared_ptr<LogConsumer> consumer_;
  Restorer restorer_;
  TopicMaker make_topic_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::unordered_map<TopicPartition, InputRef> inputs_;
  bool some_out_of_range_ = false;  // of the inputs
  bool took_all_ = false;           // that there was from outside the group, at the last poll
  bool draining_ = false;           // takes nothing from outside the group before the next commit
  /// Tasks that wait for their directories; said so, once at once and once when it takes long.
  struct LockWait {
    MonotonicTime since;
    bool has_warned = false;
  };
  std::map<TaskId, LockWait> lock_waits_;
  std::uint32_t next_task_number_ = 1;   // in cookies, where 0 says nothing
  bool processed_since_commit_ = false;  // something was processed or sent since the last round
  bool want_commit_ = false;
  bool want_abort_ = false;
  Error abort_reason_;
  int aborts_in_a_row_ = 0;
  MonotonicTime first_abort_{};                      // of those in a row
  MonotonicTime resume_at_{};                        // nothing is read or processed before
  std::optional<TasksAssigned> pending_assignment_;  // until what was lost is closed, or can be begun
  bool standing_still_ = false;                      // the last round of run_once() ended in the middle of a commit round
  bool waits_for_room_ = false;                      // in the log, to take part in a commit round
  bool tasks_lost_ = false;
  bool rejoins_ = false;  // then: the producer said so, and the group, which does not know, has to be joined anew
  bool revoking_ = false;
  bool closing_ = false;
  bool left_ = false;
  MonotonicTime last_round_{};
  MonotonicTime last_purge_{};
  MonotonicTime commit_started_{};
  std::chrono::milliseconds commit_interval_;
  std::size_t first_slot_ = 0;
  ThreadMetrics metrics_;

  std::atomic<bool> shut_down_{false};
  std::atomic<bool> leave_group_;  // before anybody has said so a static member stays, also when its thread fails
  std::atomic<bool> paused_{false};

  mutable std::mutex mutex_;  // guards what follows
  std::shared_ptr<LogConsumer> wake_target_;
  ThreadSnapshot snapshot_;
  std::optional<Error> failure_;
  std::optional<ThreadShares> new_shares_;
  std::vector<UniqueFunction<void(StreamThread&)>> mailbox_;
  std::vector<UniqueFunction<void(StreamThread&)>> committed_mailbox_;
  bool dead_ = false;
};

}  // namespace tidemill::runtime
