// SAYS: select_key(selector): the function must be callable with (const V&) or (const K&, const V&)
// A selector that takes key and value as a pair.
#include <string>

#include <tidemill/dsl/streams_builder.hpp>

using Text = std::string;

void topology(tidemill::StreamsBuilder& builder) {
  const auto stream = builder.stream<Text, Text>("in");
#ifdef TIDEMILL_WRONG
  stream.select_key([](const std::pair<Text, Text>& record) { return record.second; });
#else
  stream.select_key([](const Text&, const Text& value) { return value; });
#endif
}
