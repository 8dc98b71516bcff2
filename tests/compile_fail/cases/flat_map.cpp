// SAYS: flat_map(mapper): the function must be callable with (const V&) or (const K&, const V&)
// A mapper of a container: records come one by one.
#include <string>

#include <tidemill/dsl/streams_builder.hpp>

using Text = std::string;

void topology(tidemill::StreamsBuilder& builder) {
  const auto stream = builder.stream<Text, Text>("in");
#ifdef TIDEMILL_WRONG
  stream.flat_map([](const std::vector<Text>& values) { return std::vector{std::pair(values, 1)}; });
#else
  stream.flat_map([](const Text& key, const Text& value) { return std::vector{std::pair(value, key)}; });
#endif
}
