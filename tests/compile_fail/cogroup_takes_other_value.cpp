// Expects: cogroup(group, aggregator): aggregator must be callable as
#include <tidemill/dsl/streams_builder.hpp>

#include <tidemill/dsl/cogrouped_stream.hpp>

using namespace tidemill;

inline void build(StreamsBuilder& builder) {
  const auto orders = builder.stream<std::string, std::int64_t>("orders").group_by_key();
#ifdef WRONG
  const auto add = [](const std::string&, const std::string& value, std::int64_t so_far) { return so_far + std::stol(value); };
#else
  const auto add = [](const std::string&, std::int64_t value, std::int64_t so_far) { return so_far + value; };
#endif
  (void)orders.cogroup<std::int64_t>(add).aggregate(std::int64_t{0});  // here
}
