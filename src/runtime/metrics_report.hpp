// The counters of tasks and threads as metrics by Kafka Streams' names.
#pragma once

#include <tidemill/base/metric.hpp>

#include "runtime/metrics.hpp"

namespace tidemill::runtime {

using MetricTags = std::vector<std::pair<std::string, std::string>>;

/// `tags`: those of the thread; the task's own come behind them.
void report_task(const TaskMetrics& task, MetricTags tags, std::vector<Metric>& out);
void report_thread(const ThreadMetrics& thread, const MetricTags& tags, std::vector<Metric>& out);

}  // namespace tidemill::runtime
