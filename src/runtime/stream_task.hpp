// StreamTask: one partition of one sub-topology at work. It owns its nodes, stores and queues, and knows no thread, no
// log and no transaction: who runs it feeds batches, calls process(), and says when and whether it has committed.
//
// Used by one thread at a time. A record runs to completion before the next one starts. What the user's code or a store
// throws leaves process() as StreamsException or StateStoreException: the task is then to be aborted or destroyed.
// Errors of users' code have been through their handlers then.
// The life of a task: create() opens the stores (kCreated), the owner restores them through stores(), initialize()
// clones and wires the nodes (kRunning), flush_caches() and commit() or abort() as often as needed (and after an abort from
// reopen_stores() and the restore on again), close().
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <tidemill/config/streams_config.hpp>
#include <tidemill/log/log.hpp>
#include <tidemill/processor/streams_metrics.hpp>
#include <tidemill/state/state_engine.hpp>
#include <tidemill/state/state_store.hpp>

#include "runtime/failure_letters.hpp"
#include "runtime/metrics.hpp"
#include "runtime/offset_metadata.hpp"
#include "runtime/priority_heap.hpp"
#include "runtime/punctuation_queue.hpp"
#include "runtime/record_queue.hpp"
#include "runtime/task_part.hpp"
#include "state/store_stack.hpp"

namespace tidemill::runtime {

enum class TaskState : std::uint8_t { kCreated, kRestoring, kRunning, kSuspended, kClosed };
std::string_view to_string(TaskState state);

struct StreamTaskOptions {
  TaskId id;
  std::shared_ptr<const Topology> topology;
  TaskPart part;
  /// Handlers, application id, defaults. Outlives the task.
  const StreamsConfig* config = nullptr;
  const Clock* clock = nullptr;
  /// Takes what sinks and handlers send. Outlives the task.
  RecordCollector* collector = nullptr;
  /// Keeps the dead letters of an error that ends the task. Outlives it; null: the collector takes them, too.
  FailureLetters* failure_letters = nullptr;
  /// Takes the changes of logged stores; null: nothing is logged.
  ChangelogWriter* changelog = nullptr;
  /// Null: no store caches.
  ThreadCache* cache = nullptr;
  StateEngine* persistent_engine = nullptr;  // null: the in-memory one
  StateEngine* memory_engine = nullptr;
  std::string directory;
  /// The partitions to read, as on the log; empty: every source topic's partition `id.partition`.
  std::vector<TopicPartition> inputs;
  /// Where its processors count for themselves; null: in a registry that nobody reads.
  std::shared_ptr<const StreamsMetrics> streams_metrics = nullptr;
  /// Global stores, which the task may read; null: there are none.
  UniqueFunction<StateStore*(std::string_view)> global_store;
};

/// A store of a task, as commit and restore see it.
struct TaskStore {
  const StoreSpec* spec = nullptr;
  std::unique_ptr<LayeredStore> top;  // what processors meet; owns the engine's store
  BytesStore* engine = nullptr;
  StoreCounters* counters = nullptr;
  /// As on the log; topic empty: the store has no changelog.
  TopicPartition changelog;
  bool source_is_changelog = false;
  /// How far the committed contents have followed the changelog.
  ChangelogPosition changelog_position;
};

class StreamTask final : public TaskContext {
 public:
  [[nodiscard]] static Result<std::unique_ptr<StreamTask>> create(StreamTaskOptions options);
  ~StreamTask() override;
  StreamTask(const StreamTask&) = delete;
  StreamTask& operator=(const StreamTask&) = delete;

  [[nodiscard]] TaskState state() const { return state_; }
  void set_state(TaskState state) { state_ = state; }
  [[nodiscard]] std::span<TaskStore> stores() { return stores_; }
  [[nodiscard]] const std::shared_ptr<TaskMetrics>& metrics() const { return metrics_; }

  /// After abort(), before the stores are restored: those that were closed by it are there again. An error is final.
  [[nodiscard]] Result<void> reopen_stores();
  /// Partition times and processor metadata of the committed offsets. Before initialize().
  void read_metadata(std::span<const CommitPosition> committed);
  /// Clones, wires and inits the nodes; the task runs. May throw what init() of user code throws.
  void initialize();

  // Input. Indexes are those of inputs().
  [[nodiscard]] std::size_t input_count() const { return inputs_.size(); }
  [[nodiscard]] const TopicPartition& input(std::size_t index) const { return inputs_[index]->queue.partition(); }
  [[nodiscard]] RecordQueue& queue(std::size_t index) { return inputs_[index]->queue; }
  [[nodiscard]] const RecordQueue& queue(std::size_t index) const { return inputs_[index]->queue; }
  [[nodiscard]] Offset committed_offset(std::size_t index) const { return inputs_[index]->committed_offset; }
  [[nodiscard]] const NodeSpec& source(std::size_t index) const { return *inputs_[index]->source_spec; }
  [[nodiscard]] std::size_t buffered_records() const { return buffered_records_; }
  [[nodiscard]] std::size_t buffered_bytes() const { return buffered_bytes_; }
  void add(std::size_t index, RecordBatchPtr batch);
  /// One more partition, of a topic that a source's pattern matches; its index. std::nullopt: no pattern matches it.
  [[nodiscard]] std::optional<std::size_t> add_input(const TopicPartition& partition);
  /// Where reading begins: what positions() answers until records were processed.
  void set_position(std::size_t index, Offset offset);

  /// Takes the record with the smallest timestamp, if there is one, through the nodes to its end, and then runs the
  /// stream-time punctuations that are due. False: there was none.
  bool process(Now now);
  /// Inputs that have records.
  [[nodiscard]] std::size_t buffered_inputs() const { return heap_.size(); }
  /// At least one input is empty and at least one is not.
  [[nodiscard]] bool partly_buffered() const { return !heap_.empty() && heap_.size() < inputs_.size(); }
  bool punctuate_stream_time();
  bool punctuate_wall_clock(Now now);
  /// When the next wall-clock punctuation is due; kNoTimestamp: none is scheduled.
  [[nodiscard]] Timestamp next_wall_clock_punctuation() const { return wall_clock_punctuations_.next(); }

  // Commit.
  /// Something was processed or punctuated since the last commit.
  [[nodiscard]] bool dirty() const { return dirty_; }
  [[nodiscard]] bool commit_requested() const { return commit_requested_; }
  /// Bytes of all stores; tells the metrics, too.
  [[nodiscard]] std::size_t uncommitted_bytes() const;
  void flush_caches();
  /// Appends what is to be committed: each input's next offset (the head's, else the consumer's position, else one past
  /// the last processed) with its metadata; inputs whose position did not change are left out.
  void positions(const LogConsumer* consumer, std::vector<CommitPosition>& out);
  /// The positions have been committed: the stores take over what was written. `written`: where the changelogs end now.
  [[nodiscard]] Result<void> commit(std::span<const WrittenPosition> written);
  /// Back to the last commit: uncommitted writes, caches, queues, nodes and punctuations go; state kRestoring, until
  /// read_metadata() and initialize() are called again. Does not throw.
  void abort();
  /// Closes the nodes and makes the stores durable; uncommitted writes are dropped.
  [[nodiscard]] Result<void> close();
  /// Which input the task has processed: topic, partition, offset of the last record.
  [[nodiscard]] const Position& processed_position() const { return processed_; }
  /// The same, as of the last commit. A store may know less: it is not told where nothing was written, nor by its changelog.
  [[nodiscard]] const Position& committed_position() const { return committed_; }

  // Errors.
  [[nodiscard]] ErrorHandlerContext error_context(std::string_view node) const;
  /// Asks the production handler about a record that the log does not take, and sends its dead letters. True: go on without
  /// the record; false: retry. Throws FailedProcessingException when the handler says fail.
  [[nodiscard]] bool goes_on_after(std::string_view node, const ProductionError& error);

  // TaskContext.
  [[nodiscard]] const std::string& application_id() const override { return options_.config->application_id; }
  [[nodiscard]] const TaskId& task_id() const override { return options_.id; }
  [[nodiscard]] StateStore* store(std::string_view name) override;
  [[nodiscard]] StateStore* global_store(std::string_view name) override;
  [[nodiscard]] RecordCollector& collector() override { return *options_.collector; }
  [[nodiscard]] Timestamp stream_time() const override { return stream_time_; }
  [[nodiscard]] Timestamp system_time() const override { return latest_.wall; }
  void request_commit() override { commit_requested_ = true; }
  Cancellable schedule(OperatorNode& node, std::chrono::milliseconds interval, PunctuationType type, Timestamp start,
                       Punctuator punctuator) override;
  void drop(std::string_view node, std::string_view reason, const RecordContext& context) override;
  void handle_processing_exception(const OperatorNode& node, const ErasedRecord* record, std::exception_ptr error) override;
  [[nodiscard]] const std::map<std::string, std::string>& app_configs() const override { return options_.config->application; }
  [[nodiscard]] bool exactly_as_kafka_streams() const override { return options_.config->exactly_as_kafka_streams; }
  [[nodiscard]] std::string state_directory() const override { return options_.directory; }
  [[nodiscard]] const StreamsMetrics& streams_metrics() const override { return *options_.streams_metrics; }
  [[nodiscard]] std::optional<std::int64_t> processor_metadata(std::string_view key) const override;
  void set_processor_metadata(std::string_view key, std::int64_t value) override;

 private:
  struct Input {
    Input(TopicPartition partition, const TimestampExtractor* extractor, DropCounters* dropped)
        : queue(std::move(partition), extractor, dropped) {}
    RecordQueue queue;
    SourceNode* source = nullptr;
    const NodeSpec* source_spec = nullptr;
    Headers headers;  // of the record being processed
    Offset committed_offset = kNoOffset;
    Offset staged_offset = kNoOffset;
    std::int64_t* processed_offset = nullptr;  // in processed_
  };
  struct Earlier {
    bool operator()(const Input* a, const Input* b) const { return a->queue.head_timestamp() < b->queue.head_timestamp(); }
  };

  explicit StreamTask(StreamTaskOptions options);
  Result<void> open_stores();
  void make_inputs();
  Input& make_input(const TopicPartition& partition, const NodeSpec& source);
  /// False: the record could not be decoded and is dropped.
  bool receive(Input& input, const RawRecord& record);
  void deserialization_failed(const Input& input, const RawRecord& record, const std::exception_ptr& error);
  void refuse_future_record(const Input& input, const RawRecord& record, Timestamp timestamp, Timestamp now);
  [[noreturn]] void throw_out_of_memory(const OperatorNode& node) const;
  [[nodiscard]] const NodeSpec* sink_that_cannot_encode(const OperatorNode& node, const std::exception_ptr& error) const;
  void send_dead_letters(std::string_view node, const std::vector<DeadLetterRecord>& records);
  /// Of global stores.
  void lose_dead_letters(std::string_view node, const std::vector<DeadLetterRecord>& records);
  [[nodiscard]] bool is_global() const { return options_.id.subtopology < 0; }
  /// Of an error that ends the task.
  void leave_dead_letters(std::string_view node, const std::vector<DeadLetterRecord>& records);
  void run_punctuation(PunctuationQueue& queue, Timestamp time);
  void drop_nodes();
  void sign(StreamsException& error) const;

  StreamTaskOptions options_;
  TaskState state_ = TaskState::kCreated;
  std::shared_ptr<TaskMetrics> metrics_;
  std::vector<TaskStore> stores_;
  std::vector<std::unique_ptr<Input>> inputs_;
  std::vector<std::unique_ptr<OperatorNode>> nodes_;  // as options_.part.nodes
  PriorityHeap<Input*, Earlier> heap_;
  std::size_t buffered_records_ = 0;
  std::size_t buffered_bytes_ = 0;
  PunctuationQueue stream_time_punctuations_;
  PunctuationQueue wall_clock_punctuations_;
  Timestamp stream_time_ = kNoTimestamp;
  Now latest_{kNoTimestamp, {}};  // look at the clock
  ProcessorMetadata processor_metadata_;
  bool processor_metadata_changed_ = false;
  Position processed_;
  Position committed_;
  bool dirty_ = false;
  bool commit_requested_ = false;
  bool sending_dead_letters_ = false;
};

}  // namespace tidemill::runtime
