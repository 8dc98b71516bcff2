// Expects: join(stream, joiner, windows): the other stream has another key type than this side
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;

inline void build(StreamsBuilder& builder) {
  const auto orders = builder.stream<std::string, std::int64_t>("orders");
#ifdef WRONG
  const auto payments = builder.stream<std::int64_t, std::string>("payments");
#else
  const auto payments = builder.stream<std::string, std::string>("payments");
#endif
  const auto joiner = [](std::int64_t order, const std::string& name) { return name + std::to_string(order); };
  (void)orders.join(payments, joiner, JoinWindows::of_time_difference_with_no_grace(std::chrono::seconds(1)));  // here
}
