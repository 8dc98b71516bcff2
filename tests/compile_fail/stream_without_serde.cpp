// Expects: stream<Key, Value>(topic): there is no serde for the value type
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;

struct Order {
  std::int64_t amount = 0;
};
inline Serde<Order> order_serde() {
  return {[](const void*, std::string_view, const Order& order, Bytes& out) { out += std::to_string(order.amount); },
          [](const void*, std::string_view, BytesView bytes) { return Order{static_cast<std::int64_t>(bytes.size())}; }};
}

inline void build(StreamsBuilder& builder) {
#ifdef WRONG
  (void)builder.stream<std::string, Order>("orders");  // here
#else
  (void)builder.stream<std::string, Order>("orders", {.value_serde = order_serde()});
#endif
}
