// Expects: stream: say which types key and value have: stream<Key, Value>(topic)
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;

inline void build(StreamsBuilder& builder) {
#ifdef WRONG
  builder.stream("orders");  // here
#else
  static_cast<void>(builder.stream<std::string, std::string>("orders"));
#endif
}
