// SAYS: left_join(table, joiner): joiner must be callable as NewValue(const Value&, const TableValue*)
// A joiner that cannot be told that the table has nothing.
#include <string>

#include <tidemill/dsl/streams_builder.hpp>

using Text = std::string;

void topology(tidemill::StreamsBuilder& builder) {
  const auto stream = builder.stream<Text, Text>("in");
#ifdef TIDEMILL_WRONG
  stream.left_join(builder.table<Text, std::int64_t>("table"),
                   [](const Text&, const std::int64_t& right) { return right; });
#else
  stream.left_join(builder.table<Text, std::int64_t>("table"),
                   [](const Text&, const std::int64_t* right) { return right != nullptr ? *right : 0; });
#endif
}
