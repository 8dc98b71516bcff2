// Expects: map_values(mapper): the mapper must return the new value, of a type that is copyable and owns what it holds
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;
using Text = std::string;

void build(StreamsBuilder& builder) {
  auto stream = builder.stream<Text, Text>("in");
#ifdef WRONG
  stream.map_values([](const Text& value) { return std::string_view(value).substr(1); });  // here
#else
  stream.map_values([](const Text& value) { return value.substr(1); });
#endif
}
