// A stream thread's tasks from assignment to running, and the records' way into them.
#include <algorithm>

#include <fmt/format.h>

#include "base/logging.hpp"
#include "runtime/stream_thread.hpp"
#include "runtime/task_exceptions.hpp"

namespace tidemill::runtime {
namespace {

constexpr std::chrono::seconds kPositionsTimeout{5};
/// A task that waits so long for its directory says why.
constexpr std::chrono::seconds kLockWaitQuiet{10};

}  // namespace

bool StreamThread::create_task(TaskId id) {
  auto slot = std::make_unique<Slot>();
  slot->id = id;
  slot->number = next_task_number_++;
  slot->collector = std::make_unique<LogRecordCollector>(gate_, *options_.topology, *options_.config, *options_.clock,
                                                         slot->number, make_topic_ ? &make_topic_ : nullptr);
  slot->changelog = std::make_unique<LogChangelogWriter>(gate_, *options_.clock, options_.config->application_id,
                                                         PartitionId(id.partition), slot->number);
  StreamTaskOptions options{.id = id,
                            .topology = options_.topology,
                            .part = subtopology_part(*options_.topology, id.subtopology),
                            .config = options_.config,
                            .clock = options_.clock,
                            .collector = slot->collector.get(),
                            .failure_letters = &failure_letters_,
                            .changelog = slot->changelog.get(),
                            .cache = cache_.get(),
                            .persistent_engine = options_.persistent_engine,
                            .memory_engine = options_.memory_engine,
                            .directory = options_.state_directory + "/" + to_string(id),
                            .inputs = {},
                            .streams_metrics = options_.streams_metrics,
                            .global_store = nullptr};
  for (const SubtopologyTasks& tasks : options_.join.tasks) {
    // A task reads the partition of its number in each source topic that has so many.
    if (tasks.subtopology != id.subtopology) continue;
    for (const std::string& topic : tasks.source_topics) {
      const auto partitions = options_.log->admin().partition_count(topic, options_.clock->now().monotonic + kPositionsTimeout);
      if (!partitions && partitions.error().retriable()) {
        logger()->warn("{}: task {} has to wait: {}", options_.name, to_string(id), partitions.error().message);
        return false;
      }
      if (!partitions) throw ResultException(partitions.error());
      if (id.partition < *partitions) options.inputs.push_back({topic, PartitionId(id.partition)});
    }
  }
  if (options_.global_store) {
    options.global_store = [find = options_.global_store](std::string_view name) { return (*find)(name); };
  }
  if (options_.directories != nullptr) options_.directories->claim(id);
  Result<std::unique_ptr<StreamTask>> task = StreamTask::create(std::move(options));
  if (!task && options_.directories != nullptr) options_.directories->release(id, 0);
  const bool locked = !task && task.error().kind == ErrorKind::kLocked;
  if (locked) {
    const MonotonicTime now = options_.clock->now().monotonic;
    const auto [wait, begins] = lock_waits_.try_emplace(id, LockWait{.since = now});
    if (begins) logger()->info("{}: task {} waits until the thread that had it has closed it", options_.name, to_string(id));
    if (now - wait->second.since >= kLockWaitQuiet && !std::exchange(wait->second.has_warned, true)) {
      logger()->warn("{}: task {} has waited {} s for its directory, and goes on waiting: {}", options_.name, to_string(id),
                     kLockWaitQuiet.count(), task.error().message);
    }
    return false;
  }
  lock_waits_.erase(id);
  if (!task) throw ResultException(task.error().with_context("task " + to_string(id)));
  slot->task = *std::move(task);
  slot->task->set_state(TaskState::kRestoring);
  slot->collector->attach(*slot->task);
  slot->paused.assign(slot->task->input_count(), false);
  slot->empty_since.assign(slot->task->input_count(), std::nullopt);
  for (std::size_t i = 0; i < slot->task->input_count(); ++i) {
    const std::string& topic = slot->task->input(i).topic;
    slot->external.push_back(!is_internal_topic(slot->task->source(i), topic) && !is_written_here(topic));
  }
  slots_.push_back(std::move(slot));
  metrics_.tasks_created.add();
  return true;
}

void StreamThread::close_task(Slot& slot) {
  restorer_.remove(*slot.task);
  for (std::size_t i = 0; i < slot.task->input_count(); ++i) {
    const TopicPartition& partition = slot.task->input(i);
    if (consumer_) consumer_->unassign({&partition, 1});
    inputs_.erase(partition);
  }
  if (const Result<void> closed = slot.task->close(); !closed) {
    logger()->warn("{}: task {} closed with an error: {}", options_.name, to_string(slot.id), closed.error().message);
  }
  std::int64_t followed = 0;
  for (const TaskStore& store : slot.task->stores()) followed += store.changelog_position.offset.value;
  slot.task.reset();  // lets go of the directory
  if (options_.directories != nullptr) options_.directories->release(slot.id, followed);
  metrics_.tasks_closed.add();
}

void StreamThread::close_all_tasks() {
  for (const auto& slot : slots_) close_task(*slot);
  slots_.clear();
  inputs_.clear();
  revoking_ = false;
}

bool StreamThread::start_tasks(Now now) {
  bool worked = false;
  bool waiting = false;
  for (const auto& slot : slots_) {
    if (slot->phase == SlotPhase::kNeedsPositions && find_positions(*slot, now)) worked = true;
    if (slot->phase != SlotPhase::kRunning) waiting = true;
  }
  if (!waiting) {
    // One that waits for a task's directory is not there yet.
    if (!pending_assignment_ && (!slots_.empty() || snapshot().assigned)) set_state(ThreadState::kRunning);
    return worked;
  }
  if (!restorer_.empty()) {
    const Result<bool> stepped = restorer_.step();
    if (!stepped) {
      if (!stepped.error().retriable()) throw StateStoreException(stepped.error());
      return worked;
    }
    worked |= *stepped;
  }
  for (const auto& slot : slots_) {
    if (slot->phase == SlotPhase::kRestoring && !restorer_.restoring(*slot->task)) {
      worked |= run_task(*slot);
    }
  }
  publish();
  return worked;
}

bool StreamThread::find_positions(Slot& slot, Now) {
  std::vector<TopicPartition> partitions;
  for (std::size_t i = 0; i < slot.task->input_count(); ++i) partitions.push_back(slot.task->input(i));
  Result<std::vector<CommitPosition>> committed =
      membership_->committed(partitions, options_.clock->now().monotonic + kPositionsTimeout);
  if (!committed) {
    if (committed.error().retriable()) return false;
    throw ResultException(committed.error());
  }
  slot.committed = *std::move(committed);
  if (const Result<void> opened = slot.task->reopen_stores(); !opened) throw StateStoreException(opened.error());
  if (const Result<void> begun = restorer_.add(*slot.task, slot.committed); !begun) {
    if (begun.error().retriable()) return false;
    throw ResultException(begun.error());
  }
  slot.phase = SlotPhase::kRestoring;
  return true;
}

bool StreamThread::run_task(Slot& slot) {
  StreamTask& task = *slot.task;
  const Now now = options_.clock->now();
  std::vector<TopicPartition> partitions;
  for (std::size_t i = 0; i < task.input_count(); ++i) partitions.push_back(task.input(i));
  Result<std::vector<PartitionOffsets>> offsets = options_.log->admin().offsets(partitions, now.monotonic + kPositionsTimeout);
  if (!offsets) {
    if (offsets.error().retriable()) return false;
    throw ResultException(offsets.error());
  }
  std::vector<std::pair<TopicPartition, Offset>> assignment;
  for (std::size_t i = 0; i < task.input_count(); ++i) {
    const auto committed = std::find_if(slot.committed.begin(), slot.committed.end(),
                                        [&](const CommitPosition& c) { return c.partition == partitions[i]; });
    Offset offset = kNoOffset;
    if (committed != slot.committed.end()) {
      offset = committed->offset;
    } else {
      for (const PartitionOffsets& known : *offsets) {
        if (known.partition != partitions[i]) continue;
        Result<Offset> initial = initial_offset(task, i, known, now);
        if (!initial && initial.error().retriable()) return false;
        if (!initial) throw ResultException(initial.error());
        offset = *initial;
      }
      if (offset == kNoOffset) {
        throw ResultException(Error{ErrorKind::kNotFound, to_string(partitions[i]) + " is not there"});
      }
    }
    task.set_position(i, offset);
    assignment.emplace_back(partitions[i], offset);
  }
  task.read_metadata(slot.committed);
  task.initialize();
  for (std::size_t i = 0; i < task.input_count(); ++i) inputs_[partitions[i]] = {&slot, i};
  if (const Result<void> assigned = consumer_->assign(assignment); !assigned) throw ResultException(assigned.error());
  slot.phase = SlotPhase::kRunning;
  return true;
}

Result<Offset> StreamThread::initial_offset(StreamTask& task, std::size_t index, const PartitionOffsets& offsets, Now now) {
  const NodeSpec& source = task.source(index);
  const std::string& topic = offsets.partition.topic;
  const bool internal = is_internal_topic(source, topic);
  OffsetReset reset = source.offset_reset == OffsetReset::kDefault ? options_.config->auto_offset_reset : source.offset_reset;
  if (internal) reset = OffsetReset::kEarliest;
  switch (reset) {
    case OffsetReset::kDefault:
    case OffsetReset::kEarliest: return offsets.start;
    case OffsetReset::kLatest: return offsets.last_stable;
    case OffsetReset::kByDuration:
      return options_.log->admin().offset_for_time(offsets.partition, now.wall - source.reset_duration.count(),
                                                   now.monotonic + kPositionsTimeout);
    case OffsetReset::kNone: break;
  }
  return Error{ErrorKind::kOffsetOutOfRange,
               fmt::format("{} has no committed offset, and source \"{}\" says (or auto.offset.reset does) that there has to "
                           "be one: let it begin at the earliest or latest, or commit an offset for group {}",
                           to_string(offsets.partition), source.name, options_.config->application_id)};
}

bool StreamThread::is_written_here(const std::string& log_topic) const {
  return std::any_of(options_.topology->nodes.begin(), options_.topology->nodes.end(), [&](const NodeSpec& node) {
    return node.kind == NodeKind::kSink && !node.sink_topic.empty() &&
           options_.topology->log_topic(options_.config->application_id, node.sink_topic) == log_topic;
  });
}

bool StreamThread::is_internal_topic(const NodeSpec& source, const std::string& log_topic) const {
  return std::any_of(source.topics.begin(), source.topics.end(), [&](const std::string& name) {
    return options_.topology->is_internal(name) &&
           options_.topology->log_topic(options_.config->application_id, name) == log_topic;
  });
}

// Records

std::size_t StreamThread::buffered_bytes() const {
  std::size_t bytes = 0;
  for (const auto& slot : slots_) bytes += slot->task->buffered_bytes();
  return bytes;
}

// With all memory taken only empty inputs are read, a batch at a time: a task may be waiting for one of them.
// Also without inputs: a consumer has more to tell than records, and does not wait before it has told it.
bool StreamThread::poll(Now now) {
  const std::size_t buffered = buffered_bytes();
  const bool full = buffered >= shares_.input_bytes_max;
  if (full) pause_filled_inputs();
  if (std::exchange(some_out_of_range_, false)) {
    for (auto& [partition, input] : inputs_) {
      if (input.out_of_range) seek_into_range(partition, input, now);
    }
  }
  Result<PollResult> polled = consumer_->poll(full ? 1 : std::min(kPollBytes, shares_.input_bytes_max - buffered));
  if (!polled) {
    if (polled.error().retriable()) return false;
    throw ResultException(polled.error());
  }
  for (const PartitionError& error : polled->errors) partition_failed(error, now);
  const auto records_max = static_cast<std::size_t>(options_.config->buffered_records_per_partition);
  for (RecordBatchPtr& batch : polled->batches) {
    const auto found = inputs_.find(*batch->partition);
    if (found == inputs_.end()) continue;
    const auto& [slot, index, out_of_range] = found->second;
    metrics_.polled_records.add(batch->records.size());
    metrics_.polled_bytes.add(batch->size_bytes);
    slot->task->add(index, std::move(batch));
    if (slot->task->queue(index).size_records() >= records_max && !slot->paused[index]) {
      consumer_->pause(slot->task->input(index));
      slot->paused[index] = true;
    }
  }
  if (!draining_ && options_.log->traits().commits_are_cheap) took_all_ = has_taken_all();
  return !polled->batches.empty();
}

bool StreamThread::has_taken_all() const {
  return std::all_of(slots_.begin(), slots_.end(), [this](const auto& slot) {
    if (slot->phase != SlotPhase::kRunning) return true;
    for (std::size_t i = 0; i < slot->external.size(); ++i) {
      if (slot->external[i] && !consumer_->caught_up(slot->task->input(i))) return false;
    }
    return true;
  });
}

/// A drain would be for nothing while something waits that only the log, or an input from outside, can give.
bool StreamThread::keeps_up() const {
  return took_all_ && std::all_of(slots_.begin(), slots_.end(), [this](const auto& slot) {
           if (slot->phase != SlotPhase::kRunning) return false;
           const bool waits = options_.config->max_task_idle.count() >= 0 && slot->task->partly_buffered();
           for (std::size_t i = 0; i < slot->external.size(); ++i) {
             if (slot->external[i] && (waits || !slot->task->queue(i).empty())) return false;
           }
           return true;
         });
}

void StreamThread::pause_external_inputs() {
  for (const auto& slot : slots_) {
    if (slot->phase != SlotPhase::kRunning) continue;
    for (std::size_t i = 0; i < slot->paused.size(); ++i) {
      if (slot->paused[i] || !slot->external[i]) continue;
      consumer_->pause(slot->task->input(i));
      slot->paused[i] = true;
    }
  }
}

void StreamThread::pause_filled_inputs() {
  for (const auto& slot : slots_) {
    if (slot->phase != SlotPhase::kRunning) continue;
    for (std::size_t i = 0; i < slot->paused.size(); ++i) {
      if (slot->paused[i] || slot->task->queue(i).empty()) continue;
      consumer_->pause(slot->task->input(i));
      slot->paused[i] = true;
    }
  }
}

void StreamThread::resume_inputs() {
  const bool full = buffered_bytes() >= shares_.input_bytes_max;
  const auto records_max = static_cast<std::size_t>(options_.config->buffered_records_per_partition);
  for (const auto& slot : slots_) {
    if (slot->phase != SlotPhase::kRunning) continue;
    for (std::size_t i = 0; i < slot->paused.size(); ++i) {
      if (draining_ && slot->external[i]) continue;
      if (slot->paused[i] && slot->task->queue(i).size_records() < (full ? 1 : records_max)) {
        consumer_->resume(slot->task->input(i));
        slot->paused[i] = false;
      }
    }
  }
}

void StreamThread::partition_failed(const PartitionError& error, Now now) {
  const auto found = inputs_.find(error.partition);
  if (found == inputs_.end()) return;
  if (error.error.retriable()) return;
  if (error.error.kind != ErrorKind::kOffsetOutOfRange) throw ResultException(error.error);
  logger()->warn("{}: the position in {} is out of range: {}", options_.name, to_string(error.partition), error.error.message);
  seek_into_range(error.partition, found->second, now);
}

/// Nothing comes from such a partition, and nobody tells of it again: a log out of reach is asked at the next poll.
void StreamThread::seek_into_range(const TopicPartition& partition, InputRef& input, Now now) {
  input.out_of_range = true;
  const Result<Offset> offset = [&]() -> Result<Offset> {
    TIDEMILL_ASSIGN(const std::vector<PartitionOffsets> offsets,
                    options_.log->admin().offsets({&partition, 1}, now.monotonic + kPositionsTimeout));
    if (offsets.empty()) return Error{ErrorKind::kNotFound, to_string(partition) + " is not there"};
    return initial_offset(*input.slot->task, input.index, offsets.front(), now);
  }();
  if (!offset && offset.error().retriable()) {
    some_out_of_range_ = true;
    return;
  }
  if (!offset) throw ResultException(offset.error());
  logger()->warn("{}: {} goes on at offset {}", options_.name, to_string(partition), offset->value);
  input.slot->task->set_position(input.index, *offset);
  if (const Result<void> sought = consumer_->seek(partition, *offset); !sought) throw ResultException(sought.error());
  input.out_of_range = false;
}

bool StreamThread::ready(Slot& slot, Now now) {
  const bool is_ready = may_process(slot, now);
  Counter& idling = slot.task->metrics()->idling_since;
  if (is_ready) idling.set(0);
  else if (idling.value() == 0) idling.set(static_cast<std::uint64_t>(now.wall.value + 1));
  return is_ready;
}

/// A task with an empty input waits for what the log already has (max.task.idle.ms >= 0), and then until that input has been
/// empty for so long. As in Kafka's PartitionGroup each input has a time of its own, which begins anew whenever it had a record.
bool StreamThread::may_process(Slot& slot, Now now) {
  StreamTask& task = *slot.task;
  const bool has_records = task.buffered_records() > 0;
  const std::chrono::milliseconds idle_max = options_.config->max_task_idle;
  if (idle_max.count() < 0 || task.input_count() == 1) return has_records;
  if (idle_max.count() == 0 && !task.partly_buffered()) return has_records;
  for (std::size_t i = 0; i < task.input_count(); ++i) {
    std::optional<MonotonicTime>& empty_since = slot.empty_since[i];
    if (!task.queue(i).empty()) {
      empty_since.reset();
      continue;
    }
    if (!consumer_->caught_up(task.input(i))) {
      empty_since.reset();
      return false;
    }
    if (!empty_since) empty_since = now.monotonic;
    if (now.monotonic - *empty_since < idle_max) return false;
  }
  return has_records;
}

/// When a task that waits for an input will wait no longer.
std::optional<MonotonicTime> StreamThread::end_of_waiting(const Slot& slot, Now now) const {
  std::optional<MonotonicTime> end;
  if (!slot.task->partly_buffered()) return end;
  for (const std::optional<MonotonicTime>& since : slot.empty_since) {
    if (!since || *since + options_.config->max_task_idle <= now.monotonic) continue;
    end = std::max(end.value_or(MonotonicTime{}), *since + options_.config->max_task_idle);
  }
  return end;
}

bool StreamThread::process(Now now) {
  std::size_t done = 0;
  bool any = true;
  Now read = now;  // does not go back: an input that has just become empty has been so for no time yet, not for less than none
  while (any && done < kRecordsPerRound && !gate_.spilled()) {
    any = false;
    for (std::size_t turn = 0; turn < slots_.size(); ++turn) {
      Slot& slot = *slots_[(first_slot_ + turn) % slots_.size()];
      if (slot.phase != SlotPhase::kRunning || slot.revoked || !ready(slot, read)) continue;
      StreamTask& task = *slot.task;
      processed_since_commit_ = true;
      std::size_t inputs = task.buffered_inputs();
      for (std::size_t count = 0; count < kRecordsPerTurn; ++count) {
        if (count % kRecordsPerLook == 0) read = options_.clock->now();
        if (!task.process(read)) break;
        ++done;
        any = true;
        if (gate_.spilled()) break;
        if (task.buffered_inputs() != inputs) {
          inputs = task.buffered_inputs();
          if (!ready(slot, read)) break;
        }
      }
      if (gate_.spilled()) break;
    }
  }
  if (!slots_.empty()) first_slot_ = (first_slot_ + 1) % slots_.size();
  metrics_.processed.add(done);
  return done > 0;
}

bool StreamThread::punctuate() {
  bool any = false;
  Now now = options_.clock->now();  // records may have taken long, and so may what another task does here
  for (const auto& slot : slots_) {
    if (slot->phase != SlotPhase::kRunning || slot->revoked) continue;
    StreamTask& task = *slot->task;
    const Timestamp due = task.next_wall_clock_punctuation();
    if (due == kNoTimestamp || due > now.wall) continue;
    processed_since_commit_ = true;  // before: one that throws may have sent something
    any = task.punctuate_wall_clock(now) || any;
    now = options_.clock->now();
  }
  return any;
}

}  // namespace tidemill::runtime
