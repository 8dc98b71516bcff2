// What an instance does now and then, between two rounds of one of its threads: it looks whether its topics have changed, deletes
// state that nobody uses any more, and says what it has done.
#include <algorithm>

#include "base/logging.hpp"
#include "streams/streams_impl.hpp"

namespace tidemill {
namespace {

constexpr std::chrono::seconds kLookTimeout{5};

bool same_tasks(const std::vector<SubtopologyTasks>& a, const std::vector<SubtopologyTasks>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const SubtopologyTasks& one, const SubtopologyTasks& two) {
    return one.subtopology == two.subtopology && one.partitions == two.partitions && one.source_topics == two.source_topics;
  });
}

}  // namespace

void Streams::Impl::upkeep(Now now) {
  if (now.monotonic >= next_refresh_) refresh_topics(now);
  if (now.monotonic >= next_cleanup_ && config_.state_cleanup_delay.count() >= 0) {
    next_cleanup_ = now.monotonic + std::max(config_.state_cleanup_delay, std::chrono::milliseconds(1));
    directory_->remove_unused(now.monotonic, config_.state_cleanup_delay);
  }
  if (config_.log_summary_interval.count() > 0 && now.monotonic >= next_summary_) log_summary(now);
}

/// Partitions that were added to a source topic become tasks, and so do topics that a pattern matches now. What cannot be,
/// because a store or a co-partitioned topic has another count, ends the application with the reason.
void Streams::Impl::refresh_topics(Now now) {
  next_refresh_ = now.monotonic + config_.metadata_max_age;
  const auto topics = config_.log->admin().list_topics(clock().now().monotonic + kLookTimeout);
  if (!topics) {
    logger()->warn("{}: the topics cannot be listed: {}", config_.application_id, topics.error().message);
    return;
  }
  if (const std::optional<std::string> absent = absent_source(*topics)) {
    logger()->warn("{}: topic {} is not among those that the log lists: what has changed is looked at next time",
                   config_.application_id, *absent);
    return;
  }
  Plan changed;
  try {
    changed = plan(*topics);
  } catch (const TopologyException& error) {
    end_in_error({ErrorKind::kInvalidArgument, error.what()});
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    if (same_tasks(changed.topics.tasks, tasks_)) {
      key_topics_ = std::move(changed.topics.key_topics);  // a topic with fewer partitions than another may have grown
      return;
    }
  }
  changed.topics.missing.clear();  // a topic that has been deleted shows where it is read
  if (const Result<void> made = create(changed.topics, clock().now().monotonic + kLookTimeout); !made) {
    logger()->warn("{}: {}", config_.application_id, made.error().message);
    return;
  }
  logger()->info("{}: source topics or their partitions have changed: the tasks are shared out anew", config_.application_id);
  {
    const std::lock_guard lock(mutex_);
    topology_ = changed.topology;
    tasks_ = changed.topics.tasks;
    key_topics_ = changed.topics.key_topics;
    ++plan_;
  }
  for (const auto& thread : threads()) {
    thread->post([changed](runtime::StreamThread& owner) { owner.replan(changed.topology, changed.topics.tasks); }, true);
  }
}

/// A topic that the topology names was there at the start. A log that leaves it out, as a broker does while it cannot say who leads
/// it, has not said how many partitions it has. One that a pattern matches may go.
std::optional<std::string> Streams::Impl::absent_source(const std::vector<TopicDescription>& topics) const {
  for (const Subtopology& subtopology : given_topology_->subtopologies) {
    for (const std::string& name : subtopology.source_topics) {
      std::string topic = given_topology_->log_topic(config_.application_id, name);
      const auto is_it = [&topic](const TopicDescription& known) { return known.name == topic; };
      if (std::none_of(topics.begin(), topics.end(), is_it)) return topic;
    }
  }
  return std::nullopt;
}

void Streams::Impl::log_summary(Now now) {
  std::uint64_t processed = 0;
  std::uint64_t commits = 0;
  for (const auto& thread : threads()) {
    processed += thread->metrics().processed.value();
    commits += thread->metrics().commits.value();
  }
  const bool first = next_summary_ == MonotonicTime{};
  next_summary_ = now.monotonic + config_.log_summary_interval;
  // A thread that was replaced took its counters with it.
  const auto since = [](std::uint64_t value, std::uint64_t before) { return value >= before ? value - before : value; };
  if (!first) {
    logger()->info("{}: {} records processed and {} commits in the last {} s", config_.application_id,
                   since(processed, summary_processed_), since(commits, summary_commits_),
                   std::chrono::duration_cast<std::chrono::seconds>(config_.log_summary_interval).count());
  }
  summary_processed_ = processed;
  summary_commits_ = commits;
}

}  // namespace tidemill
