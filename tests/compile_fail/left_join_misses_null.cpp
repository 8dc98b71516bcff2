// Expects: left_join(table, joiner): joiner must be callable as NewValue(const Value&, const TableValue*)
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;
using Text = std::string;

void build(StreamsBuilder& builder) {
  auto stream = builder.stream<Text, Text>("in");
#ifdef WRONG
  auto table = builder.table<Text, Text>("t");
  stream.left_join(table, [](const Text& value, const Text& other) { return value + other; });  // here
#else
  auto table = builder.table<Text, Text>("t");
  stream.left_join(table, [](const Text& value, const Text* other) { return other != nullptr ? value + *other : value; });
#endif
}
