// Expects: aggregate(initial, aggregator): aggregator must be callable as Result(const Key&, const Value&, const Result& so_far)
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;

inline void total(StreamsBuilder& builder) {
  auto payments = builder.stream<std::string, std::int64_t>("payments").group_by_key();
  const auto add = [](const std::string&, const std::int64_t& payment, const std::int64_t& so_far) { return so_far + payment; };
#ifdef WRONG
  payments.aggregate(0, add);  // here
#else
  payments.aggregate(std::int64_t{0}, add);
#endif
}
