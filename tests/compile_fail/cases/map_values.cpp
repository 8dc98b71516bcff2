// SAYS: map_values(mapper): the function must be callable with (const V&) or (const K&, const V&)
// A mapper that wants to change the value in place.
#include <string>

#include <tidemill/dsl/streams_builder.hpp>

using Text = std::string;

void topology(tidemill::StreamsBuilder& builder) {
  const auto stream = builder.stream<Text, Text>("in");
#ifdef TIDEMILL_WRONG
  stream.map_values([](Text& value) { return value.size(); });
#else
  stream.map_values([](const Text& value) { return value.size(); });
#endif
}
