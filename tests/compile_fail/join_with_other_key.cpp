// Expects: join(table, joiner): the table has another key type than this side
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;

inline void build(StreamsBuilder& builder) {
  const auto orders = builder.stream<std::string, std::int64_t>("orders");
#ifdef WRONG
  const auto customers = builder.table<std::int64_t, std::string>("customers");
#else
  const auto customers = builder.table<std::string, std::string>("customers");
#endif
  const auto joiner = [](std::int64_t order, const std::string& name) { return name + std::to_string(order); };
  (void)orders.join(customers, joiner);  // here
}
