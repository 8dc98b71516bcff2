#include "runtime/global_thread.hpp"

#include <algorithm>

#include "base/logging.hpp"
#include "base/thrown_error.hpp"
#include "runtime/reader_properties.hpp"

namespace tidemill::runtime {
namespace {

constexpr std::size_t kPollBytes = std::size_t{1} << 20;
constexpr std::size_t kRecordsPerLock = 200;
constexpr std::size_t kRecordsPerSave = 10000;
constexpr std::chrono::seconds kTimeout{30};

}  // namespace

class GlobalThread::NoCollector final : public RecordCollector {
 public:
  void send(std::string_view node, std::string_view topic, OptionalBytesView, OptionalBytesView, const RecordContext&,
            const PartitionChoice&) override {
    logger()->warn("global store: node {} has a record for topic {}, but the global thread has no producer", node, topic);
  }
  std::int32_t partition_count(std::string_view) override { return 1; }
};

thread_local const GlobalThread* GlobalThread::here_ = nullptr;

GlobalThread::GlobalThread(GlobalThreadOptions options)
    : options_(std::move(options)), collector_(std::make_unique<NoCollector>()) {}

GlobalThread::~GlobalThread() {
  while (!stop(std::chrono::hours(1))) {
  }
}

Result<void> GlobalThread::start() {
  try {
    TIDEMILL_TRY(open());
    TIDEMILL_TRY(restore());
    TIDEMILL_TRY(save_or_wait());
  } catch (...) {
    return Error{ErrorKind::kInternal, "global stores: " + describe_exception(std::current_exception()).message};
  }
  ended_ = false;
  worker_ = std::thread([this] { run(); });
  return {};
}

/// To the last stable offset: a transaction that somebody else has open must not hold up the start.
Result<void> GlobalThread::restore() {
  std::vector<TopicPartition> partitions;
  for (std::size_t i = 0; i < task_->input_count(); ++i) partitions.push_back(task_->input(i));
  TIDEMILL_ASSIGN(const std::vector<PartitionOffsets> ends,
                  options_.log->admin().offsets(partitions, options_.clock->now().monotonic + kTimeout));
  std::vector<StoreRestore> progress;
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    const auto end =
        std::find_if(ends.begin(), ends.end(), [&](const auto& known) { return known.partition == partitions[i]; });
    if (end == ends.end()) return Error{ErrorKind::kNotFound, to_string(partitions[i]) + " is not there"};
    const Offset start = task_->queue(i).offset_consumed();
    const TaskStore* store = nullptr;
    for (const TaskStore& candidate : task_->stores()) {
      if (candidate.spec->source_topic_as_changelog == partitions[i].topic) store = &candidate;
    }
    progress.push_back({.store = store != nullptr ? store->spec->name : "",
                        .changelog = partitions[i],
                        .start = start,
                        .current = start,
                        .end = end->last_stable});
    if (options_.restore_observer != nullptr) options_.restore_observer->restore_started(progress.back());
  }
  std::vector<bool> ended(progress.size(), false);
  for (;;) {
    if (stop_) return Error{ErrorKind::kClosed, "the application was closed while global stores were restored"};
    TIDEMILL_ASSIGN(const bool any, step());
    for (std::size_t i = 0; i < progress.size(); ++i) {
      const Result<Offset> position = consumer_->position(progress[i].changelog);
      if (!position || ended[i]) continue;
      const std::int64_t advanced = *position - progress[i].current;
      progress[i].current = *position;
      ended[i] = *position >= progress[i].end && task_->queue(i).empty();
      if (options_.restore_observer == nullptr) continue;
      if (advanced > 0) options_.restore_observer->restore_advanced(progress[i], advanced);
      if (ended[i]) options_.restore_observer->restore_ended(progress[i], progress[i].current - progress[i].start);
    }
    if (std::all_of(ended.begin(), ended.end(), [](bool done) { return done; })) return {};
    if (!any) consumer_->wait(options_.clock->now().monotonic + options_.config->poll);
  }
}

Result<void> GlobalThread::open() {
  StreamTaskOptions options{.id = {.subtopology = -1, .partition = -1},
                            .topology = options_.topology,
                            .part = global_part(*options_.topology),
                            .config = options_.config,
                            .clock = options_.clock,
                            .collector = collector_.get(),
                            .changelog = nullptr,
                            .cache = nullptr,
                            .persistent_engine = options_.persistent_engine,
                            .memory_engine = options_.memory_engine,
                            .directory = options_.directory,
                            .inputs = {},
                            .streams_metrics = options_.streams_metrics,
                            .global_store = nullptr};
  const MonotonicTime deadline = options_.clock->now().monotonic + kTimeout;
  for (const std::string& topic : source_topics(*options_.topology, options.part, options_.config->application_id)) {
    TIDEMILL_ASSIGN(const std::int32_t partitions, options_.log->admin().partition_count(topic, deadline));
    for (std::int32_t p = 0; p < partitions; ++p) options.inputs.push_back({topic, PartitionId(p)});
  }
  TIDEMILL_ASSIGN(task_, StreamTask::create(std::move(options)));
  for (TaskStore& store : task_->stores()) views_.push_back(std::make_unique<LockedStore>(*store.top, mutex_));
  TIDEMILL_ASSIGN(consumer_, options_.log->consumer(Isolation::kReadCommitted,
                                                    reader_properties(*options_.config, options_.config->global_consumer)));
  std::vector<TopicPartition> partitions;
  for (std::size_t i = 0; i < task_->input_count(); ++i) partitions.push_back(task_->input(i));
  TIDEMILL_ASSIGN(const std::vector<PartitionOffsets> offsets, options_.log->admin().offsets(partitions, deadline));
  TIDEMILL_TRY(clear_lost_futures(offsets));
  std::vector<std::pair<TopicPartition, Offset>> assignment;
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    Offset start(0);
    for (const PartitionOffsets& known : offsets) {
      if (known.partition == partitions[i]) start = known.start;
    }
    for (const TaskStore& store : task_->stores()) {
      if (const auto next = behind_seen(store, partitions[i])) start = std::max(start, *next);
    }
    task_->set_position(i, start);
    assignment.emplace_back(partitions[i], start);
  }
  TIDEMILL_TRY(consumer_->assign(assignment));
  task_->initialize();
  return {};
}

std::optional<Offset> GlobalThread::behind_seen(const TaskStore& store, const TopicPartition& input) const {
  if (store.spec->source_topic_as_changelog != input.topic) return std::nullopt;
  const Position& position = store.engine->position();
  const auto topic = position.find(input.topic);
  if (topic == position.end() || !topic->second.contains(input.partition.value)) return std::nullopt;
  return Offset(topic->second.at(input.partition.value) + 1);
}

Result<void> GlobalThread::clear_lost_futures(const std::vector<PartitionOffsets>& offsets) {
  for (const TaskStore& store : task_->stores()) {
    for (const PartitionOffsets& known : offsets) {
      const std::optional<Offset> next = behind_seen(store, known.partition);
      if (!next || *next <= known.high_watermark) continue;
      logger()->warn("global store {} has seen offset {} of {}, which ends at {}: it is rebuilt", store.spec->name,
                     next->value - 1, to_string(known.partition), known.high_watermark.value);
      TIDEMILL_TRY(store.top->clear());
      break;
    }
  }
  return {};
}

Result<bool> GlobalThread::step() {
  TIDEMILL_ASSIGN(PollResult polled, consumer_->poll(kPollBytes));
  for (const PartitionError& error : polled.errors) {
    if (!error.error.retriable()) return error.error;
  }
  {
    const std::lock_guard lock(mutex_);
    for (RecordBatchPtr& batch : polled.batches) {
      for (std::size_t i = 0; i < task_->input_count(); ++i) {
        if (task_->input(i) != *batch->partition) continue;
        task_->add(i, std::move(batch));
        break;
      }
    }
  }
  const Now began = options_.clock->now();
  for (bool more = true; more;) {
    const std::lock_guard lock(mutex_);
    const Now now = options_.clock->now();
    for (std::size_t i = 0; i < kRecordsPerLock && more; ++i) {
      more = task_->process(now);
      if (more) ++since_save_;
    }
  }
  for (std::size_t i = 0; i < task_->input_count(); ++i) {
    // Everything polled has been processed.
    if (const Result<Offset> position = consumer_->position(task_->input(i))) {
      task_->metrics()->position[i].set(static_cast<std::uint64_t>(position->value));
    }
  }
  if (since_save_ >= kRecordsPerSave) TIDEMILL_TRY(save_or_wait());
  bool all = true;
  for (std::size_t i = 0; i < task_->input_count(); ++i) all = all && consumer_->caught_up(task_->input(i));
  if (all) caught_up_at_ = began.monotonic.time_since_epoch().count();
  return !polled.batches.empty();
}

Result<void> GlobalThread::save() {
  const std::lock_guard lock(mutex_);
  const Result<void> committed = task_->commit({});
  if (!committed) return committed.error().with_context("global stores cannot be saved");
  since_save_ = 0;
  unsaved_since_ = {};
  return {};
}

Result<void> GlobalThread::save_or_wait() {
  const Result<void> saved = save();
  if (saved || !saved.error().retriable()) return saved;
  const MonotonicTime now = options_.clock->now().monotonic;
  if (unsaved_since_ == MonotonicTime{}) {
    unsaved_since_ = now;
    logger()->warn("{}; it is tried again for task.timeout.ms", saved.error().message);
  }
  if (now - unsaved_since_ < options_.config->task_timeout) return {};
  return Error{ErrorKind::kInternal, saved.error().message + "; it has been tried for task.timeout.ms"};
}

void GlobalThread::run() {
  here_ = this;
  try {
    follow();
  } catch (...) {
    const Error error{ErrorKind::kInternal, "global stores: " + describe_exception(std::current_exception()).message};
    if (options_.on_failure) options_.on_failure(error);
  }
  if (options_.on_end) options_.on_end();
  here_ = nullptr;
  const std::lock_guard lock(ended_mutex_);
  ended_ = true;
  ended_changed_.notify_all();
}

void GlobalThread::follow() {
  while (!stop_) {
    const Result<bool> any = step();
    if (!any && !any.error().retriable()) {
      if (options_.on_failure) options_.on_failure(any.error());
      return;
    }
    if (!any || !*any) {
      if (since_save_ > 0) {
        if (const Result<void> saved = save_or_wait(); !saved) {
          if (options_.on_failure) options_.on_failure(saved.error());
          return;
        }
      }
      consumer_->wait(options_.clock->now().monotonic + options_.config->poll);
    }
  }
  if (const Result<void> saved = save(); !saved) logger()->warn("{}", saved.error().message);
}

bool GlobalThread::stop(std::chrono::milliseconds timeout) {
  stop_ = true;
  if (consumer_) consumer_->wake();
  {
    std::unique_lock lock(ended_mutex_);
    if (!ended_changed_.wait_for(lock, timeout, [this] { return ended_ && !stopping_; })) return false;
    stopping_ = true;
  }
  if (worker_.joinable()) worker_.join();
  {
    const std::lock_guard lock(mutex_);
    if (task_ && task_->state() != TaskState::kClosed) {
      if (const Result<void> closed = task_->close(); !closed) {
        logger()->warn("global stores closed with an error: {}", closed.error().message);
      }
    }
  }
  const std::lock_guard lock(ended_mutex_);
  stopping_ = false;
  ended_changed_.notify_all();
  return true;
}

std::string GlobalThread::busy_with() const {
  const std::string* node = task_ ? task_->metrics()->node_at_work.load(std::memory_order_relaxed) : nullptr;
  return node != nullptr ? "node \"" + *node + "\" of the global stores" : std::string();
}

StateStore* GlobalThread::find(std::string_view name) {
  for (const auto& view : views_) {
    if (view->spec().name == name) return view.get();
  }
  return nullptr;
}

bool GlobalThread::caught_up() {
  std::vector<TopicPartition> partitions;
  for (std::size_t i = 0; i < task_->input_count(); ++i) partitions.push_back(task_->input(i));
  const auto ends = options_.log->admin().offsets(partitions, options_.clock->now().monotonic + kTimeout);
  if (!ends) return false;
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    for (const PartitionOffsets& end : *ends) {
      if (end.partition == partitions[i] &&
          task_->metrics()->position[i].value() < static_cast<std::uint64_t>(end.last_stable.value)) {
        return false;
      }
    }
  }
  return true;
}

std::chrono::milliseconds GlobalThread::staleness() const {
  const std::int64_t now = options_.clock->now().monotonic.time_since_epoch().count();
  return std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::nanoseconds(std::max<std::int64_t>(0, now - caught_up_at_)));
}
bool GlobalThread::read(std::string_view name, UniqueFunction<void(LayeredStore& store, const Position& seen)> job) {
  const std::lock_guard lock(mutex_);
  for (TaskStore& store : task_->stores()) {
    if (store.spec->name != name) continue;
    job(*store.top, task_->processed_position());
    return true;
  }
  return false;
}

std::shared_ptr<TaskMetrics> GlobalThread::metrics() const { return task_ ? task_->metrics() : nullptr; }

}  // namespace tidemill::runtime
