// What the values of a configuration may be: one table by Kafka's keys, for who reads them from text and for who gets a
// StreamsConfig that was made by hand. Either is told the key, what stands there, and what may.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <variant>

#include <tidemill/config/streams_config.hpp>

namespace tidemill {

/// A number, or a duration in milliseconds.
struct NumberRule {
  using Member = std::variant<std::int16_t StreamsConfig::*, std::int32_t StreamsConfig::*, std::size_t StreamsConfig::*,
                              std::chrono::milliseconds StreamsConfig::*>;
  std::string_view key;
  Member member;
  std::int64_t min = 0;
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
  /// -1 says that somebody else decides, and 0 would be a decision.
  bool zero = true;

  /// ConfigException.
  void check(std::int64_t value) const;
  /// Checks it, too. Of bytes, -1 is no bound.
  void set(StreamsConfig& config, std::int64_t value) const;
  [[nodiscard]] std::int64_t get(const StreamsConfig& config) const;
};
[[nodiscard]] std::span<const NumberRule> number_rules();

/// ConfigException for what no rule allows. Right is what has been left alone, though a default need not be a value that could be
/// given; but of an application's name nothing is said where there is none.
void check_values(const StreamsConfig& config);
/// The same, and it has to have a name.
void check_config(const StreamsConfig& config);

}  // namespace tidemill
