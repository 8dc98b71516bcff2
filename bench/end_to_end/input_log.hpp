// An embedded log with the records of a set in the topic `in`, made through the public log port, as an application would.
#pragma once

#include <string>

#include <tidemill/adapters/embedded_log.hpp>

#include "records.hpp"

namespace tidemill_bench {

inline constexpr const char* kInputTopic = "in";
inline constexpr const char* kOutputTopic = "out";

/// Makes the log in `directory` and closes it. ResultException.
void make_input_log(const std::string& directory, const RecordSet& set, std::int32_t partitions);

/// Deletes every topic but the input: what an application has written.
void delete_written_topics(tidemill::Log& log);

}  // namespace tidemill_bench
