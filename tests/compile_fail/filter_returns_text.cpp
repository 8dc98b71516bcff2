// Expects: filter(predicate): the predicate must return a bool
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;
using Text = std::string;

void build(StreamsBuilder& builder) {
  auto stream = builder.stream<Text, Text>("in");
#ifdef WRONG
  (void)stream.filter([](const Text& value) { return value; });  // here
#else
  (void)stream.filter([](const Text& value) { return !value.empty(); });
#endif
}
