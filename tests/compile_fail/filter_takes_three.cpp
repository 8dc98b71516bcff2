// Expects: filter(predicate): the function must be callable with (const V&)
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;
using Text = std::string;

void build(StreamsBuilder& builder) {
  auto stream = builder.stream<Text, Text>("in");
#ifdef WRONG
  (void)stream.filter([](const Text&, const Text& value, int) { return value.empty(); });  // here
#else
  (void)stream.filter([](const Text&, const Text& value) { return value.empty(); });
#endif
}
