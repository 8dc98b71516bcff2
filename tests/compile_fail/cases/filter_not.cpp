// SAYS: filter_not(predicate): the function must be callable with (const V&) or (const K&, const V&)
// A predicate with too many parameters.
#include <string>

#include <tidemill/dsl/streams_builder.hpp>

using Text = std::string;

void topology(tidemill::StreamsBuilder& builder) {
  const auto stream = builder.stream<Text, Text>("in");
#ifdef TIDEMILL_WRONG
  stream.filter_not([](const Text& key, const Text& value, int) { return key == value; }).to("out");
#else
  stream.filter_not([](const Text& key, const Text& value) { return key == value; }).to("out");
#endif
}
