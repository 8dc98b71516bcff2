// Expects: KStream<Key, Value>: the value type must be copyable and own what it holds
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;
using Text = std::string;

void build(StreamsBuilder& builder) {
  auto stream = builder.stream<Text, Text>("in");
#ifdef WRONG
  KStream<Text, std::string_view> views({});  // here
#else
  (void)stream;
#endif
}
