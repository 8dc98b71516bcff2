// Expects: map(mapper): the mapper must return a std::pair of key and value
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;
using Text = std::string;

void build(StreamsBuilder& builder) {
  auto stream = builder.stream<Text, Text>("in");
#ifdef WRONG
  stream.map([](const Text&, const Text& value) { return value; });  // here
#else
  stream.map([](const Text& key, const Text& value) { return std::pair(value, key); });
#endif
}
