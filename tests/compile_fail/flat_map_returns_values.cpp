// Expects: flat_map(mapper): the mapper must return a container of std::pair
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;
using Text = std::string;

void build(StreamsBuilder& builder) {
  auto stream = builder.stream<Text, Text>("in");
#ifdef WRONG
  stream.flat_map([](const Text&, const Text& value) { return std::vector<Text>{value}; });  // here
#else
  stream.flat_map([](const Text& key, const Text& value) { return std::vector{std::pair(key, value)}; });
#endif
}
