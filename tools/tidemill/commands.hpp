// The commands of `tidemill`, over the log port. Each returns the exit status: 0 done, 1 failed or a violation was found.
#pragma once

#include <tidemill/log/log.hpp>

#include <optional>
#include <string>
#include <vector>

namespace tool {

struct ConsumeOptions {
  std::string topic;
  bool from_beginning = false;
  bool committed = false;
  bool follow = false;
  std::int64_t max = -1;  // < 0: no limit
  std::string key_type = "auto";    // auto, int64, int32, double
  std::string value_type = "auto";
};

int list_topics(tidemill::Log& log);
int describe_topic(tidemill::Log& log, const std::string& topic);
int create_topic(tidemill::Log& log, const std::string& topic, std::int32_t partitions,
                 const std::vector<std::string>& config);
/// Standard input, a record a line; with `separator` what stands before it is the key.
int produce(tidemill::Log& log, const std::string& topic, const std::optional<std::string>& separator);
int consume(tidemill::Log& log, const ConsumeOptions& options);
int groups(tidemill::Log& log, const std::string& group);
/// Reads every record of every topic; checksums and framing are checked on the way.
int verify(tidemill::Log& log);

}  // namespace tool
