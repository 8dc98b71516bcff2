// The properties of a consumer that only reads: for a store's changelog, or for global stores.
#pragma once

#include <tidemill/config/streams_config.hpp>

namespace tidemill::runtime {

/// Such a consumer is in no group; but Kafka's client looks for the coordinator of one, which the application must be allowed to do: so
/// that it is the application's own.
[[nodiscard]] inline ClientProperties reader_properties(const StreamsConfig& config,
                                                        const std::map<std::string, std::string>& over) {
  ClientProperties properties = consumer_properties(config, over);
  properties.emplace_back("group.id", config.application_id);
  return properties;
}

}  // namespace tidemill::runtime
