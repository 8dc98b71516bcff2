// SAYS: group_by(selector): the function must be callable with (const V&) or (const K&, const V&)
// A selector of another type than the value's.
#include <string>

#include <tidemill/dsl/streams_builder.hpp>

using Text = std::string;

void topology(tidemill::StreamsBuilder& builder) {
  const auto stream = builder.stream<Text, Text>("in");
#ifdef TIDEMILL_WRONG
  stream.group_by([](long word) { return word; }).count();
#else
  stream.group_by([](const auto&, const Text& word) { return word; }).count();
#endif
}
