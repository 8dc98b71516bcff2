// Expects: reduce(adder, subtractor): both must be callable as
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;

inline void build(StreamsBuilder& builder) {
  const auto totals = builder.table<std::string, std::int64_t>("orders").group_by(
      [](const std::string& key, std::int64_t value) { return std::pair(key, value); });
  const auto add = [](std::int64_t so_far, std::int64_t value) { return so_far + value; };
#ifdef WRONG
  const auto subtract = [](std::int64_t so_far, std::int64_t value) { return std::to_string(so_far - value); };
#else
  const auto subtract = [](std::int64_t so_far, std::int64_t value) { return so_far - value; };
#endif
  (void)totals.reduce(add, subtract);  // here
}
