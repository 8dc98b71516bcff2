#include "runtime/stream_task.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <regex>

#include <fmt/format.h>

#include <tidemill/base/assert.hpp>
#include <tidemill/serde/serde.hpp>

#include "base/crash_point.hpp"
#include "base/logging.hpp"
#include "base/thrown_error.hpp"
#include "runtime/custom_store.hpp"
#include "state/open_store.hpp"

namespace tidemill::runtime {
std::string_view to_string(TaskState state) {
  switch (state) {
    case TaskState::kCreated: return "CREATED";
    case TaskState::kRestoring: return "RESTORING";
    case TaskState::kRunning: return "RUNNING";
    case TaskState::kSuspended: return "SUSPENDED";
    case TaskState::kClosed: return "CLOSED";
  }
  return "UNKNOWN";
}

StreamTask::StreamTask(StreamTaskOptions options) : options_(std::move(options)) {}

StreamTask::~StreamTask() { drop_nodes(); }

Result<std::unique_ptr<StreamTask>> StreamTask::create(StreamTaskOptions options) {
  TIDEMILL_ASSERT(options.topology && options.config != nullptr && options.clock != nullptr);
  std::unique_ptr<StreamTask> task(new StreamTask(std::move(options)));
  if (!task->options_.streams_metrics) {
    task->options_.streams_metrics =
        std::make_shared<StreamsMetrics>(std::make_shared<SensorRegistry>(*task->options_.clock), std::string());
  }
  std::vector<TopicPartition>& inputs = task->options_.inputs;
  if (inputs.empty()) {
    for (std::string& topic :
         source_topics(*task->options_.topology, task->options_.part, task->options_.config->application_id)) {
      inputs.push_back({std::move(topic), PartitionId(task->options_.id.partition)});
    }
  }
  task->metrics_ = std::make_shared<TaskMetrics>(task->options_.id, inputs);
  task->node_at_work = &task->metrics_->node_at_work;
  task->make_inputs();
  TIDEMILL_TRY(task->open_stores());
  return task;
}

void StreamTask::make_inputs() {
  const Topology& topology = *options_.topology;
  for (const TopicPartition& partition : options_.inputs) {
    const NodeSpec* source = nullptr;
    for (const std::int32_t id : options_.part.nodes) {
      const NodeSpec& node = topology.nodes[static_cast<std::size_t>(id)];
      if (node.kind != NodeKind::kSource) continue;
      for (const std::string& topic : node.topics) {
        if (topology.log_topic(application_id(), topic) == partition.topic) source = &node;
      }
    }
    TIDEMILL_ASSERT(source != nullptr, "an input of a task is a topic of one of its sources");
    make_input(partition, *source);
  }
}

StreamTask::Input& StreamTask::make_input(const TopicPartition& partition, const NodeSpec& source) {
  const TimestampExtractor* extractor =
      source.timestamp_extractor ? source.timestamp_extractor.get() : options_.config->default_timestamp_extractor.get();
  // As in Java, rows of global stores keep the times that their records have: restoring would not ask an extractor either.
  const std::vector<std::int32_t>& global = options_.topology->global_nodes;
  if (std::find(global.begin(), global.end(), source.id) != global.end()) extractor = nullptr;
  inputs_.push_back(std::make_unique<Input>(partition, extractor, &metrics_->dropped));
  inputs_.back()->source_spec = &source;
  return *inputs_.back();
}

std::optional<std::size_t> StreamTask::add_input(const TopicPartition& partition) {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const NodeSpec& spec = options_.topology->nodes[static_cast<std::size_t>(options_.part.nodes[i])];
    if (spec.topic_pattern.empty() || !std::regex_match(partition.topic, std::regex(spec.topic_pattern))) continue;
    make_input(partition, spec).source = static_cast<SourceNode*>(nodes_[i].get());
    metrics_->add_input(partition);
    return inputs_.size() - 1;
  }
  return std::nullopt;
}

Result<void> StreamTask::open_stores() {
  const Topology& topology = *options_.topology;
  std::vector<StoreSpec> persistent;
  std::vector<StoreSpec> in_memory;
  const auto on_disk = [this](const StoreSpec& spec) {
    StoreEngineKind kind = spec.engine;
    if (kind == StoreEngineKind::kDefault) kind = options_.config->default_dsl_store;
    return kind != StoreEngineKind::kInMemory && options_.persistent_engine != nullptr;
  };
  for (const std::string& name : options_.part.stores) {
    const StoreSpec& spec = topology.stores.at(name).spec;
    if (spec.kind != StoreKind::kCustom) (on_disk(spec) ? persistent : in_memory).push_back(spec);
  }
  std::vector<std::unique_ptr<BytesStore>> opened_persistent;
  std::vector<std::unique_ptr<BytesStore>> opened_in_memory;
  if (!persistent.empty()) {
    TIDEMILL_ASSIGN(opened_persistent, options_.persistent_engine->open(options_.directory, persistent));
  }
  if (!in_memory.empty()) {
    TIDEMILL_ASSIGN(opened_in_memory, options_.memory_engine->open(options_.directory, in_memory));
  }
  auto next_persistent = opened_persistent.begin();
  auto next_in_memory = opened_in_memory.begin();
  for (const std::string& name : options_.part.stores) {
    const StoreNode& node = topology.stores.at(name);
    const bool custom = node.spec.kind == StoreKind::kCustom;
    std::unique_ptr<BytesStore> engine;
    if (!custom) engine = std::move(on_disk(node.spec) ? *next_persistent++ : *next_in_memory++);
    TaskStore store;
    store.spec = &node.spec;
    const PartitionId partition(options_.id.partition);
    ChangelogWriter* writer = nullptr;
    if (!node.global && !node.spec.source_topic_as_changelog.empty()) {
      store.changelog = {topology.log_topic(application_id(), node.spec.source_topic_as_changelog), partition};
      store.source_is_changelog = true;
    } else if (!node.global && node.spec.logging) {
      store.changelog = {topology.log_topic(application_id(), name + "-changelog"), partition};
      writer = options_.changelog;
    }
    auto counters = std::make_shared<StoreCounters>();
    store.counters = counters.get();
    const char* const scope = custom ? "custom" : on_disk(node.spec) ? "rocksdb" : "in-memory";
    metrics_->stores.push_back({.name = name, .scope = scope, .counters = counters});
    if (custom) {
      TIDEMILL_ASSIGN(store.top, HostedStore::open({.spec = node.spec,
                                                    .task = this,
                                                    .changelog = writer,
                                                    .directory = options_.directory,
                                                    .counters = std::move(counters)}));
      store.engine = &store.top->engine_store();
      store.changelog_position = store.engine->durable_position().value_or(ChangelogPosition());
      stores_.push_back(std::move(store));
      continue;
    }
    if (const auto durable = engine->durable_position()) {
      store.changelog_position = *durable;
    } else {
      TIDEMILL_TRY(engine->clear());
    }
    OpenStore open{.spec = node.spec,
                   .engine = std::move(engine),
                   .changelog = writer,
                   .cache = options_.cache,
                   .on_expired = [metrics = metrics_.get()] { metrics->dropped.add("expired-in-store"); },
                   .counters = std::move(counters)};
    if (open.spec.engine == StoreEngineKind::kDefault) open.spec.engine = options_.config->default_dsl_store;
    store.top = open_store(std::move(open), current);
    store.engine = &store.top->engine_store();
    stores_.push_back(std::move(store));
  }
  return {};
}

void StreamTask::read_metadata(std::span<const CommitPosition> committed) {
  for (const CommitPosition& position : committed) {
    for (const auto& input : inputs_) {
      if (input->queue.partition() != position.partition) continue;
      const OffsetMetadata metadata = decode_offset_metadata(position.metadata);
      input->queue.set_partition_time(metadata.partition_time);
      stream_time_ = std::max(stream_time_, metadata.partition_time);
      for (const auto& [key, value] : metadata.processors) {
        const auto [found, added] = processor_metadata_.try_emplace(key, value);
        if (!added) found->second = std::max(found->second, value);
      }
      input->committed_offset = position.offset;
      // Stores are brought up to what was committed, so they have seen what lies before.
      if (position.offset.value > 0) {
        merge(processed_, {{position.partition.topic, {{position.partition.partition.value, position.offset.value - 1}}}});
      }
    }
  }
}

Result<void> StreamTask::reopen_stores() {
  for (TaskStore& store : stores_) {
    TIDEMILL_TRY(store.top->reopen());
    if (store.spec->kind != StoreKind::kCustom) continue;
    store.changelog_position = store.engine->durable_position().value_or(ChangelogPosition());
  }
  return {};
}

void StreamTask::set_position(std::size_t index, Offset offset) { inputs_[index]->queue.set_consumed(offset, kNoLeaderEpoch); }

/// What leaves the task says whose it is.
void StreamTask::sign(StreamsException& error) const {
  if (!error.task_id()) error.set_task_id(options_.id);
}

void StreamTask::initialize() try {
  TIDEMILL_ASSERT(nodes_.empty(), "a task is initialized once between aborts");
  for (const TaskStore& store : stores_) merge(processed_, store.engine->position());
  committed_ = processed_;
  const Topology& topology = *options_.topology;
  std::vector<OperatorNode*> by_id(topology.nodes.size(), nullptr);
  for (const std::int32_t id : options_.part.nodes) {
    nodes_.push_back(topology.nodes[static_cast<std::size_t>(id)].prototype->clone());
    by_id[static_cast<std::size_t>(id)] = nodes_.back().get();
  }
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const NodeSpec& spec = topology.nodes[static_cast<std::size_t>(options_.part.nodes[i])];
    OperatorNode::Wiring wiring{.task = this, .name = &spec.name, .children = {}, .stores = spec.stores};
    for (const std::int32_t child : spec.children) wiring.children.push_back(by_id[static_cast<std::size_t>(child)]);
    nodes_[i]->wire(std::move(wiring));
  }
  for (const auto& input : inputs_) {
    input->source = static_cast<SourceNode*>(by_id[static_cast<std::size_t>(input->source_spec->id)]);
  }
  // Parents before children: ids grow along the edges.
  for (const auto& node : nodes_) {
    node_at_work->store(&node->name(), std::memory_order_relaxed);
    try {
      node->init();
    } catch (const FailedProcessingException&) {
      throw;
    } catch (const StateStoreException&) {
      throw;
    } catch (...) {
      const ThrownError thrown = describe_exception(std::current_exception());
      throw FailedProcessingException(fmt::format("processor \"{}\" of task {}: init() threw {}: {}", node->name(),
                                                  to_string(options_.id), thrown.type, thrown.message));
    }
  }
  node_at_work->store(nullptr, std::memory_order_relaxed);
  state_ = TaskState::kRunning;
} catch (StreamsException& error) {
  sign(error);
  throw;
}

void StreamTask::add(std::size_t index, RecordBatchPtr batch) {
  Input& input = *inputs_[index];
  const bool was_empty = input.queue.empty();
  const std::size_t records = input.queue.size_records();
  const std::size_t bytes = input.queue.size_bytes();
  input.queue.add(std::move(batch));
  buffered_records_ += input.queue.size_records() - records;
  buffered_bytes_ += input.queue.size_bytes() - bytes;
  if (was_empty && !input.queue.empty()) heap_.offer(&input);
}

namespace {

/// What the task is at work on; nothing again when the scope ends, however it ends.
class AtWork {
 public:
  AtWork(StreamTask& task, const RecordContext* current, const RawRecord* raw, const std::string* node) : task_(task) {
    task.current = current;
    task.raw = raw;
    task.node_at_work->store(node, std::memory_order_relaxed);
  }
  ~AtWork() {
    task_.current = nullptr;
    task_.raw = nullptr;
    task_.node_at_work->store(nullptr, std::memory_order_relaxed);
  }
  AtWork(const AtWork&) = delete;

 private:
  StreamTask& task_;
};

}  // namespace

bool StreamTask::process(Now now) try {
  if (heap_.empty()) return false;
  Input& input = *heap_.poll();
  const LogRecord& record = input.queue.head();
  const Timestamp timestamp = input.queue.head_timestamp();
  RecordContext context{.source = &input.queue.partition(),
                        .offset = record.offset,
                        .timestamp = timestamp,
                        .headers = record.headers.empty() ? nullptr : &input.headers};
  std::optional<Error> unreadable;
  if (!record.headers.empty()) {
    auto headers = Headers::decode(record.headers);
    if (!headers) unreadable = headers.error().with_context("its headers");
    input.headers = headers ? *std::move(headers) : Headers();
  }
  dirty_ = true;
  const RawRecord raw_record{.key = record.key, .value = record.value, .context = &context};
  context.raw = &raw_record;
  bool taken = false;
  {
    const AtWork at_work(*this, &context, &raw_record, &input.source_spec->name);
    const std::chrono::milliseconds after_max = options_.config->timestamp_after_max;
    if (unreadable) {
      deserialization_failed(input, raw_record, std::make_exception_ptr(SerializationException(unreadable->message)));
    } else if (after_max.count() >= 0 && timestamp - now.wall > after_max.count()) {
      refuse_future_record(input, raw_record, timestamp, now.wall);
    } else {
      taken = receive(input, raw_record);
    }
  }
  // Only now: of a record that fails a query must not be told that it has been seen.
  if (input.processed_offset == nullptr) {
    input.processed_offset =
        &processed_[input.queue.partition().topic].try_emplace(input.queue.partition().partition.value, -1).first->second;
  }
  *input.processed_offset = record.offset.value;
  const std::size_t records = input.queue.size_records();
  const std::size_t bytes = input.queue.size_bytes();
  input.queue.pop(taken);
  buffered_records_ -= records - input.queue.size_records();
  buffered_bytes_ -= bytes - input.queue.size_bytes();
  if (!input.queue.empty()) heap_.offer(&input);
  metrics_->processed.add();
  if (stream_time_punctuations_.due(stream_time_)) punctuate_stream_time();
  return true;
} catch (StreamsException& error) {
  sign(error);
  throw;
}

bool StreamTask::receive(Input& input, const RawRecord& record) {
  const Timestamp stream_time_before = stream_time_;
  stream_time_ = std::max(stream_time_, record.context->timestamp);
  try {
    input.source->receive_raw(record);
    return true;
  } catch (const FailedProcessingException&) {
    throw;
  } catch (const StateStoreException&) {
    throw;
  } catch (...) {
    // The nodes below catch what is theirs: this comes from a serde.
    stream_time_ = stream_time_before;
    deserialization_failed(input, record, std::current_exception());
    return false;
  }
}

bool StreamTask::punctuate_stream_time() {
  if (stream_time_ == kNoTimestamp || !stream_time_punctuations_.due(stream_time_)) return false;
  run_punctuation(stream_time_punctuations_, stream_time_);
  return true;
}

bool StreamTask::punctuate_wall_clock(Now now) {
  if (!wall_clock_punctuations_.due(now.wall)) return false;
  run_punctuation(wall_clock_punctuations_, now.wall);
  return true;
}

void StreamTask::run_punctuation(PunctuationQueue& queue, Timestamp time) try {
  dirty_ = true;
  queue.run(time, [this, time](PunctuationQueue::Schedule& schedule) {
    const RecordContext context{.source = nullptr, .offset = kNoOffset, .timestamp = time, .headers = nullptr};
    const AtWork at_work(*this, &context, nullptr, &schedule.node->name());
    try {
      schedule.punctuator(time);
    } catch (const FailedProcessingException&) {
      throw;
    } catch (const StateStoreException&) {
      throw;
    } catch (...) {
      handle_processing_exception(*schedule.node, nullptr, std::current_exception());
    }
    metrics_->punctuated.add();
  });
} catch (StreamsException& error) {
  sign(error);
  throw;
}

std::size_t StreamTask::uncommitted_bytes() const {
  std::size_t bytes = 0;
  for (const TaskStore& store : stores_) {
    const std::size_t of_store = store.engine->uncommitted_bytes();
    store.counters->uncommitted_bytes.store(of_store, std::memory_order_relaxed);
    bytes += of_store;
  }
  return bytes;
}

namespace {
/// How often caches are flushed for one commit until none has anything left.
constexpr int kFlushPassesMax = 64;
}  // namespace

// What a cache sends on reaches caches that are flushed after it, unless a processor writes to a store further up: then again, for
// nothing that follows from committed input may be left in a cache.
void StreamTask::flush_caches() try {
  if (state_ != TaskState::kRunning) return;
  const auto is_custom = [](const TaskStore& store) { return store.spec->kind == StoreKind::kCustom; };
  const auto dirty = [](const TaskStore& store) { return store.top->cache_dirty(); };
  auto never_clean = stores_.begin();
  for (int pass = 0; pass < kFlushPassesMax && never_clean != stores_.end(); ++pass) {
    for (const TaskStore& store : stores_) {
      if (!is_custom(store)) store.top->flush_cache();
    }
    never_clean = std::find_if(stores_.begin(), stores_.end(), dirty);
  }
  if (never_clean == stores_.end()) {
    // Last, since what was in a cache may have changed them. They reach no other store.
    for (const TaskStore& store : stores_) {
      if (is_custom(store)) store.top->flush_cache();
    }
    return;
  }
  throw StreamsException(
      fmt::format("the cache of store \"{}\" is not clean after {} flushes: what it sends on is written to it "
                  "again, by a processor behind it; make the store without a cache",
                  never_clean->top->name(), kFlushPassesMax));
} catch (StreamsException& error) {
  sign(error);
  throw;
}

void StreamTask::positions(const LogConsumer* consumer, std::vector<CommitPosition>& out) {
  for (const auto& input : inputs_) {
    const RecordQueue& queue = input->queue;
    Offset next = queue.offset_consumed();
    if (!queue.empty()) {
      next = queue.head().offset;
    } else if (consumer != nullptr && queue.size_records() == 0) {  // no head and yet records: an extractor threw
      if (const auto position = consumer->position(queue.partition()); position && *position > next) next = *position;
    }
    input->staged_offset = kNoOffset;
    if (next == kNoOffset || (next == input->committed_offset && !processor_metadata_changed_)) continue;
    input->staged_offset = next;
    out.push_back({.partition = queue.partition(),
                   .offset = next,
                   .leader_epoch = queue.epoch_consumed(),
                   .metadata = encode_offset_metadata(queue.partition_time(), processor_metadata_)});
  }
}

Result<void> StreamTask::commit(std::span<const WrittenPosition> written) {
  for (TaskStore& store : stores_) {
    ChangelogPosition position = store.changelog_position;
    if (store.source_is_changelog) {
      for (const auto& input : inputs_) {
        if (input->queue.partition() == store.changelog && input->staged_offset != kNoOffset) {
          position = {.offset = input->staged_offset, .epoch = input->queue.epoch_consumed()};
        }
      }
    } else if (!store.changelog.topic.empty()) {
      for (const WrittenPosition& end : written) {
        if (end.partition == store.changelog) position = {.offset = end.next_offset, .epoch = end.leader_epoch};
      }
    }
    // One of its own kind may have changed without a word to its changelog.
    const bool may_have_changed = store.engine->uncommitted_bytes() > 0 || (store.spec->kind == StoreKind::kCustom && dirty_);
    if (position == store.changelog_position && !may_have_changed) continue;
    TIDEMILL_TRY(store.engine->commit(position, processed_));
    store.top->committed();
    store.changelog_position = position;
    TIDEMILL_CRASH_POINT("commit.store_committed");
  }
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (inputs_[i]->staged_offset != kNoOffset) inputs_[i]->committed_offset = inputs_[i]->staged_offset;
    inputs_[i]->staged_offset = kNoOffset;
    if (inputs_[i]->committed_offset != kNoOffset) {
      metrics_->committed[i].set(static_cast<std::uint64_t>(inputs_[i]->committed_offset.value));
    }
  }
  committed_ = processed_;
  processor_metadata_changed_ = false;
  dirty_ = false;
  commit_requested_ = false;
  metrics_->commits.add();
  static_cast<void>(uncommitted_bytes());
  return {};
}

void StreamTask::abort() {
  drop_nodes();
  for (const TaskStore& store : stores_) {
    store.top->drop_cache();
    store.engine->abort();
  }
  for (const auto& input : inputs_) {
    input->queue.clear();
    input->queue.set_partition_time(kNoTimestamp);
    input->queue.set_consumed(kNoOffset, kNoLeaderEpoch);
    input->committed_offset = kNoOffset;
    input->staged_offset = kNoOffset;
    input->source = nullptr;
    input->processed_offset = nullptr;
  }
  heap_.clear();
  buffered_records_ = 0;
  buffered_bytes_ = 0;
  stream_time_ = kNoTimestamp;
  processor_metadata_.clear();
  processor_metadata_changed_ = false;
  processed_.clear();
  committed_.clear();
  current = nullptr;
  raw = nullptr;
  dirty_ = false;
  commit_requested_ = false;
  state_ = TaskState::kRestoring;
}

void StreamTask::drop_nodes() {
  stream_time_punctuations_.clear();
  wall_clock_punctuations_.clear();
  for (const auto& node : nodes_) {
    try {
      node->close();
    } catch (...) {
      // The node is going away: what its close() throws changes nothing, but somebody may want to know.
      logger()->warn("task {}: close() of processor \"{}\" threw: {}", to_string(options_.id), node->name(),
                     describe_exception(std::current_exception()).message);
    }
  }
  nodes_.clear();
}

Result<void> StreamTask::close() {
  drop_nodes();
  Result<void> result;
  for (const TaskStore& store : stores_) {
    store.top->drop_cache();
    store.engine->abort();
    if (Result<void> flushed = store.engine->flush(); !flushed && result) result = flushed;
  }
  state_ = TaskState::kClosed;
  return result;
}

StateStore* StreamTask::store(std::string_view name) {
  for (const TaskStore& store : stores_) {
    if (store.spec->name == name) return store.top.get();
  }
  return global_store(name);
}
StateStore* StreamTask::global_store(std::string_view name) {
  return options_.global_store ? options_.global_store(name) : nullptr;
}

Cancellable StreamTask::schedule(OperatorNode& node, std::chrono::milliseconds interval, PunctuationType type, Timestamp start,
                                 Punctuator punctuator) {
  if (interval.count() < 1) {
    throw StreamsException(fmt::format("processor \"{}\" schedules a punctuation every {} ms: the interval must be at "
                                       "least 1 ms",
                                       node.name(), interval.count()));
  }
  if (type == PunctuationType::kStreamTime) {
    return stream_time_punctuations_.add(node, start == kNoTimestamp ? Timestamp(0) : start, interval, std::move(punctuator));
  }
  const Timestamp now = wall_clock_time();
  const std::int64_t time_left = std::numeric_limits<std::int64_t>::max() - now.value;
  const Timestamp first = start == kNoTimestamp ? now + std::min<std::int64_t>(interval.count(), time_left) : start;
  return wall_clock_punctuations_.add(node, first, interval, std::move(punctuator));
}

std::optional<std::int64_t> StreamTask::processor_metadata(std::string_view key) const {
  const auto found = processor_metadata_.find(key);
  return found == processor_metadata_.end() ? std::nullopt : std::optional(found->second);
}

void StreamTask::set_processor_metadata(std::string_view key, std::int64_t value) {
  processor_metadata_[std::string(key)] = value;
  processor_metadata_changed_ = true;
  dirty_ = true;
}

}  // namespace tidemill::runtime
