// SAYS: filter(predicate): the function must be callable with (const V&) or (const K&, const V&)
// A predicate of another type than the value's.
#include <string>

#include <tidemill/dsl/streams_builder.hpp>

using Text = std::string;

void topology(tidemill::StreamsBuilder& builder) {
  const auto stream = builder.stream<Text, Text>("in");
#ifdef TIDEMILL_WRONG
  stream.filter([](int value) { return value > 0; }).to("out");
#else
  stream.filter([](const Text& value) { return value.empty(); }).to("out");
#endif
}
