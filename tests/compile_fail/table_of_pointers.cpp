// Expects: KTable<Key, Value>: the value type must be copyable and own what it holds
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;
using Text = std::string;

void build(StreamsBuilder& builder) {
  auto stream = builder.stream<Text, Text>("in");
#ifdef WRONG
  KTable<Text, const char*> pointers({});  // here
#else
  (void)stream;
#endif
}
