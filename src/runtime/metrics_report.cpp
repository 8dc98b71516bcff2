#include "runtime/metrics_report.hpp"

namespace tidemill::runtime {
namespace {

double as_number(std::uint64_t value) { return static_cast<double>(value); }

}  // namespace

void report_task(const TaskMetrics& task, MetricTags tags, std::vector<Metric>& out) {
  tags.emplace_back("task-id", to_string(task.id));
  const auto add = [&](const char* name, const Counter& counter) {
    out.push_back({"stream-task-metrics", name, tags, as_number(counter.value())});
  };
  out.push_back({"stream-task-metrics", "dropped-records-total", tags, as_number(task.dropped.total())});
  if (task.id.subtopology < 0) add("dead-letters-not-written-total", task.dead_letters_not_written);
  for (const auto& [reason, count] : task.dropped.by_reason()) {
    MetricTags by_reason = tags;
    by_reason.emplace_back("reason", std::string(reason));
    out.push_back({"stream-task-metrics", "dropped-records-by-reason-total", std::move(by_reason), as_number(count)});
  }
  add("process-total", task.processed);
  add("punctuate-total", task.punctuated);
  add("commit-total", task.commits);
  add("restore-total", task.restored);
  add("restore-remaining-records-total", task.restore_remaining);
  add("input-buffer-bytes-total", task.buffered_bytes);
  for (const TaskMetrics::Store& store : task.stores) {
    MetricTags of_store = tags;
    of_store.emplace_back(std::string(store.scope) + "-state-id", store.name);
    const auto add_store = [&](const char* name, const std::atomic<std::uint64_t>& value) {
      out.push_back({"stream-state-metrics", name, of_store, as_number(value.load(std::memory_order_relaxed))});
    };
    add_store("put-total", store.counters->puts);
    add_store("get-total", store.counters->gets);
    add_store("range-total", store.counters->ranges);
    add_store("uncommitted-bytes", store.counters->uncommitted_bytes);
  }
  for (std::size_t i = 0; i < task.inputs.size(); ++i) {
    MetricTags of_input = tags;
    of_input.emplace_back("topic", task.inputs[i].topic);
    of_input.emplace_back("partition", std::to_string(task.inputs[i].partition.value));
    out.push_back({"stream-task-metrics", "records-lag", std::move(of_input), as_number(task.lag[i].value())});
  }
}

void report_thread(const ThreadMetrics& thread, const MetricTags& tags, std::vector<Metric>& out) {
  const auto add = [&](const char* name, double value) { out.push_back({"stream-thread-metrics", name, tags, value}); };
  const std::uint64_t commits = thread.commits.value();
  add("process-total", as_number(thread.processed.value()));
  add("poll-records-total", as_number(thread.polled_records.value()));
  add("commit-total", as_number(commits));
  add("abort-total", as_number(thread.aborts.value()));
  add("commit-latency-avg", commits == 0 ? 0 : as_number(thread.commit_nanoseconds.value()) / as_number(commits) / 1e6);
  add("commit-latency-max", as_number(thread.commit_nanoseconds_max.value()) / 1e6);
  add("task-created-total", as_number(thread.tasks_created.value()));
  add("task-closed-total", as_number(thread.tasks_closed.value()));
  add("cache-size-bytes-total", as_number(thread.cache_counted.value()));
}

}  // namespace tidemill::runtime
