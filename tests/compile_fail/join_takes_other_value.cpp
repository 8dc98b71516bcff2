// Expects: join(table, joiner): joiner must be callable as NewValue(const Value&, const TableValue&)
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;
using Text = std::string;

void build(StreamsBuilder& builder) {
  auto stream = builder.stream<Text, Text>("in");
#ifdef WRONG
  auto table = builder.table<Text, std::int64_t>("t");
  stream.join(table, [](const Text& value, const Text& other) { return value + other; });  // here
#else
  auto table = builder.table<Text, std::int64_t>("t");
  stream.join(table, [](const Text& value, std::int64_t other) { return value + std::to_string(other); });
#endif
}
