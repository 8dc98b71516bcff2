// Expects: join(table, extract, joiner): extract must be callable as
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;

inline void build(StreamsBuilder& builder) {
  const auto orders = builder.table<std::string, std::int64_t>("orders");
  const auto customers = builder.table<std::string, std::string>("customers");
#ifdef WRONG
  const auto customer_of = [](std::int64_t order) { return order; };
#else
  const auto customer_of = [](std::int64_t order) { return std::to_string(order); };
#endif
  const auto joiner = [](std::int64_t, const std::string& name) { return name; };
  (void)orders.join(customers, customer_of, joiner);  // here
}
