// SAYS: join(table, joiner): joiner must be callable as NewValue(const Value&, const TableValue&)
// A joiner that does not take the table's value.
#include <string>

#include <tidemill/dsl/streams_builder.hpp>

using Text = std::string;

void topology(tidemill::StreamsBuilder& builder) {
  const auto stream = builder.stream<Text, Text>("in");
#ifdef TIDEMILL_WRONG
  stream.join(builder.table<Text, std::int64_t>("table"), [](const Text&, const Text& right) { return right; });
#else
  stream.join(builder.table<Text, std::int64_t>("table"), [](const Text&, std::int64_t right) { return right; });
#endif
}
