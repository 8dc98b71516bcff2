// Expects: aggregate(initial, aggregator): there is no serde for the type of the result
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;

struct Sum {
  std::int64_t amount = 0;
};
inline Serde<Sum> sum_serde() {
  return {[](const void*, std::string_view, const Sum& sum, Bytes& out) { out += std::to_string(sum.amount); },
          [](const void*, std::string_view, BytesView bytes) { return Sum{static_cast<std::int64_t>(bytes.size())}; }};
}

inline void build(StreamsBuilder& builder) {
  const auto orders = builder.stream<std::string, std::int64_t>("orders").group_by_key();
  const auto add = [](const std::string&, std::int64_t value, const Sum& so_far) { return Sum{so_far.amount + value}; };
#ifdef WRONG
  (void)orders.aggregate(Sum{}, add);  // here
#else
  (void)orders.aggregate(Sum{}, add, {.value_serde = sum_serde()});
#endif
}
