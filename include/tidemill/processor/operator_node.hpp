// The seam between the typed DSL and the erased runtime: a record as a view, an operator as one virtual call.
//
// A record travels depth first: process() of a node calls forward(), which calls receive() of each child, to the end,
// before the next record starts. Views never outlive the call that received them.
#pragma once

#include <atomic>
#include <chrono>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <tidemill/base/record_context.hpp>
#include <tidemill/base/type_tag.hpp>
#include <tidemill/base/unique_function.hpp>

namespace tidemill {

class StateStore;
class StreamsMetrics;
class ThreadCache;

/// Types of key and value on an edge; `table`: the value is a Change. Null tags: unknown, not checked.
struct EdgeType {
  TypeTag key = nullptr;
  TypeTag value = nullptr;
  bool table = false;
  bool operator==(const EdgeType&) const = default;
};

/// A null key pointer is no key, a null value pointer a tombstone. On a table edge `value` points to a Change and is
/// never null.
struct ErasedRecord {
  const void* key = nullptr;
  const void* value = nullptr;
  const RecordContext* context = nullptr;  // never null
};
/// What flows between tables. `old_value` is set only where a node downstream asked for old values.
struct Change {
  const void* new_value = nullptr;
  const void* old_value = nullptr;
  bool is_latest = true;
};

/// How many partitions a record goes to; built-in choice: murmur2 of the key bytes, any partition for a null key.
struct PartitionChoice {
  enum class Kind : std::uint8_t { kDefault, kDrop, kList } kind = Kind::kDefault;
  std::vector<PartitionId> partitions;
};

/// Takes what sinks and handlers send. The runtime implements it.
class RecordCollector {
 public:
  virtual ~RecordCollector() = default;
  /// `node` is the sink's name. `choice`: where to. Errors go to the production exception handler.
  virtual void send(std::string_view node, std::string_view topic, OptionalBytesView key, OptionalBytesView value,
                    const RecordContext& context, const PartitionChoice& choice) = 0;
  /// Partitions of a topic, for partitioners.
  virtual std::int32_t partition_count(std::string_view topic) = 0;
};

enum class PunctuationType : std::uint8_t { kStreamTime, kWallClockTime };
using Punctuator = UniqueFunction<void(Timestamp)>;
/// Stops a schedule; copyable, may outlive it.
class Cancellable {
 public:
  Cancellable() = default;
  explicit Cancellable(std::shared_ptr<bool> cancelled) : cancelled_(std::move(cancelled)) {}
  void cancel() const {
    if (cancelled_) *cancelled_ = true;
  }

 private:
  std::shared_ptr<bool> cancelled_;
};

/// What all nodes of a task share. The runtime implements it; nodes see it through NodeContext.
class TaskContext {
 public:
  virtual ~TaskContext() = default;
  [[nodiscard]] virtual const std::string& application_id() const = 0;
  [[nodiscard]] virtual const TaskId& task_id() const = 0;
  /// Null when there is no such store in the task, nor a global one.
  [[nodiscard]] virtual StateStore* store(std::string_view name) = 0;
  /// Null when there is no such global store.
  [[nodiscard]] virtual StateStore* global_store(std::string_view name) = 0;
  [[nodiscard]] virtual RecordCollector& collector() = 0;
  [[nodiscard]] virtual Timestamp stream_time() const = 0;
  /// The clock as it was read for the record or punctuation at work, the last one while none is.
  [[nodiscard]] virtual Timestamp system_time() const = 0;
  /// Asks for a commit soon.
  virtual void request_commit() = 0;
  /// `start`: kNoTimestamp, or the time the schedule is aligned to. `node`: for errors.
  virtual Cancellable schedule(class OperatorNode& node, std::chrono::milliseconds interval, PunctuationType type,
                               Timestamp start, Punctuator punctuator) = 0;
  /// Counts a record that is not forwarded, under dropped-records; `reason` is a literal, one per cause.
  virtual void drop(std::string_view node, std::string_view reason, const RecordContext& context) = 0;
  /// User code of `node` threw. Returns when the handler says continue; throws FailedProcessingException when it says fail.
  virtual void handle_processing_exception(const class OperatorNode& node, const ErasedRecord* record,
                                           std::exception_ptr error) = 0;
  /// The configuration's `application` part.
  [[nodiscard]] virtual const std::map<std::string, std::string>& app_configs() const = 0;
  /// Null: not set.
  [[nodiscard]] const std::string* app_config(std::string_view key) const;
  /// StreamsConfig::exactly_as_kafka_streams.
  [[nodiscard]] virtual bool exactly_as_kafka_streams() const = 0;
  [[nodiscard]] virtual std::string state_directory() const = 0;
  /// For metrics that processors count themselves.
  [[nodiscard]] virtual const StreamsMetrics& streams_metrics() const = 0;
  /// Value kept in the committed offset metadata under the key; survives restarts.
  [[nodiscard]] virtual std::optional<std::int64_t> processor_metadata(std::string_view key) const = 0;
  virtual void set_processor_metadata(std::string_view key, std::int64_t value) = 0;

  /// The record being processed, or null between records; what stores and caches take their context from.
  const RecordContext* current = nullptr;
  /// The input record as read, for dead letters; null in punctuations.
  const RawRecord* raw = nullptr;
  /// What a sink is encoding, or has encoded last: for who asks what could not be.
  SerializationExceptionOrigin encoding = SerializationExceptionOrigin::kKey;
  /// receive() keeps the name of the node at work here, for who asks why a thread does not come back.
  std::atomic<const std::string*>* node_at_work = &nobody_asks_;

 private:
  std::atomic<const std::string*> nobody_asks_{nullptr};
};

/// What the library tells user code: a store that is not connected, a child that is not there. Thrown inside a processor it
/// goes to the processing handler like everything else that a processor throws.
class StreamsException : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  /// The task that it happened in; none: in no task.
  [[nodiscard]] const std::optional<TaskId>& task_id() const { return task_id_; }
  void set_task_id(const TaskId& task) { task_id_ = task; }

 private:
  std::optional<TaskId> task_id_;
};
/// A failure that has been judged already and ends the task: passes through receive() up to the task loop.
class FailedProcessingException : public StreamsException {
 public:
  using StreamsException::StreamsException;
};

/// An operator of one task. Built as a prototype in the topology, cloned per task, used on one thread.
class OperatorNode {
 public:
  // Out of line, as all that an operator's own class would repeat: there is one per function of a topology.
  virtual ~OperatorNode();
  OperatorNode();
  OperatorNode& operator=(const OperatorNode&) = delete;

  /// A fresh one for a task: same functions and options (copied), no state.
  [[nodiscard]] virtual std::unique_ptr<OperatorNode> clone() const = 0;
  /// Once, after all stores are open and before the first record; parents before children.
  virtual void init() {}
  virtual void process(const ErasedRecord& record) = 0;
  virtual void close() {}

  /// Runs process() with the record as the task's current one; what user code throws goes to the processing handler
  /// with this node's name, counted either way.
  void receive(const ErasedRecord& record);

  [[nodiscard]] const std::string& name() const { return *name_; }
  [[nodiscard]] TaskContext& task() const { return *task_; }

  /// The runtime wires the node; nobody else.
  struct Wiring {
    TaskContext* task = nullptr;
    const std::string* name = nullptr;
    std::vector<OperatorNode*> children;
    std::vector<std::string> stores;  // names it may use
  };
  void wire(Wiring wiring);

 protected:
  OperatorNode(const OperatorNode& other);  // clones are not wired

  /// To all children, in order.
  void forward(const ErasedRecord& record) const {
    OperatorNode* const child = only_child_;
    if (child == nullptr || task_->current != record.context) [[unlikely]]
      return forward_to_all(record);
    // receive(), without the call: a third of what an operator costs.
    task_->node_at_work->store(child->name_, std::memory_order_relaxed);
    try {
      child->process(record);
    } catch (...) {
      child->caught(record, record.context);
    }
  }
  /// forward() for what comes seldom: not compiled into the operator.
  void pass(const ErasedRecord& record) const;
  /// To one child; throws StreamsException naming the children when there is none of that name.
  void forward_to(std::string_view child, const ErasedRecord& record) const;
  /// A store that the topology connects to this node, or a global one; StreamsException names the remedy:
  /// `store "x" is not connected to processor "y": name it in process(..., {"x"})`.
  [[nodiscard]] StateStore& connected_store(std::string_view name) const;
  void drop(std::string_view reason, const ErasedRecord& record) const;
  [[nodiscard]] std::span<OperatorNode* const> children() const { return children_; }
  /// Names of the stores that it may use, beside global ones.
  [[nodiscard]] const std::vector<std::string>& connected_stores() const { return stores_; }

  /// In a catch block: hands what was thrown to the handler, or on.
  void caught(const ErasedRecord& record, const RecordContext* outer);

 private:
  void forward_to_all(const ErasedRecord& record) const;
  TaskContext* task_ = nullptr;
  const std::string* name_ = nullptr;
  OperatorNode* only_child_ = nullptr;
  std::vector<OperatorNode*> children_;
  std::vector<std::string> stores_;
};

/// Decodes what the log gives and passes it on; process() is not called on it.
class SourceNode : public OperatorNode {
 public:
  /// Throws SerializationException (from the serdes) before anything was forwarded; what happens downstream is
  /// handled there.
  virtual void receive_raw(const RawRecord& record) = 0;
  void process(const ErasedRecord&) final {}
};

}  // namespace tidemill
