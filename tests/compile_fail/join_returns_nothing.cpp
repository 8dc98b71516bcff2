// Expects: join(table, joiner): joiner must be callable as
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;

inline void build(StreamsBuilder& builder) {
  const auto orders = builder.stream<std::string, std::int64_t>("orders");
  const auto names = builder.table<std::string, std::string>("names");
#ifdef WRONG
  const auto joiner = [](std::int64_t, const std::string&) {};
#else
  const auto joiner = [](std::int64_t, const std::string& name) { return name; };
#endif
  (void)orders.join(names, joiner);  // here
}
