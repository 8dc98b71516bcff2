#include "tidemill/testing/topology_test_driver.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <mutex>

#include <fmt/format.h>

#include "config/rules.hpp"
#include "runtime/locked_store.hpp"
#include "runtime/metrics_report.hpp"
#include "runtime/offset_metadata.hpp"
#include "runtime/stream_task.hpp"
#include "runtime/task_part.hpp"
#include "state/thread_cache.hpp"

namespace tidemill {
namespace {

/// A ring of forwarding topics would never end.
constexpr std::size_t kRecordsPerInputMax = 1'000'000;

/// Of what feeds global stores: it sends nothing, dead letters neither.
class NoCollector final : public RecordCollector {
  void send(std::string_view, std::string_view, OptionalBytesView, OptionalBytesView, const RecordContext&,
            const PartitionChoice&) override {}
  std::int32_t partition_count(std::string_view) override { return 1; }
};

/// For stores on disk; gone with its owner.
class OwnDirectory {
 public:
  OwnDirectory() : path_((std::filesystem::temp_directory_path() / "topology-test-driver-XXXXXX").string()) {
    if (mkdtemp(path_.data()) == nullptr) throw StreamsException("no directory can be made at " + path_);
  }
  ~OwnDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  OwnDirectory(const OwnDirectory&) = delete;
  OwnDirectory& operator=(const OwnDirectory&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

struct TopologyTestDriver::Impl final : RecordCollector, ChangelogWriter {
  struct Feed {
    runtime::StreamTask* task = nullptr;
    std::size_t index = 0;
    std::shared_ptr<const TopicPartition> partition;
    std::int64_t next_offset = 0;
  };

  Impl(Topology built, StreamsConfig given, std::optional<Timestamp> wall_clock)
      : topology(std::make_shared<const Topology>(std::move(built))),
        config(std::move(given)),
        clock(wall_clock.value_or(system_clock().now().wall)),
        sensors(std::make_shared<SensorRegistry>(clock)),
        streams_metrics(std::make_shared<StreamsMetrics>(sensors, "driver")),
        engine(in_memory_stores()) {
    if (config.application_id.empty()) config.application_id = "topology-test-driver";
    check_config(config);
    const bool on_disk =
        config.state_engine || std::any_of(topology->stores.begin(), topology->stores.end(), [](const auto& store) {
          return store.second.spec.kind == StoreKind::kCustom && store.second.spec.engine == StoreEngineKind::kPersistent;
        });
    if (on_disk && config.state_dir == StreamsConfig().state_dir) config.state_dir = directory.emplace().path();
    if (config.statestore_cache_max_bytes > 0) cache = std::make_unique<ThreadCache>(config.statestore_cache_max_bytes);
    if (!topology->global_nodes.empty()) make_task(global, runtime::global_part(*topology), -1);
    make_task(task, runtime::whole_part(*topology), 0);
  }

  /// It is in its place before its nodes are: they may send from their init().
  void make_task(std::unique_ptr<runtime::StreamTask>& made, runtime::TaskPart part, std::int32_t number) {
    const bool is_global = number < 0;
    runtime::StreamTaskOptions options{
        .id = {.subtopology = number, .partition = 0},
        .topology = topology,
        .part = std::move(part),
        .config = &config,
        .clock = &clock,
        .collector = is_global ? static_cast<RecordCollector*>(&nowhere) : this,
        .changelog = is_global ? nullptr : this,
        .cache = is_global ? nullptr : cache.get(),
        .persistent_engine = config.state_engine.get(),
        .memory_engine = is_global ? global_engine.get() : engine.get(),
        .directory = fmt::format("{}/{}/{}", config.state_dir, config.application_id,
                                 is_global ? std::string("global") : fmt::format("0_0.{}", starts++)),
        .inputs = {},
        .streams_metrics = streams_metrics,
        .global_store = nullptr};
    if (!is_global && global) {
      global_views.clear();
      options.global_store = [this](std::string_view name) { return view_of_global(name); };
    }
    made = runtime::StreamTask::create(std::move(options)).value();
    if (!is_global) {
      made->read_metadata(committed_positions);
      for (runtime::TaskStore& store : made->stores()) refill(store);
    }
    made->initialize();
    for (std::size_t i = 0; i < made->input_count(); ++i) {
      const TopicPartition& input = made->input(i);
      Feed& feed = feeds[input.topic];
      feed.task = made.get();
      feed.index = i;
      if (!feed.partition) feed.partition = std::make_shared<const TopicPartition>(input);
      made->set_position(i, Offset(feed.next_offset));
    }
  }
  /// All records of its changelog, as a restore reads them.
  void refill(runtime::TaskStore& store) {
    const auto found = history.find(store.changelog.topic);
    if (store.changelog.topic.empty() || found == history.end()) return;
    std::int64_t offset = 0;
    for (const TestRecordBytes& record : found->second) {
      const Offset at(offset++);
      if (!record.key) continue;
      const Timestamp timestamp = record.timestamp == kNoTimestamp ? clock.now().wall : record.timestamp;
      const Bytes headers = record.headers.encode();
      const ChangelogRecord row{*record.key, to_view(record.value), timestamp, at, headers, &store.changelog};
      const ChangelogPosition position{.offset = at + 1, .epoch = kNoLeaderEpoch};
      store.top->restore({&row, 1}, position).value();
      store.changelog_position = position;
    }
    store.top->restored(store.changelog_position).value();
  }
  void restart(PartitionTimes times) {
    for (std::size_t before = sent.size() + 1; before != sent.size();) {
      before = sent.size();
      commit(*task);
      complete_all_work();
    }
    if (times == PartitionTimes::kForgotten) {
      for (CommitPosition& position : committed_positions) {
        position.metadata = runtime::encode_offset_metadata(kNoTimestamp, {});
      }
    }
    task->close().value();
    for (const auto& [reason, count] : task->metrics()->dropped.by_reason()) dropped_before[std::string(reason)] += count;
    task.reset();
    if (cache) cache = std::make_unique<ThreadCache>(config.statestore_cache_max_bytes);
    engine = in_memory_stores();
    make_task(task, runtime::whole_part(*topology), 0);
    for (const std::string& topic : pattern_topics) add_pattern_input(topic);
  }
  /// As tasks see it: written by what feeds it alone.
  StateStore* view_of_global(std::string_view name) {
    if (const auto found = global_views.find(name); found != global_views.end()) return found->second.get();
    StateStore* const store = find(*global, name);
    if (store == nullptr) return nullptr;
    return global_views.emplace(name, std::make_unique<runtime::LockedStore>(*store, global_mutex)).first->second.get();
  }
  static StateStore* find(runtime::StreamTask& in, std::string_view name) {
    for (runtime::TaskStore& store : in.stores()) {
      if (store.spec->name == name) return store.top.get();
    }
    return nullptr;
  }

  // What the task writes.
  void send(std::string_view node, std::string_view topic, OptionalBytesView key, OptionalBytesView value,
            const RecordContext& context, const PartitionChoice& choice) override {
    if (choice.kind == PartitionChoice::Kind::kDrop) return task->drop(node, "partitioner-says-none", context);
    const std::string name = topology->log_topic(config.application_id, topic);
    std::size_t copies = choice.kind == PartitionChoice::Kind::kList ? choice.partitions.size() : 1;
    for (; copies > 0; --copies) {
      TestRecordBytes record{.key = {},
                             .value = {},
                             .headers = context.headers != nullptr ? *context.headers : Headers(),
                             .timestamp = context.timestamp};
      if (key) record.key.emplace(*key);
      if (value) record.value.emplace(*value);
      if (matches_a_pattern(name)) again.emplace_back(name, record);
      sent.emplace_back(name, record);
      history[name].push_back(record);
      outputs[name].push_back(std::move(record));
    }
  }
  std::int32_t partition_count(std::string_view) override { return 1; }
  using ChangelogWriter::append;
  void append(const std::string& store, BytesView key, OptionalBytesView value, Timestamp timestamp,
              const Headers& headers) override {
    TestRecordBytes record{.key = Bytes(key), .value = {}, .headers = headers, .timestamp = timestamp};
    if (value) record.value.emplace(*value);
    const std::string name = topology->store_topic(config.application_id, topology->stores.find(store)->second.spec);
    sent.emplace_back(name, record);
    history[name].push_back(record);
    outputs[name].push_back(std::move(record));
  }

  /// A topic that a source's pattern matches becomes an input when it is first written to.
  bool matches_a_pattern(const std::string& topic) {
    if (feeds.contains(topic)) return true;
    return add_pattern_input(topic);
  }
  bool add_pattern_input(const std::string& topic) {
    const TopicPartition partition{topic, PartitionId(0)};
    const auto index = task->add_input(partition);
    if (!index) return false;
    Feed& feed = feeds[topic];
    feed.task = task.get();
    feed.index = *index;
    if (!feed.partition) feed.partition = std::make_shared<const TopicPartition>(partition);
    task->set_position(*index, Offset(feed.next_offset));
    pattern_topics.insert(topic);
    return true;
  }
  void check_known(const std::string& topic) {
    if (matches_a_pattern(topic)) return;
    std::string known;
    for (const auto& [name, feed] : feeds) known += (known.empty() ? "" : ", ") + name;
    throw std::invalid_argument(
        fmt::format("topic \"{}\" is read by no source; the topology reads: {}", topic, known.empty() ? "nothing" : known));
  }
  void enqueue(const std::string& topic, TestRecordBytes record) {
    check_known(topic);
    Feed& feed = feeds.find(topic)->second;
    struct Owned {
      TestRecordBytes record;
      Bytes headers;
    };
    const auto owned = std::make_shared<Owned>(Owned{std::move(record), {}});
    owned->headers = owned->record.headers.encode();
    auto batch = std::make_shared<RecordBatch>();
    batch->partition = feed.partition;
    batch->memory = owned;
    batch->records.push_back({.offset = Offset(feed.next_offset++),
                              .timestamp = owned->record.timestamp,
                              .key = owned->record.key ? OptionalBytesView(*owned->record.key) : std::nullopt,
                              .value = owned->record.value ? OptionalBytesView(*owned->record.value) : std::nullopt,
                              .headers = owned->headers});
    feed.task->add(feed.index, std::move(batch));
    if (feed.task != global.get()) return;
    while (global->process(clock.now())) {
    }
    commit(*global);
  }
  void commit(runtime::StreamTask& which) {
    which.flush_caches();
    std::vector<CommitPosition> positions;
    which.positions(nullptr, positions);
    for (const CommitPosition& position : positions) {
      committed[position.partition.topic] = position.metadata;
      std::erase_if(committed_positions, [&](const CommitPosition& old) { return old.partition == position.partition; });
      committed_positions.push_back(position);
    }
    which.commit({}).value();
  }
  void complete_all_work() {
    std::size_t records = 0;
    for (;;) {
      while (!again.empty()) {
        auto [topic, record] = std::move(again.front());
        again.pop_front();
        enqueue(topic, std::move(record));
      }
      if (!task->process(clock.now())) return;
      if (commit_each) commit(*task);
      if (++records > kRecordsPerInputMax) {
        throw std::runtime_error(
            fmt::format("one input led to more than {} records: the topology feeds itself without end", kRecordsPerInputMax));
      }
    }
  }

  /// An exception ends the task, as it ends one of an application: what comes after it would be processed by half.
  template <class F>
  void run(F work) {
    if (failure) throw StreamsException("the task has failed, and nothing more is processed: " + *failure);
    try {
      work();
    } catch (const std::exception& error) {
      failure = error.what();
      throw;
    }
  }

  NoCollector nowhere;
  std::optional<OwnDirectory> directory;  // the last to go: stores are in it
  std::shared_ptr<const Topology> topology;
  StreamsConfig config;
  ManualClock clock;
  std::shared_ptr<SensorRegistry> sensors;
  std::shared_ptr<const StreamsMetrics> streams_metrics;
  std::shared_ptr<StateEngine> engine;
  std::shared_ptr<StateEngine> global_engine = in_memory_stores();
  std::unique_ptr<ThreadCache> cache;
  std::map<std::string, Feed> feeds;     // by topic, as on the log
  std::set<std::string> pattern_topics;  // those of them that a pattern matches
  std::map<std::string, std::deque<TestRecordBytes>> outputs;
  std::deque<std::pair<std::string, TestRecordBytes>> again;
  std::unique_ptr<runtime::StreamTask> global;
  std::recursive_mutex global_mutex;
  std::map<std::string, std::unique_ptr<runtime::LockedStore>, std::less<>> global_views;
  std::unique_ptr<runtime::StreamTask> task;
  std::vector<std::pair<std::string, TestRecordBytes>> sent;
  std::map<std::string, std::string> committed;
  std::vector<CommitPosition> committed_positions;
  /// All records of topics that a store may be rebuilt from.
  std::map<std::string, std::vector<TestRecordBytes>> history;
  std::map<std::string, std::uint64_t> dropped_before;  // by the tasks before restart()
  std::optional<std::string> failure;
  int starts = 0;
  bool commit_each = true;
  bool closed = false;
};

TopologyTestDriver::TopologyTestDriver(Topology topology, StreamsConfig config, std::optional<Timestamp> wall_clock)
    : impl_(std::make_unique<Impl>(std::move(topology), std::move(config), wall_clock)) {}

TopologyTestDriver::~TopologyTestDriver() {
  if (!impl_->closed) {
    if (impl_->task) static_cast<void>(impl_->task->close().has_value());  // null: restart() threw
    if (impl_->global) static_cast<void>(impl_->global->close().has_value());
  }
}

void TopologyTestDriver::close() {
  if (std::exchange(impl_->closed, true)) return;
  if (!impl_->failure && impl_->task) impl_->run([this] { impl_->commit(*impl_->task); });
  if (impl_->task) impl_->task->close().value();  // null: restart() threw
  if (impl_->global) impl_->global->close().value();
}

void TopologyTestDriver::pipe(const std::string& topic, TestRecordBytes record) {
  if (impl_->closed) throw StreamsException("a record for \"" + topic + "\" behind close(): the driver takes none any more");
  if (impl_->matches_a_pattern(topic)) impl_->history[topic].push_back(record);
  impl_->check_known(topic);
  impl_->run([&] {
    impl_->enqueue(topic, std::move(record));
    impl_->complete_all_work();
  });
}

std::optional<TestRecordBytes> TopologyTestDriver::read(const std::string& topic) {
  const auto found = impl_->outputs.find(topic);
  if (found == impl_->outputs.end() || found->second.empty()) return std::nullopt;
  TestRecordBytes record = std::move(found->second.front());
  found->second.pop_front();
  return record;
}

std::size_t TopologyTestDriver::queue_size(const std::string& topic) const {
  const auto found = impl_->outputs.find(topic);
  return found == impl_->outputs.end() ? 0 : found->second.size();
}

void TopologyTestDriver::advance_wall_clock_time(std::chrono::milliseconds by) {
  impl_->run([&] {
    impl_->clock.advance(by);
    impl_->task->punctuate_wall_clock(impl_->clock.now());
    if (impl_->commit_each) impl_->commit(*impl_->task);
    impl_->complete_all_work();
  });
}

std::vector<std::pair<std::string, TestRecordBytes>> TopologyTestDriver::take_sent() { return std::exchange(impl_->sent, {}); }
void TopologyTestDriver::restart(PartitionTimes times) {
  impl_->run([&] { impl_->restart(times); });
}
const std::map<std::string, std::string>& TopologyTestDriver::committed_metadata() const { return impl_->committed; }
void TopologyTestDriver::commit_after_each_record(bool commit) { impl_->commit_each = commit; }
void TopologyTestDriver::commit() {
  impl_->run([this] {
    impl_->commit(*impl_->task);
    impl_->complete_all_work();
  });
}

Timestamp TopologyTestDriver::wall_clock_time() const { return impl_->clock.now().wall; }
Timestamp TopologyTestDriver::stream_time() const { return impl_->task->stream_time(); }

std::set<std::string> TopologyTestDriver::produced_topic_names() const {
  std::set<std::string> names;
  for (const auto& [name, records] : impl_->outputs) names.insert(name);
  return names;
}

StateStore* TopologyTestDriver::state_store(std::string_view name) {
  StateStore* store = Impl::find(*impl_->task, name);
  return store == nullptr && impl_->global ? Impl::find(*impl_->global, name) : store;
}

StateStore* TopologyTestDriver::store_of(std::string_view name, std::initializer_list<StoreKind> kinds,
                                         std::string_view asked) {
  StateStore* const store = state_store(name);
  if (store == nullptr || std::find(kinds.begin(), kinds.end(), store->spec().kind) != kinds.end()) return store;
  throw_wrong_store_type(name, asked);
}

CustomStore* TopologyTestDriver::custom_store(std::string_view name, std::string_view asked) {
  StateStore* const store = state_store(name);
  if (store == nullptr) return nullptr;
  if (CustomStore* const custom = store->custom()) return custom;
  throw_wrong_store_type(name, asked);
}

void TopologyTestDriver::throw_wrong_store_type(std::string_view name, std::string_view asked) {
  const StoreSpec& spec = state_store(name)->spec();
  const std::string declared = spec.kind == StoreKind::kCustom ? fmt::format("declared as a {}", spec.custom.type())
                                                               : fmt::format("a {}", to_string(spec.kind));
  throw std::invalid_argument(fmt::format("store \"{}\" is {}, not a {}", name, declared, asked));
}

std::vector<std::string> TopologyTestDriver::state_store_names() const {
  std::vector<std::string> names;
  for (const auto& [name, store] : impl_->topology->stores) names.push_back(name);
  return names;
}

std::vector<Metric> TopologyTestDriver::metrics() const {
  std::vector<Metric> metrics;
  for (const auto* task : {impl_->task.get(), impl_->global.get()}) {
    if (task != nullptr) runtime::report_task(*task->metrics(), {{"thread-id", "driver"}}, metrics);
  }
  impl_->sensors->report(metrics);
  return metrics;
}

std::map<std::string, std::uint64_t> TopologyTestDriver::dropped_records() const {
  std::map<std::string, std::uint64_t> dropped = impl_->dropped_before;
  for (const auto* task : {impl_->task.get(), impl_->global.get()}) {
    if (task == nullptr) continue;
    for (const auto& [reason, count] : task->metrics()->dropped.by_reason()) dropped[std::string(reason)] += count;
  }
  return dropped;
}

}  // namespace tidemill
