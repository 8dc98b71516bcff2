#include "runtime/stream_task.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <optional>

#include <fmt/format.h>

#include <tidemill/base/assert.hpp>
#include <tidemill/serde/serde.hpp>
#include <tidemill/state/window_bytes.hpp>

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
  const Topology reading = options_.topology->reading(std::vector{partition.topic});
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const auto id = static_cast<std::size_t>(options_.part.nodes[i]);
    const NodeSpec& spec = options_.topology->nodes[id];
    if (reading.nodes[id].topics.size() == spec.topics.size()) continue;
    make_input(partition, spec).source = static_cast<SourceNode*>(nodes_[i].get());
    metrics_->add_input(partition);
    return inputs_.size() - 1;
  }
  return std::nullopt;
}

namespace {

/// As Java's suppliers say it.
const char* metrics_scope(const StoreSpec& spec, bool on_disk) {
  switch (spec.kind) {
    case StoreKind::kCustom: return "custom";
    case StoreKind::kWindow:
    case StoreKind::kTimestampedWindow: return on_disk ? "rocksdb-window" : "in-memory-window";
    case StoreKind::kSession: return on_disk ? "rocksdb-session" : "in-memory-session";
    default: break;
  }
  if (spec.max_entries > 0) return "in-memory-lru";
  return on_disk ? "rocksdb" : "in-memory";
}

}  // namespace

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
    const std::string topic = topology.store_topic(application_id(), node.spec);
    ChangelogWriter* writer = nullptr;
    if (!node.global && !node.spec.source_topic_as_changelog.empty()) {
      store.changelog = {topic, partition};
      store.source_is_changelog = true;
    } else if (!node.global && node.spec.logging) {
      store.changelog = {topic, partition};
      writer = options_.changelog;
    }
    auto counters = std::make_shared<StoreCounters>();
    store.counters = counters.get();
    metrics_->stores.push_back({.name = name, .scope = metrics_scope(node.spec, on_disk(node.spec)), .counters = counters});
    if (custom) {
      TIDEMILL_ASSIGN(store.top, HostedStore::open({.spec = node.spec,
                                                    .task = this,
                                                    .changelog = writer,
                                                    .directory = options_.directory,
                                                    .counters = std::move(counters)}));
    } else {
      if (!engine->durable_position()) TIDEMILL_TRY(engine->clear());
      OpenStore open{.spec = node.spec,
                     .engine = std::move(engine),
                     .changelog = writer,
                     .cache = options_.cache,
                     .on_expired = [metrics = metrics_.get()] { metrics->dropped.add("expired-in-store"); },
                     .kept_longer = {},
                     .counters = std::move(counters)};
      if (!options_.config->exactly_as_kafka_streams) open.kept_longer = kept_until_closed(open.spec);
      if (open.spec.engine == StoreEngineKind::kDefault) open.spec.engine = options_.config->default_dsl_store;
      store.top = open_store(std::move(open), current);
    }
    store.top->set_topic(topic);
    store.engine = &store.top->engine_store();
    store.changelog_position = store.engine->durable_position().value_or(ChangelogPosition());
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
  latest_ = options_.clock->now();
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

void StreamTask::add(std::size_t index, RecordBatchPtr batch) try {
  Input& input = *inputs_[index];
  const bool was_empty = input.queue.empty();
  const std::size_t records = input.queue.size_records();
  const std::size_t bytes = input.queue.size_bytes();
  input.queue.add(std::move(batch));
  buffered_records_ += input.queue.size_records() - records;
  buffered_bytes_ += input.queue.size_bytes() - bytes;
  if (was_empty && !input.queue.empty()) heap_.offer(&input);
} catch (StreamsException& error) {  // the timestamp extractor is asked for the first record
  sign(error);
  throw;
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
  if (now.monotonic >= latest_.monotonic) latest_ = now;  // a stream-time punctuation may have looked since
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
    latest_ = options_.clock->now();
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
  if (!punctuator) throw StreamsException(fmt::format("processor \"{}\" schedules a punctuator that is null", node.name()));
  if (type == PunctuationType::kStreamTime) {
    return stream_time_punctuations_.add(node, start == kNoTimestamp ? Timestamp(0) : start, interval, std::move(punctuator));
  }
  const Timestamp now = options_.clock->now().wall;
  const std::int64_t time_left = std::numeric_limits<std::int64_t>::max() - now.value;
  const Timestamp first = start == kNoTimestamp ? now + std::min<std::int64_t>(interval.count(), time_left) : start;
  return wall_clock_punctuations_.add(node, first, interval, std::move(punctuator));
}

std::optional<std::int64_t> StreamTask::processor_metadata(std::string_view key) const {
  const auto found = processor_metadata_.find(key);
  return found == processor_metadata_.end() ? std::nullopt : std::optional(found->second);
}

void StreamTask::set_processor_metadata(std::string_view key, std::int64_t value) {
  if (const auto found = processor_metadata_.find(key); found != processor_metadata_.end()) {
    found->second = value;
  } else {
    processor_metadata_.emplace(key, value);
  }
  processor_metadata_changed_ = true;
  dirty_ = true;
}

}  // namespace tidemill::runtime
