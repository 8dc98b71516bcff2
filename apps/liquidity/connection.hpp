// Connection: the log that the chain runs on, from `--data DIR` (the embedded log) or `--config FILE` (Kafka's dotted keys).
#pragma once

#include <tidemill/config/streams_config.hpp>

#include <functional>
#include <string>

#include "liquidity/topics.hpp"

namespace liquidity {

struct Target {
  std::string data;         // directory of the embedded log
  std::string config_file;  // one of the two is given
};

struct Connection {
  /// Complete but for the number of threads.
  tidemill::StreamsConfig config;
  TopicCounts topics;
};

enum class Access { kRun, kLook };
/// Opens the log. kLook makes nothing and writes nothing. `warn` hears of unknown keys and the like, before a broker is asked.
/// Throws ConfigException and ResultException.
[[nodiscard]] Connection connect(const Target& target, Access access,
                                 const std::function<void(const std::string&)>& warn = nullptr);

inline constexpr const char* kApplicationId = "liquidity";

}  // namespace liquidity
