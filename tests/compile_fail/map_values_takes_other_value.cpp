// Expects: map_values(mapper): the function must be callable with (const V&)
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;
using Text = std::string;

void build(StreamsBuilder& builder) {
  auto stream = builder.stream<Text, Text>("in");
#ifdef WRONG
  stream.map_values([](const std::vector<int>& value) { return value.size(); });  // here
#else
  stream.map_values([](const Text& value) { return value.size(); });
#endif
}
