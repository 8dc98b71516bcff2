// SAYS: map(mapper): the function must be callable with (const V&) or (const K&, const V&)
// A mapper that takes the value for a number.
#include <string>

#include <tidemill/dsl/streams_builder.hpp>

using Text = std::string;

void topology(tidemill::StreamsBuilder& builder) {
  const auto stream = builder.stream<Text, Text>("in");
#ifdef TIDEMILL_WRONG
  stream.map([](const Text& key, int value) { return std::pair(value, key); });
#else
  stream.map([](const Text& key, const Text& value) { return std::pair(value, key); });
#endif
}
