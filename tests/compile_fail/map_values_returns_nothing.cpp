// Expects: map_values(mapper): the mapper must return the new value
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;
using Text = std::string;

void build(StreamsBuilder& builder) {
  auto stream = builder.stream<Text, Text>("in");
#ifdef WRONG
  stream.map_values([](const Text&) {});  // here
#else
  stream.peek([](const Text&) {});
#endif
}
