// Expects: merge(other): the other stream has other types of key and value
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;

inline void build(StreamsBuilder& builder) {
  const auto orders = builder.stream<std::string, std::int64_t>("orders");
#ifdef WRONG
  const auto more = builder.stream<std::string, std::string>("more-orders");
#else
  const auto more = builder.stream<std::string, std::int64_t>("more-orders");
#endif
  (void)orders.merge(more);  // here
}
