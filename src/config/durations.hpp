// The durations of a configuration, wherever it comes from: none is too long to be counted with.
#pragma once

#include <tidemill/config/streams_config.hpp>

namespace tidemill {

/// Every duration at most kForever, and what Kafka's protocol takes as 32 bits at most that.
[[nodiscard]] StreamsConfig with_bounded_durations(StreamsConfig config);

}  // namespace tidemill
