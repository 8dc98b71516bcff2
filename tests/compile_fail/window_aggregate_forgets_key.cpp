// Expects: aggregate(initial, aggregator): aggregator must be callable as
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;

inline void build(StreamsBuilder& builder) {
  const auto windows = builder.stream<std::string, std::int64_t>("orders").group_by_key().windowed_by(
      TimeWindows::of_size_with_no_grace(std::chrono::seconds(1)));
#ifdef WRONG
  const auto sum = [](std::int64_t order, std::int64_t so_far) { return so_far + order; };
#else
  const auto sum = [](const std::string&, std::int64_t order, std::int64_t so_far) { return so_far + order; };
#endif
  (void)windows.aggregate(std::int64_t{0}, sum);  // here
}
