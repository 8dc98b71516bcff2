#include "config/durations.hpp"

#include <limits>

#include "base/durations.hpp"

namespace tidemill {

StreamsConfig with_bounded_durations(StreamsConfig config) {
  for (std::chrono::milliseconds* duration :
       {&config.commit_interval, &config.poll, &config.max_task_idle, &config.task_timeout, &config.state_cleanup_delay,
        &config.metadata_max_age, &config.log_summary_interval, &config.repartition_purge_interval,
        &config.windowstore_changelog_additional_retention, &config.transaction_timeout, &config.timestamp_after_max}) {
    *duration = bounded(*duration);
  }
  // Of the group's protocol.
  constexpr std::chrono::milliseconds kLongest(std::numeric_limits<std::int32_t>::max());
  for (std::chrono::milliseconds* duration : {&config.session_timeout, &config.heartbeat_interval, &config.max_poll_interval}) {
    *duration = std::min(*duration, kLongest);
  }
  return config;
}

}  // namespace tidemill
