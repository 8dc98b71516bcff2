// Expects: flat_map_values(mapper): the mapper must return a container of values (a text is a container of characters
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;
using Text = std::string;

void build(StreamsBuilder& builder) {
  auto stream = builder.stream<Text, Text>("in");
#ifdef WRONG
  stream.flat_map_values([](const Text& value) { return value; });  // here
#else
  stream.flat_map_values([](const Text& value) { return std::vector<Text>{value}; });
#endif
}
