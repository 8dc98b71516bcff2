// Questions to a running application: whether it has caught up, its metadata and metrics.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/logging.hpp"
#include "base/thrown_error.hpp"
#include "runtime/metrics_report.hpp"
#include "streams/answers.hpp"
#include "streams/streams_impl.hpp"

namespace tidemill {
namespace {

constexpr std::chrono::seconds kOffsetsTimeout{30};
/// Between two looks at whether all is caught up; the second where a look may be a question to a broker.
constexpr std::chrono::milliseconds kCaughtUpRetry{1};
constexpr std::chrono::milliseconds kCaughtUpRetryRemote{20};

}  // namespace

// Caught up

/// Alone in the group, an instance has every task; less means that some are on their way from thread to thread.
bool Streams::Impl::has_all_tasks(const std::map<TopicPartition, Offset>& inputs, std::size_t threads) const {
  const auto group = config_.log->admin().describe_group(config_.application_id, clock().now().monotonic + kOffsetsTimeout);
  if (group && group->members.size() != threads) return true;
  const std::lock_guard lock(mutex_);
  for (const SubtopologyTasks& tasks : tasks_) {
    for (std::int32_t p = 0; p < tasks.partitions; ++p) {
      const bool here = std::any_of(tasks.source_topics.begin(), tasks.source_topics.end(), [&](const std::string& topic) {
        return inputs.contains({topic, PartitionId(p)});
      });
      if (!here) return false;
    }
  }
  return true;
}

/// True: at this moment every input of every local task had been read to where it then ended, and committed.
bool Streams::Impl::caught_up_now(MonotonicTime deadline, bool& stable, std::uint64_t& processed) const {
  stable = false;
  using Standing = runtime::StreamThread::Standing;
  const std::optional<std::uint64_t> settled = settled_threads();
  if (!settled) return false;
  const auto all = threads();
  const auto answers = std::make_shared<Answers<Standing>>(all.size());
  for (const auto& thread : all) {
    if (!thread->snapshot().assigned) return false;
    thread->post([reply = Reply<Standing>(answers)](runtime::StreamThread& owner) mutable { reply.give(owner.standing()); },
                 true);
  }
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - system_clock().now().monotonic);
  if (!answers->wait(std::max(left, std::chrono::milliseconds(0)))) return false;
  std::map<TopicPartition, Offset> next;
  std::uint64_t sum = 0;
  for (const Standing& standing : answers->take()) {
    if (!standing.clean || standing.has_records) return false;
    sum += standing.processed;
    for (const auto& [partition, offset] : standing.next) next[partition] = offset;
  }
  if (!has_all_tasks(next, all.size()) || settled_threads() != settled) return false;
  stable = sum == processed;
  processed = sum;
  std::vector<TopicPartition> partitions;
  for (const auto& [partition, offset] : next) partitions.push_back(partition);
  const auto ends = config_.log->admin().offsets(partitions, clock().now().monotonic + kOffsetsTimeout);
  if (!ends) return false;
  for (const PartitionOffsets& end : *ends) {
    if (next[end.partition] < end.last_stable) return false;
  }
  return !global() || global()->caught_up();
}

bool Streams::Impl::wait_until_caught_up(std::chrono::milliseconds timeout) {
  const MonotonicTime deadline = system_clock().now().monotonic + timeout;
  // Twice in a row with nothing processed in between: records on their way from one task to the next were none.
  std::uint64_t processed = 0;
  bool before = false;
  const auto retry = config_.log->traits().commits_are_cheap ? kCaughtUpRetry : kCaughtUpRetryRemote;
  for (;;) {
    const StreamsState now = state();
    if (now != StreamsState::kRunning && now != StreamsState::kRebalancing) return false;
    bool stable = false;
    const bool caught_up = now == StreamsState::kRunning && caught_up_now(deadline, stable, processed);
    if (caught_up && before && stable) return true;
    before = caught_up;
    if (system_clock().now().monotonic >= deadline) return false;
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, retry);
  }
}

// Metadata and metrics

namespace {
RestoreProgress progress_of(const runtime::StoreRestore& restore) {
  return {restore.store, restore.changelog, restore.start, restore.current, restore.end};
}
/// What the user's function throws says where it comes from.
template <class Function, class... Rest>
void tell(const char* name, const Function& function, const runtime::StoreRestore& restore, Rest... rest) try {
  function(progress_of(restore), rest...);
} catch (const std::exception& error) {
  throw StreamsException(fmt::format("{} of the restore listener threw for store \"{}\" ({}): {}", name, restore.store,
                                     to_string(restore.changelog), error.what()));
}
}  // namespace

void Streams::Impl::restore_started(const runtime::StoreRestore& restore) {
  if (!restore_listener_.on_start) return;
  const std::lock_guard lock(listener_mutex_);
  tell("on_start", restore_listener_.on_start, restore);
}
void Streams::Impl::restore_advanced(const runtime::StoreRestore& restore, std::int64_t records) {
  if (!restore_listener_.on_batch) return;
  const std::lock_guard lock(listener_mutex_);
  tell("on_batch", restore_listener_.on_batch, restore, records);
}
void Streams::Impl::restore_ended(const runtime::StoreRestore& restore, std::int64_t records) {
  if (!restore_listener_.on_end) return;
  const std::lock_guard lock(listener_mutex_);
  tell("on_end", restore_listener_.on_end, restore, records);
}

void Streams::Impl::restore_suspended(const runtime::StoreRestore& restore, std::int64_t records) {
  if (!restore_listener_.on_suspended) return;
  const std::lock_guard lock(listener_mutex_);
  // Also told by a thread that ends for an error of its own, which this must not take the place of.
  try {
    restore_listener_.on_suspended({restore.store, restore.changelog, restore.start, restore.current, restore.end}, records);
  } catch (...) {
    logger()->error("{}: the restore listener threw when the restore of {} was cut short: {}", config_.application_id,
                    restore.store, describe_exception(std::current_exception()).message);
  }
}

std::vector<RestoreProgress> Streams::Impl::restore_progress() const {
  std::vector<RestoreProgress> result;
  for (const auto& thread : threads()) {
    for (const auto& restore : thread->snapshot().restoring) {
      result.push_back({restore.store, restore.changelog, restore.start, restore.current, restore.end});
    }
  }
  return result;
}

std::vector<ThreadMetadata> Streams::Impl::thread_metadata() const {
  std::vector<ThreadMetadata> result;
  for (const auto& thread : threads()) {
    const runtime::ThreadSnapshot snapshot = thread->snapshot();
    if (snapshot.state == runtime::ThreadState::kDead) continue;
    ThreadMetadata metadata{.name = thread->name(), .state = std::string(to_string(snapshot.state)), .tasks = {}};
    for (const runtime::TaskSnapshot& task : snapshot.tasks) {
      TaskMetadata described{
          .id = task.id, .active = true, .state = std::string(to_string(task.state)), .committed = {}, .end = {}};
      if (const std::uint64_t since = task.metrics->idling_since.value(); since > 0) {
        described.time_current_idling_started = Timestamp(static_cast<std::int64_t>(since) - 1);
      }
      for (std::size_t i = 0; i < task.metrics->inputs.size(); ++i) {
        const TopicPartition& partition = task.metrics->inputs[i];
        const auto position = static_cast<std::int64_t>(task.metrics->position[i].value());
        described.committed.emplace_back(partition, Offset(static_cast<std::int64_t>(task.metrics->committed[i].value())));
        described.end.emplace_back(partition, Offset(position + static_cast<std::int64_t>(task.metrics->lag[i].value())));
      }
      metadata.tasks.push_back(std::move(described));
    }
    result.push_back(std::move(metadata));
  }
  return result;
}

std::vector<Metric> Streams::Impl::metrics() const {
  std::vector<Metric> result;
  const auto all = threads();
  {
    const std::lock_guard lock(mutex_);
    const runtime::MetricTags tags{{"client-id", client_id_}, {"application-id", config_.application_id}};
    const auto add = [&](const char* name, double value) { result.push_back({"stream-metrics", name, tags, value}); };
    const auto alive = std::count_if(hosts_.begin(), hosts_.end(), [](const auto& host) {
      const auto state = host->thread ? host->thread->state() : runtime::ThreadState::kCreated;
      return host->phase < Host::Phase::kStopped && state != runtime::ThreadState::kPendingShutdown &&
             state != runtime::ThreadState::kDead;
    });
    add("alive-stream-threads", static_cast<double>(alive));
    add("failed-stream-threads", static_cast<double>(failed_threads_));
    add("client-state", static_cast<double>(state_));
  }
  for (const auto& thread : all) {
    const runtime::MetricTags tags{{"thread-id", thread->name()}};
    report_thread(thread->metrics(), tags, result);
    for (const runtime::TaskSnapshot& task : thread->snapshot().tasks) report_task(*task.metrics, tags, result);
  }
  if (const auto metrics = global() ? global()->metrics() : nullptr) {
    report_task(*metrics, {{"thread-id", client_id_ + "-GlobalStreamThread"}}, result);
  }
  sensors_->report(result);
  report_memory(result);
  return result;
}

/// Each share of the one budget, what it takes now and may take; and what is outside of it.
void Streams::Impl::report_memory(std::vector<Metric>& out) const {
  std::size_t cache = 0;
  std::size_t uncommitted = 0;
  std::size_t queues = 0;
  for (const auto& thread : threads()) {
    cache += thread->metrics().cache_bytes.value();
    for (const runtime::TaskSnapshot& task : thread->snapshot().tasks) {
      queues += task.metrics->buffered_bytes.value();
      for (const auto& store : task.metrics->stores)
        uncommitted += store.counters->uncommitted_bytes.load(std::memory_order_relaxed);
    }
  }
  const auto add = [&](const char* share, std::size_t bytes, std::size_t bytes_max) {
    const runtime::MetricTags tags{{"client-id", client_id_}, {"share", share}};
    out.push_back({"stream-metrics", "memory-bytes", tags, static_cast<double>(bytes)});
    if (bytes_max > 0) out.push_back({"stream-metrics", "memory-bytes-max", tags, static_cast<double>(bytes_max)});
  };
  add("record-caches", cache, config_.statestore_cache_max_bytes);
  add("uncommitted", uncommitted, config_.statestore_uncommitted_max_bytes);
  add("input-queues", queues, config_.input_buffer_max_bytes);
  std::shared_ptr<StateEngine> engine;
  {
    const std::lock_guard lock(mutex_);
    engine = persistent_engine_;
  }
  if (engine) add("state-engine", engine->memory_bytes(), engine->memory_bytes_max());
  add("stores-in-memory", memory_engine_->memory_bytes(), 0);
  add("log", config_.log->memory_bytes(), 0);
}

}  // namespace tidemill
