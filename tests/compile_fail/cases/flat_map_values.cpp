// SAYS: flat_map_values(mapper): the function must be callable with (const V&) or (const K&, const V&)
// A mapper without a parameter.
#include <string>

#include <tidemill/dsl/streams_builder.hpp>

using Text = std::string;

void topology(tidemill::StreamsBuilder& builder) {
  const auto stream = builder.stream<Text, Text>("in");
#ifdef TIDEMILL_WRONG
  stream.flat_map_values([] { return std::vector<Text>(); });
#else
  stream.flat_map_values([](const Text& value) { return std::vector<Text>{value}; });
#endif
}
